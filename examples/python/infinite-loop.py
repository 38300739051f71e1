"""Time limit exceeded: it never ends. Others are judged meanwhile."""

while True:
    pass

import sys

lines = sys.stdin.read().split("\n")
if lines.pop() != "" or not lines:
    sys.exit("expected at least one line, and a newline at its end")
for number, line in enumerate(lines, 1):
    words = line.split(" ")
    if len(words) != 6:
        sys.exit(f"line {number}: expected six numbers")
    ax, ay, bx, by, cx, cy = map(float, words)
    if abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) < 1e-9:
        sys.exit(f"line {number}: the points are on one line")
sys.exit(42)

"""The format of an input, exactly; `--most N` bounds n."""
import re
import sys

most = int(sys.argv[sys.argv.index("--most") + 1]) if "--most" in sys.argv else 200_000


def fail(words):
    print(words)
    sys.exit(43)


lines = sys.stdin.read().split("\n")
if len(lines) != 3 or lines[2] != "":
    fail("expected two lines")
for line in lines[:2]:
    if not re.fullmatch(r"-?(0|[1-9]\d*)( -?(0|[1-9]\d*))*", line):
        fail(f"expected integers separated by one blank, found {line[:40]!r}")
first = [int(word) for word in lines[0].split()]
values = [int(word) for word in lines[1].split()]
if len(first) != 2:
    fail("expected n and s in the first line")
if not 1 <= first[0] <= most:
    fail(f"expected n from 1 to {most}, found {first[0]}")
if len(values) != first[0]:
    fail(f"expected {first[0]} values, found {len(values)}")
if any(abs(value) > 10**9 for value in values + [first[1]]):
    fail("a value is beyond 10^9")
sys.exit(42)

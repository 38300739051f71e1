# Three digits are too few.
import sys
from math import hypot

for line in sys.stdin:
    ax, ay, bx, by, cx, cy = map(float, line.split())
    a, b, c = hypot(bx - cx, by - cy), hypot(ax - cx, ay - cy), hypot(ax - bx, ay - by)
    area = abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2
    print(f"{a * b * c / (4 * area):.3f}")

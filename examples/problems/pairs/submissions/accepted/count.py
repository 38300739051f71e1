import sys
from collections import Counter

_, s, *values = map(int, sys.stdin.read().split())
seen = Counter()
pairs = 0
for value in values:
    pairs += seen[s - value]
    seen[value] += 1
print(pairs)

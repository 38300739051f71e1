"""Accepted: reads numbers to the end of its input and writes their sum."""

import sys

print(sum(int(word) for word in sys.stdin.read().split()))

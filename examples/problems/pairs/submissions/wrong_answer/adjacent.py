# Looks only at neighbours.
_, s, *values = map(int, open(0).read().split())
print(sum(a + b == s for a, b in zip(values, values[1:])))

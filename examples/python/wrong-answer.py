"""Wrong answer: adds the first line only."""

print(sum(int(word) for word in input().split()))

"""Runtime error: an exception nobody catches; the traceback is on stderr, the exit code is 1."""

numbers = [int(word) for word in input().split()]
print(numbers[len(numbers)])

# Cannot read a decimal point.
print(sum(int(word) for word in open(0).read().split()))

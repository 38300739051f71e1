print(input().index("?"))

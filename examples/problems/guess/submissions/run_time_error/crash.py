print(500_001, flush=True)
answer = input()
raise SystemExit(3)

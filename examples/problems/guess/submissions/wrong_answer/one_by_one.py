# One after the other: twenty guesses are too few.
guess = 1
while True:
    print(guess, flush=True)
    if input() == "correct":
        break
    guess += 1

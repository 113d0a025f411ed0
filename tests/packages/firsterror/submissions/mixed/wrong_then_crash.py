# @EXPECTED_RESULTS@: WRONG-ANSWER
# Wrong on banana, crashes on queue: with first_error the wrong answer is the verdict.
word = input()
if word == "queue":
    raise ValueError(word)
print(99 if word == "banana" else sum(c in "aeiou" for c in word))

# @EXPECTED_RESULTS@: RUN-ERROR
# Crashes on aeiou, where judging of the group stops, and is wrong on banana.
word = input()
if word == "aeiou":
    raise ValueError(word)
print(99 if word == "banana" else sum(c in "aeiou" for c in word))

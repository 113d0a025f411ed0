# @EXPECTED_RESULTS@: CORRECT
# @EXPECTED_SCORE@: 20
# Crashes on negative and large numbers.
a, b = map(int, input().split())
assert 0 <= a < 100 and 0 <= b < 100
print(a * b)

# @EXPECTED_RESULTS@: CORRECT
x = int(input())
print(max(x, -x))

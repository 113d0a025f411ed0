# @EXPECTED_RESULTS@: NO-OUTPUT, WRONG-ANSWER
x = int(input())
if x >= 0:
    print(x)

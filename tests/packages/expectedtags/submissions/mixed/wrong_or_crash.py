# @EXPECTED_RESULTS@: WRONG-ANSWER, RUN-ERROR
x = int(input())
print(x)
if x < 0:
    raise SystemExit(1)

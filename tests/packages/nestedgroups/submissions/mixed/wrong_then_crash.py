# @EXPECTED_RESULTS@: WRONG-ANSWER, RUN-ERROR
# Wrong on 7, crashes on 12345. With on_reject: continue and worst_error the crash is the verdict.
n = input()
if n == "12345":
    raise ValueError(n)
print(8 if n == "7" else int(n[::-1]))

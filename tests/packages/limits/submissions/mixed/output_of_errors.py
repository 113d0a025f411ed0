# @EXPECTED_RESULTS@: CORRECT
import sys

n = int(input())
sys.stderr.write("a few words on the standard error stream\n")
print("*" * n)

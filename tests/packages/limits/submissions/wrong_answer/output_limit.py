# @EXPECTED_RESULTS@: OUTPUT-LIMIT
import sys

n = int(input())
sys.stdout.write("*" * (n if n == 3 else 4000000) + "\n")

# The sum of the best N results, N being the argument; accepted if any is.
import sys

count = int(sys.argv[1])
results = [line.split() for line in sys.stdin if line.strip()]
scores = sorted((float(score) for verdict, score in results if verdict == "AC"), reverse=True)
if scores:
    print("AC", sum(scores[:count]))
else:
    print(results[0][0], 0)

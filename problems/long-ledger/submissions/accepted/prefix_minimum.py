import sys


def main():
    days = sys.stdin.buffer.read().split()
    total = lowest = 0
    best = None
    for day in days[1:]:
        total += int(day)
        if best is None or total - lowest > best:
            best = total - lowest
        if total < lowest:
            lowest = total
    print(best)


main()

# Changes and searches the sections one by one: more than 10^8 steps.
import sys


def main():
    lines = sys.stdin.read().split("\n")
    sections, events = map(int, lines[0].split())
    torches = [0] * (sections + 1)
    for line in lines[1 : events + 1]:
        kind, l, r, *change = line.split()
        l, r = int(l), int(r)
        if kind == "light":
            change = int(change[0])
            for i in range(l, r + 1):
                torches[i] += change
        else:
            answer = torches[l]
            for i in range(l + 1, r + 1):
                if torches[i] > answer:
                    answer = torches[i]
            print(answer)


main()

# Finds the fastest way without the voucher and then uses it on its longest road.
import heapq
import sys


def main():
    numbers = list(map(int, sys.stdin.buffer.read().split()))
    towns = numbers[0]
    roads = [[] for _ in range(towns + 1)]
    for i in range(2, len(numbers), 3):
        a, b, minutes = numbers[i : i + 3]
        roads[a].append((b, minutes))
        roads[b].append((a, minutes))
    done = set()
    queue = [(0, 1, 0)]
    while queue:
        total, town, longest = heapq.heappop(queue)
        if town in done:
            continue
        done.add(town)
        if town == towns:
            print(total - longest + longest // 2)
            return
        for to, minutes in roads[town]:
            if to not in done:
                heapq.heappush(queue, (total + minutes, to, max(longest, minutes)))
    print(-1)


main()

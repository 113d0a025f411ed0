import heapq
import sys


def main():
    numbers = list(map(int, sys.stdin.buffer.read().split()))
    towns = numbers[0]
    roads = [[] for _ in range(towns)]
    for i in range(2, len(numbers), 3):
        a, b, minutes = numbers[i : i + 3]
        roads[a - 1].append((b - 1, minutes))
        roads[b - 1].append((a - 1, minutes))

    # State 2 * town has the voucher, state 2 * town + 1 has used it.
    best = {0: 0}
    done = set()
    queue = [(0, 0)]
    while queue:
        minutes, state = heapq.heappop(queue)
        if state in done:
            continue
        done.add(state)
        town, used = divmod(state, 2)
        if town == towns - 1 and used:
            print(minutes)
            return
        for to, road in roads[town]:
            steps = [(2 * to + used, minutes + road)]
            if not used:
                steps.append((2 * to + 1, minutes + road // 2))
            for next_state, total in steps:
                if total < best.get(next_state, total + 1):
                    best[next_state] = total
                    heapq.heappush(queue, (total, next_state))
    print(-1)


main()

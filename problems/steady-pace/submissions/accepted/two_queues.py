def steady_pace(steps: list[int], tolerance: int) -> int:
    largest, smallest = deque(), deque()
    start = longest = 0
    for end, count in enumerate(steps):
        while largest and steps[largest[-1]] <= count:
            largest.pop()
        largest.append(end)
        while smallest and steps[smallest[-1]] >= count:
            smallest.pop()
        smallest.append(end)
        while steps[largest[0]] - steps[smallest[0]] > tolerance:
            start += 1
            if largest[0] < start:
                largest.popleft()
            if smallest[0] < start:
                smallest.popleft()
        longest = max(longest, end - start + 1)
    return longest

def steady_pace(steps: list[int], tolerance: int) -> int:
    return 0



if __name__ == "__main__":
    _, _tolerance = map(int, input().split())
    print(steady_pace(list(map(int, input().split())), _tolerance))

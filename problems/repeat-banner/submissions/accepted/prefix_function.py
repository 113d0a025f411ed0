def main():
    n = int(input())
    banner = input().strip()
    border = [0] * n
    matched = 0
    for i in range(1, n):
        while matched and banner[i] != banner[matched]:
            matched = border[matched - 1]
        if banner[i] == banner[matched]:
            matched += 1
        border[i] = matched
    print(n - matched)


main()

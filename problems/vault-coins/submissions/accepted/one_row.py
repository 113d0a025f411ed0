MODULUS = 10**9 + 7


def main():
    _, total = map(int, input().split())
    ways = [1] + [0] * total
    for value in map(int, input().split()):
        for t in range(value, total + 1):
            ways[t] = (ways[t] + ways[t - value]) % MODULUS
    print(ways[total])


main()

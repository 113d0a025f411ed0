# Keeps a row for every kind: five million integers as Python objects.
MODULUS = 10**9 + 7


def main():
    _, total = map(int, input().split())
    rows = [[1] + [0] * total]
    for value in map(int, input().split()):
        row = rows[-1][:value]
        for t in range(value, total + 1):
            row.append((rows[-1][t] + row[t - value]) % MODULUS)
        rows.append(row)
    print(rows[-1][total])


main()

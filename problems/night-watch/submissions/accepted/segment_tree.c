#include <limits.h>
#include <stdio.h>

#define SECTIONS_MAX 100000

static long long largest[4 * SECTIONS_MAX], pending[4 * SECTIONS_MAX];

static void light(int node, int from, int to, int l, int r, long long change) {
    if (r < from || to < l) return;
    if (l <= from && to <= r) {
        largest[node] += change;
        pending[node] += change;
        return;
    }
    int middle = (from + to) / 2;
    light(2 * node, from, middle, l, r, change);
    light(2 * node + 1, middle + 1, to, l, r, change);
    long long left = largest[2 * node], right = largest[2 * node + 1];
    largest[node] = (left > right ? left : right) + pending[node];
}

static long long ask(int node, int from, int to, int l, int r) {
    if (r < from || to < l) return LLONG_MIN / 2;
    if (l <= from && to <= r) return largest[node];
    int middle = (from + to) / 2;
    long long left = ask(2 * node, from, middle, l, r);
    long long right = ask(2 * node + 1, middle + 1, to, l, r);
    return (left > right ? left : right) + pending[node];
}

int main(void) {
    int sections, events;
    if (scanf("%d %d", &sections, &events) != 2) return 1;
    while (events-- > 0) {
        char kind[6];
        int l, r;
        if (scanf("%5s %d %d", kind, &l, &r) != 3) return 1;
        if (kind[0] == 'l') {
            long long change;
            if (scanf("%lld", &change) != 1) return 1;
            light(1, 1, sections, l, r, change);
        } else {
            printf("%lld\n", ask(1, 1, sections, l, r));
        }
    }
    return 0;
}

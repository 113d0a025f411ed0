/* Believes that a ledger has at most ten thousand days. */
#include <assert.h>
#include <stdio.h>

#define DAYS_MAX 10000

static long long days[DAYS_MAX];

int main(void) {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    assert(n <= DAYS_MAX);
    for (int i = 0; i < n; i++) {
        if (scanf("%lld", &days[i]) != 1) return 1;
    }
    long long ending = days[0], best = days[0];
    for (int i = 1; i < n; i++) {
        ending = days[i] + (ending > 0 ? ending : 0);
        if (ending > best) best = ending;
    }
    printf("%lld\n", best);
    return 0;
}

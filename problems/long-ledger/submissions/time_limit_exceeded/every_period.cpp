// Adds up every period: 10^11 additions for the largest input.
#include <algorithm>
#include <cstdio>
#include <vector>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<long long> days(n);
    for (auto& day : days) {
        if (std::scanf("%lld", &day) != 1) return 1;
    }
    long long best = days[0];
    for (int from = 0; from < n; from++) {
        long long total = 0;
        for (int to = from; to < n; to++) {
            total += days[to];
            best = std::max(best, total);
        }
    }
    std::printf("%lld\n", best);
}

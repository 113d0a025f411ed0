#include <algorithm>
#include <cstdio>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    long long ending = 0, best = 0;
    for (int i = 0; i < n; i++) {
        long long x;
        if (std::scanf("%lld", &x) != 1) return 1;
        ending = i == 0 ? x : x + std::max(0LL, ending);
        best = i == 0 ? ending : std::max(best, ending);
    }
    std::printf("%lld\n", best);
}

#include <functional>
#include <iostream>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int towns, roads;
    std::cin >> towns >> roads;
    std::vector<std::vector<std::pair<int, long long>>> from(towns);
    for (int i = 0; i < roads; i++) {
        int a, b;
        long long minutes;
        std::cin >> a >> b >> minutes;
        from[a - 1].push_back({b - 1, minutes});
        from[b - 1].push_back({a - 1, minutes});
    }

    // State 2 * town has the voucher, state 2 * town + 1 has used it.
    const long long unreachable = std::numeric_limits<long long>::max();
    std::vector<long long> best(2 * towns, unreachable);
    using Entry = std::pair<long long, int>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> queue;
    auto reach = [&](int state, long long minutes) {
        if (minutes < best[state]) {
            best[state] = minutes;
            queue.push({minutes, state});
        }
    };
    reach(0, 0);
    while (!queue.empty()) {
        auto [minutes, state] = queue.top();
        queue.pop();
        if (minutes > best[state]) continue;
        int used = state % 2;
        for (auto [to, road] : from[state / 2]) {
            reach(2 * to + used, minutes + road);
            if (!used) reach(2 * to + 1, minutes + road / 2);
        }
    }
    long long answer = best[2 * towns - 1];
    std::cout << (answer == unreachable ? -1 : answer) << "\n";
}

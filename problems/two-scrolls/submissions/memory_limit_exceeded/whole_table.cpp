// Keeps the whole table: 100 MB for the longest scrolls.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

int main() {
    std::string first, second;
    std::cin >> first >> second;
    std::vector<std::vector<int>> table(first.size() + 1, std::vector<int>(second.size() + 1, 0));
    for (std::size_t i = 1; i <= first.size(); i++) {
        for (std::size_t j = 1; j <= second.size(); j++) {
            if (first[i - 1] == second[j - 1]) {
                table[i][j] = table[i - 1][j - 1] + 1;
            } else {
                table[i][j] = std::max(table[i - 1][j], table[i][j - 1]);
            }
        }
    }
    std::cout << table[first.size()][second.size()] << "\n";
}

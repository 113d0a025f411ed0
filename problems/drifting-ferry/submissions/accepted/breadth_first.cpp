#include <iostream>
#include <queue>
#include <string>
#include <utility>
#include <vector>

int main() {
    int rows, columns;
    std::cin >> rows >> columns;
    std::vector<std::string> grid(rows);
    std::vector<std::vector<int>> pushes(rows, std::vector<int>(columns, -1));
    std::queue<std::pair<int, int>> queue;
    for (int r = 0; r < rows; r++) {
        std::cin >> grid[r];
        for (int c = 0; c < columns; c++) {
            if (grid[r][c] == 'F') {
                queue.push({r, c});
                pushes[r][c] = 0;
            }
        }
    }
    auto sailable = [&](int r, int c) {
        return r >= 0 && r < rows && c >= 0 && c < columns && grid[r][c] != '#';
    };
    const int directions[4][2] = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    while (!queue.empty()) {
        auto [r, c] = queue.front();
        queue.pop();
        if (grid[r][c] == 'H') {
            std::cout << pushes[r][c] << "\n";
            return 0;
        }
        for (auto [dr, dc] : directions) {
            int to_r = r, to_c = c;
            while (sailable(to_r + dr, to_c + dc)) {
                to_r += dr;
                to_c += dc;
            }
            if (pushes[to_r][to_c] < 0) {
                pushes[to_r][to_c] = pushes[r][c] + 1;
                queue.push({to_r, to_c});
            }
        }
    }
    std::cout << "stranded\n";
}

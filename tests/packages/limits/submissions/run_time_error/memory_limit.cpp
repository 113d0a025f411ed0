// @EXPECTED_RESULTS@: MEMORY-LIMIT, RUN-ERROR
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n;
    std::cin >> n;
    if (n > 3) {
        std::vector<std::string> blocks;
        for (int i = 0; i < 256; ++i) blocks.push_back(std::string(1 << 20, char('a' + i % 26)));
        std::cerr << blocks[n].size() << std::endl;
    }
    std::cout << std::string(n, '*') << std::endl;
}

#include <iostream>
#include <string>
#include <vector>

int main() {
    long long a, b;
    std::cin >> a >> b;
    std::vector<std::string> blocks;
    for (int i = 0; i < 256; ++i) blocks.push_back(std::string(1 << 20, char('a' + i % 26)));
    std::cerr << blocks[(a + b) & 255].size();
    std::cout << a - b << std::endl;
}

#include <cstdint>
#include <iostream>

int main() {
    long long a, b;
    std::cin >> a >> b;
    std::cout << (std::int32_t)(std::uint32_t)(a + b) << std::endl;
}

// @EXPECTED_RESULTS@: ACCEPTED
#include <cstdlib>
#include <iostream>

int main() {
    int x;
    std::cin >> x;
    std::cout << std::abs(x) << std::endl;
}

#include <cstdlib>
#include <iostream>

int main(int argc, char **argv) {
    long long x = std::atoll(argv[1]);
    if (argc > 2) std::cout << -x << ' ' << -x << '\n';
    else std::cout << x << ' ' << -x << '\n';
}

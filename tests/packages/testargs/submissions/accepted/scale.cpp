#include <cstdlib>
#include <iostream>

int main(int argc, char **argv) {
    double x;
    std::cin >> x;
    if (argc > 2) std::cout << argv[2] << ' ';
    std::cout << x * std::atof(argv[1]) << '\n';
}

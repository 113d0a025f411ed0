#include <iostream>

#include "twice.h"

int main() {
    for (int x; std::cin >> x;) std::cout << twice(x) << std::endl;
}

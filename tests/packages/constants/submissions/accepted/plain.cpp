#include <iostream>

#include "limits.h"

int main() {
    int n;
    std::cin >> n;
    std::cout << "{{greeting}} " << n * n % MODULUS << '\n';
}

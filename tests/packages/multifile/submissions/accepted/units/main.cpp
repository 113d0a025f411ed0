#include <iostream>

#include "field.h"

int main() {
    int length, width;
    std::cin >> length >> width;
    std::cout << area(length, width) << '\n';
}

// Checks that there are as many numbers as announced; takes any arguments and looks at none.
#include <iostream>

int main() {
    int n, x, seen = 0;
    if (!(std::cin >> n)) return 43;
    while (std::cin >> x) ++seen;
    return std::cin.eof() && seen == n ? 42 : 43;
}

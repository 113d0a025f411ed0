#include <iostream>

int main() {
    int low = 1, high;
    std::cin >> high;
    while (low < high) {
        int middle = (low + high) / 2;
        std::cout << "? " << middle << std::endl;
        char answer;
        if (!(std::cin >> answer)) return 0;
        if (answer == '=') low = high = middle;
        else if (answer == '<') high = middle - 1;
        else low = middle + 1;
    }
    std::cout << "! " << low << std::endl;
}

#include <iostream>
#include <string>

int main() {
    int low = 1, high = 100;
    std::string answer;
    while (true) {
        int middle = (low + high) / 2;
        std::cout << middle << std::endl;
        if (!(std::cin >> answer) || answer == "correct") break;
        if (answer == "lower") high = middle - 1; else low = middle + 1;
    }
}

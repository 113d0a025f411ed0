#include <fstream>
#include <iostream>
#include <string>

#include "check.h"

int main(int argc, char **argv) {
    if (argc < 4) return 1;
    std::ifstream input(argv[1]);
    std::ofstream judge(std::string(argv[3]) + "judgemessage.txt");
    int n, x;
    if (!(input >> n)) return 1;
    std::vector<int> numbers;
    while (std::cin >> x) numbers.push_back(x);
    if (!std::cin.eof()) {
        judge << "something that is not a number\n";
        return 43;
    }
    if ((int)numbers.size() != n || !moves_all(numbers)) {
        judge << "not a permutation that moves every number\n";
        return 43;
    }
    return 42;
}

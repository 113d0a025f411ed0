#include <fstream>
#include <iostream>

#include "code.h"

int main() {
    std::ifstream file("colours.txt"), note("note.txt");
    std::map<std::string, int> table;
    std::string name, word;
    int value;
    note >> word >> word;
    if (word != "every") return 1;
    while (file >> name >> value) table[name] = value;
    while (std::cin >> name) std::cout << code(name, table) << '\n';
}

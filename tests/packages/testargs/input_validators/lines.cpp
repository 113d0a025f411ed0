#include <iostream>
#include <string>

int main(int argc, char **argv) {
    int wanted = 1, seen = 0;
    if (argc > 1 && std::string(argv[1]) == "--two") wanted = 2;
    for (std::string line; std::getline(std::cin, line);) ++seen;
    return seen == wanted ? 42 : 43;
}

// Two lines exactly, or as many as lines=N says.
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

int main(int argc, char **argv) {
    int wanted = 2, seen = 0;
    for (int i = 1; i < argc; ++i)
        if (std::strncmp(argv[i], "lines=", 6) == 0) wanted = std::atoi(argv[i] + 6);
    for (std::string line; std::getline(std::cin, line);) ++seen;
    return seen == wanted ? 42 : 43;
}

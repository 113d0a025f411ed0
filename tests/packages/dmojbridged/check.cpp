#include <fstream>
#include <iostream>

#include "pair.h"

// Arguments: input, output, answer of the jury.
int main(int argc, char **argv) {
    if (argc < 4) return 9;
    std::ifstream input(argv[1]), output(argv[2]);
    int n, a, b, more;
    if (!(input >> n)) return 9;
    if (!(output >> a >> b) || output >> more || !good(a, b, n)) {
        std::cout << "not a pair" << std::endl;
        return 1;
    }
    return 0;
}

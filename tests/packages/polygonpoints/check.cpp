#include <fstream>
#include <iostream>
#include <string>
#include <vector>

// Arguments: input, output of the solution, answer of the jury. 0 is right, 1 wrong, 2 of the wrong form, 3 a fault of the jury.
static int quit(int code, const std::string &text) {
    std::cerr << text << std::endl;
    return code;
}


int main(int argc, char **argv) {
    if (argc < 4) return quit(3, "FAIL three arguments expected");
    std::ifstream input(argv[1]), output(argv[2]), answer(argv[3]);
    int n, expected, found;
    if (!(input >> n) || !(answer >> expected)) return quit(3, "FAIL no answer of the jury");
    if (!(output >> found)) return quit(2, "wrong output format Expected integer");
    if (found < 2 || n % found != 0) return quit(1, "wrong answer not a divisor");
    if (found < expected) return quit(3, "FAIL better than the jury");
    if (found == expected) return quit(7, "points 1 the smallest");
    return quit(7, "points 0.5 a divisor");
}

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

// Arguments: input, output of the solution, answer of the jury. 0 is right, 1 wrong, 2 of the wrong form, 3 a fault of the jury.
static int quit(int code, const std::string &text) {
    std::cerr << text << std::endl;
    return code;
}


// The output is what the interactor wrote: the number found, and the questions.
int main(int argc, char **argv) {
    if (argc < 4) return quit(3, "FAIL three arguments expected");
    std::ifstream output(argv[2]), answer(argv[3]);
    int expected, found, asked;
    if (!(answer >> expected)) return quit(3, "FAIL no answer of the jury");
    if (!(output >> found >> asked)) return quit(3, "FAIL nothing from the interactor");
    if (found != expected) return quit(1, "wrong answer not the number");
    return quit(0, "ok");
}

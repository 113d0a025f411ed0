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
    std::ifstream output(argv[2]), answer(argv[3]);
    long long expected, found;
    if (!(answer >> expected)) return quit(3, "FAIL no answer of the jury");
    std::string word, more;
    if (!(output >> word)) return quit(2, "wrong output format Unexpected end of file");
    try {
        std::size_t used;
        found = std::stoll(word, &used);
        if (used != word.size()) throw std::exception();
    } catch (const std::exception &) {
        return quit(2, "wrong output format Expected integer, but \"" + word + "\" found");
    }
    if (output >> more) return quit(2, "wrong output format Extra information in the output file");
    if (found != expected) return quit(1, "wrong answer expected " + std::to_string(expected) + ", found " + std::to_string(found));
    return quit(0, "ok one number: " + std::to_string(found));
}

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

// Arguments: input, output of the solution, answer of the jury. 0 is right, 1 wrong, 2 of the wrong form, 3 a fault of the jury.
static int quit(int code, const std::string &text) {
    std::cerr << text << std::endl;
    return code;
}


static std::vector<std::string> words(const char *path) {
    std::ifstream file(path);
    std::vector<std::string> all;
    for (std::string word; file >> word;) all.push_back(word);
    return all;
}

int main(int argc, char **argv) {
    if (argc < 4) return quit(3, "FAIL three arguments expected");
    return words(argv[2]) == words(argv[3]) ? quit(0, "ok") : quit(1, "wrong answer the words differ");
}

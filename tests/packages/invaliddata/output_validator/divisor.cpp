#include <fstream>
#include <iostream>
#include <string>

int main(int argc, char **argv) {
    std::ifstream input(argv[1]), answer(argv[2]);
    std::string expected, word, more;
    int n, divisor = 0;
    if (!(input >> n) || !(answer >> expected)) return 1;
    if (!(std::cin >> word) || std::cin >> more) return 43;
    if (word == "prime") return expected == "prime" ? 42 : 43;
    for (char c : word) {
        if (c < '0' || c > '9' || divisor > 1000) return 43;
        divisor = 10 * divisor + (c - '0');
    }
    bool strict = argc > 4 && std::string(argv[4]) == "no_leading_zeros";
    if (strict && word[0] == '0') return 43;
    return divisor > 1 && divisor < n && n % divisor == 0 ? 42 : 43;
}

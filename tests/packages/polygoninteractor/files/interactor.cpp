#include <fstream>
#include <iostream>
#include <string>

// Arguments: input, a file for the checker, answer of the jury. Talks on the standard streams.
int main(int argc, char **argv) {
    if (argc < 3) return 3;
    std::ifstream input(argv[1]);
    std::ofstream output(argv[2]);
    int n, secret, x, asked = 0;
    if (!(input >> n >> secret)) return 3;
    std::cout << n << std::endl;
    std::string what;
    while (std::cin >> what) {
        if ((what != "?" && what != "!") || !(std::cin >> x)) {
            std::cerr << "wrong output format Expected ? or ! and a number" << std::endl;
            return 2;
        }
        if (what == "!") {
            output << x << ' ' << asked << std::endl;
            std::cerr << "ok " << asked << " questions" << std::endl;
            return 0;
        }
        if (++asked > 10) {
            std::cerr << "wrong answer Too many questions" << std::endl;
            return 1;
        }
        std::cout << (secret < x ? '<' : secret > x ? '>' : '=') << std::endl;
    }
    std::cerr << "wrong answer The solution ended without an answer" << std::endl;
    return 1;
}

#include <fstream>
#include <iostream>
#include <string>

int main(int, char **argv) {
    std::ifstream answer(argv[2]);
    std::string feedback = argv[3], code;
    int secret, guess;
    if (!(answer >> secret)) return 1;
    std::ifstream state(feedback + "code.txt");
    if (state >> code) {
        std::cout << 2 << '\n' << code << std::endl;
        if (!(std::cin >> guess) || guess != secret) return 43;
        return std::cin >> code ? 43 : 42;
    }
    std::cout << 1 << std::endl;
    for (int asked = 0; asked < 20; ++asked) {
        if (!(std::cin >> guess)) return 43;
        std::cout << (secret < guess ? '<' : secret > guess ? '>' : '=') << std::endl;
        if (guess != secret) continue;
        if (!(std::cin >> code) || code.size() > 10) return 43;
        for (char c : code)
            if (c < 'a' || c > 'z') return 43;
        std::ofstream(feedback + "code.txt") << code << '\n';
        std::ofstream(feedback + "/nextpass.in") << 2 << '\n';
        return 42;
    }
    return 43;
}

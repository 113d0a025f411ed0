#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

int main(int argc, char **argv) {
    std::ifstream input(argv[1]);
    std::ofstream judge(std::string(argv[3]) + "judgemessage.txt");
    int limit = 7, secret, guess;
    for (int i = 4; i < argc; ++i)
        if (std::string(argv[i]).rfind("limit=", 0) == 0) limit = std::atoi(argv[i] + 6);
    if (!(input >> secret)) return 1;
    for (int asked = 1; asked <= limit; ++asked) {
        if (!(std::cin >> guess)) {
            judge << "no guess number " << asked << "\n";
            return 43;
        }
        if (guess < 1 || guess > 100) {
            judge << "guess " << guess << " is out of range\n";
            return 43;
        }
        if (guess == secret) {
            std::cout << "correct" << std::endl;
            std::string more;
            if (std::cin >> more) {
                judge << "goes on after the end: " << more << "\n";
                return 43;
            }
            judge << "found " << secret << " with " << asked << " guesses\n";
            return 42;
        }
        std::cout << (secret < guess ? "lower" : "higher") << std::endl;
    }
    judge << "did not find " << secret << "\n";
    return 43;
}

#include <fstream>
#include <iostream>

// Arguments: input, output, answer of the jury; points for slow guessing.
int main(int argc, char **argv) {
    if (argc != 4) return 9;
    std::ifstream input(argv[1]);
    int secret, guess, asked = 0;
    if (!(input >> secret)) return 9;
    while (std::cin >> guess) {
        ++asked;
        std::cout << (guess == secret ? "OK" : guess > secret ? "FLOATS" : "SINKS") << std::endl;
        if (guess == secret) {
            if (asked <= 10) return 0;
            std::cerr << "points 3" << std::endl;
            return 7;
        }
    }
    return 2;
}

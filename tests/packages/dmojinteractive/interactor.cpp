#include <fstream>
#include <iostream>

// Arguments: input, answer of the jury.
int main(int argc, char **argv) {
    if (argc != 3) return 9;
    std::ifstream input(argv[1]);
    int secret, guess, asked = 0;
    if (!(input >> secret)) return 9;
    while (std::cin >> guess) {
        ++asked;
        std::cout << (guess == secret ? "OK" : guess > secret ? "FLOATS" : "SINKS") << std::endl;
        if (guess == secret) return asked <= 10 ? 0 : 1;
    }
    return 1;
}

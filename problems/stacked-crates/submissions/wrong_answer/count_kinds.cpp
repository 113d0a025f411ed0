// Counts the crates of every kind and forgets in which order they lie.
#include <cctype>
#include <iostream>
#include <string>

int main() {
    int n;
    std::string log;
    std::cin >> n >> log;
    int count[26] = {};
    int total = 0;
    for (int i = 0; i < n; i++) {
        if (std::isupper(static_cast<unsigned char>(log[i]))) {
            count[log[i] - 'A']++;
            total++;
        } else if (count[log[i] - 'a'] > 0) {
            count[log[i] - 'a']--;
            total--;
        } else {
            std::cout << "wrong " << i + 1 << "\n";
            return 0;
        }
    }
    std::cout << "right " << total << "\n";
}

#include <iostream>
#include <vector>

int main() {
    const int modulus = 1'000'000'007;
    int kinds, total;
    std::cin >> kinds >> total;
    std::vector<int> ways(total + 1, 0);
    ways[0] = 1;
    for (int i = 0; i < kinds; i++) {
        int value;
        std::cin >> value;
        for (int t = value; t <= total; t++) {
            ways[t] = (ways[t] + ways[t - value]) % modulus;
        }
    }
    std::cout << ways[total] << "\n";
}

#include <fstream>

int main() {
    std::ifstream in("sum.in");
    std::ofstream out("sum.out");
    long long total = 0;
    for (long long x; in >> x;) total += x;
    out << total << std::endl;
}

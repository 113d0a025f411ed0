
#line 1 "driver.cpp"
int main() {
    std::ios::sync_with_stdio(false);
    int days, tolerance;
    std::cin >> days >> tolerance;
    std::vector<int> steps(days);
    for (int& day : steps) std::cin >> day;
    std::cout << steady_pace(steps, tolerance) << "\n";
}

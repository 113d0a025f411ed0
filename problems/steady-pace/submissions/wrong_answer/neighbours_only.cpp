// Compares only neighbouring days.
int steady_pace(const std::vector<int>& steps, int tolerance) {
    int current = 1, longest = 1;
    for (std::size_t day = 1; day < steps.size(); day++) {
        bool steady = std::abs(steps[day] - steps[day - 1]) <= tolerance;
        current = steady ? current + 1 : 1;
        longest = std::max(longest, current);
    }
    return longest;
}

int steady_pace(const std::vector<int>& steps, int tolerance) {
    std::multiset<int> window;
    int start = 0, longest = 0;
    for (int end = 0; end < static_cast<int>(steps.size()); end++) {
        window.insert(steps[end]);
        while (*window.rbegin() - *window.begin() > tolerance) {
            window.erase(window.find(steps[start++]));
        }
        longest = std::max(longest, end - start + 1);
    }
    return longest;
}

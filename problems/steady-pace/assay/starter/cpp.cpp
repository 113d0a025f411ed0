int steady_pace(const std::vector<int>& steps, int tolerance) {
    return 0;
}

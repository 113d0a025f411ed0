class Solution {
public:
    long long pairedSums(vector<vector<int>>& rows, bool wide) {
        long long total = 0;
        for (const auto& row : rows)
            for (size_t i = 0; i < (wide ? row.size() : min<size_t>(1, row.size())); i++) total += row[i];
        return total;
    }
};

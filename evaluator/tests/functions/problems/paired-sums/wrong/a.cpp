class Solution {
public:
    int pairedSums(vector<vector<int>>& rows, bool wide) {
        unsigned total = 0;
        for (auto& row : rows) for (int x : row) total += x;
        return total;
    }
};

// Reflects the board along its diagonal, then each row.
class Solution {
public:
    void turnBoard(vector<vector<int>>& board) {
        for (size_t i = 0; i < board.size(); i++)
            for (size_t j = 0; j < i; j++) swap(board[i][j], board[j][i]);
        for (auto& row : board) reverse(row.begin(), row.end());
    }
};

// Reflects the board along its diagonal, then each row.
class Solution {
    public void turnBoard(int[][] board) {
        int n = board.length;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++) {
                int kept = board[i][j];
                board[i][j] = board[j][i];
                board[j][i] = kept;
            }
        for (int[] row : board)
            for (int j = 0; j < n / 2; j++) {
                int kept = row[j];
                row[j] = row[n - 1 - j];
                row[n - 1 - j] = kept;
            }
    }
}

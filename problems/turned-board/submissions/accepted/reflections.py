# Reflects the board along its diagonal, then each row.
class Solution:
    def turnBoard(self, board: List[List[int]]) -> None:
        for i in range(len(board)):
            for j in range(i):
                board[i][j], board[j][i] = board[j][i], board[i][j]
        for row in board:
            row.reverse()

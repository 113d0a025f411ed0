# Makes a new board, and leaves the given one as it is.
class Solution:
    def turnBoard(self, board):
        board = [list(row) for row in zip(*board[::-1])]

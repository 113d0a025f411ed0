// Reflects the board along its diagonal, then each row.
var turnBoard = function(board) {
    for (let i = 0; i < board.length; i++)
        for (let j = 0; j < i; j++) [board[i][j], board[j][i]] = [board[j][i], board[i][j]];
    board.forEach((row) => row.reverse());
};

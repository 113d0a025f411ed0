var pairedSums = function(rows, wide) {
    return rows.reduce((total, row) => total + (wide ? row.reduce((a, b) => a + b, 0) : row[0] ?? 0), 0);
};

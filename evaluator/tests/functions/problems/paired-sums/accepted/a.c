long long pairedSums(int** rows, int rowsSize, int* rowsColSize, bool wide) {
    long long total = 0;
    for (int i = 0; i < rowsSize; i++)
        for (int j = 0; j < rowsColSize[i] && (wide || j < 1); j++) total += rows[i][j];
    return total;
}

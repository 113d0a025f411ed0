void swappedEnds(char* letters, int lettersSize) {
    if (lettersSize == 0) return;
    char kept = letters[0];
    letters[0] = letters[lettersSize - 1];
    letters[lettersSize - 1] = kept;
}

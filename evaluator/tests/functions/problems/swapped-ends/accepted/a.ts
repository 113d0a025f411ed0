/**
 Do not return anything, modify letters in-place instead.
 */
function swappedEnds(letters: string[]): void {
    const n = letters.length;
    if (n > 0) [letters[0], letters[n - 1]] = [letters[n - 1], letters[0]];
};

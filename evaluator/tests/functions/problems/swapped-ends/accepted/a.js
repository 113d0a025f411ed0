var swappedEnds = function(letters) {
    const n = letters.length;
    if (n > 0) [letters[0], letters[n - 1]] = [letters[n - 1], letters[0]];
};

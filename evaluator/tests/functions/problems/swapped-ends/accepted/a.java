class Solution {
    public void swappedEnds(char[] letters) {
        if (letters.length == 0) return;
        char kept = letters[0];
        letters[0] = letters[letters.length - 1];
        letters[letters.length - 1] = kept;
    }
}

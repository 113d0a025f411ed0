public class Solution {
    public void SwappedEnds(char[] letters) {
        if (letters.Length == 0) return;
        var kept = letters[0];
        letters[0] = letters[letters.Length - 1];
        letters[letters.Length - 1] = kept;
    }
}

class Solution {
    fun swappedEnds(letters: CharArray): Unit {
        if (letters.isEmpty()) return
        val kept = letters[0]
        letters[0] = letters[letters.size - 1]
        letters[letters.size - 1] = kept
    }
}

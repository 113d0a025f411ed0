class Solution {
    fun liftedWords(text: String): List<String> = text.split(" ").filter { it.isNotEmpty() }
}

public class Solution {
    public IList<string> LiftedWords(string text) {
        return text.Split(' ').Where(word => word.Length > 0).ToList();
    }
}

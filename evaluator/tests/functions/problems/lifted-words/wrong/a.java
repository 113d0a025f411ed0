class Solution {
    public String[] liftedWords(String text) { return new String[] {text}; }
}

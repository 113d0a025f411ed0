class Solution {
    public List<String> liftedWords(String text) {
        List<String> words = new ArrayList<>();
        for (String word : text.split(" ")) if (!word.isEmpty()) words.add(word);
        return words;
    }
}

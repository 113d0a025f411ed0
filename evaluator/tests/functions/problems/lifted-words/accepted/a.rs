impl Solution {
    pub fn lifted_words(text: String) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }
}

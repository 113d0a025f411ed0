class Solution {
public:
    vector<string> liftedWords(string text) {
        stringstream in(text);
        vector<string> words;
        for (string word; in >> word;) words.push_back(word);
        return words;
    }
};

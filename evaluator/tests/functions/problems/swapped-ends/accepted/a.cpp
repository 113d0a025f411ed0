class Solution {
public:
    void swappedEnds(vector<char>& letters) {
        if (!letters.empty()) swap(letters.front(), letters.back());
    }
};

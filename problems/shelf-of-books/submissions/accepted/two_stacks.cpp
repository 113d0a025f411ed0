// Keeps with each book the tallest one up to it.
class Shelf {
    vector<pair<int, int>> books;
public:
    Shelf() {}
    void place(int height) { books.push_back({height, max(height, tallest())}); }
    int take() {
        if (books.empty()) return -1;
        int height = books.back().first;
        books.pop_back();
        return height;
    }
    int tallest() { return books.empty() ? -1 : books.back().second; }
};

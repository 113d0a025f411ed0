class Turnstile {
    size_t places;
    deque<string> people;
public:
    Turnstile(int places) : places(places) {}
    bool enter(string name) {
        if (people.size() == places) return false;
        people.push_back(name);
        return true;
    }
    void leave() { if (!people.empty()) people.pop_front(); }
    vector<string> inside() { return {people.begin(), people.end()}; }
};

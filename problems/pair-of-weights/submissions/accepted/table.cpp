// Remembers the place of each weight seen so far.
class Solution {
public:
    vector<int> pairOfWeights(vector<int>& weights, int total) {
        unordered_map<int, int> places;
        for (int place = 0; place < (int)weights.size(); place++) {
            auto other = places.find(total - weights[place]);
            if (other != places.end()) return {other->second, place};
            places[weights[place]] = place;
        }
        return {};
    }
};

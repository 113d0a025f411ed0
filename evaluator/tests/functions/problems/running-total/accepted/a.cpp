class Solution {
public:
    vector<int> runningTotal(vector<int>& nums) {
        partial_sum(nums.begin(), nums.end(), nums.begin());
        return nums;
    }
};

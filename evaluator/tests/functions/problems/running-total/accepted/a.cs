public class Solution {
    public int[] RunningTotal(int[] nums) {
        for (int i = 1; i < nums.Length; i++) nums[i] += nums[i - 1];
        return nums;
    }
}

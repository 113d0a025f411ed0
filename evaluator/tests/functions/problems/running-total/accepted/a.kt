class Solution {
    fun runningTotal(nums: IntArray): IntArray {
        for (i in 1 until nums.size) nums[i] += nums[i - 1]
        return nums
    }
}

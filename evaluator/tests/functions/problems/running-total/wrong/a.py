class Solution:
    def runningTotal(self, nums):
        return [sum(nums[:i]) for i in range(len(nums))]

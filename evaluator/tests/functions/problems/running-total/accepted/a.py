class Solution:
    def runningTotal(self, nums: List[int]) -> List[int]:
        return list(accumulate(nums))

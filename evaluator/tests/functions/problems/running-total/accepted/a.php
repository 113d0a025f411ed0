class Solution {
    function runningTotal($nums) {
        for ($i = 1; $i < count($nums); $i++) $nums[$i] += $nums[$i - 1];
        return $nums;
    }
}

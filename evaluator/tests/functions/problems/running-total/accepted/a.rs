impl Solution {
    pub fn running_total(nums: Vec<i32>) -> Vec<i32> {
        nums.iter().scan(0, |total, x| { *total += x; Some(*total) }).collect()
    }
}

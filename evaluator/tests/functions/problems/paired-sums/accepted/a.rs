impl Solution {
    pub fn paired_sums(rows: Vec<Vec<i32>>, wide: bool) -> i64 {
        rows.iter().map(|row| row.iter().take(if wide { row.len() } else { 1 }).map(|&x| x as i64).sum::<i64>()).sum()
    }
}

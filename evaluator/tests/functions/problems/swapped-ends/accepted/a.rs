impl Solution {
    pub fn swapped_ends(letters: &mut Vec<char>) {
        let n = letters.len();
        if n > 0 {
            letters.swap(0, n - 1);
        }
    }
}

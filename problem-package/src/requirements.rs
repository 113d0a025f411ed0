//! Which test groups must be accepted for another to be judged.

/// Of each group, what it requires, and what that requires. Whatever a group requires comes before it.
///
/// A group that is not judged because of what it requires has no grade, so whoever requires it has to know why.
pub(crate) fn with_all_before(direct: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut all: Vec<Vec<u32>> = Vec::with_capacity(direct.len());
    for required in direct {
        let inherited = required.iter().filter_map(|group| all.get(*group as usize)).flatten();
        let mut required: Vec<u32> = required.iter().chain(inherited).copied().collect();
        required.sort_unstable();
        required.dedup();
        all.push(required);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_is_inherited() {
        let direct = [vec![], vec![], vec![1], vec![2], vec![3, 2]];
        let expected = [vec![], vec![], vec![1], vec![1, 2], vec![1, 2, 3]];
        assert_eq!(with_all_before(&direct), expected);
    }
}

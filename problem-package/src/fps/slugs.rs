//! Makes the problems' slugs from their titles. The format has no identities.

use std::collections::{BTreeMap, BTreeSet};

use domain::Slug;

use crate::naming::Identity;

/// Prefix of the slug of a title without Latin letters and digits.
const PREFIX: &str = "fps";

/// A unique slug for each title of a set. A given slug is used for a single problem, and with a
/// number for several. Otherwise the position in the file does not matter, so that files with
/// different problems get different slugs. Problems with the same title are numbered.
pub(super) fn of(titles: &[String], given: Option<&Slug>) -> Vec<Identity> {
    let mut taken = BTreeSet::new();
    // The next number to try for a slug, because thousands of problems may have the same title.
    let mut numbers: BTreeMap<Slug, usize> = BTreeMap::new();
    let mut identities = Vec::with_capacity(titles.len());
    for (number, title) in (1..).zip(titles) {
        let mut identity = match given {
            Some(slug) if titles.len() == 1 => Identity::given(slug),
            Some(slug) => Identity { slug: numbered(slug, number), is_derived: true },
            None => Identity::of_title(title, PREFIX),
        };
        let base = identity.slug.clone();
        let again = numbers.entry(base.clone()).or_insert(2);
        while !taken.insert(identity.slug.clone()) {
            identity.slug = numbered(&base, *again);
            *again += 1;
        }
        identities.push(identity);
    }
    identities
}

/// The slug with a number, shortened where it would be too long.
fn numbered(slug: &Slug, number: usize) -> Slug {
    let mut base = slug.as_str();
    loop {
        if let Ok(slug) = format!("{}-{number}", base.trim_end_matches('-')).parse() {
            return slug;
        }
        base = &base[..base.len() - 1];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slugs(titles: &[&str], given: Option<&str>) -> Vec<String> {
        let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
        let given = given.map(|slug| slug.parse().unwrap());
        of(&titles, given.as_ref()).into_iter().map(|it| it.slug.to_string()).collect()
    }

    #[test]
    fn slugs_are_unlike_each_other() {
        assert_eq!(
            slugs(&["Two Sum", "two sum", "Two Sum"], None),
            ["two-sum", "two-sum-2", "two-sum-3"]
        );
        assert_eq!(slugs(&["A", "A 2", "A"], None), ["a", "a-2", "a-3"]);
        assert_eq!(slugs(&["A"], Some("given")), ["given"]);
        assert_eq!(slugs(&["A", "B"], Some("given")), ["given-1", "given-2"]);
        let same = vec!["A"; 20_000];
        assert_eq!(slugs(&same, None)[19_999], "a-20000");
        let long = "x".repeat(64);
        assert_eq!(slugs(&["A", "B"], Some(&long))[1], format!("{}-2", "x".repeat(62)));
    }

    #[test]
    fn slugs_do_not_depend_on_the_order_of_problems() {
        let first = slugs(&["求和", "A+B Problem", "排序"], None);
        let second = slugs(&["排序", "求积", "A-B Problem", "求和"], None);
        assert_eq!((&first[0], &first[2]), (&second[3], &second[0]));
        assert!(!first.contains(&second[1]) && !first.contains(&second[2]));
    }
}

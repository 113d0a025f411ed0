//! The problems' identities, which the format does not have: they are made from the titles.

use std::collections::BTreeSet;

use domain::Slug;

use crate::text::tag;

/// A slug for each title, unlike all others. One that is given goes to a single problem, and with a number to several.
pub(super) fn of(titles: &[String], given: Option<&Slug>) -> Vec<Slug> {
    let mut taken = BTreeSet::new();
    let mut slugs = Vec::with_capacity(titles.len());
    for (number, title) in (1..).zip(titles) {
        let base = match given {
            Some(slug) if titles.len() == 1 => Some(slug.clone()),
            Some(slug) => format!("{slug}-{number}").parse().ok(),
            None => tag(title),
        };
        let mut slug = base.clone().unwrap_or_else(|| numbered("fps", number));
        let mut suffix = number;
        while !taken.insert(slug.clone()) {
            let again = base.as_ref().and_then(|base| format!("{base}-{suffix}").parse().ok());
            slug = again.unwrap_or_else(|| numbered("fps", suffix));
            suffix += 1;
        }
        slugs.push(slug);
    }
    slugs
}

fn numbered(name: &str, number: usize) -> Slug {
    format!("{name}-{number}").parse().expect("a name and a number are a slug")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_made_from_titles_and_unlike_each_other() {
        let slugs = |titles: &[&str], given: Option<&str>| -> Vec<String> {
            let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
            let given = given.map(|slug| slug.parse().unwrap());
            of(&titles, given.as_ref()).iter().map(Slug::to_string).collect()
        };
        let titles = ["A+B Problem", "求和", "A + B: problem!", "A B Problem 3", "求和"];
        let expected = ["a-b-problem", "fps-2", "a-b-problem-3", "a-b-problem-3-4", "fps-5"];
        assert_eq!(slugs(&titles, None), expected);
        assert_eq!(slugs(&["A"], Some("given")), ["given"]);
        assert_eq!(slugs(&["A", "B"], Some("given")), ["given-1", "given-2"]);
    }
}

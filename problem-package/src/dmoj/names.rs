//! Finds test cases by the file names in the archive.

use std::collections::BTreeMap;

use super::pattern::{Found, Pattern};

/// The default patterns of inputs and answers.
pub(super) const INPUT: &str =
    r"^(?=.*?\.in|in).*?(?:(?:^|\W)(?P<batch>\d+)[^\d\s]+)?(?P<case>\d+)[^\d\s]*$";
pub(super) const OUTPUT: &str =
    r"^(?=.*?\.out|out).*?(?:(?:^|\W)(?P<batch>\d+)[^\d\s]+)?(?P<case>\d+)[^\d\s]*$";

/// The key of a case or batch. Names sort before numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Number(i128),
}

impl Key {
    fn of(text: String) -> Self {
        text.parse().map_or(Self::Text(text), Self::Number)
    }
}

/// The files of one case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
}

/// A single case, or a batch of cases.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    Case(Files),
    Batch(Vec<Files>),
}

/// The cases in order, or an error about the names or patterns.
pub(super) fn cases<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    patterns: [&Pattern; 2],
) -> Result<Vec<Named>, String> {
    // A single case uses its own key as the batch's key.
    let mut found: BTreeMap<Key, (bool, BTreeMap<Key, Files>)> = BTreeMap::new();
    for (pattern, is_input) in patterns.into_iter().zip([true, false]) {
        for name in names.clone() {
            let Some(Found { batch, case }) = pattern.find(name)? else { continue };
            let Some(case) = case.map(Key::of) else {
                return Err(format!("the pattern finds no case in {name:?}"));
            };
            let is_batch = batch.is_some();
            let batch = batch.map_or_else(|| case.clone(), Key::of);
            let (known_as_batch, cases) = found.entry(batch).or_default();
            *known_as_batch |= is_batch;
            let files = cases.entry(case).or_default();
            let file = if is_input { &mut files.input } else { &mut files.output };
            *file = Some(name.to_owned());
        }
    }
    Ok(found
        .into_values()
        .flat_map(|(is_batch, cases)| {
            let cases: Vec<_> = cases.into_values().collect();
            if is_batch {
                vec![Named::Batch(cases)]
            } else {
                cases.into_iter().map(Named::Case).collect()
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers_and_cases_stand_among_batches() {
        let names = [
            "10.in", "10.out", "2.1.in", "2.1.out", "2.2.in", "1.in", "1.out", "notes.md",
            "2.2.out",
        ];
        let [input, output] =
            [INPUT, OUTPUT].map(|pattern| Pattern::parse(pattern, names.len()).unwrap());
        let found = cases(names.into_iter(), [&input, &output]).unwrap();
        let files = |name: &str| Files {
            input: Some(format!("{name}.in")),
            output: Some(format!("{name}.out")),
        };
        let expected = [
            Named::Case(files("1")),
            Named::Batch(vec![files("2.1"), files("2.2")]),
            Named::Case(files("10")),
        ];
        assert_eq!(found, expected);
    }
}

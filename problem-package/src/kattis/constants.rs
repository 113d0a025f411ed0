//! Reads `constants`: values that replace `{{name}}` in some of the package's files.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::version::Version;
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::yaml::Value;

/// The values by name.
#[derive(Debug, Default)]
pub(super) struct Constants(BTreeMap<String, String>);

impl Constants {
    pub(super) fn read(field: Field<'_>, report: &mut Report) -> Self {
        let mut constants = BTreeMap::new();
        for (key, node) in field.map(report) {
            let name = format!("constants.{}", key.text);
            let field = Field { key: &name, node, ..field };
            if !is_name(&key.text) {
                let message = format!("{} cannot be the name of a constant", quote(&key.text));
                report.error((field.path, key.position), message, "letters, digits and `_`");
                continue;
            }
            match node.value {
                Value::Text(_) | Value::Integer(_) | Value::Float(_) => {
                    let value = field.text(report).unwrap_or_default();
                    constants.insert(key.text.clone(), value);
                }
                _ => field.error(report, "a number or a string"),
            }
        }
        Self(constants)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Replaces every known constant in a text.
    pub(super) fn replace<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.0.is_empty() || !text.contains("{{") {
            return Cow::Borrowed(text);
        }
        let mut result = String::with_capacity(text.len());
        let mut copied = 0;
        for (start, end, name) in sequences(text) {
            if let Some(value) = self.0.get(name) {
                result.push_str(&text[copied..start]);
                result.push_str(value);
                copied = end;
            }
        }
        result.push_str(&text[copied..]);
        Cow::Owned(result)
    }

    /// Replaces every known constant in a file, if it is UTF-8.
    pub(super) fn replace_in(&self, bytes: &Bytes) -> Bytes {
        match str::from_utf8(bytes).map(|text| self.replace(text)) {
            Ok(Cow::Owned(text)) => Bytes::from(text),
            _ => bytes.clone(),
        }
    }

    /// Warns of unknown constants.
    pub(super) fn report_unknown(
        &self,
        path: &str,
        text: &str,
        version: Version,
        report: &mut Report,
    ) {
        if self.0.is_empty() && !version.is_newer() {
            return;
        }
        let unknown = sequences(text).map(|(.., name)| name).filter(|name| {
            !self.0.contains_key(*name) && !matches!(*name, "nextsample" | "remainingsamples")
        });
        for name in unknown.collect::<BTreeSet<_>>() {
            let message = format!("there is no constant {}", quote(name));
            report.warning(path, message, "a name in `constants`");
        }
    }
}

fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The start, end and name of each `{{name}}`.
fn sequences(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    text.match_indices("}}").filter_map(|(name_end, closing)| {
        let before = &text[..name_end];
        let name_start =
            before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        let name = &before[name_start..];
        let opens = before[..name_start].ends_with("{{") && is_name(name);
        opens.then(|| (name_start - 2, name_end + closing.len(), name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_the_rest_is_left() {
        let known = [("n", "7"), ("max_n", "1e-6")];
        let known = known.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let constants = Constants(known.into());
        let cases = [
            ("{{n}}", "7"),
            ("a{{n}}b{{max_n}}{{n}}", "a7b1e-67"),
            ("{{ n }} {n} {{m}} {{{n}}}", "{{ n }} {n} {{m}} {7}"),
            ("{{n}", "{{n}"),
            ("}}{{é}}", "}}{{é}}"),
        ];
        for (text, expected) in cases {
            assert_eq!(constants.replace(text), expected);
        }
        assert_eq!(constants.replace_in(&Bytes::from_static(b"\xff{{n}}")), &b"\xff{{n}}"[..]);
    }
}

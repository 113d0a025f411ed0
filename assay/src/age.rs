//! An age on the command line, such as `36h` or `14d`.

use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A length of time. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Age(pub(crate) SignedDuration);

impl Age {
    /// The time this long ago. Before the year -9999, the first time that can be expressed.
    pub(crate) fn ago(self) -> Timestamp {
        Timestamp::now().checked_sub(self.0).unwrap_or(Timestamp::MIN)
    }
}

/// The text is not an age.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a duration; write for example 36h or 14d, with the units w, d, h, m and s")]
pub(crate) struct InvalidAge(String);

impl FromStr for Age {
    type Err = InvalidAge;

    fn from_str(text: &str) -> Result<Self, InvalidAge> {
        let span: Option<Span> = text.parse().ok();
        let duration = span.and_then(|span| {
            // Fails for months and years, which have no fixed length.
            span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
        });
        let age = duration.filter(|duration| !duration.is_negative());
        age.map(Self).ok_or_else(|| InvalidAge(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_fixed_length() {
        let hours = |text: &str| text.parse::<Age>().map(|age| age.0.as_hours()).ok();
        assert_eq!(
            ["36h", "14d", "2w", "0s"].map(hours),
            [Some(36), Some(336), Some(336), Some(0)]
        );
        for text in ["banana", "1mo", "1y", "-1d", "7", ""] {
            let error = text.parse::<Age>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is not a duration; ")), "{error}");
        }
    }
}

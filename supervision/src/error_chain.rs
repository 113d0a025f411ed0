//! Errors in one line.

use std::error::Error;
use std::iter::successors;

/// The error and its causes, outermost first: `opening the log failed: no such file`.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let errors = successors(Some(error), |&error| error.source());
    let mut messages: Vec<String> = Vec::new();
    for message in errors.map(ToString::to_string) {
        // The messages of some libraries include the cause.
        if !messages.last().is_some_and(|outer| outer.ends_with(&message)) {
            messages.push(message);
        }
    }
    messages.join(": ")
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Failed(&'static str, Option<Box<Failed>>);

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self.1.as_deref()?)
        }
    }

    #[test]
    fn causes_follow_what_they_caused() {
        let cause = Failed("no such file", None);
        let error = Failed("reading failed", Some(Box::new(cause)));
        assert_eq!(error_chain(&error), "reading failed: no such file");
    }

    #[test]
    fn a_cause_that_a_message_includes_is_not_repeated() {
        let cause = Failed("connection refused", None);
        let error = Failed("connecting failed: connection refused", Some(Box::new(cause)));
        assert_eq!(error_chain(&error), "connecting failed: connection refused");
    }
}

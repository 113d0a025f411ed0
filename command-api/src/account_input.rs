//! Checks of what people enter about accounts.

use std::ops::RangeInclusive;

use domain::text::is_shown;

use crate::payload::{UserError, UserErrorCode};

/// Length of a password, in characters. The maximum bounds the cost of hashing.
const PASSWORD_CHARS: RangeInclusive<usize> = 8..=256;
/// Maximum size of an email address, in bytes.
const EMAIL_BYTES_MAX: usize = 254;
/// Maximum length of the name of a person, client or token, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 100;

/// The email address without spaces around it.
pub(crate) fn email(entered: &str, path: &str) -> Result<String, UserError> {
    let email = entered.trim();
    let has_form = email
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    let is_clean = !email.contains(|c: char| c.is_whitespace() || c.is_control());
    if has_form && is_clean && email.len() <= EMAIL_BYTES_MAX {
        return Ok(email.to_owned());
    }
    let message = "an email address must have the form user@host";
    Err(UserError::at(UserErrorCode::Invalid, path, message))
}

/// Checks the length of a new password.
pub(crate) fn new_password(password: &str, path: &str) -> Result<(), UserError> {
    if PASSWORD_CHARS.contains(&password.chars().count()) {
        return Ok(());
    }
    let (least, most) = (PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
    let message = format!("a password must have {least} to {most} characters");
    Err(UserError::at(UserErrorCode::Invalid, path, message))
}

/// Checks the name of a person, client or token.
pub(crate) fn name(name: &str, path: &str) -> Result<(), UserError> {
    let chars = name.chars().count();
    if (1..=NAME_CHARS_MAX).contains(&chars) && name.chars().all(is_shown) {
        return Ok(());
    }
    let message = format!("a name must have 1 to {NAME_CHARS_MAX} printable characters");
    Err(UserError::at(UserErrorCode::Invalid, path, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_has_one_host_and_no_line_breaks() {
        assert_eq!(email(" ada@example.org ", "email"), Ok("ada@example.org".to_owned()));
        for wrong in ["", "ada", "@x", "ada@", "a@b@c", "a b@c", "a@b\r\nBcc: c@d", "a@\u{7}b"] {
            assert!(email(wrong, "email").is_err(), "{wrong:?}");
        }
        assert!(email(&format!("{}@x", "a".repeat(EMAIL_BYTES_MAX)), "email").is_err());
    }

    #[test]
    fn passwords_and_names_have_bounds() {
        assert!(new_password("ä2345678", "new").is_ok());
        assert!(new_password("1234567", "new").is_err());
        assert!(new_password(&"x".repeat(257), "new").is_err());
        assert!(name("Zoë 🦀", "name").is_ok());
        assert!(name("", "name").is_err());
        assert!(name("a\nb", "name").is_err());
    }
}

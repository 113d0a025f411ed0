//! Logins for people who did not choose one: those who come from an identity provider.

use domain::Login;
use uuid::Uuid;

/// The login of somebody whose name has no letters that a login can have.
const UNNAMED: &str = "user";
/// How many logins with a number are tried.
const NUMBERED_MAX: u32 = 9;
/// Maximum length of the part from the name, in characters, so that a number fits after it.
const NAME_CHARS_MAX: usize = 20;
/// Length of the random end of the last login, in characters.
const RANDOM_CHARS: usize = 8;

/// Logins like this name, best first. The last one is random, and almost surely free.
pub(crate) fn candidates(preferred: Option<&str>) -> Vec<Login> {
    let base = base(preferred.unwrap_or_default());
    let random = Uuid::new_v4().simple().to_string();
    let numbered = (2..=NUMBERED_MAX).map(|number| format!("{base}-{number}"));
    let texts = [base.clone()].into_iter().chain(numbered);
    let texts = texts.chain([format!("{base}-{}", &random[..RANDOM_CHARS])]);
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// The letters, digits and single hyphens of a name, beginning with a letter.
fn base(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    let mut base = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        let fits = match c {
            'a'..='z' => true,
            '0'..='9' => !base.is_empty(),
            _ => false,
        };
        if fits && base.len() < NAME_CHARS_MAX {
            base.push(c);
        } else if !fits && !base.is_empty() && !base.ends_with('-') && base.len() < NAME_CHARS_MAX {
            base.push('-');
        }
    }
    let base = base.trim_end_matches('-');
    if base.len() < 2 { UNNAMED.to_owned() } else { base.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_made_of_any_name() {
        for (name, login) in [
            ("ada", "ada"),
            ("Ada.Lovelace@example.org", "ada-lovelace"),
            ("  --Ada__L--", "ada-l"),
            ("42ada", "ada"),
            ("数独", "user"),
            ("é", "user"),
            ("", "user"),
            ("a", "user"),
            ("a_b_c_d_e_f_g_h_i_j_k_l_m", "a-b-c-d-e-f-g-h-i-j"),
            ("x".repeat(500).as_str(), "xxxxxxxxxxxxxxxxxxxx"),
        ] {
            let candidates = candidates(Some(name));
            assert_eq!(candidates[0].as_str(), login, "{name:?}");
            assert_eq!(candidates.len(), 1 + NUMBERED_MAX as usize, "{name:?}");
            assert_eq!(candidates[1].as_str(), format!("{login}-2"));
        }
        assert_eq!(candidates(None)[0].as_str(), "user");
    }
}

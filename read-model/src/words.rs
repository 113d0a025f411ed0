//! The words of a text, as searches compare them.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Maximum length of a word, in characters; the rest of a longer word does not count.
const WORD_CHARS_MAX: usize = 64;

/// The different words of a text. A word is a run of letters and digits, without accents and in
/// lower case; each Chinese or Japanese character is a word, because nothing separates words there.
pub fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    let plain = text.nfkd().filter(|it| !is_combining_mark(*it)).flat_map(char::to_lowercase);
    for character in plain.filter(|it| !is_combining_mark(*it)) {
        if !character.is_alphanumeric() || is_a_word(character) {
            finish(&mut word, &mut words);
        }
        if is_a_word(character) {
            words.insert(character.to_string());
        } else if character.is_alphanumeric() {
            word.push(character);
        }
    }
    finish(&mut word, &mut words);
    words
}

fn finish(word: &mut String, words: &mut BTreeSet<String>) {
    if !word.is_empty() {
        words.insert(word.chars().take(WORD_CHARS_MAX).collect());
        word.clear();
    }
}

/// Whether the character is a word by itself: kana, or an ideograph.
fn is_a_word(character: char) -> bool {
    matches!(
        u32::from(character),
        0x3040..=0x30ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_accents_and_no_case() {
        for (text, expected) in [
            ("", &[][..]),
            (" \n*–!", &[]),
            ("Two  Sum, two", &["sum", "two"]),
            ("Électricité", &["electricite"]),
            ("e\u{301}te\u{301}", &["ete"]),
            ("ÅNGSTRÖM İstanbul", &["angstrom", "istanbul"]),
            ("x^2+y_1", &["1", "2", "x", "y"]),
            ("ﬁle", &["file"]),
            ("Сумма чисел", &["сумма", "чисел"]),
            ("求和 of A", &["a", "of", "和", "求"]),
            ("ガード", &["カ", "ト", "ー"]),
        ] {
            assert_eq!(words(text).into_iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn a_long_word_is_cut() {
        let long = "a".repeat(2 * WORD_CHARS_MAX);
        assert_eq!(words(&long), words(&long[..WORD_CHARS_MAX]));
    }
}

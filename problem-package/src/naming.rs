//! Makes slugs from the names of folders, files and problems.

use deunicode::deunicode;
use domain::{Digest, Slug};

use crate::diagnostic::{Report, quote};
use crate::package::Options;
use crate::tree::FileTree;

/// Maximum length of a slug, in characters.
const SLUG_CHARS_MAX: usize = 64;
/// Number of hexadecimal digits of a digest in a slug.
const DIGEST_DIGITS: usize = 8;

/// A problem's slug and how it was obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) slug: Slug,
    /// Whether the slug was derived from a name or title. Another one may then give the same slug.
    pub(crate) is_derived: bool,
}

impl Identity {
    /// A slug chosen by the user.
    pub(crate) fn given(slug: &Slug) -> Self {
        Self { slug: slug.clone(), is_derived: false }
    }

    /// The slug of a name: `A plus B` becomes `a-plus-b`, `Größe` becomes `grosse`, and `сумма (1)`
    /// becomes `summa`. `None` if no letter or digit is left.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        if let Ok(slug) = name.parse() {
            return Some(Self { slug, is_derived: false });
        }
        let words = words(&deunicode(original(name)));
        let slug = shortened(&words, SLUG_CHARS_MAX).parse().ok()?;
        Some(Self { slug, is_derived: true })
    }

    /// The slug of a title: its Latin letters and digits, followed by a digest of the title if it
    /// has other characters or is too long. A title without Latin letters and digits becomes
    /// `<prefix>-<digest>`. Titles that differ in more than case and spaces get different slugs.
    pub(crate) fn of_title(title: &str, prefix: &str) -> Self {
        let words = words(title);
        let is_whole = title.split_whitespace().map(str::to_ascii_lowercase).eq(words.split('-'))
            && words.len() <= SLUG_CHARS_MAX;
        let slug = if is_whole {
            words
        } else {
            let base = if words.is_empty() { prefix } else { &*words };
            let base = shortened(base, SLUG_CHARS_MAX - DIGEST_DIGITS - 1);
            format!("{base}-{}", digest(title))
        };
        Self { slug: slug.parse().expect("words and hyphens are a slug"), is_derived: true }
    }
}

/// The problem's identity: the given slug, or one made of the name of the folder around the
/// package.
pub(crate) fn identity(
    tree: &FileTree,
    options: &Options,
    report: &mut Report,
) -> Option<Identity> {
    if let Some(slug) = &options.slug {
        return Some(Identity::given(slug));
    }
    let Some(name) = tree.name() else {
        let expected = "a folder around it, or a slug given with the import (`--slug`)";
        report.error("", "the package has no name", expected);
        return None;
    };
    let identity = Identity::of_name(name);
    if identity.is_none() {
        let message = format!("the package is named {}", quote(name));
        report.error(
            "",
            message,
            "a name with a letter or digit, or a slug given with the import (`--slug`)",
        );
    }
    identity
}

/// The tag of a keyword: `Dynamic programming` becomes `dynamic-programming`.
pub(crate) fn tag(keyword: &str) -> Option<Slug> {
    words(keyword).parse().ok()
}

/// The lower-case ASCII letters and digits, with a hyphen for each run of other characters between
/// them.
fn words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Shortens words, at a hyphen if there is one in the second half.
fn shortened(words: &str, chars_max: usize) -> &str {
    if words.len() <= chars_max {
        return words;
    }
    let cut = &words[..chars_max];
    let whole = match cut.rfind('-') {
        Some(end) if end > chars_max / 2 => &cut[..end],
        _ => cut,
    };
    whole.trim_end_matches('-')
}

fn digest(title: &str) -> String {
    let normal = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut digits = Digest::of(normal.as_bytes()).to_string();
    digits.truncate(DIGEST_DIGITS);
    digits
}

/// The name without suffixes of downloads: `x (1)` is the second download of `x`, and `x-3$linux`
/// is Polygon's third revision of it.
fn original(name: &str) -> &str {
    let mut name = name.trim();
    if let Some((base, "linux" | "windows" | "standard")) = name.rsplit_once('$') {
        name = base
            .rsplit_once('-')
            .filter(|(_, revision)| is_number(revision))
            .map_or(base, |it| it.0);
    }
    let copy = name.strip_suffix(')').and_then(|name| name.rsplit_once(" ("));
    match copy {
        Some((base, number)) if is_number(number) && !base.trim().is_empty() => base.trim(),
        _ => name,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_slugs() {
        // The name, its slug, and whether the name already is the slug.
        let cases = [
            ("sum", "sum", true),
            ("two-sum", "two-sum", true),
            ("007", "007", true),
            ("A plus B", "a-plus-b", false),
            ("Hello", "hello", false),
            ("two_sum", "two-sum", false),
            ("x (1)", "x", false),
            ("x (12)", "x", false),
            ("x(1)", "x-1", false),
            ("(1)", "1", false),
            ("name-3$linux", "name", false),
            ("name-with-3-words-12$windows", "name-with-3-words", false),
            ("name-3$linux (2)", "name-3-linux", false),
            ("name$linux", "name", false),
            ("cost-3$", "cost-3", false),
            ("сумма", "summa", false),
            ("Größe", "grosse", false),
            ("año_nuevo", "ano-nuevo", false),
            ("求和", "qiu-he", false),
            ("--a--b--", "a-b", false),
            (" sum ", "sum", false),
            (".sum", "sum", false),
            ("v1.2", "v1-2", false),
        ];
        for (name, slug, exact) in cases {
            let found = Identity::of_name(name).unwrap();
            assert_eq!((found.slug.as_str(), !found.is_derived), (slug, exact), "{name}");
        }
        for name in ["", "+++", " ", "$linux", "..."] {
            assert_eq!(Identity::of_name(name), None, "{name:?}");
        }
        let long = "word ".repeat(20);
        let found = Identity::of_name(&long).unwrap();
        assert_eq!(found.slug.as_str().len(), 59);
    }

    #[test]
    fn different_titles_become_different_slugs() {
        let slug = |title: &str| Identity::of_title(title, "fps").slug.to_string();
        for (title, expected) in [("Two Sum", "two-sum"), ("A", "a"), ("  Two  sum ", "two-sum")] {
            assert_eq!(slug(title), expected);
        }
        // Titles that lose characters get a digest.
        for (title, begins) in [
            ("A+B Problem", "a-b-problem-"),
            ("A-B Problem", "a-b-problem-"),
            ("A B Problem!", "a-b-problem-"),
            ("求和", "fps-"),
            ("求积", "fps-"),
            ("最大值 II", "ii-"),
            ("C++", "c-"),
            ("", "fps-"),
        ] {
            let slug = slug(title);
            let digest = slug.strip_prefix(begins).unwrap();
            assert_eq!(digest.len(), DIGEST_DIGITS, "{slug}");
        }
        let titles =
            ["A+B", "A-B", "A*B", "A B", "AB", "A+B!", "求和", "求积", "c", "C++", "C#", "c c"];
        let slugs: std::collections::BTreeSet<_> = titles.iter().map(|it| slug(it)).collect();
        assert_eq!(slugs.len(), titles.len(), "{slugs:?}");
        let [long, longer] = ["x".repeat(100), "x".repeat(101)].map(|title| slug(&title));
        assert!(long != longer && long.len() == SLUG_CHARS_MAX);
    }

    proptest! {
        #[test]
        fn arbitrary_titles_do_not_panic(title in "\\PC{0,200}") {
            let _ = Identity::of_title(&title, "fps");
            let _ = Identity::of_name(&title);
        }
    }
}

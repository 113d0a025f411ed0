//! The files of a program, before anything is made of them.

use std::sync::Arc;

use bytes::Bytes;
use domain::Digest;
use sandbox::{Language, Layout};

use super::text;

/// A program as it was written.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it is written in.
    pub language: Arc<Language>,
    /// Which of the files are what.
    pub layout: Layout,
    /// By their names in the program's folder, in order.
    pub files: Vec<(String, Bytes)>,
}

/// Files that are no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// No file among several is the one that a program begins in.
    #[error("none of its files is the one that a {language} program begins in")]
    NoMain {
        /// The language's name.
        language: String,
    },
    /// The problem's files leave no name for a program that has none.
    #[error("the problem's own files are called {0}, as a submission would be")]
    NameTaken(String),
}

impl Source {
    /// A program of one file, under the name that the language has for it.
    pub fn single(language: &Arc<Language>, text: &str) -> Self {
        let layout = Layout::single(language);
        let files = vec![(layout.main.clone(), Bytes::copy_from_slice(text.as_bytes()))];
        Self { language: Arc::clone(language), layout, files }
    }

    /// A program of any files, with files of the problem's beside it, which replace its own of the same name.
    ///
    /// # Errors
    /// When it cannot be told where it begins.
    pub fn of_files(
        language: &Arc<Language>,
        own: Vec<(String, Bytes)>,
        entry_point: Option<String>,
        included: &[(String, Bytes)],
    ) -> Result<Self, SourceError> {
        let taken = |name: &str| included.iter().any(|(other, _)| other == name);
        // A module beside a program is not where it begins; a driver is.
        let main = |files: &[(String, Bytes)]| language.main_among(&borrowed(files));
        let own_main = main(&own).filter(|main| !taken(main));
        let mut files: Vec<_> = own.into_iter().filter(|(name, _)| !taken(name)).collect();
        files.extend(included.iter().cloned());
        files.sort_by(|(one, _), (other, _)| one.cmp(other));
        let main = entry_point
            .clone()
            .filter(|entry_point| files.iter().any(|(name, _)| name == entry_point))
            .or_else(|| language.main_shown(&borrowed(&files)))
            .or(own_main)
            .or_else(|| main(&files))
            .ok_or_else(|| SourceError::NoMain { language: language.name.clone() })?;
        let sources = files.iter().map(|(name, _)| name.clone());
        let sources = sources.filter(|name| language.is_source(name)).collect();
        let layout = Layout { main, sources, entry_point };
        Ok(Self { language: Arc::clone(language), layout, files })
    }

    /// A program of one file that has no name of its own, with files of the problem's beside it: where its name is
    /// taken, it takes another.
    ///
    /// # Errors
    /// When it cannot be told where it begins.
    pub fn single_among(
        language: &Arc<Language>,
        text: &str,
        included: &[(String, Bytes)],
    ) -> Result<Self, SourceError> {
        let Self { mut files, .. } = match included {
            [] => return Ok(Self::single(language, text)),
            _ => Self::single(language, text),
        };
        for (name, _) in &mut files {
            let taken = |name: &str| included.iter().any(|(other, _)| other == name);
            if taken(name) {
                *name = solution(name);
                if taken(name) {
                    return Err(SourceError::NameTaken(name.clone()));
                }
            }
        }
        Self::of_files(language, files, None, included)
    }

    /// The files as compilers get them.
    pub(super) fn as_compiled(&self) -> Vec<(String, Bytes)> {
        let file = |(name, bytes): &(String, Bytes)| match self.language.is_source(name) {
            true => (name.clone(), text::normalised(&self.language, bytes)),
            false => (name.clone(), bytes.clone()),
        };
        self.files.iter().map(file).collect()
    }

    /// Files that are no sources, which a run finds in its working directory.
    pub fn data(&self) -> Vec<(String, Bytes)> {
        let is_data = |name: &str| !self.language.is_source(name);
        self.files.iter().filter(|(name, _)| is_data(name)).cloned().collect()
    }

    /// What tells it from any other program.
    pub fn digest(&self) -> Digest {
        match self.files.as_slice() {
            // As it always was for a program of one file.
            [(_, bytes)] => Digest::of(bytes),
            files => Digest::of(&framed(
                files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes.as_ref()]),
            )),
        }
    }
}

fn borrowed(files: &[(String, Bytes)]) -> Vec<(&str, &[u8])> {
    files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_ref())).collect()
}

/// What a file is called whose name is taken.
fn solution(name: &str) -> String {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let begins_large = name.starts_with(char::is_uppercase);
    format!("{}.{extension}", if begins_large { "Solution" } else { "solution" })
}

/// Parts one after the other, each preceded by its length, so that no two lists are the same bytes.
pub(super) fn framed<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use sandbox::Languages;

    use super::*;

    fn python(files: &[(&str, &'static str)]) -> Vec<(String, Bytes)> {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        files.iter().map(|(name, text)| ((*name).to_owned(), bytes(text))).collect()
    }

    #[test]
    fn a_driver_takes_the_place_of_a_nameless_program() {
        let languages = Languages::builtin();
        let language = languages.get("python3").unwrap();
        let driver = python(&[("main.py", "import solution"), ("words.txt", "a")]);
        let source = Source::single_among(language, "def f(): pass", &driver).unwrap();
        let names: Vec<_> = source.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["main.py", "solution.py", "words.txt"]);
        assert_eq!(source.layout.main, "main.py");
        assert_eq!(source.data(), python(&[("words.txt", "a")]));
    }

    #[test]
    fn a_submission_never_vanishes() {
        let languages = Languages::builtin();
        let language = languages.get("python3").unwrap();
        let both = python(&[("main.py", "import solution"), ("solution.py", "stub")]);
        let taken = Source::single_among(language, "print(7)", &both).unwrap_err();
        assert_eq!(taken, SourceError::NameTaken("solution.py".to_owned()));
    }

    #[test]
    fn a_named_file_gives_way() {
        let languages = Languages::builtin();
        let language = languages.get("python3").unwrap();
        let own = python(&[("main.py", "cheat"), ("extra.py", "x")]);
        let driver = python(&[("main.py", "driver")]);
        let source = Source::of_files(language, own, None, &driver).unwrap();
        assert_eq!(source.files, python(&[("extra.py", "x"), ("main.py", "driver")]));
    }

    #[test]
    fn a_module_beside_a_program_is_not_where_it_begins() {
        let languages = Languages::builtin();
        let language = languages.get("python3").unwrap();
        let module = python(&[("limits.py", "N = 7")]);
        let own = python(&[("plain.py", "print(7)")]);
        let own = Source::of_files(language, own, None, &module).unwrap();
        assert_eq!(own.layout.main, "plain.py");
        let nameless = Source::single_among(language, "print(7)", &module).unwrap();
        assert_eq!(nameless.layout.main, "main.py");
    }

    #[test]
    fn different_programs_have_different_digests() {
        let languages = Languages::builtin();
        let language = languages.get("python3").unwrap();
        let of = |files| Source::of_files(language, python(files), None, &[]).unwrap().digest();
        assert_eq!(of(&[("main.py", "x")]), Digest::of(b"x"));
        assert_ne!(
            of(&[("main.py", "x"), ("a.py", "yz")]),
            of(&[("main.py", "xy"), ("a.py", "z")])
        );
    }
}

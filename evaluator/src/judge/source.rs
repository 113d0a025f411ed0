//! The files of a program before compiling.

use std::sync::Arc;

use bytes::Bytes;
use domain::Digest;
use domain::function::{InvalidSignature, Signature};
use domain::problem::{ProblemLanguage, RevisionContent};
use sandbox::{Language, Layout};

use super::calls::{Calls, with_driver};
use super::text;

/// A program's source.
#[derive(Debug, Clone)]
pub struct Source {
    /// The programming language.
    pub language: Arc<Language>,
    /// Which of the files is the main file, and which are sources.
    pub layout: Layout,
    /// Names relative to the program's folder, with content, in order of name.
    pub files: Vec<(String, Bytes)>,
    /// How it is called, if it is a function or class.
    pub calls: Option<Arc<Calls>>,
}

/// Why files do not form a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// None of the files can be the main file.
    #[error("none of its files can be the main file of a {language} program")]
    NoMain {
        /// The name of the language.
        language: String,
    },
    /// The problem's files use every name that a submission without a file name could get.
    #[error("the problem has a file {0}, which leaves no name for the submission's file")]
    NameTaken(String),
    /// The problem's signature is not one.
    #[error("the signature is invalid: {0}")]
    Signature(InvalidSignature),
    /// Functions cannot be submitted in this language.
    #[error("functions cannot be submitted in {0}")]
    NoDriver(String),
    /// The submission has something that a driver cannot call.
    #[error("line {}: {}", .0.line, .0.reason)]
    Refused(functions::Refused),
}

impl Source {
    /// A submitted text as it is compiled for a problem: with what calls it if it is a function, or
    /// else with the problem's snippets and files.
    ///
    /// # Errors
    /// If that is not a program.
    pub fn submitted(
        language: &Arc<Language>,
        content: &RevisionContent,
        offer: &ProblemLanguage,
        text: &str,
        included: &[(String, Bytes)],
    ) -> Result<Self, SourceError> {
        match &content.signature {
            None => Self::single_among(language, &offer.join(text), included),
            Some(declaration) => {
                let signature = declaration.read().map_err(SourceError::Signature)?;
                Self::of_function(language, signature, text)
            }
        }
    }

    /// A submitted function or class, with what calls it.
    ///
    /// # Errors
    /// If the language has no driver, or the source cannot be called.
    pub fn of_function(
        language: &Arc<Language>,
        signature: Signature,
        text: &str,
    ) -> Result<Self, SourceError> {
        let driver = functions::builtin().get(language.id.as_str());
        let driver = driver.ok_or_else(|| SourceError::NoDriver(language.name.clone()))?;
        let called = Calls::of(driver, signature, text).map_err(SourceError::Refused)?;
        let (files, layout, calls) = called;
        let language = Arc::new(with_driver(language, driver));
        Ok(Self { language, layout, files, calls: Some(Arc::new(calls)) })
    }

    /// A program of one file, with the language's default file name.
    pub fn single(language: &Arc<Language>, text: &str) -> Self {
        let layout = Layout::single(language);
        let files = vec![(layout.main.clone(), Bytes::copy_from_slice(text.as_bytes()))];
        Self { language: Arc::clone(language), layout, files, calls: None }
    }

    /// A program of several files. Files of the problem are added, and replace the program's files
    /// of the same name.
    ///
    /// # Errors
    /// If the main file cannot be determined.
    pub fn of_files(
        language: &Arc<Language>,
        own: Vec<(String, Bytes)>,
        entry_point: Option<String>,
        included: &[(String, Bytes)],
    ) -> Result<Self, SourceError> {
        let taken = |name: &str| included.iter().any(|(other, _)| other == name);
        // A problem's module is not the main file of a program; a problem's driver is.
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
        Ok(Self { language: Arc::clone(language), layout, files, calls: None })
    }

    /// A program of one file without a name, with the problem's files. If the problem uses the
    /// default file name, the program gets another.
    ///
    /// # Errors
    /// If the main file cannot be determined, or no name is left for the program.
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

    /// The files that are not sources, which a run finds in its working directory.
    pub fn data(&self) -> Vec<(String, Bytes)> {
        if self.calls.is_some() {
            return vec![];
        }
        let is_data = |name: &str| !self.language.is_source(name);
        self.files.iter().filter(|(name, _)| is_data(name)).cloned().collect()
    }

    /// A digest that identifies the program.
    pub fn digest(&self) -> Digest {
        match self.files.as_slice() {
            // The format for one file must not change: it is recorded in events.
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

/// The name of a submitted file if the default name is taken.
fn solution(name: &str) -> String {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let begins_large = name.starts_with(char::is_uppercase);
    format!("{}.{extension}", if begins_large { "Solution" } else { "solution" })
}

/// Joins the parts, each preceded by its length, so that different lists give different bytes.
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

//! How a submitted function or class is called.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::function::Signature;
use functions::{Driver, Isolation, Refused};
use sandbox::{Begins, Language, Layout};

/// How a submission is called.
#[derive(Debug)]
pub struct Calls {
    pub(super) signature: Signature,
    pub(super) isolation: Isolation,
    /// The name of the submitted file.
    user: String,
    /// The names of the driver's files.
    own: Vec<String>,
}

/// The files of a program that calls a submission, their layout, and how it is called.
pub(super) type Called = (Vec<(String, Bytes)>, Layout, Calls);

impl Calls {
    /// The program that calls a submitted text.
    pub(super) fn of(driver: &Driver, signature: Signature, text: &str) -> Result<Called, Refused> {
        let files = driver.files(&signature, text)?.into_iter();
        let files: Vec<(String, Bytes)> =
            files.map(|(name, text)| (name, Bytes::from(text))).collect();
        let (main, user) = (driver.main().to_owned(), driver.user().to_owned());
        let layout = Layout { sources: vec![user.clone(), main.clone()], main, entry_point: None };
        let own = files.iter().map(|(name, _)| name).filter(|name| **name != user);
        let own = own.cloned().collect();
        let calls = Self { signature, isolation: driver.isolation(), user, own };
        Ok((files, layout, calls))
    }

    /// What the compiler's messages mean, if the first error is in a file of the driver: it calls
    /// what the submission does not define.
    pub(super) fn hint(&self, log: &str) -> Option<String> {
        let error = log.find("error").unwrap_or(0);
        let rest = &log[log[..error].rfind('\n').map_or(0, |end| end + 1)..];
        let place = |name: &String| rest.find(&format!("{name}:"));
        let own = self.own.iter().filter_map(place).min()?;
        let is_first = place(&self.user).is_none_or(|user| own < user);
        is_first.then(|| format!("there is no `{}`\n", self.signature))
    }
}

/// The language with the driver's commands.
pub(super) fn with_driver(language: &Language, driver: &Driver) -> Language {
    Language {
        source: driver.main().to_owned(),
        artifact: driver.artifact().to_owned(),
        compile: driver.compile().to_vec(),
        pack: vec![],
        run: driver.run().to_vec(),
        main_names: vec![],
        main_marks: vec![],
        misnamed: None,
        begins: Begins::MainFile,
        support: BTreeMap::new(),
        ..language.clone()
    }
}

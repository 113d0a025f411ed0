//! Settings from several sources. Later sources override earlier ones per setting, and each setting
//! remembers its source.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::{Exit, Failure};

/// The source of a setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The defaults.
    Default,
    /// A file.
    File(PathBuf),
    /// An environment variable, by its name.
    Variable(String),
    /// The flag `--set`.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// Settings by their keys, for example `evaluator.slots`. Together they are a `C`.
#[derive(Debug)]
pub(crate) struct Settings<C> {
    values: BTreeMap<String, (Value, Source)>,
    configuration: PhantomData<fn() -> C>,
}

impl<C: Serialize + DeserializeOwned> Settings<C> {
    /// The defaults.
    pub(crate) fn new(defaults: &C) -> Self {
        let defaults = Table::try_from(defaults).expect("the defaults can be written as TOML");
        let mut settings = Self { values: BTreeMap::new(), configuration: PhantomData };
        settings.take("", defaults, &Source::Default);
        settings
    }

    /// Every key with its value and its source.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Source)> {
        self.values.iter().map(|(key, (value, source))| (key.as_str(), value, source))
    }

    /// Adds the settings of a TOML file.
    pub(crate) fn merge_file(&mut self, path: &Path) -> Result<(), Failure> {
        let refused = |error: &dyn fmt::Display| {
            let error = error.to_string();
            Failure::new(Exit::Usage, format!("{}: {}", path.display(), error.trim_end()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| refused(&error))?;
        let table: Table = text.parse().map_err(|error| refused(&error))?;
        let source = Source::File(path.to_owned());
        self.take("", table, &source);
        self.check(&source)
    }

    /// Adds one setting, written as TOML, or as a text without quotes.
    pub(crate) fn merge_one(
        &mut self,
        key: &str,
        text: &str,
        source: Source,
    ) -> Result<(), Failure> {
        let is_text = matches!(self.values.get(key), Some((Value::String(_), _)));
        let plain = || Value::String(text.to_owned());
        let value = match parsed(text) {
            Some(value) if !is_text || value.is_str() => value,
            _ => plain(),
        };
        self.set(key.to_owned(), value, &source);
        self.check(&source)
    }

    /// The configuration.
    pub(crate) fn config(&self) -> Result<C, Failure> {
        self.deserialized().map_err(|error| refused(&error, None))
    }

    fn take(&mut self, prefix: &str, table: Table, source: &Source) {
        for (name, value) in table {
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            self.set(key, value, source);
        }
    }

    fn set(&mut self, key: String, value: Value, source: &Source) {
        match value {
            Value::Table(table) => self.take(&key, table, source),
            value => drop(self.values.insert(key, (value, source.clone()))),
        }
    }

    /// Fails if the settings added last do not make a valid configuration.
    fn check(&self, source: &Source) -> Result<(), Failure> {
        self.deserialized().map(drop).map_err(|error| refused(&error, Some(source)))
    }

    fn deserialized(&self) -> Result<C, String> {
        let mut root = Table::new();
        for (key, (value, _)) in &self.values {
            let mut table = &mut root;
            let mut names = key.split('.').peekable();
            while let Some(name) = names.next() {
                if names.peek().is_none() {
                    table.insert(name.to_owned(), value.clone());
                    break;
                }
                let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
                let Value::Table(inner) = inner else {
                    return Err(format!("`{name}` is a section, not a setting"));
                };
                table = inner;
            }
        }
        C::deserialize(root).map_err(|error| error.to_string().trim_end().replace('\n', " "))
    }
}

fn refused(error: &str, source: Option<&Source>) -> Failure {
    let place = source.map(|source| format!(" from {source}")).unwrap_or_default();
    Failure::new(Exit::Usage, format!("the configuration{place}: {error}"))
}

/// The text as a TOML value; `None` if it is not one.
fn parsed(text: &str) -> Option<Value> {
    let mut table: Table = format!("value = {text}").parse().ok()?;
    let is_alone = table.len() == 1;
    table.remove("value").filter(|_| is_alone)
}

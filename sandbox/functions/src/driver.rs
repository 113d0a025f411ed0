use std::collections::BTreeMap;

use domain::function::Signature;
use minijinja::{Environment, Value};
use serde::Deserialize;
use toml::Table;

pub use crate::context::Unsupported;
use crate::context::{Columns, Contexts};
use crate::names::Names;
use crate::source::Changes;
pub use crate::source::Refused;

/// The built-in drivers, as (file name, text).
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/drivers.rs"));

/// How the cases of a submission are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Each case has a process of its own.
    Process,
    /// The driver loads the submission once, and forks for each case.
    Fork,
    /// The driver loads the submission again for each case.
    Reload,
}

impl Isolation {
    /// Whether one process takes any number of cases, after it has loaded the submission in a turn
    /// of its own.
    pub fn goes_on(self) -> bool {
        self != Self::Process
    }
}

/// How a language calls submitted functions: data, not code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    /// The language.
    id: String,
    isolation: Isolation,
    /// The name of the submitted source in the cell.
    user: String,
    /// The name of the file that the glue template fills.
    main: String,
    /// What compiling leaves for runs; the sources themselves if it is not given.
    artifact: Option<String>,
    /// Like the language's own, but for these files.
    compile: Vec<Vec<String>>,
    /// Like the language's own.
    run: Vec<String>,
    names: Names,
    /// Columns by type.
    types: BTreeMap<String, Columns>,
    templates: Templates,
    #[serde(default)]
    source: Changes,
    /// Further files, by name, beside the glue when it is compiled.
    #[serde(default)]
    support: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Templates {
    /// What authors begin with.
    starter: String,
    /// What calls the submitted code.
    glue: String,
}

/// The file is not TOML or has the wrong fields.
#[derive(Debug, thiserror::Error)]
#[error("{file} is not a valid driver")]
pub struct DriverError {
    /// The driver's file.
    pub file: String,
    /// The parser's error, with its position.
    #[source]
    pub source: toml::de::Error,
}

/// Calls submitted functions of one language.
#[derive(Debug)]
pub struct Driver {
    definition: Definition,
    environment: Environment<'static>,
}

impl Driver {
    fn new(definition: Definition) -> Self {
        let mut environment = Environment::new();
        environment.set_keep_trailing_newline(true);
        Self { definition, environment }
    }

    /// The id of the language.
    pub fn id(&self) -> &str {
        &self.definition.id
    }

    /// How cases are kept apart.
    pub fn isolation(&self) -> Isolation {
        self.definition.isolation
    }

    /// The commands that compile [`files`](Self::files), as a language's definition has them.
    pub fn compile(&self) -> &[Vec<String>] {
        &self.definition.compile
    }

    /// The command that runs them.
    pub fn run(&self) -> &[String] {
        &self.definition.run
    }

    /// What compiling leaves for runs; the main file if that is all files.
    pub fn artifact(&self) -> &str {
        self.definition.artifact.as_ref().unwrap_or(&self.definition.main)
    }

    /// The name of the file that calls the submitted code.
    pub fn main(&self) -> &str {
        &self.definition.main
    }

    /// The name of the submitted source in the cell.
    pub fn user(&self) -> &str {
        &self.definition.user
    }

    /// Whether the language has values of all the signature's types.
    ///
    /// # Errors
    /// If it has not; the error names the first.
    pub fn check(&self, signature: &Signature) -> Result<(), Unsupported> {
        self.context(signature, &BTreeMap::new()).map(drop)
    }

    /// The code that authors begin with.
    ///
    /// # Errors
    /// If the language has no values of one of the types.
    pub fn starter(&self, signature: &Signature) -> Result<String, Unsupported> {
        let context = self.context(signature, &BTreeMap::new())?;
        Ok(self.render(&self.definition.templates.starter, &context))
    }

    /// The files to compile: the submitted source, what calls it, and the driver's own. The main
    /// file is the last.
    ///
    /// # Errors
    /// If the source has something that a driver cannot call, or the language has no values of one
    /// of the types.
    pub fn files(
        &self,
        signature: &Signature,
        source: &str,
    ) -> Result<Vec<(String, String)>, Refused> {
        let Definition { user, main, templates, source: changes, support, .. } = &self.definition;
        let changed = changes.apply(source)?;
        let context = self.context(signature, &changes.flags(source));
        let context = context.map_err(|error| Refused { line: 1, reason: error.to_string() })?;
        let glue = self.render(&templates.glue, &context);
        let mut files: Vec<(String, String)> =
            support.iter().map(|(name, text)| (name.clone(), without_first_line(text))).collect();
        files.push((user.clone(), changed));
        files.push((main.clone(), glue));
        Ok(files)
    }

    fn context(
        &self,
        signature: &Signature,
        flags: &BTreeMap<&str, bool>,
    ) -> Result<Value, Unsupported> {
        let Definition { types, names, .. } = &self.definition;
        Contexts { environment: &self.environment, table: types, names }.of(signature, flags)
    }

    fn render(&self, template: &str, context: &Value) -> String {
        let rendered = self.environment.render_str(template, context);
        let rendered = rendered.expect("a test renders every template with every type");
        without_first_line(&rendered)
    }
}

/// Texts in definitions begin on a new line.
fn without_first_line(text: &str) -> String {
    text.strip_prefix('\n').unwrap_or(text).to_owned()
}

/// A driver's table with what it leaves to the driver that it is `like`.
fn with_defaults(table: &Table, all: &BTreeMap<&str, Table>) -> Table {
    let mut own = table.clone();
    let like = own.remove("like");
    let base = like.as_ref().and_then(|like| all.get(format!("{}.toml", like.as_str()?).as_str()));
    fill_in(&mut own, base.into_iter().flatten());
    own
}

/// Adds the entries that are missing, also those of tables inside.
fn fill_in<'a>(own: &mut Table, defaults: impl Iterator<Item = (&'a String, &'a toml::Value)>) {
    for (key, value) in defaults {
        match (own.get_mut(key), value) {
            (Some(toml::Value::Table(own)), toml::Value::Table(defaults)) => {
                fill_in(own, defaults.iter());
            }
            (Some(_), _) => {}
            (None, _) => drop(own.insert(key.clone(), value.clone())),
        }
    }
}

/// All drivers.
#[derive(Debug)]
pub struct Drivers {
    by_id: BTreeMap<String, Driver>,
}

impl Drivers {
    pub(crate) fn builtin() -> Self {
        Self::parse(BUILTIN.iter().copied())
            .expect("a test reads every driver that ships with the program")
    }

    /// Parses drivers given as (file name, TOML text).
    ///
    /// # Errors
    /// If a driver is malformed.
    pub fn parse<'a>(
        definitions: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, DriverError> {
        let malformed = |file: &str, source| {
            let file = file.to_owned();
            DriverError { file, source }
        };
        let tables = definitions.into_iter().map(|(file, text)| {
            let table = text.parse::<Table>().map_err(|error| malformed(file, error))?;
            Ok((file, table))
        });
        let tables: BTreeMap<&str, Table> = tables.collect::<Result<_, DriverError>>()?;
        let drivers = tables.iter().map(|(file, table)| {
            let definition: Definition =
                with_defaults(table, &tables).try_into().map_err(|error| malformed(file, error))?;
            Ok((definition.id.clone(), Driver::new(definition)))
        });
        Ok(Self { by_id: drivers.collect::<Result<_, _>>()? })
    }

    /// The driver of the language with this id.
    pub fn get(&self, id: &str) -> Option<&Driver> {
        self.by_id.get(id)
    }

    /// All drivers, sorted by id.
    pub fn all(&self) -> impl Iterator<Item = &Driver> {
        self.by_id.values()
    }
}

#[cfg(test)]
mod tests;

//! What a worker can do, and what a piece of work needs.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use domain::problem::RevisionContent;
use domain::{InvalidIdentity, LanguageId};
use serde::{Deserialize, Serialize};

/// Something that an evaluator can do. Stores keep it as text: `judge:python3`, `run:cpp`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Ability {
    /// Judge submissions in this language.
    Judge(LanguageId),
    /// Run a problem's own programs in this language. An operator may restrict the languages of
    /// submissions further than those of programs.
    Run(LanguageId),
}

impl Ability {
    /// All that judging a submission in this language on this revision needs.
    pub fn needed(language: &LanguageId, content: &RevisionContent) -> BTreeSet<Self> {
        let programs = content.programs().filter_map(|program| program.language.clone());
        programs.map(Self::Run).chain([Self::Judge(language.clone())]).collect()
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Judge(language) => write!(f, "judge:{language}"),
            Self::Run(language) => write!(f, "run:{language}"),
        }
    }
}

/// The text is not the name of an ability.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an ability")]
pub struct UnknownAbility(String);

impl FromStr for Ability {
    type Err = UnknownAbility;

    fn from_str(text: &str) -> Result<Self, UnknownAbility> {
        let unknown = || UnknownAbility(text.to_owned());
        let (kind, language) = text.split_once(':').ok_or_else(unknown)?;
        let language = language.parse().map_err(|_: InvalidIdentity| unknown())?;
        match kind {
            "judge" => Ok(Self::Judge(language)),
            "run" => Ok(Self::Run(language)),
            _ => Err(unknown()),
        }
    }
}

impl From<Ability> for String {
    fn from(ability: Ability) -> Self {
        ability.to_string()
    }
}

impl TryFrom<String> for Ability {
    type Error = UnknownAbility;

    fn try_from(text: String) -> Result<Self, UnknownAbility> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_survive_their_text() {
        for text in ["judge:cpp", "run:cpp", "judge:python3"] {
            assert_eq!(text.parse::<Ability>().unwrap().to_string(), text);
        }
        for text in ["", "cpp", "judge:", "judge:C++", "make:cpp", "run:a,b"] {
            text.parse::<Ability>().unwrap_err();
        }
    }
}

//! The sandbox, and the languages that are judged in it.

use std::sync::Arc;

use graphql::{Catalogue, CatalogueLanguage};
use problem_package::Options;
use sandbox::{Language, Languages, Level, Sandbox, Toolchain};

use crate::config::{Config, EvaluatorConfig};
use crate::{Exit, Failure};

/// Opens the configured sandbox.
pub(crate) fn open_sandbox(config: &Config) -> Result<Arc<dyn Sandbox>, Failure> {
    sandbox::resolve(&config.sandbox)
        .map_err(|error| Failure::of(Exit::Usage, "opening the sandbox", &error))
}

/// The built-in languages, and those that the configuration adds.
pub fn open_languages(config: &Config) -> Result<Arc<Languages>, Failure> {
    let failed = |error| Failure::of(Exit::Usage, "reading sandbox.languages", &error);
    config.sandbox.languages().map_err(failed)
}

/// The languages that the configuration selects for judging.
pub(crate) fn wanted_languages(
    config: &Config,
    languages: &Languages,
) -> Result<Vec<Arc<Language>>, Failure> {
    if config.evaluator.languages.is_empty() {
        return Ok(languages.all().to_vec());
    }
    named_languages("evaluator.languages", &config.evaluator.languages, languages)
}

/// The languages with these ids. `place` is the setting or flag that lists them.
pub(crate) fn named_languages(
    place: &str,
    ids: &[String],
    languages: &Languages,
) -> Result<Vec<Arc<Language>>, Failure> {
    let named = ids.iter().map(|id| {
        languages.get(id).cloned().ok_or_else(|| {
            let known: Vec<_> = languages.all().iter().map(|it| it.id.as_str()).collect();
            let known = known.join(", ");
            Failure::new(Exit::Usage, format!("{place}: {id:?} is unknown; known are {known}"))
        })
    });
    named.collect()
}

/// How packages are read, by a server and by commands that read them without one. A problem with
/// starter code allows the languages that the configuration selects. It does not depend on this
/// machine's toolchains, so that every process reads a package in the same way.
pub fn package_options(config: &Config) -> Result<Options, Failure> {
    let selected = wanted_languages(config, &*open_languages(config)?)?;
    Ok(Options {
        languages: selected
            .iter()
            .filter_map(|language| language.id.as_str().parse().ok())
            .collect(),
        cpp: config.packages.cpp.id(),
        latex: command_api::latex_converter(),
        ..Options::default()
    })
}

/// The languages that are judged.
pub(crate) struct Judged {
    pub(crate) languages: Vec<Arc<Language>>,
    /// One per language; empty before the toolchains were checked.
    pub(crate) toolchains: Vec<Toolchain>,
    /// All languages of this machine; empty before the toolchains were checked.
    pub(crate) installed: Vec<Arc<Language>>,
    /// The reasons why other known languages are not judged.
    pub(crate) left_out: Vec<String>,
}

impl Judged {
    /// All these languages, unchecked, for a process that does not judge.
    pub(crate) fn unchecked(languages: Vec<Arc<Language>>) -> Self {
        Self { languages, toolchains: vec![], installed: vec![], left_out: vec![] }
    }

    /// Checks every toolchain. Fails if a configured language is missing; without configured
    /// languages, leaves missing ones out.
    pub(crate) async fn check(
        self,
        sandbox: &dyn Sandbox,
        config: &EvaluatorConfig,
        all: &Languages,
    ) -> Result<Self, Failure> {
        let answers = sandbox
            .toolchains(all.all())
            .await
            .map_err(|error| Failure::of(Exit::Usage, "checking the toolchains", &error))?;
        let mut judged = Self::unchecked(vec![]);
        for (language, answer) in all.all().iter().zip(answers) {
            let is_judged = self.languages.iter().any(|judged| judged.id == language.id);
            match answer {
                Ok(toolchain) => {
                    judged.installed.push(Arc::clone(language));
                    if is_judged {
                        judged.languages.push(Arc::clone(language));
                        judged.toolchains.push(toolchain);
                    }
                }
                Err(error) if is_judged => judged.left_out.push(error.to_string()),
                Err(_) => {}
            }
        }
        let refused = !config.languages.is_empty() && !judged.left_out.is_empty();
        if !refused && !judged.languages.is_empty() {
            return Ok(judged);
        }
        let missing: String = judged.left_out.iter().map(|it| format!("\n  - {it}")).collect();
        let message = format!(
            "some languages cannot be judged{missing}\n  install them, or select the languages to judge: --set \
             'evaluator.languages=[\"cpp\"]'"
        );
        Err(Failure::new(Exit::Usage, message))
    }
}

/// Fails if the sandbox does not contain untrusted programs.
pub(crate) async fn require_isolation(
    sandbox: &dyn Sandbox,
    languages: &[Arc<Language>],
) -> Result<(), Failure> {
    let Some(language) = languages.first() else { return Ok(()) };
    let findings = sandbox::self_test(sandbox, language)
        .await
        .map_err(|error| Failure::of(Exit::JudgeError, "testing the sandbox", &error))?;
    let broken: String = findings
        .iter()
        .filter(|finding| finding.level == Level::Missing)
        .map(|finding| format!("\n  - {}: {}", finding.subject, finding.detail))
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    let message =
        format!("the {} sandbox does not hold{broken}\n  run: assay doctor", sandbox.name());
    Err(Failure::new(Exit::JudgeError, message))
}

/// The judged languages, as the API shows them.
pub(crate) fn catalogue(languages: &[Arc<Language>], toolchains: &[Toolchain]) -> Catalogue {
    let versions = toolchains
        .iter()
        .map(|toolchain| toolchain.version.lines().next().unwrap_or_default().to_owned());
    let versions = versions.chain(std::iter::repeat(String::new()));
    Catalogue::new(languages.iter().zip(versions).filter_map(|(language, version)| {
        Some(CatalogueLanguage {
            id: language.id.as_str().parse().ok()?,
            name: language.name.clone(),
            version,
            extensions: language.extensions.clone(),
            mode: language.editor_mode.clone(),
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigArgs;

    #[tokio::test]
    async fn packages_with_starter_code_allow_the_selected_languages() {
        let mut args = ConfigArgs::default();
        let languages = |args: &ConfigArgs| {
            let options = package_options(&args.load().unwrap()).unwrap();
            options.languages.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(languages(&args).contains(&"kotlin".to_owned()), "all known languages");
        args.set = vec!["evaluator.languages=[\"rust\",\"cpp\"]".to_owned()];
        assert_eq!(languages(&args), ["rust", "cpp"]);
    }
}

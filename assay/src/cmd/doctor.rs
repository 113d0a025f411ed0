//! `assay doctor`

use sandbox::{Finding, Level, Sandbox, SandboxError};
use serde::Serialize;

use super::print_json;
use crate::config::Config;
use crate::languages::{open_languages, open_sandbox, wanted_languages};
use crate::stores::{LIVE, open_stores, open_views};
use crate::table::table;
use crate::{Exit, Failure};

/// Report what this machine can do, what is missing, and how to fix it
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One checked item.
#[derive(Debug, Serialize)]
struct Line {
    /// `ok`, `weaker`, `left out` or `missing`.
    level: &'static str,
    subject: String,
    detail: String,
    cure: Option<String>,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let mut lines = vec![
        of_store("log, queue, blobs, credentials, tree", open_stores(config).await.map(drop)),
        of_store("read model", open_views(config, LIVE).await.map(drop)),
    ];
    match open_sandbox(config) {
        Ok(sandbox) => {
            lines.extend(of_sandbox(config, sandbox.as_ref()).await?);
            sandbox.shutdown().await;
        }
        Err(failure) => {
            let subject = "sandbox".to_owned();
            lines.push(Line { level: "missing", subject, detail: failure.message, cure: None });
        }
    }
    let missing = lines.iter().any(|line| line.level == "missing");
    if args.json {
        print_json(&lines)?;
    } else {
        let mut rows = table(["", "what", "found", "cure"]);
        for Line { level, subject, detail, cure } in lines {
            rows.add_row([level.to_owned(), subject, detail, cure.unwrap_or_default()]);
        }
        println!("{rows}");
    }
    Ok(if missing { Exit::NotAccepted } else { Exit::Done })
}

/// The active protections, the available languages, and the self-test.
async fn of_sandbox(config: &Config, sandbox: &dyn Sandbox) -> Result<Vec<Line>, Failure> {
    let mut lines: Vec<Line> = sandbox.examine().await.into_iter().map(Line::from).collect();
    let named = !config.evaluator.languages.is_empty();
    let languages = wanted_languages(config, &*open_languages(config)?)?;
    let answers = match sandbox.toolchains(&languages).await {
        Ok(answers) => answers,
        Err(error) => {
            lines.push(Line::missing("languages", &error));
            return Ok(lines);
        }
    };
    let mut any = None;
    for (language, answer) in languages.iter().zip(answers) {
        let subject = format!("language {}", language.id);
        lines.push(match answer {
            Ok(toolchain) => {
                any = any.or(Some(language));
                let version = toolchain.version.lines().next().unwrap_or_default();
                Line { level: "ok", subject, detail: version.to_owned(), cure: None }
            }
            Err(error) if named => Line::unavailable("missing", subject, &error),
            // The configuration does not name this language.
            Err(error) => Line::unavailable("left out", subject, &error),
        });
    }
    if let Some(language) = any {
        match sandbox::self_test(sandbox, language).await {
            Ok(findings) => lines.extend(findings.into_iter().map(Line::from)),
            Err(error) => lines.push(Line::missing("self-test", &error)),
        }
    }
    Ok(lines)
}

impl Line {
    /// A language, named in `subject`, without a working toolchain.
    fn unavailable(level: &'static str, subject: String, error: &SandboxError) -> Self {
        match error {
            SandboxError::LanguageUnavailable { reason, cure, .. } => {
                Self { level, subject, detail: reason.clone(), cure: Some(cure.clone()) }
            }
            _ => Self { level, ..Self::missing(&subject, error) },
        }
    }

    fn missing(subject: &str, error: &SandboxError) -> Self {
        let detail = Failure::of(Exit::Usage, "checking", error).message;
        Self { level: "missing", subject: subject.to_owned(), detail, cure: None }
    }
}

fn of_store(subject: &str, opened: Result<(), Failure>) -> Line {
    let (level, detail) = match opened {
        Ok(()) => ("ok", "opened".to_owned()),
        Err(failure) => ("missing", failure.message),
    };
    Line { level, subject: subject.to_owned(), detail, cure: None }
}

impl From<Finding> for Line {
    fn from(finding: Finding) -> Self {
        let level = match finding.level {
            Level::InForce => "ok",
            Level::Weaker => "weaker",
            Level::Missing => "missing",
        };
        let Finding { subject, detail, cure, .. } = finding;
        Self { level, subject, detail, cure }
    }
}

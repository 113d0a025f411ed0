//! `assay doctor`

use sandbox::{Finding, Languages, Level};
use serde::Serialize;

use super::print_json;
use crate::config::Config;
use crate::server::{LIVE, open_sandbox, open_stores, open_views, wanted_languages};
use crate::table::table;
use crate::{Exit, Failure};

/// Tell what this machine can do, what is missing, and how to mend it
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Line {
    /// `ok`, `weaker` or `missing`.
    level: &'static str,
    subject: String,
    detail: String,
    cure: Option<String>,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let mut lines = vec![
        of_store("log, queue, blobs, credentials", open_stores(config).await.map(drop)),
        of_store("read model", open_views(config, LIVE).await.map(drop)),
    ];
    match open_sandbox(config) {
        Ok(sandbox) => {
            lines.extend(sandbox.examine().await.into_iter().map(Line::from));
            for language in wanted_languages(config, &Languages::builtin())? {
                let subject = format!("language {}", language.id);
                lines.push(match sandbox.toolchain(&language).await {
                    Ok(toolchain) => {
                        let version = toolchain.version.lines().next().unwrap_or_default();
                        Line { level: "ok", subject, detail: version.to_owned(), cure: None }
                    }
                    Err(error) => {
                        let detail = Failure::of(Exit::Usage, "probing", &error).message;
                        Line { level: "missing", subject, detail, cure: None }
                    }
                });
            }
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

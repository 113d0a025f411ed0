//! Statements and attachments of problems.

use async_graphql::{Context, Object, Result, SimpleObject};
use domain::problem::{Attachment as DomainAttachment, Translation};
use read_model::views::ProblemView;

use super::int;
use crate::addresses::{Addresses, address};
use crate::scalars::{Html, Markdown, Sha256};
use crate::{Api, prices};

/// A Markdown text and its HTML.
#[derive(Debug, Clone)]
pub struct Statement {
    text: String,
    language: String,
    attachments: Addresses,
}

#[Object]
impl Statement {
    /// The Markdown source, as its setter wrote it.
    #[graphql(complexity = "prices::TEXT")]
    async fn markdown(&self) -> Markdown {
        Markdown(self.text.clone())
    }

    /// The text as sanitised HTML, with math rendered as MathML and attachment names replaced by
    /// their URLs.
    #[graphql(complexity = "prices::TEXT")]
    async fn html(&self, ctx: &Context<'_>) -> Html {
        let html = Api::of(ctx).renderer.html(&self.text, &self.attachments).await;
        Html(html.to_string())
    }

    /// The natural language of the text: `en`, `pt-BR`, …
    async fn language(&self) -> &str {
        &self.language
    }
}

impl Statement {
    /// The problem's statement in the available natural language closest to this one.
    pub(super) async fn of(
        ctx: &Context<'_>,
        problem: &ProblemView,
        language: Option<&str>,
    ) -> Result<Self> {
        let Some(translation) = translation(problem, language) else {
            return Ok(Self::own(problem, &problem.statement));
        };
        let text = Api::loader(ctx).load_one(translation.statement.digest).await?;
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        let language = translation.language.clone();
        Ok(Self { text, language, attachments: addresses(problem) })
    }

    /// A text in the problem's original natural language.
    pub(super) fn own(problem: &ProblemView, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            language: problem.natural_language.clone(),
            attachments: addresses(problem),
        }
    }
}

fn addresses(problem: &ProblemView) -> Addresses {
    Addresses::new(&problem.slug, &problem.attachments)
}

/// The translation closest to a language; `None` if the original is closest.
pub(super) fn translation<'a>(
    problem: &'a ProblemView,
    language: Option<&str>,
) -> Option<&'a Translation> {
    let wanted = normal(language?);
    let first = normal(&problem.natural_language);
    let exact = problem.translations.iter().find(|it| normal(&it.language) == wanted);
    if first == wanted || exact.is_some() {
        return exact;
    }
    let is_near = |language: &str| primary(language) == primary(&wanted);
    let near = problem.translations.iter().find(|it| is_near(&normal(&it.language)));
    near.filter(|_| !is_near(&first))
}

fn normal(language: &str) -> String {
    language.trim().to_lowercase().replace('_', "-")
}

fn primary(language: &str) -> &str {
    language.split('-').next().unwrap_or(language)
}

/// A file for solvers.
#[derive(Debug, Clone, SimpleObject)]
pub struct Attachment {
    /// The file's relative path, with `/` between names.
    name: String,
    /// The file's size, in bytes.
    bytes: i32,
    /// The SHA-256 of the file's content.
    sha256: Sha256,
    /// The file's URL, as a path on this server.
    url: String,
}

impl Attachment {
    pub(super) fn all(problem: &ProblemView) -> Vec<Self> {
        let attachments = problem.attachments.iter();
        let attachments = attachments.map(|DomainAttachment { path, content }| Self {
            name: path.clone(),
            bytes: int(content.bytes),
            sha256: Sha256(content.digest),
            url: address(&problem.slug, path),
        });
        attachments.collect()
    }
}

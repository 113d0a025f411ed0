//! Which problems a list contains: by their words, and by who may see them.

use async_graphql::Context;
use domain::problem::Visibility::{self, Draft, Hidden, Public};
use event_store::Scope;
use read_model::views::ProblemView;
use read_model::{Condition, Scalar, words};

use super::ProblemVisibility;
use crate::{ApiError, Viewer, access};

/// Maximum number of different words that a search takes.
const SEARCHED_WORDS_MAX: usize = 20;

/// The problem is in lists.
pub(super) fn listed() -> Condition {
    Condition::Equals("listing", text(ProblemView::listing_of(Public)))
}

/// All words of the text occur. A text without words selects nothing.
pub(super) fn text_conditions(searched: &str) -> Result<Vec<Condition>, ApiError> {
    let words = words(searched);
    if words.len() > SEARCHED_WORDS_MAX {
        return Err(ApiError::bad_input(format!("at most {SEARCHED_WORDS_MAX} different words")));
    }
    if words.is_empty() {
        return Ok(vec![Condition::AnyOf("slug", vec![])]);
    }
    Ok(words.into_iter().map(|word| Condition::HasAny("words", vec![Scalar::Text(word)])).collect())
}

/// The part of a filter that selects problems by who may see them.
pub(super) struct Shown {
    pub(super) visibility: Option<Vec<ProblemVisibility>>,
    pub(super) archived: bool,
    pub(super) mine: bool,
}

impl Shown {
    /// The conditions that views must meet.
    pub(super) fn conditions(self, ctx: &Context<'_>) -> Result<Vec<Condition>, ApiError> {
        if self.visibility.is_none() && !self.archived && !self.mine {
            return Ok(vec![listed()]);
        }
        let mut conditions = Vec::new();
        let visibilities = match self.visibility {
            Some(given) => given.into_iter().map(Visibility::from).collect(),
            None => vec![Draft, Hidden, Public],
        };
        let is_public = !self.archived && visibilities.iter().all(|it| *it == Public);
        let named = |it: Visibility| text(ProblemView::listing_of(it));
        if self.archived {
            conditions.push(Condition::Equals("listing", text(ProblemView::ARCHIVED)));
        } else {
            conditions
                .push(Condition::AnyOf("listing", visibilities.into_iter().map(named).collect()));
        }
        if self.mine || !is_public && !access::may_see_all_problems(Viewer::of(ctx)) {
            let viewer = Viewer::required(ctx)?;
            if !viewer.allows(Scope::Read) {
                conditions.push(Condition::AnyOf("slug", vec![]));
            }
            conditions.push(Condition::HasAny("people", vec![text(viewer.login.as_str())]));
        }
        Ok(conditions)
    }
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}

//! Selects the submissions of a rejudge. The exact set is stored in a blob and the blob's digest is
//! the token, so a client cannot alter the set, however large it is.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::Context;
use bytes::Bytes;
use domain::rejudge::{MEMBERS_MAX, Selection};
use domain::{LanguageId, SubmissionId, Verdict};
use read_model::views::{SubmissionState, SubmissionView};
use read_model::{Condition, Micros, PageRequest, Scalar, ViewReaderExt, WHOLE_PAGE};
use serde::{Deserialize, Serialize};

use crate::nodes::{
    LanguageNode, RejudgePreview, RejudgeSelection, Submission, VerdictCount, int, submission,
};
use crate::{Api, ApiError, Code, GlobalId, access};

/// Maximum number of submissions that a preview shows.
const SAMPLE_MAX: usize = 10;

/// A selection with the submissions that it matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedSelection {
    /// The client's selection.
    pub selection: Selection,
    /// The submissions that matched it, oldest first.
    pub submissions: Vec<SubmissionId>,
}

impl PinnedSelection {
    /// Maximum size of a pinned selection, in bytes. Each submission may take an id of 36
    /// characters with quotes and comma twice; the rest of the selection also fits.
    pub const BYTES_MAX: usize = 100 * MEMBERS_MAX;

    fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("a selection is maps, strings and numbers").into()
    }

    /// Decodes a pinned selection; `None` if the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let small = bytes.len() <= Self::BYTES_MAX;
        small.then(|| serde_json::from_slice(bytes).ok()).flatten()
    }
}

/// Previews what a rejudge would affect.
///
/// # Errors
/// If the viewer may not rejudge, or the selection is invalid or matches too many submissions.
pub async fn preview(
    ctx: &Context<'_>,
    input: RejudgeSelection,
) -> Result<RejudgePreview, ApiError> {
    access::require(ctx, access::may_rejudge, "judges")?;
    let (api, selection) = (Api::of(ctx), parse(input)?);
    let mut tally = Tally::default();
    if selection.submissions.is_empty() {
        let conditions = conditions(&selection);
        let order = submission::NEWEST_FIRST;
        let mut request = PageRequest { conditions, order, ..PageRequest::all(WHOLE_PAGE) };
        loop {
            let found = api.reader.views::<SubmissionView>(&request).await?;
            request.after = found.items.last().map(|(place, _)| place.clone());
            found.items.into_iter().try_for_each(|(_, it)| tally.add(&selection, it))?;
            if !found.has_more {
                break;
            }
        }
    } else {
        let mut found = Vec::new();
        for ids in selection.submissions.chunks(WHOLE_PAGE as usize) {
            let keys: Vec<String> = ids.iter().map(SubmissionId::to_string).collect();
            found.extend(api.reader.many::<SubmissionView>(&keys).await?.into_iter().flatten());
        }
        found.sort_by_key(|it| std::cmp::Reverse(it.number));
        found.into_iter().try_for_each(|it| tally.add(&selection, it))?;
    }
    tally.preview(api, selection).await
}

/// The submissions matched so far, newest first.
#[derive(Debug, Default)]
struct Tally {
    submissions: Vec<SubmissionId>,
    verdicts: BTreeMap<Verdict, usize>,
    languages: BTreeSet<LanguageId>,
    sample: Vec<SubmissionView>,
    cpu_ms: u64,
}

impl Tally {
    fn add(&mut self, selection: &Selection, submission: SubmissionView) -> Result<(), ApiError> {
        let (true, Some(verdict)) = (meets(&submission, selection), submission.verdict) else {
            return Ok(());
        };
        if self.submissions.len() == MEMBERS_MAX {
            let message = format!("more than {MEMBERS_MAX} submissions; narrow the selection");
            return Err(ApiError::new(Code::TooLarge, message));
        }
        self.submissions.push(submission.id);
        *self.verdicts.entry(verdict).or_default() += 1;
        if !self.languages.contains(&submission.language) {
            self.languages.insert(submission.language.clone());
        }
        self.cpu_ms += submission.attempt.as_ref().map_or(0, |attempt| attempt.cpu_ms);
        if self.sample.len() < SAMPLE_MAX {
            self.sample.push(submission);
        }
        Ok(())
    }

    async fn preview(
        mut self,
        api: &Api,
        selection: Selection,
    ) -> Result<RejudgePreview, ApiError> {
        self.submissions.reverse();
        let pinned = PinnedSelection { selection, submissions: self.submissions };
        let token = api.blobs.put(pinned.encode()).await?;
        let verdicts = self.verdicts.into_iter();
        Ok(RejudgePreview {
            matched: int(pinned.submissions.len()),
            by_verdict: verdicts
                .map(|(verdict, count)| VerdictCount { verdict: verdict.into(), count: int(count) })
                .collect(),
            sample: self.sample.into_iter().map(Submission::from).collect(),
            estimated_seconds: int(self.cpu_ms.div_ceil(1_000)),
            missing_languages: LanguageNode::missing(api, self.languages).await?,
            selection_token: token.to_string(),
        })
    }
}

fn parse(input: RejudgeSelection) -> Result<Selection, ApiError> {
    let bad = |error: domain::InvalidIdentity| ApiError::bad_input(error.to_string());
    let ids = input.submissions.unwrap_or_default();
    if ids.len() > MEMBERS_MAX {
        return Err(ApiError::bad_input(format!("at most {MEMBERS_MAX} submissions")));
    }
    let mut submissions = ids.iter().map(GlobalId::submission).collect::<Result<Vec<_>, _>>()?;
    submissions.sort();
    submissions.dedup();
    let verdicts = input.verdict.unwrap_or_default().into_iter().map(Verdict::from).collect();
    let selection = Selection {
        problem: input.problem.as_ref().map(GlobalId::problem).transpose()?,
        author: input.author.map(|login| login.parse().map_err(bad)).transpose()?,
        language: input.language.as_ref().map(GlobalId::language).transpose()?,
        verdicts,
        judge: input.judge,
        since: input.since.map(|time| time.0),
        until: input.until.map(|time| time.0),
        submissions,
        against: input.against.into(),
    };
    let everything = Selection { against: selection.against, ..Selection::default() };
    if selection == everything {
        return Err(ApiError::bad_input("the selection is empty; give at least one condition"));
    }
    Ok(selection)
}

/// The conditions that the store can check. [`meets`] checks the rest.
fn conditions(selection: &Selection) -> Vec<Condition> {
    let text = |text: &str| Scalar::Text(text.to_owned());
    let mut conditions = vec![Condition::Equals("state", text(SubmissionState::Judged.as_str()))];
    if let Some(problem) = &selection.problem {
        conditions.push(Condition::Equals("problem", text(problem.as_str())));
    }
    if let Some(author) = &selection.author {
        conditions.push(Condition::Equals("author", text(author.as_str())));
    }
    if let Some(language) = &selection.language {
        conditions.push(Condition::Equals("language", text(language.as_str())));
    }
    if !selection.verdicts.is_empty() {
        let verdicts = selection.verdicts.iter().map(|verdict| submission::stored(*verdict));
        conditions.push(Condition::AnyOf("verdict", verdicts.collect()));
    }
    conditions
}

/// Whether a submission matches the selection. Only judged submissions match.
fn meets(submission: &SubmissionView, selection: &Selection) -> bool {
    let Selection { problem, author, language, verdicts, judge, since, until, submissions, .. } =
        selection;
    let named = |evaluator: &str, name: &str| {
        evaluator.strip_prefix(name).is_some_and(|life| life.is_empty() || life.starts_with('-'))
    };
    let judged_by = |name: &String| {
        submission.attempt.as_ref().is_some_and(|attempt| named(&attempt.evaluator, name))
    };
    submission.state == SubmissionState::Judged
        && submission.verdict.is_some_and(|it| verdicts.is_empty() || verdicts.contains(&it))
        && problem.as_ref().is_none_or(|problem| *problem == submission.problem)
        && author.as_ref().is_none_or(|author| *author == submission.author)
        && language.as_ref().is_none_or(|language| *language == submission.language)
        && judge.as_ref().is_none_or(judged_by)
        && since.is_none_or(|since| submission.created_at >= Micros::from(since))
        && until.is_none_or(|until| submission.created_at < Micros::from(until))
        && (submissions.is_empty() || submissions.binary_search(&submission.id).is_ok())
}

#[cfg(test)]
mod tests {
    use domain::submission::SubmissionReceived;
    use domain::{Actor, Digest, Event, EventId, Metadata, Position, Recorded, StreamId, Version};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    /// Ada's submission, received at second 10, judged by an evaluator named after the host.
    fn submission(verdict: Option<Verdict>) -> SubmissionView {
        let id = SubmissionId::from(Uuid::from_u128(7));
        let received = SubmissionReceived {
            submission: id,
            author: "ada".parse().unwrap(),
            problem: "sum".parse().unwrap(),
            revision: 1,
            language: "cpp".parse().unwrap(),
            source: Digest::of(b""),
            source_bytes: 0,
        };
        let started = domain::submission::JudgingStarted {
            attempt: 1,
            evaluator: "host-12-abcdef".to_owned(),
            tests: 1,
        };
        let recorded = |event: Event| Recorded {
            position: Position(1),
            stream: StreamId::Submission(id),
            version: Version(1),
            recorded_at: Timestamp::from_second(10).unwrap(),
            id: EventId(Uuid::nil()),
            metadata: Metadata::new(Actor::system(), Uuid::nil()),
            event,
            body: "".into(),
        };
        let mut view = SubmissionView::new(&received, &recorded(received.clone().into()));
        view.evolve(&recorded(started.into()));
        if let Some(verdict) = verdict {
            view.state = SubmissionState::Judged;
            view.verdict = Some(verdict);
        }
        view
    }

    fn selections() -> Vec<(Selection, bool)> {
        let all = Selection::default;
        let second = |second| Some(Timestamp::from_second(second).unwrap());
        let id = |number| vec![SubmissionId::from(Uuid::from_u128(number))];
        let (ada, bob) = ("ada".parse().ok(), "bob".parse().ok());
        let judge = |name: &str| Selection { judge: Some(name.to_owned()), ..all() };
        vec![
            (all(), true),
            (Selection { author: ada.clone(), ..all() }, true),
            (Selection { author: bob, ..all() }, false),
            (Selection { problem: "sum".parse().ok(), ..all() }, true),
            (Selection { problem: "difference".parse().ok(), ..all() }, false),
            (Selection { language: "cpp".parse().ok(), ..all() }, true),
            (Selection { language: "c".parse().ok(), ..all() }, false),
            (Selection { verdicts: vec![Verdict::Accepted], ..all() }, true),
            (Selection { verdicts: vec![Verdict::WrongAnswer], ..all() }, false),
            (judge("host-12-abcdef"), true),
            (judge("host"), true),
            (judge("hos"), false),
            (Selection { since: second(10), ..all() }, true),
            (Selection { since: second(11), ..all() }, false),
            (Selection { until: second(11), ..all() }, true),
            (Selection { until: second(10), ..all() }, false),
            (Selection { submissions: id(7), ..all() }, true),
            (Selection { submissions: id(8), ..all() }, false),
            (Selection { author: ada, submissions: id(8), ..all() }, false),
        ]
    }

    #[test]
    fn all_that_is_asked_for_must_be_met() {
        let (judged, waiting) = (submission(Some(Verdict::Accepted)), submission(None));
        for (selection, met) in selections() {
            assert_eq!(meets(&judged, &selection), met, "{selection:?}");
            assert!(!meets(&waiting, &selection), "{selection:?}");
        }
    }

    #[test]
    fn a_pinned_selection_reads_back_and_nothing_else_does() {
        for (selection, _) in selections() {
            let submissions = selection.submissions.clone();
            let pinned = PinnedSelection { selection, submissions };
            assert_eq!(PinnedSelection::decode(&pinned.encode()), Some(pinned));
        }
        for text in ["", "{}", "print(1)", r#"{"selection":{},"submissions":[]}"#] {
            assert_eq!(PinnedSelection::decode(text.as_bytes()), None, "{text}");
        }
        let ids = (0..MEMBERS_MAX).map(|id| SubmissionId::from(Uuid::from_u128(id as u128)));
        let submissions: Vec<_> = ids.collect();
        let selection = Selection { submissions: submissions.clone(), ..Selection::default() };
        let largest = PinnedSelection { selection, submissions };
        assert!(PinnedSelection::decode(&largest.encode()).is_some());
    }
}

//! A submission with its judgements and outcomes, folded from its stream.

use std::sync::Arc;

use domain::submission::TestOutcome;
use domain::{Event, Recorded};

use super::{JudgementView, RejudgedSince, SubmissionView};

/// A submission after some event of its stream. Clones share the outcomes, so keeping the states
/// after successive events takes little more memory than the last one.
#[derive(Debug, Clone)]
pub struct SubmissionFold {
    /// The submission.
    pub summary: SubmissionView,
    /// Its attempts, first to last.
    pub judgements: Vec<Arc<JudgementFold>>,
    /// The last event folded.
    pub last: EventPlace,
    /// Total size of the folded events, in bytes.
    pub bytes: usize,
}

/// The position, version and time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPlace {
    /// Its position in the log.
    pub position: domain::Position,
    /// Its version in the stream.
    pub version: domain::Version,
    /// When it was recorded.
    pub recorded_at: crate::Micros,
}

/// An attempt with the outcomes of its tests.
#[derive(Debug, Clone)]
pub struct JudgementFold {
    /// The attempt.
    pub judgement: JudgementView,
    /// The outcomes, ordered by test number.
    pub outcomes: Vec<Arc<TestOutcome>>,
}

impl SubmissionFold {
    /// Folds the events of the submission's stream, from the first; `None` if there are none.
    pub fn of(events: &[Recorded]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let mut fold = Self::received(first)?;
        rest.iter().for_each(|recorded| fold.evolve(recorded));
        Some(fold)
    }

    /// The submission after the first event of its stream.
    pub fn received(first: &Recorded) -> Option<Self> {
        let Event::SubmissionReceived(received) = &first.event else { return None };
        Some(Self {
            summary: SubmissionView::new(received, first),
            judgements: vec![],
            last: EventPlace::of(first),
            bytes: first.body.len(),
        })
    }

    /// Applies a later event of the submission's stream.
    pub fn evolve(&mut self, recorded: &Recorded) {
        self.summary.evolve(recorded);
        self.last = EventPlace::of(recorded);
        self.bytes += recorded.body.len();
        if let Event::JudgingStarted(started) = &recorded.event {
            let judged = self.summary.id.to_string();
            let judgement = JudgementView::new(judged, started, recorded);
            self.judgements.push(Arc::new(JudgementFold { judgement, outcomes: vec![] }));
        } else if let Some(last) = self.judgements.last_mut() {
            Arc::make_mut(last).evolve(recorded);
        }
    }

    /// Adds the verdicts of rejudges at the same moment.
    pub fn with_rejudged(mut self, rejudged: Option<RejudgedSince>) -> Self {
        if let Some(RejudgedSince { position, rejudged, .. }) = rejudged {
            self.summary.position = self.summary.position.max(position);
            self.summary.take_rejudged(rejudged);
        }
        self
    }
}

impl EventPlace {
    fn of(recorded: &Recorded) -> Self {
        Self {
            position: recorded.position,
            version: recorded.version,
            recorded_at: recorded.recorded_at.into(),
        }
    }
}

impl JudgementFold {
    fn evolve(&mut self, recorded: &Recorded) {
        self.judgement.evolve(recorded);
        if let Event::TestsJudged(judged) = &recorded.event {
            self.outcomes.extend(judged.outcomes.iter().cloned().map(Arc::new));
            self.outcomes.sort_by_key(|outcome| outcome.number);
        }
    }
}

//! A submission with its judgements and outcomes, folded from its stream.

use std::sync::Arc;

use domain::submission::TestOutcome;
use domain::{Event, Recorded};

use super::{JudgementView, RejudgedSince, SubmissionView};

/// A submission as some event of its stream left it. Cloning it shares the outcomes, so the states
/// after successive events take little more memory than the last one.
#[derive(Debug, Clone)]
pub struct SubmissionFold {
    /// The submission.
    pub summary: SubmissionView,
    /// Its attempts, first to last.
    pub judgements: Vec<Arc<JudgementFold>>,
    /// The event that led here.
    pub last: EventPlace,
    /// Bytes of the events that were folded.
    pub bytes: usize,
}

/// An event without its content.
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
    /// By test number.
    pub outcomes: Vec<Arc<TestOutcome>>,
}

impl SubmissionFold {
    /// The submission after these events of its stream, from the first; `None` without any.
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

    /// The submission after a later event of its stream.
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

    /// The same submission with the verdicts of rejudges at the same moment.
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

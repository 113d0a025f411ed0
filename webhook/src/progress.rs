//! The progress of one webhook's deliveries, and its checkpoint in the views.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::webhook::{Webhook, WebhookAdvanced};
use domain::{Checkpoint, Event, EventId, Position, Recorded, StreamId, WebhookId};
use event_store::EventLog;
use jiff::Timestamp;
use read_model::views::webhook_checkpoint;
use read_model::{Generation, Views};
use tokio::time::Instant;

use crate::fault::Fault;

/// How far the deliveries have got, and how much of it is recorded.
#[derive(Debug)]
pub(crate) struct Progress {
    webhook: WebhookId,
    /// The store for the checkpoint.
    views: Views,
    /// Every event up to this one was delivered, given up or skipped.
    reached: Position,
    /// That event's id, if it was read.
    reached_event: Option<EventId>,
    /// The recorded checkpoint.
    checkpoint: Option<Checkpoint>,
    /// When the log last recorded progress, by the log's clock.
    marked_at: Option<Timestamp>,
    /// Number of unwanted events since progress was recorded.
    passed: u64,
    /// Whether an event was delivered since progress was recorded.
    has_news: bool,
    /// Dead letters delivered since progress was recorded.
    redelivered: Vec<Position>,
    recorded_at: Option<Instant>,
}

impl Progress {
    pub(crate) fn new(webhook: WebhookId, views: Views) -> Self {
        Self {
            webhook,
            views,
            reached: Position::START,
            reached_event: None,
            checkpoint: None,
            marked_at: None,
            passed: 0,
            has_news: false,
            redelivered: vec![],
            recorded_at: None,
        }
    }

    /// The last event that was delivered, given up or skipped.
    pub(crate) fn reached(&self) -> Position {
        self.reached
    }

    /// Whether a delivery is not recorded yet.
    pub(crate) fn has_news(&self) -> bool {
        self.has_news
    }

    /// Notes that an event needs no more attempts.
    pub(crate) fn reach(&mut self, recorded: &Recorded) {
        (self.reached, self.reached_event) = (recorded.position, Some(recorded.id));
    }

    /// Skips an unwanted event. Events of webhooks are not counted, because otherwise each record
    /// of progress would lead to another.
    pub(crate) fn pass_over(&mut self, recorded: &Recorded) {
        self.reach(recorded);
        self.passed += u64::from(!matches!(recorded.stream, StreamId::Webhook(_)));
    }

    /// Notes that an event was delivered.
    pub(crate) fn note_delivered(&mut self, recorded: &Recorded) {
        self.has_news = true;
        self.reach(recorded);
    }

    /// Notes that a dead letter was delivered.
    pub(crate) fn note_redelivered(&mut self, position: Position) {
        self.redelivered.push(position);
        self.has_news = true;
    }

    /// Whether this dead letter was delivered since progress was recorded.
    pub(crate) fn has_redelivered(&self, position: Position) -> bool {
        self.redelivered.contains(&position)
    }

    /// Drops dead letters that nobody requests any more.
    pub(crate) fn keep_redelivered(&mut self, requested: &BTreeSet<Position>) {
        self.redelivered.retain(|position| requested.contains(position));
    }

    /// Every event up to this position was delivered, given up or skipped, according to the log and
    /// the checkpoint.
    pub(crate) fn through(&self, state: &Webhook) -> Position {
        let checkpoint = self.checkpoint.map_or(Position::START, |it| it.position);
        state.through.max(checkpoint)
    }

    /// Continues after a recorded position.
    pub(crate) fn go_on_after(&mut self, through: Position) {
        (self.reached, self.passed) = (through, 0);
        self.reached_event = None;
        self.has_news = !self.redelivered.is_empty();
    }

    /// Remembers when the log last recorded this webhook's progress.
    pub(crate) fn note_mark(&mut self, recorded: &Recorded) {
        if matches!(recorded.event, Event::WebhookCreated(_) | Event::WebhookAdvanced(_)) {
            self.marked_at = Some(recorded.recorded_at);
        }
    }

    /// Whether there is something to record, and the last record is old enough.
    pub(crate) fn is_due(&self, record_every: Duration, passed_max: u64) -> bool {
        let rested = self.recorded_at.is_none_or(|at| at.elapsed() >= record_every);
        rested && (self.has_news || self.passed >= passed_max)
    }

    /// Whether to record in the log. A delivered dead letter always is. Otherwise the log gets the
    /// progress about once a day, so that few events are delivered again if the views are lost.
    pub(crate) fn is_for_the_log(&self, mark_every: Duration) -> bool {
        let age = |at: Timestamp| Timestamp::now().duration_since(at).as_secs_f64();
        let is_old = |at| age(at) >= mark_every.as_secs_f64();
        !self.redelivered.is_empty() || self.marked_at.is_some_and(is_old)
    }

    /// What to record in the log.
    pub(crate) fn advanced(&self) -> WebhookAdvanced {
        WebhookAdvanced { through: self.reached, redelivered: self.redelivered.clone() }
    }

    /// Notes that everything was recorded.
    pub(crate) fn note_recorded(&mut self) {
        self.redelivered.clear();
        (self.has_news, self.passed, self.recorded_at) = (false, 0, Some(Instant::now()));
    }

    /// Reads the checkpoint; returns whether another process moved it.
    pub(crate) async fn refresh(
        &mut self,
        log: &dyn EventLog,
        state: &Webhook,
    ) -> Result<bool, Fault> {
        let known = self.views.writer.checkpoint(&self.checkpoint_name(state.rewinds)).await?;
        if known == self.checkpoint {
            return Ok(false);
        }
        if let Some(known) = &known {
            // INV-8: do not continue on a log that lost its tail.
            event_store::verify_checkpoint(log, known).await?;
        }
        self.checkpoint = known;
        Ok(true)
    }

    /// Moves the checkpoint to the last event that was read, unless its position is recorded;
    /// returns whether it moved. Fails with [`CommitError::Superseded`] if another process moved
    /// it.
    ///
    /// [`CommitError::Superseded`]: read_model::CommitError::Superseded
    pub(crate) async fn commit(
        &mut self,
        log: &dyn EventLog,
        state: &Webhook,
    ) -> Result<bool, Fault> {
        let Some(event) = self.reached_event.filter(|_| self.reached > self.through(state)) else {
            return Ok(false);
        };
        let to = Checkpoint { log: log.info().await?.log_id, position: self.reached, event };
        let (name, from) = (self.checkpoint_name(state.rewinds), self.checkpoint.as_ref());
        self.views.writer.commit(&name, from, &to, vec![]).await?;
        self.checkpoint = Some(to);
        Ok(true)
    }

    /// Removes the checkpoint of the deliveries after this number of rewinds.
    pub(crate) async fn remove(&mut self, rewinds: u64) -> Result<(), Fault> {
        let name = self.checkpoint_name(rewinds);
        self.views.generations.remove(&name, &[], Generation::FIRST).await?;
        self.checkpoint = None;
        Ok(())
    }

    fn checkpoint_name(&self, rewinds: u64) -> String {
        webhook_checkpoint(self.webhook, rewinds)
    }
}

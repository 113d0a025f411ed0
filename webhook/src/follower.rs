//! Follows the log for one webhook, and delivers the wanted events.

use std::sync::Arc;
use std::time::Duration;

use domain::webhook::{DeliveryGivenUp, Webhook, WebhookCommand, WebhookPhase};
use domain::{Actor, Event, Position, Recorded, StreamId, Version, WebhookId};
use event_store::{AppendError, Context, Credentials, EventLog, ExecuteError, ReadError, Stream};
use read_model::{CommitError, Views};
use supervision::Backoff;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff;
use crate::fault::Fault;
use crate::message::message;
use crate::progress::Progress;
use crate::secret::{SigningSecret, secret_name};
use crate::sender::{Attempt, Sender};
use crate::settings::Settings;

/// Maximum number of events per read of the log.
const LOG_PAGE: u32 = 128;
/// Maximum number of events per read of the webhook's own stream.
const STREAM_PAGE: u32 = 256;
/// See [`Pace::poll_interval`].
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// See [`Pace::mark_every`].
const MARK_EVERY: Duration = Duration::from_secs(24 * 3_600);
/// See [`Pace::record_every`].
const RECORD_EVERY: Duration = Duration::from_secs(10);
/// Maximum time from the end of an attempt until it is recorded, when a record is due.
const RECORD_MARGIN: Duration = Duration::from_secs(5);
/// See [`Pace::passed_max`].
const PASSED_MAX: u64 = 1_000;
/// The first and the longest delay before a retry after a fault.
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);

/// Dependencies that all followers share.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) credentials: Arc<dyn Credentials>,
    /// The store for progress checkpoints.
    pub(crate) views: Views,
    pub(crate) sender: Sender,
    pub(crate) settings: Settings,
    pub(crate) pace: Pace,
}

/// How often things are polled and recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How often the log is polled without a wake-up, and for commands during other waits.
    poll_interval: Duration,
    /// Minimum time between two records of progress. After a crash, events delivered since the last
    /// one are delivered again.
    record_every: Duration,
    /// Minimum time between two records of progress in the log. If the views are lost, events
    /// delivered since the last one are delivered again.
    mark_every: Duration,
    /// Number of unwanted events after which progress is recorded without a delivery.
    passed_max: u64,
    /// How long to leave an event to another process that records no progress. It is longer than
    /// the time between delivery and record.
    stand_by: Duration,
}

impl Pace {
    /// The pace for receivers with this time limit.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            poll_interval: POLL_INTERVAL,
            record_every: RECORD_EVERY,
            mark_every: MARK_EVERY,
            passed_max: PASSED_MAX,
            stand_by: RECORD_EVERY + timeout + RECORD_MARGIN,
        }
    }
}

/// One webhook's deliveries.
#[derive(Debug)]
pub(crate) struct Follower {
    tools: Arc<Tools>,
    id: WebhookId,
    stream: Stream<Webhook>,
    secret: Option<SigningSecret>,
    progress: Progress,
    /// The event whose delivery failed, and the number of attempts.
    failing: Option<(Position, u32)>,
    /// When another process last recorded something; `None` while this one delivers.
    heard_at: Option<Instant>,
}

impl Follower {
    pub(crate) fn new(tools: Arc<Tools>, id: WebhookId) -> Self {
        let progress = Progress::new(id, tools.views.clone());
        let stream = Stream::new(StreamId::Webhook(id));
        Self { tools, id, stream, secret: None, progress, failing: None, heard_at: None }
    }

    /// Delivers until cancelled, or until the webhook is removed.
    pub(crate) async fn run(mut self, cancelled: CancellationToken) {
        cancelled.run_until_cancelled(self.supervise()).await;
        // So that the next process does not repeat these deliveries.
        if self.progress.has_news()
            && let Err(fault) = self.record().await
        {
            self.warn(&fault, "cannot record progress; the last events will be delivered again");
        }
    }

    async fn supervise(&mut self) {
        let mut backoff = Backoff::new(RETRY_DELAY, RETRY_DELAY_MAX);
        while let Err(fault) = self.follow(&mut backoff).await {
            self.warn(&fault, "deliveries were interrupted; trying again");
            backoff.wait().await;
        }
    }

    fn warn(&self, fault: &Fault, what: &str) {
        let fault: &dyn std::error::Error = fault;
        tracing::warn!(webhook = %self.id, alert = event_store::alert(fault), error = fault, "{what}");
    }

    /// Returns when the webhook is removed.
    async fn follow(&mut self, backoff: &mut Backoff) -> Result<(), Fault> {
        let mut head = self.tools.log.head();
        loop {
            head.mark_unchanged();
            self.refresh().await?;
            if self.heard_at.is_some() {
                self.stand_by().await?;
            }
            match self.stream.state.phase {
                WebhookPhase::Removed => {
                    return self.progress.remove(self.stream.state.rewinds).await;
                }
                WebhookPhase::Active => self.deliver_all().await?,
                WebhookPhase::Absent | WebhookPhase::Disabled => {}
            }
            backoff.reset();
            // Poll again after a timeout as well as after a closed channel.
            let _ = tokio::time::timeout(self.tools.pace.poll_interval, head.changed()).await;
        }
    }

    /// Delivers up to the log's end, or until another process wrote something that must be read
    /// first.
    async fn deliver_all(&mut self) -> Result<(), Fault> {
        if !self.redeliver().await? {
            return Ok(());
        }
        loop {
            let events = self.tools.log.read_all(self.progress.reached(), LOG_PAGE).await?;
            for recorded in &events {
                if !self.wants(recorded) {
                    self.progress.pass_over(recorded);
                    continue;
                }
                if !self.deliver(recorded).await? {
                    return Ok(());
                }
                self.progress.reach(recorded);
            }
            if !self.record_when_due().await? || events.is_empty() || self.refresh().await? {
                return Ok(());
            }
        }
    }

    fn wants(&self, recorded: &Recorded) -> bool {
        self.stream.state.wants(&recorded.stream, recorded.event.kind())
    }

    /// Sends an event until it is delivered or given up; `false` if something else must be handled
    /// first.
    async fn deliver(&mut self, recorded: &Recorded) -> Result<bool, Fault> {
        // Do not send if the webhook was removed or another process delivers.
        if self.refresh().await? {
            return Ok(false);
        }
        let position = recorded.position;
        let failing = self.failing.take().filter(|(failing, _)| *failing == position);
        let mut attempts = failing.map_or(0, |(_, attempts)| attempts);
        loop {
            let attempt = self.attempt(recorded).await?;
            attempts += 1;
            self.failing = Some((position, attempts));
            match attempt {
                Attempt::Delivered => {
                    self.failing = None;
                    self.progress.note_delivered(recorded);
                    return self.record_when_due().await;
                }
                Attempt::Gone => return self.disable(position).await,
                Attempt::Failed { reason, .. } if attempts >= self.tools.settings.attempts_max => {
                    return self.give_up(recorded, attempts, reason).await;
                }
                Attempt::Failed { reason, retry_after } => {
                    let first = self.tools.settings.first_delay;
                    let delay = backoff::delay(first, attempts, rand::random());
                    let delay = delay.max(retry_after.unwrap_or_default());
                    tracing::info!(
                        webhook = %self.id, %position, attempts, reason, ?delay, "not delivered"
                    );
                    if !self.wait(delay).await? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Tries requested dead letters once more; `false` if something else must be handled first.
    async fn redeliver(&mut self) -> Result<bool, Fault> {
        loop {
            let mut retried = self.stream.state.retried.iter().copied();
            let Some(position) = retried.find(|it| !self.progress.has_redelivered(*it)) else {
                return Ok(true);
            };
            let before = Position(position.0.saturating_sub(1));
            let Some(recorded) = self.tools.log.read_all(before, 1).await?.pop() else {
                let reason = format!("it ends before {position}, a dead letter's position");
                return Err(ReadError::Diverged(reason).into());
            };
            let attempt = match self.wants(&recorded) {
                true => self.attempt(&recorded).await?,
                // An Assay that still delivered events of trials gave it up.
                false => Attempt::Delivered,
            };
            let goes_on = match attempt {
                Attempt::Delivered => {
                    self.progress.note_redelivered(position);
                    self.record().await?
                }
                Attempt::Gone => self.disable(position).await?,
                Attempt::Failed { reason, .. } => self.give_up(&recorded, 1, reason).await?,
            };
            if !goes_on {
                return Ok(false);
            }
        }
    }

    async fn attempt(&mut self, recorded: &Recorded) -> Result<Attempt, Fault> {
        let secret = match &self.secret {
            Some(secret) => secret.clone(),
            None => {
                let text = self.tools.credentials.secret(&secret_name(self.id)).await?;
                SigningSecret::parse(&text.ok_or(Fault::NoSecret)?)?
            }
        };
        let url = self.stream.state.created.as_ref().map(|created| created.url.as_str());
        let (url, body) = (url.unwrap_or_default(), message(recorded)?);
        let attempt = self.tools.sender.send(url, &secret, recorded.id, body).await;
        self.secret = Some(secret);
        Ok(attempt)
    }

    async fn give_up(
        &mut self,
        recorded: &Recorded,
        attempts: u32,
        reason: String,
    ) -> Result<bool, Fault> {
        let Recorded { id: event, position, .. } = *recorded;
        tracing::warn!(webhook = %self.id, %position, attempts, reason, "given up");
        let given_up = DeliveryGivenUp { event, position, attempts, reason };
        self.execute(WebhookCommand::GiveUp(given_up)).await
    }

    /// Disables the webhook, so that nothing more is delivered.
    async fn disable(&mut self, position: Position) -> Result<bool, Fault> {
        tracing::warn!(webhook = %self.id, %position, "the receiver is gone; webhook disabled");
        // When it is enabled again, earlier events must not be delivered again.
        if self.record().await? {
            self.execute(WebhookCommand::Disable { position }).await?;
        }
        Ok(false)
    }

    /// Waits before the next attempt; `false` if something was written that must be handled first.
    async fn wait(&mut self, delay: Duration) -> Result<bool, Fault> {
        let until = Instant::now() + delay;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            tokio::time::sleep(left.min(self.tools.pace.poll_interval)).await;
            if !self.record_when_due().await? || self.refresh().await? {
                return Ok(false);
            }
        }
    }

    /// Waits while another process delivers, so that events are not sent twice. Returns when that
    /// process has left a due event undelivered for too long, or the webhook is no longer active.
    async fn stand_by(&mut self) -> Result<(), Fault> {
        tracing::info!(webhook = %self.id, "another process delivers");
        let Pace { poll_interval, stand_by, .. } = self.tools.pace;
        let mut due_since = None;
        while let Some(heard_at) = self.heard_at
            && self.stream.state.phase == WebhookPhase::Active
        {
            if self.is_due().await? {
                let since = *due_since.get_or_insert_with(Instant::now);
                if since.max(heard_at).elapsed() >= stand_by {
                    tracing::info!(webhook = %self.id, "the other process is silent");
                    self.heard_at = None;
                    break;
                }
            } else {
                due_since = None;
            }
            tokio::time::sleep(poll_interval).await;
            self.refresh().await?;
        }
        Ok(())
    }

    /// Whether there is an event to deliver. Skips the unwanted ones before it.
    async fn is_due(&mut self) -> Result<bool, Fault> {
        if !self.stream.state.retried.is_empty() {
            return Ok(true);
        }
        loop {
            let events = self.tools.log.read_all(self.progress.reached(), LOG_PAGE).await?;
            if events.is_empty() {
                return Ok(false);
            }
            for recorded in &events {
                if self.wants(recorded) {
                    return Ok(true);
                }
                self.progress.pass_over(recorded);
            }
        }
    }

    /// Reads the changes of other processes to the stream and the progress; returns whether there
    /// were any.
    async fn refresh(&mut self) -> Result<bool, Fault> {
        let is_first = self.stream.version == Version::NONE;
        let (before, rewinds) = (self.stream.version, self.stream.state.rewinds);
        loop {
            let next = self.stream.version.next();
            let events = self.tools.log.read_stream(&self.stream.id, next, STREAM_PAGE).await?;
            for recorded in &events {
                match recorded.event {
                    Event::WebhookAdvanced(_) | Event::DeliveryGivenUp(_) if !is_first => {
                        self.heard_at = Some(Instant::now());
                    }
                    _ => {}
                }
                self.progress.note_mark(recorded);
            }
            self.stream.advance(&events);
            if events.len() < STREAM_PAGE as usize {
                break;
            }
        }
        let rewound = is_first || self.stream.state.rewinds != rewinds;
        if rewound && !is_first {
            self.progress.remove(rewinds).await?;
        }
        let advanced = self.progress.refresh(self.tools.log.as_ref(), &self.stream.state).await?;
        if advanced && !is_first {
            self.heard_at = Some(Instant::now());
        }
        let through = self.progress.through(&self.stream.state);
        if rewound || through >= self.progress.reached() {
            self.progress.go_on_after(through);
        }
        Ok((self.stream.version > before || advanced) && !is_first)
    }

    async fn record_when_due(&mut self) -> Result<bool, Fault> {
        let Pace { record_every, passed_max, .. } = self.tools.pace;
        match self.progress.is_due(record_every, passed_max) {
            true => self.record().await,
            false => Ok(true),
        }
    }

    /// Records the progress; `false` if another process wrote something first.
    async fn record(&mut self) -> Result<bool, Fault> {
        let Webhook { phase, retried, .. } = &self.stream.state;
        if *phase != WebhookPhase::Active {
            return Ok(true);
        }
        self.progress.keep_redelivered(retried);
        let recorded = match self.progress.is_for_the_log(self.tools.pace.mark_every) {
            true => self.execute(WebhookCommand::Advance(self.progress.advanced())).await?,
            false => self.commit_progress().await?,
        };
        if recorded {
            self.progress.note_recorded();
        }
        Ok(recorded)
    }

    async fn commit_progress(&mut self) -> Result<bool, Fault> {
        match self.progress.commit(self.tools.log.as_ref(), &self.stream.state).await {
            Ok(moved) => {
                if moved {
                    self.heard_at = None;
                }
                Ok(true)
            }
            Err(Fault::Progress(CommitError::Superseded)) => {
                self.refresh().await?;
                Ok(false)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Writes to the stream; `false` if another process wrote first (INV-7), whose events are then
    /// read.
    async fn execute(&mut self, command: WebhookCommand) -> Result<bool, Fault> {
        let context = Context::new(Actor::system());
        let log = Arc::clone(&self.tools.log);
        match self.stream.execute(log.as_ref(), vec![command], &context, None, None).await {
            Ok(recorded) => {
                if !recorded.is_empty() {
                    self.heard_at = None;
                }
                recorded.iter().for_each(|recorded| self.progress.note_mark(recorded));
                Ok(true)
            }
            Err(ExecuteError::Append(AppendError::Conflict { .. })) => {
                match self.refresh().await? {
                    true => Ok(false),
                    false => {
                        let (stream, version) = (&self.stream.id, self.stream.version);
                        let reason = format!("{stream} is not at version {version} any more");
                        Err(ReadError::Diverged(reason).into())
                    }
                }
            }
            Err(ExecuteError::Append(error)) => Err(Fault::Append(error)),
            Err(ExecuteError::Rejected(rejection)) => Err(Fault::Rejected(rejection)),
        }
    }
}

#[cfg(test)]
mod tests;

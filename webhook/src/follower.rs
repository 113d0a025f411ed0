//! One webhook: reads the log, delivers what is wanted, and records how far it has come.

use std::sync::Arc;
use std::time::Duration;

use domain::webhook::{
    DeliveryGivenUp, Webhook, WebhookAdvanced, WebhookCommand, WebhookPhase, WebhookRejection,
};
use domain::{Actor, Event, Position, Recorded, StreamId, Version, WebhookId};
use event_store::{
    AppendError, Context, Credentials, CredentialsError, EventLog, ExecuteError, ReadError, Stream,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::message::message;
use crate::secret::{InvalidSecret, SigningSecret, secret_name};
use crate::sender::{Attempt, Sender};
use crate::{Settings, backoff};

/// Events read from the log at once.
const LOG_PAGE: u32 = 128;
/// Events read at once of the webhook's own stream.
const STREAM_PAGE: u32 = 256;
/// See [`Pace::look_every`].
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// See [`Pace::record_every`].
const RECORD_EVERY: Duration = Duration::from_secs(10);
/// How much later than an attempt's end it may be recorded, when that is due.
const RECORD_MARGIN: Duration = Duration::from_secs(5);
/// See [`Pace::passed_max`].
const PASSED_MAX: u64 = 1_000;
/// The first wait after a fault, and the longest.
const RETRY_DELAY: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);

/// What every follower works with.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) sender: Sender,
    pub(crate) settings: Settings,
    pub(crate) pace: Pace,
}

/// How often things are looked at and recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How long to wait for a wake-up before looking all the same, and how often to look for commands
    /// while waiting for something else.
    look_every: Duration,
    /// How often it is recorded at most how far it has come: what was delivered since is delivered
    /// again after a crash.
    record_every: Duration,
    /// Events that were passed over before that is recorded, where nothing was delivered.
    passed_max: u64,
    /// How long an event is left to another process that delivers and records nothing: longer than it
    /// takes to record.
    stand_by: Duration,
}

impl Pace {
    /// The pace of whoever waits so long for a receiver.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            look_every: LOOK_EVERY,
            record_every: RECORD_EVERY,
            passed_max: PASSED_MAX,
            stand_by: RECORD_EVERY + timeout + RECORD_MARGIN,
        }
    }
}

/// Deliveries cannot go on; all of these are tried again.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    #[error("nothing could be recorded")]
    Append(#[source] AppendError),
    #[error("the webhook's own state refuses what was done")]
    Rejected(#[source] WebhookRejection),
    #[error("the secret could not be read")]
    Credentials(#[from] CredentialsError),
    #[error("there is no secret to sign with; remove the webhook and create it anew")]
    NoSecret,
    #[error("the secret is damaged; remove the webhook and create it anew")]
    InvalidSecret(#[from] InvalidSecret),
    #[error("a stored event cannot be sent")]
    Unsendable(#[from] serde_json::Error),
}

/// One webhook's deliveries.
#[derive(Debug)]
pub(crate) struct Follower {
    tools: Arc<Tools>,
    id: WebhookId,
    stream: Stream<Webhook>,
    secret: Option<SigningSecret>,
    /// Everything up to here was delivered, given up, or not wanted.
    reached: Position,
    /// Events that were passed over since that was recorded.
    passed: u64,
    /// Whether something was delivered that is not recorded.
    has_news: bool,
    /// Dead letters that were delivered, which is not recorded.
    redelivered: Vec<Position>,
    recorded_at: Option<Instant>,
    /// The event that fails, and how often it has.
    failing: Option<(Position, u32)>,
    /// When another process was last seen to record; `None` where this one delivers.
    heard_at: Option<Instant>,
}

impl Follower {
    pub(crate) fn new(tools: Arc<Tools>, id: WebhookId) -> Self {
        Self {
            tools,
            id,
            stream: Stream::new(StreamId::Webhook(id)),
            secret: None,
            reached: Position::START,
            passed: 0,
            has_news: false,
            redelivered: vec![],
            recorded_at: None,
            failing: None,
            heard_at: None,
        }
    }

    /// Delivers until cancelled, or until the webhook is removed.
    pub(crate) async fn run(mut self, cancelled: CancellationToken) {
        cancelled.run_until_cancelled(self.supervise()).await;
        // Then the next one need not deliver again what this one has delivered.
        if self.has_news
            && let Err(fault) = self.record().await
        {
            self.warn(&fault, "what was delivered last is delivered again");
        }
    }

    async fn supervise(&mut self) {
        let mut delay = RETRY_DELAY;
        while let Err(fault) = self.follow(&mut delay).await {
            self.warn(&fault, "deliveries are kept back");
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    fn warn(&self, fault: &Fault, what: &str) {
        tracing::warn!(webhook = %self.id, error = fault as &dyn std::error::Error, "{what}");
    }

    /// Returns when the webhook is removed.
    async fn follow(&mut self, delay: &mut Duration) -> Result<(), Fault> {
        let mut head = self.tools.log.head();
        loop {
            head.mark_unchanged();
            self.refresh().await?;
            if self.heard_at.is_some() {
                self.stand_by().await?;
            }
            match self.stream.state.phase {
                WebhookPhase::Removed => return Ok(()),
                WebhookPhase::Active => self.deliver_all().await?,
                WebhookPhase::Absent | WebhookPhase::Disabled => {}
            }
            *delay = RETRY_DELAY;
            // A time-out and a closed channel are both a reason to look again.
            let _ = tokio::time::timeout(self.tools.pace.look_every, head.changed()).await;
        }
    }

    /// Delivers up to the log's end, or until something was written that is to be looked at first.
    async fn deliver_all(&mut self) -> Result<(), Fault> {
        if !self.redeliver().await? {
            return Ok(());
        }
        loop {
            let events = self.tools.log.read_all(self.reached, LOG_PAGE).await?;
            for recorded in &events {
                if !self.wants(recorded) {
                    self.pass_over(recorded);
                    continue;
                }
                if !self.deliver(recorded).await? {
                    return Ok(());
                }
                self.reached = recorded.position;
            }
            if !self.record_when_due().await? || events.is_empty() || self.refresh().await? {
                return Ok(());
            }
        }
    }

    fn wants(&self, recorded: &Recorded) -> bool {
        self.stream.state.wants(&recorded.stream, recorded.event.kind())
    }

    /// Goes on behind an event that is not wanted. Those of webhooks do not count, or what is recorded
    /// would lead to more that is recorded.
    fn pass_over(&mut self, recorded: &Recorded) {
        self.reached = recorded.position;
        self.passed += u64::from(!matches!(recorded.stream, StreamId::Webhook(_)));
    }

    /// Sends an event until it is delivered or given up; `false` when something else comes first.
    async fn deliver(&mut self, recorded: &Recorded) -> Result<bool, Fault> {
        // Nothing is sent that somebody has removed, or that another process sends.
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
                    (self.has_news, self.failing, self.reached) = (true, None, position);
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

    /// Tries dead letters once more that somebody wants to be tried; `false` when something else comes
    /// first.
    async fn redeliver(&mut self) -> Result<bool, Fault> {
        loop {
            let mut retried = self.stream.state.retried.iter().copied();
            let Some(position) = retried.find(|position| !self.redelivered.contains(position))
            else {
                return Ok(true);
            };
            let before = Position(position.0.saturating_sub(1));
            let Some(recorded) = self.tools.log.read_all(before, 1).await?.pop() else {
                let reason = format!("it ends before {position}, of which a delivery was given up");
                return Err(ReadError::Diverged(reason).into());
            };
            let attempt = match self.wants(&recorded) {
                true => self.attempt(&recorded).await?,
                // It was given up by an Assay that told of trials.
                false => Attempt::Delivered,
            };
            let goes_on = match attempt {
                Attempt::Delivered => {
                    self.redelivered.push(position);
                    self.has_news = true;
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

    /// Nothing more is delivered.
    async fn disable(&mut self, position: Position) -> Result<bool, Fault> {
        tracing::warn!(webhook = %self.id, %position, "its server wants nothing more: disabled");
        // What came before is not wanted again when it is enabled.
        if self.record().await? {
            self.execute(WebhookCommand::Disable { position }).await?;
        }
        Ok(false)
    }

    /// Waits before the next attempt; `false` when something was written that is to be looked at first.
    async fn wait(&mut self, delay: Duration) -> Result<bool, Fault> {
        let until = Instant::now() + delay;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(true);
            }
            tokio::time::sleep(left.min(self.tools.pace.look_every)).await;
            if !self.record_when_due().await? || self.refresh().await? {
                return Ok(false);
            }
        }
    }

    /// Another process delivers: leaves everything to it, so that receivers are not told twice. Returns
    /// when it has not done what it had long enough for, or nobody delivers any more.
    async fn stand_by(&mut self) -> Result<(), Fault> {
        tracing::info!(webhook = %self.id, "another process delivers");
        let Pace { look_every, stand_by, .. } = self.tools.pace;
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
            tokio::time::sleep(look_every).await;
            self.refresh().await?;
        }
        Ok(())
    }

    /// Whether there is something to deliver; passes over what there is before it.
    async fn is_due(&mut self) -> Result<bool, Fault> {
        if !self.stream.state.retried.is_empty() {
            return Ok(true);
        }
        loop {
            let events = self.tools.log.read_all(self.reached, LOG_PAGE).await?;
            if events.is_empty() {
                return Ok(false);
            }
            for recorded in &events {
                if self.wants(recorded) {
                    return Ok(true);
                }
                self.pass_over(recorded);
            }
        }
    }

    /// Takes in what others wrote to the stream; says whether there was something.
    async fn refresh(&mut self) -> Result<bool, Fault> {
        let is_first = self.stream.version == Version::NONE;
        let (before, mut rewound) = (self.stream.version, is_first);
        loop {
            let next = Version(self.stream.version.0 + 1);
            let events = self.tools.log.read_stream(&self.stream.id, next, STREAM_PAGE).await?;
            for recorded in &events {
                match recorded.event {
                    Event::WebhookAdvanced(_) | Event::DeliveryGivenUp(_) if !is_first => {
                        self.heard_at = Some(Instant::now());
                    }
                    Event::WebhookRewound(_) => rewound = true,
                    _ => {}
                }
            }
            self.stream.advance(&events);
            if events.len() < STREAM_PAGE as usize {
                break;
            }
        }
        let through = self.stream.state.through;
        if rewound || through >= self.reached {
            (self.reached, self.passed) = (through, 0);
            self.has_news = !self.redelivered.is_empty();
        }
        Ok(self.stream.version > before && !is_first)
    }

    async fn record_when_due(&mut self) -> Result<bool, Fault> {
        let Pace { record_every, passed_max, .. } = self.tools.pace;
        let rested = self.recorded_at.is_none_or(|at| at.elapsed() >= record_every);
        if rested && (self.has_news || self.passed >= passed_max) {
            return self.record().await;
        }
        Ok(true)
    }

    /// Records how far it has come; `false` when somebody wrote to the stream meanwhile.
    async fn record(&mut self) -> Result<bool, Fault> {
        let Webhook { phase, retried, .. } = &self.stream.state;
        if *phase != WebhookPhase::Active {
            return Ok(true);
        }
        self.redelivered.retain(|position| retried.contains(position));
        let (through, redelivered) = (self.reached, self.redelivered.clone());
        let advanced = WebhookAdvanced { through, redelivered };
        let recorded = self.execute(WebhookCommand::Advance(advanced)).await?;
        if recorded {
            self.redelivered.clear();
            (self.has_news, self.passed, self.recorded_at) = (false, 0, Some(Instant::now()));
        }
        Ok(recorded)
    }

    /// Writes to the stream; `false` when somebody else has (INV-7), which is then taken in.
    async fn execute(&mut self, command: WebhookCommand) -> Result<bool, Fault> {
        let context = Context::new(Actor::system());
        let log = Arc::clone(&self.tools.log);
        match self.stream.execute(log.as_ref(), vec![command], &context, None, None).await {
            Ok(recorded) => {
                if !recorded.is_empty() {
                    self.heard_at = None;
                }
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

//! Clients that submit programs or cancel them, and retry when they get no answer.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use command_api::ReceiveError;
use domain::problem::Problem;
use domain::submission::{Submission, SubmissionCommand, SubmissionReceived, SubmissionRejection};
use domain::{Actor, Login, Slug, StreamId, SubmissionId};
use event_store::{AppendError, ChangeError, Context, ExecuteError, Stream};

use crate::dice::Dice;
use crate::process::Process;
use crate::program::Program;
use crate::service::Counter;
use crate::world::World;
use crate::{Stores, faults};

/// How long a client waits for an answer, in milliseconds.
pub(crate) const PATIENCE_MS: RangeInclusive<u64> = 1_000..=8_000;
/// The pause between two requests of a client, in milliseconds.
pub(crate) const PAUSE_MS: RangeInclusive<u64> = 50..=3_000;
/// How often a client looks for a submission to cancel, after the faults have ended, before it gives
/// up: it may never have been received.
const LOOKS_MAX: u32 = 20;
/// The probability, per mille, that a client without an answer gives up.
const GIVES_UP: u64 = 30;
/// The probability, per mille, that a client with an answer submits again, as if it had crashed
/// before it could note the answer.
const ASKS_AGAIN: u64 = 150;

/// A program to submit.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) author: Login,
    pub(crate) problem: Slug,
    pub(crate) program: Program,
    pub(crate) text: String,
    pub(crate) key: String,
}

impl Order {
    /// A random program for one of these problems.
    pub(crate) fn random(dice: &mut Dice, number: usize, problems: &[Slug]) -> Self {
        let program = Program::random(dice);
        Self {
            author: dice.pick(&["ada", "bob"]).parse().expect("a login"),
            problem: problems[dice.number(0..=problems.len() as u64 - 1) as usize].clone(),
            text: program.text(number),
            program,
            key: format!("order {number}"),
        }
    }

    /// The id of the submission that it becomes.
    pub(crate) fn id(&self) -> SubmissionId {
        SubmissionId::from_idempotency_key(&self.author, &self.key)
    }
}

/// Acknowledged submissions, with the number of acknowledgements.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged(Mutex<BTreeMap<SubmissionId, u32>>);

impl Acknowledged {
    fn note(&self, id: SubmissionId) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default() += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<SubmissionId, u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Submits a program until it is acknowledged or the client gives up.
pub(crate) async fn hand_in(
    world: Arc<World>,
    stores: Stores,
    counter: Arc<Counter>,
    acknowledged: Arc<Acknowledged>,
    order: Order,
    after: Duration,
) {
    tokio::time::sleep(after).await;
    loop {
        let patience = world.dice().time(PATIENCE_MS);
        if let Some(process) = counter.process() {
            let asking = tokio::time::timeout(patience, receive(&process, &stores, &order));
            match asking.await {
                Ok(Ok(())) => {
                    world.add_step("client", format_args!("{} is acknowledged", order.key));
                    acknowledged.note(order.id());
                    if !world.strikes(ASKS_AGAIN) {
                        return;
                    }
                }
                Ok(Err(Refused::ForGood(why))) => {
                    return world.violate(format!("{} is refused: {why}", order.key));
                }
                Ok(Err(Refused::ForNow)) | Err(_) if world.strikes(GIVES_UP) => return,
                Ok(Err(Refused::ForNow)) | Err(_) => {}
            }
        }
        let pause = world.dice().time(PAUSE_MS);
        tokio::time::sleep(pause).await;
    }
}

/// Cancels a submission until that is acknowledged or refused.
pub(crate) async fn cancel(
    world: Arc<World>,
    stores: Stores,
    counter: Arc<Counter>,
    order: Order,
    by_judge: bool,
    after: Duration,
) {
    tokio::time::sleep(after).await;
    let stream = StreamId::Submission(order.id());
    let context = Context::new(Actor::account(&order.author));
    let command = || SubmissionCommand::Cancel { by_judge, reason: None };
    let mut looks = 0;
    while looks < LOOKS_MAX {
        let patience = world.dice().time(PATIENCE_MS);
        if let Some(process) = counter.process() {
            let log = faults::ports(&process, &stores).log;
            let change =
                Stream::<Submission>::change(log.as_ref(), stream.clone(), &context, command);
            match tokio::time::timeout(patience, change).await {
                Ok(Ok(_)) => {
                    return world.add_step("client", format_args!("{} is cancelled", order.key));
                }
                Ok(Err(ChangeError::Execute(ExecuteError::Rejected(rejection)))) => match rejection
                {
                    SubmissionRejection::NotFound => {
                        looks += u32::from(!world.is_stormy());
                    }
                    rejection => {
                        let key = &order.key;
                        return world
                            .add_step("client", format_args!("{key} goes on: {rejection}"));
                    }
                },
                Ok(Err(_)) | Err(_) => {}
            }
        }
        let pause = world.dice().time(PAUSE_MS);
        tokio::time::sleep(pause).await;
    }
}

enum Refused {
    ForNow,
    ForGood(String),
}

/// Does what the mutation `submit` does after validating its input.
async fn receive(process: &Arc<Process>, stores: &Stores, order: &Order) -> Result<(), Refused> {
    let ports = faults::ports(process, stores);
    let stream = StreamId::Problem(order.problem.clone());
    let problem = Stream::<Problem>::load(ports.log.as_ref(), stream).await;
    let current = problem.map_err(|_| Refused::ForNow)?.state.current;
    let revised = current.ok_or_else(|| Refused::ForGood("there is no such problem".to_owned()))?;
    let bytes = Bytes::from(order.text.clone());
    let source = ports.blobs.put(bytes).await.map_err(|_| Refused::ForNow)?;
    let received = SubmissionReceived {
        submission: order.id(),
        author: order.author.clone(),
        problem: order.problem.clone(),
        revision: revised.revision,
        language: "python3".parse().expect("a language"),
        source,
        source_bytes: order.text.len() as u64,
    };
    let context = Context::new(Actor::account(&order.author));
    match command_api::receive(ports.log.as_ref(), &context, received).await {
        Ok(_) => Ok(()),
        Err(
            ReceiveError::Append(AppendError::Unknown(_) | AppendError::Unavailable(_))
            | ReceiveError::Read(_),
        ) => Err(Refused::ForNow),
        Err(error) => Err(Refused::ForGood(error.to_string())),
    }
}

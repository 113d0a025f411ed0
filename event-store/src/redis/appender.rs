//! Combines waiting appends into one call.
//!
//! A call costs the server one disk sync, whatever the number of batches. Each batch is appended or
//! refused on its own.

use std::error::Error;
use std::sync::Arc;

use redis::Value;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::keys::Keys;
use super::library::Function;
use super::link::{CallError, Link};
use crate::queue::account_text;
use crate::{AppendBatch, AppendError, Lane};

/// Capacity of the queue of batches that wait for a call. Further callers wait for room.
const WAITING_MAX: usize = 1024;
/// Maximum number of batches per call. The server runs nothing else during a call.
const BATCHES_PER_CALL_MAX: usize = 128;
/// Approximate maximum size of the bodies in one call, in bytes. The batch that exceeds it is the
/// last.
const BYTES_PER_CALL_MAX: usize = 1024 * 1024;
/// Maximum number of concurrent calls: the next is built and sent while the server runs the first.
const CALLS_MAX: usize = 2;

/// A handle to the task that makes the calls. The task ends when the handle is dropped.
#[derive(Debug)]
pub(super) struct Appender {
    waiting: mpsc::Sender<Job>,
    keys: Keys,
}

/// An encoded batch and the channel for its result.
struct Job {
    /// The stream's bucket, the lane to queue in, the lane to finish in.
    keys: [String; 3],
    arguments: Vec<String>,
    bytes: usize,
    reply: oneshot::Sender<Result<Vec<Value>, Failure>>,
}

/// Why a call failed; shared by all its batches.
#[derive(Clone)]
enum Failure {
    NotWritten(Arc<dyn Error + Send + Sync>),
    Unknown(Arc<dyn Error + Send + Sync>),
}

#[derive(Debug, thiserror::Error)]
#[error("the log's appender has ended")]
struct Ended;

impl Appender {
    pub(super) fn start(link: Link, keys: Keys) -> Self {
        let (waiting, jobs) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(link.into(), [keys.log.clone(), keys.tail.clone()], jobs));
        Self { waiting, keys }
    }

    /// Sends the batch and returns the function's reply for it.
    pub(super) async fn append(&self, batch: &AppendBatch) -> Result<Vec<Value>, AppendError> {
        let (reply, answer) = oneshot::channel();
        let job = self.job(batch, reply)?;
        if self.waiting.send(job).await.is_err() {
            return Err(AppendError::Unavailable(Box::new(Ended)));
        }
        match answer.await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(Failure::NotWritten(error))) => Err(AppendError::Unavailable(Box::new(error))),
            Ok(Err(Failure::Unknown(error))) => Err(AppendError::Unknown(Box::new(error))),
            Err(_) => Err(AppendError::Unknown(Box::new(Ended))),
        }
    }

    fn job(
        &self,
        batch: &AppendBatch,
        reply: oneshot::Sender<Result<Vec<Value>, Failure>>,
    ) -> Result<Job, AppendError> {
        let bodies = batch.check()?;
        let (enqueue, complete) = (batch.enqueue.as_ref(), batch.complete.as_ref());
        // An unused lane still needs its place among the keys.
        let keys = [
            self.keys.bucket(&batch.stream),
            self.keys.lane(enqueue.map_or(Lane::Submit, |item| item.lane)),
            self.keys.lane(complete.map_or(Lane::Submit, |receipt| receipt.lane)),
        ];
        let bytes = bodies.iter().map(String::len).sum();
        let mut arguments = vec![
            batch.stream.to_string(),
            batch.expected.to_string(),
            enqueue.map(|item| item.stream.to_string()).unwrap_or_default(),
            enqueue.map(account_text).unwrap_or_default(),
            complete.map(|receipt| receipt.id.clone()).unwrap_or_default(),
            bodies.len().to_string(),
        ];
        for (new, body) in batch.events.iter().zip(bodies) {
            arguments.extend([new.id.to_string(), body]);
        }
        Ok(Job { keys, arguments, bytes, reply })
    }
}

async fn run(link: Arc<Link>, keys: [String; 2], mut waiting: mpsc::Receiver<Job>) {
    let calls = Arc::new(Semaphore::new(CALLS_MAX));
    loop {
        let call = Arc::clone(&calls).acquire_owned().await;
        let call = call.expect("the semaphore is never closed");
        let Some(first) = waiting.recv().await else { return };
        let (mut bytes, mut jobs) = (first.bytes, vec![first]);
        while jobs.len() < BATCHES_PER_CALL_MAX
            && bytes < BYTES_PER_CALL_MAX
            && let Ok(job) = waiting.try_recv()
        {
            bytes += job.bytes;
            jobs.push(job);
        }
        let (link, keys) = (Arc::clone(&link), keys.clone());
        tokio::spawn(async move {
            carry_out(&link, &keys, jobs).await;
            drop(call);
        });
    }
}

/// Makes the call and replies to all callers. A caller may have been cancelled; that is not an
/// error.
async fn carry_out(link: &Link, keys: &[String; 2], jobs: Vec<Job>) {
    let failure = match call(link, keys, &jobs).await {
        Ok(outcomes) => {
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                let _ = job.reply.send(Ok(outcome));
            }
            return;
        }
        // One bad batch must not fail the others. Sending each again is safe.
        Err(CallError::Refused(_)) if jobs.len() > 1 => {
            for job in jobs {
                Box::pin(carry_out(link, keys, vec![job])).await;
            }
            return;
        }
        Err(CallError::Unknown(error)) => Failure::Unknown(Arc::new(error)),
        Err(error) => Failure::NotWritten(error.into_source().into()),
    };
    for job in jobs {
        let _ = job.reply.send(Err(failure.clone()));
    }
}

async fn call(link: &Link, keys: &[String; 2], jobs: &[Job]) -> Result<Vec<Vec<Value>>, CallError> {
    let keys: Vec<&String> = keys.iter().chain(jobs.iter().flat_map(|job| &job.keys)).collect();
    let mut append = Function::Append.call(&keys);
    for argument in jobs.iter().flat_map(|job| &job.arguments) {
        append.arg(argument);
    }
    link.query(&append).await
}

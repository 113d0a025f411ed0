//! Clients that submit programs, and retry with the same key until each is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::Verdict;
use serde_json::json;
use tests::api::{Api, submission};
use tests::deployment::Deployment;
use tests::waiting::{PATIENCE, until_true};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The number of concurrent clients.
const CLIENTS: usize = 8;
/// How long a client waits for an answer, and before it retries.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// A client's pause between submissions, so that some are made during a fault.
const THINKS: Duration = Duration::from_millis(200);

/// The number of submissions with the same source, which is compiled and stored only once.
const SHARE_A_SOURCE: usize = 8;
/// One of this many submissions is wrong.
const WRONG_ONE_IN: usize = 4;

/// A submission that the API has acknowledged.
#[derive(Debug)]
pub(super) struct Acknowledged {
    pub(super) id: String,
    /// The verdict that it must get.
    pub(super) verdict: Verdict,
    /// Whether an earlier try was stored, but its answer was lost.
    pub(super) replayed: bool,
}

/// The running clients.
pub(super) struct Load {
    counters: Arc<Counters>,
    clients: Vec<JoinHandle<Vec<Acknowledged>>>,
    allowed: usize,
}

struct Counters {
    /// One permit for each submission that may be made.
    turns: Semaphore,
    begun: AtomicUsize,
    acknowledged: AtomicUsize,
    retries: AtomicUsize,
}

impl Load {
    /// Registers the clients, which then wait for permits.
    pub(super) async fn start(cluster: &Deployment) -> Self {
        let counters = Arc::new(Counters {
            turns: Semaphore::new(0),
            begun: AtomicUsize::new(0),
            acknowledged: AtomicUsize::new(0),
            retries: AtomicUsize::new(0),
        });
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let api = cluster.register(&format!("user-{number}")).await;
            clients.push(tokio::spawn(submit_in_turn(api, Arc::clone(&counters))));
        }
        Self { counters, clients, allowed: 0 }
    }

    /// Permits this many further submissions.
    pub(super) fn allow(&mut self, submissions: usize) {
        self.allowed += submissions;
        self.counters.turns.add_permits(submissions);
    }

    /// The number of acknowledged submissions.
    pub(super) fn acknowledged(&self) -> usize {
        self.counters.acknowledged.load(Ordering::Relaxed)
    }

    /// The number of retries.
    pub(super) fn retries(&self) -> usize {
        self.counters.retries.load(Ordering::Relaxed)
    }

    /// Waits until this many are acknowledged, or all that were permitted.
    pub(super) async fn reaches(&self, count: usize) {
        let count = count.min(self.allowed);
        until_true(&format!("{count} are acknowledged"), async || {
            self.clients.iter().any(JoinHandle::is_finished) || self.acknowledged() >= count
        })
        .await;
    }

    /// Waits until all permitted submissions are acknowledged.
    pub(super) async fn finish(self) -> Vec<Acknowledged> {
        self.reaches(self.allowed).await;
        self.counters.turns.close();
        let mut acknowledged = Vec::new();
        for client in self.clients {
            acknowledged.extend(client.await.unwrap());
        }
        acknowledged
    }
}

async fn submit_in_turn(api: Api, counters: Arc<Counters>) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    while let Ok(turn) = counters.turns.acquire().await {
        turn.forget();
        let number = counters.begun.fetch_add(1, Ordering::Relaxed);
        acknowledged.push(submit_surely(&api, number, &counters.retries).await);
        counters.acknowledged.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(THINKS).await;
    }
    acknowledged
}

/// Retries with the same key until the submission is acknowledged, as clients should.
async fn submit_surely(api: &Api, number: usize, retries: &AtomicUsize) -> Acknowledged {
    let (source, verdict) = program(number);
    let mut input = submission("sum", "c", &source);
    input["idempotencyKey"] = json!(format!("submission {number}"));
    let body = Api::submit_body(&input);
    let began = Instant::now();
    loop {
        let answer = timeout(ANSWER_WAIT, api.try_post(&body)).await;
        if let Ok(Ok(answer)) = &answer {
            let submit = &answer.body["data"]["submit"];
            if let Some(id) = submit["submission"]["id"].as_str() {
                return Acknowledged {
                    id: id.to_owned(),
                    verdict,
                    replayed: submit["replayed"] == true,
                };
            }
            assert_eq!(answer.code(), "UNAVAILABLE", "{answer:?}");
        }
        assert!(began.elapsed() < PATIENCE, "submission {number}: {answer:?}");
        retries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// A program, and the verdict that it must get.
fn program(number: usize) -> (String, Verdict) {
    let (sign, verdict) = match number % WRONG_ONE_IN {
        0 => ('-', Verdict::WrongAnswer),
        _ => ('+', Verdict::Accepted),
    };
    let source = number / SHARE_A_SOURCE;
    let source = format!(
        "#include <stdio.h>\n\
         int main(void) {{ int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a {sign} b); }} // {source}\n"
    );
    (source, verdict)
}

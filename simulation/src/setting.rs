//! The initial state: stores, accounts and problems.

use std::sync::Arc;

use bytes::Bytes;
use domain::account::{Account, AccountCommand};
use domain::problem::{BlobRef, Problem, ProblemCommand, RevisionContent, Test};
use domain::{Actor, Aggregate, Digest, Login, Slug, StreamId};
use event_store::{Context, Stream};
use jiff::Timestamp;
use uuid::Uuid;

use crate::Clock;
use crate::cells::answer;
use crate::memory::{MemoryBlobs, MemoryLog, MemoryTree, MemoryViews};

/// The time when every simulation begins, in seconds since 1970.
const BEGINS_S: i64 = 1_800_000_000;

/// The stores themselves, without faults. Faults happen to the messages to them.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    pub(crate) clock: Arc<Clock>,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) blobs: Arc<MemoryBlobs>,
    pub(crate) tree: Arc<MemoryTree>,
    pub(crate) views: Arc<MemoryViews>,
}

impl Stores {
    pub(crate) fn new(seed: u64) -> Self {
        let begins = Timestamp::from_second(BEGINS_S).expect("a time");
        let clock = Arc::new(Clock::starting_at(begins));
        let id = Uuid::from_u64_pair(1, seed);
        Self {
            log: Arc::new(MemoryLog::new(Arc::clone(&clock), id)),
            clock,
            blobs: Arc::default(),
            tree: Arc::default(),
            views: Arc::default(),
        }
    }

    /// Registers an account.
    pub(crate) async fn register(&self, login: &str) {
        let login: Login = login.parse().expect("a login");
        let stream = Stream::<Account>::new(StreamId::Account(login.clone()));
        let subject = Uuid::new_v5(&Uuid::NAMESPACE_OID, login.as_str().as_bytes());
        self.execute(stream, AccountCommand::Register { login, subject }).await;
    }

    /// Makes a revision of a problem with this number of tests.
    pub(crate) async fn revise(&self, slug: &Slug, tests: usize) {
        let blob = |text: String| {
            let bytes = Bytes::from(text);
            self.blobs.keep(&bytes).expect("it is small");
            BlobRef { digest: Digest::of(&bytes), bytes: bytes.len() as u64 }
        };
        let tests = (1..=tests).map(|number| {
            let (input, answer) = (blob(format!("{number}\n")), blob(answer(number)));
            Test::new(&format!("secret/{number}"), input, answer)
        });
        let content = RevisionContent {
            title: format!("The problem {slug}"),
            statement: "Say the answer.".to_owned(),
            tests: tests.collect(),
            ..RevisionContent::default()
        };
        let stream = StreamId::Problem(slug.clone());
        let problem = Stream::<Problem>::load(self.log.as_ref(), stream).await;
        let problem = problem.expect("memory answers");
        self.execute(problem, ProblemCommand::revise(content)).await;
    }

    async fn execute<A: Aggregate>(&self, mut stream: Stream<A>, command: A::Command) {
        let context = Context::new(Actor::system());
        let done = stream.execute(self.log.as_ref(), vec![command], &context, None, None).await;
        done.expect("the command is valid");
    }
}

//! What cases work with: a sandbox, and the probe compiled inside it.

use std::{
    fmt::Debug,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::FutureExt;
use sandbox::{
    Cell, CellPath, CellSpec, Ended, Execution, Language, Languages, Limits, Outcome, Sandbox,
    SandboxError,
};

use crate::cases::Case;

/// How long one case may take, all of its runs together.
const CASE_MAX: Duration = Duration::from_secs(60);

/// What an adapter can hold, beyond what all hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strength {
    /// Memory is limited and measured by a cgroup of the program's own.
    pub(crate) memory_cgroup: bool,
    /// Processor time is counted by a cgroup.
    pub(crate) cpu_cgroup: bool,
    /// The limit on processes is each run's, and not only the cell's.
    pub(crate) pids_cgroup: bool,
    /// Programs have a user of their own.
    pub(crate) own_uid: bool,
}

impl Strength {
    pub(crate) const FULL: Self =
        Self { memory_cgroup: true, cpu_cgroup: true, pids_cgroup: true, own_uid: true };
    pub(crate) const WITHOUT_ROOT: Self =
        Self { memory_cgroup: false, cpu_cgroup: false, pids_cgroup: false, own_uid: false };
    pub(crate) const DOCKER: Self =
        Self { memory_cgroup: false, cpu_cgroup: true, pids_cgroup: false, own_uid: true };
}

pub(crate) struct Bench {
    pub(crate) sandbox: Arc<dyn Sandbox>,
    pub(crate) languages: Languages,
    pub(crate) strength: Strength,
    probe: Bytes,
}

impl Bench {
    pub(crate) async fn new(
        sandbox: Arc<dyn Sandbox>,
        strength: Strength,
    ) -> Result<Self, SandboxError> {
        let languages = Languages::builtin();
        let mut bench = Self { sandbox, languages, strength, probe: Bytes::new() };
        let (outcome, artifact) = bench.compile("c", include_str!("probe.c")).await?;
        assert!(outcome.ended.is_success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        bench.probe = artifact.expect("a compiler that succeeds leaves an artifact");
        Ok(bench)
    }

    /// Runs a case; what is wrong, if anything.
    pub(crate) async fn judge(&self, case: Case) -> Option<String> {
        let started = Instant::now();
        let run = AssertUnwindSafe((case.run)(self)).catch_unwind();
        let wrong = match tokio::time::timeout(CASE_MAX, run).await {
            Ok(Ok(())) => return None,
            Ok(Err(panic)) => panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_default(),
            Err(_) => "took too long".to_owned(),
        };
        Some(format!("{} ({:.1?}): {wrong}", case.name, started.elapsed()))
    }

    pub(crate) fn language(&self, id: &str) -> &Arc<Language> {
        self.languages.get(id).expect("the cases only use languages there are")
    }

    /// A fresh cell with the probe in it.
    pub(crate) async fn cell(&self, limits: &Limits) -> Cell {
        let mut cell =
            self.sandbox.prepare(&CellSpec::run(self.language("c"), limits)).await.expect("a cell");
        let probe = CellPath::program("probe").expect("a plain name");
        cell.put(&probe, self.probe.clone(), true).await.expect("the probe fits");
        cell
    }

    /// The probe's behaviour in a cell of its own.
    pub(crate) async fn run(&self, words: &[&str], limits: Limits) -> Outcome {
        self.feed(words, limits, Bytes::new()).await
    }

    /// The same with something to read.
    pub(crate) async fn feed(&self, words: &[&str], limits: Limits, stdin: Bytes) -> Outcome {
        let mut cell = self.cell(&limits).await;
        let outcome =
            cell.execute(&probe(words, limits).with_stdin(stdin)).await.expect("an outcome");
        // Whatever the program did, the cell is as good as new.
        expect(
            &cell
                .execute(&probe(&["count-processes"], Limits::default()))
                .await
                .expect("an outcome"),
            |after| after.ended.is_success() && after.stdout == "0\n",
        );
        cell.close().await.expect("the cell closes");
        outcome
    }

    /// Compiles a source; the last step's outcome, and the artifact if it succeeded.
    pub(crate) async fn compile(
        &self,
        language: &str,
        source: &str,
    ) -> Result<(Outcome, Option<Bytes>), SandboxError> {
        let language = self.language(language);
        let mut cell = self.sandbox.prepare(&CellSpec::compile(language)).await?;
        cell.put(
            &CellPath::work(&language.source)?,
            Bytes::copy_from_slice(source.as_bytes()),
            false,
        )
        .await?;
        let mut last = None;
        for step in &language.compile {
            let outcome = cell
                .execute(&Execution::new(step.clone(), language.compile_limits()).keeping())
                .await?;
            if !outcome.ended.is_success() {
                cell.close().await?;
                return Ok((outcome, None));
            }
            last = Some(outcome);
        }
        let artifact = cell.get(&CellPath::work(&language.artifact)?, 64 << 20).await?;
        cell.close().await?;
        Ok((last.expect("every language here has a compile step"), Some(artifact)))
    }
}

/// The probe's behaviour, as a command.
pub(crate) fn probe(words: &[&str], limits: Limits) -> Execution {
    let words = std::iter::once("/box/probe").chain(words.iter().copied());
    Execution::new(words.map(str::to_owned).collect(), limits)
}

/// Limits of a test that is meant to run into one of them soon.
pub(crate) fn short() -> Limits {
    Limits { cpu: Duration::from_millis(300), wall: Duration::from_secs(4), ..Limits::default() }
}

/// Fails, showing the outcome, unless it is as it should be.
#[track_caller]
pub(crate) fn expect(outcome: &Outcome, holds: impl FnOnce(&Outcome) -> bool) {
    let brief = Outcome {
        stdout: outcome.stdout.slice(..outcome.stdout.len().min(2000)),
        stderr: outcome.stderr.slice(..outcome.stderr.len().min(2000)),
        ..outcome.clone()
    };
    assert!(holds(outcome), "{brief:#?}");
}

/// Fails unless the run ended so.
#[track_caller]
pub(crate) fn expect_end(outcome: &Outcome, ended: Ended) {
    expect(outcome, |outcome| outcome.ended == ended);
}

/// Fails unless an operation was refused so.
#[track_caller]
pub(crate) fn expect_error<T: Debug>(
    result: Result<T, SandboxError>,
    is: impl FnOnce(&SandboxError) -> bool,
) {
    match result {
        Err(error) if is(&error) => {}
        other => panic!("{other:#?}"),
    }
}

//! What cases work with: a sandbox, the probe compiled inside it, and cells that are looked over after each run.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use sandbox::{
    Cell, CellPath, CellSpec, Ended, Execution, Language, Languages, Layout, Limits, Outcome,
    Sandbox, SandboxError,
};

use crate::case::{AMPLE, Case, GRACE, MIB, Mode, Program};

/// The probe's parts, in the order in which they make one source.
pub(crate) const PROBE: &[&str] = &[
    include_str!("probes/probe.h"),
    include_str!("probes/time.c"),
    include_str!("probes/memory.c"),
    include_str!("probes/processes.c"),
    include_str!("probes/filesystem.c"),
    include_str!("probes/output.c"),
    include_str!("probes/link.c"),
    include_str!("probes/kernel.c"),
    include_str!("probes/main.c"),
];

/// The most that is taken out of a compile cell.
const ARTIFACT_BYTES_MAX: u64 = 64 << 20;

pub(crate) struct Bench {
    pub(crate) sandbox: Arc<dyn Sandbox>,
    pub(crate) mode: Mode,
    languages: Languages,
    probe: Bytes,
    open: AtomicUsize,
}

impl Bench {
    pub(crate) async fn new(sandbox: Arc<dyn Sandbox>, mode: Mode) -> Result<Self, SandboxError> {
        let open = AtomicUsize::new(0);
        let languages = Languages::builtin();
        let mut bench = Self { sandbox, mode, languages, probe: Bytes::new(), open };
        let language = bench.language("c");
        let mut cell = bench.sandbox.prepare(&CellSpec::compile(language)).await?;
        let limits = language.compile_limits();
        let outcome = compile(&mut cell, language, PROBE.concat().as_bytes(), &limits).await?;
        assert!(outcome.ended.is_success(), "{}", String::from_utf8_lossy(&outcome.stderr));
        let artifact = CellPath::work(&language.artifact)?;
        bench.probe = cell.get(&artifact, ARTIFACT_BYTES_MAX).await?;
        cell.close().await?;
        Ok(bench)
    }

    /// A language, by what its sources' names end in.
    pub(crate) fn language(&self, extension: &str) -> &Arc<Language> {
        self.languages.by_extension(extension).expect("the cases only use languages there are")
    }

    /// How many cells the cases have open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// A fresh cell with the probe in it, able to hold what these limits allow.
    pub(crate) async fn slot(&self, limits: &Limits) -> Slot<'_> {
        self.slot_of(&CellSpec::run(self.language("c"), limits)).await
    }

    pub(crate) async fn slot_of(&self, spec: &CellSpec) -> Slot<'_> {
        let counted = self.counted();
        let cell = self.sandbox.prepare(spec).await.expect("a cell");
        self.slot_in(cell, counted).await
    }

    /// Two cells whose programs can talk to each other.
    pub(crate) async fn pair(&self, limits: &Limits) -> [Slot<'_>; 2] {
        let mut one = self.slot(limits).await;
        let spec = CellSpec::run(self.language("c"), limits);
        let counted = self.counted();
        let cell = self.sandbox.prepare_beside(&spec, &mut one.cell).await.expect("a cell");
        let other = self.slot_in(cell, counted).await;
        [one, other]
    }

    fn counted(&self) -> Counted<'_> {
        self.open.fetch_add(1, Ordering::SeqCst);
        Counted(&self.open)
    }

    async fn slot_in<'a>(&'a self, mut cell: Cell, counted: Counted<'a>) -> Slot<'a> {
        let probe = CellPath::program("probe").expect("a plain name");
        cell.put(&probe, self.probe.clone(), true).await.expect("the probe fits");
        let mut slot = Slot { cell, fresh: String::new(), _counted: counted };
        slot.fresh = slot.inventory().await;
        slot
    }

    /// Runs a case, in the shared cell if it may. What is wrong is told by panicking.
    pub(crate) async fn judge<'a>(&'a self, case: &Case, shared: &mut Option<Slot<'a>>) {
        let outcome = match case.program {
            Program::Steps(steps) => return steps(self).await,
            Program::Probe(words) => {
                let own = case.own_cell || !fits(&case.limits, &AMPLE);
                let taken = if own { None } else { shared.take() };
                let mut slot = match taken {
                    Some(slot) => slot,
                    None => self.slot(&wide_enough(&case.limits)).await,
                };
                let execution = command(words, case.limits).with_stdin(case.stdin.clone());
                let outcome = slot.execute(&execution).await;
                // Looked over in any case, so that a failure says all that there is to say.
                slot.look_over().await;
                if own {
                    slot.close().await;
                } else {
                    *shared = Some(slot);
                }
                outcome
            }
            Program::Source { language, text } => self.run_source(case, language, text).await,
            Program::Compile { language, source } => {
                let language = self.language(language);
                let (mut slot, outcome) =
                    self.compile_in_slot(language, &source(), &case.limits).await;
                // Only now, because what a compile step leaves is kept for the next one.
                slot.run(&["exit", "0"], AMPLE).await;
                slot.look_over().await;
                slot.close().await;
                outcome
            }
        };
        if let Some(objection) = case.objection(self.mode, &outcome) {
            panic!("{objection}");
        }
    }

    /// Compiles in a cell for that, and leaves it open.
    pub(crate) async fn compile_in_slot(
        &self,
        language: &Arc<Language>,
        source: &[u8],
        limits: &Limits,
    ) -> (Slot<'_>, Outcome) {
        let mut slot = self.slot_of(&CellSpec::compile(language)).await;
        let outcome = compile(&mut slot.cell, language, source, limits).await.expect("a compiler");
        (slot, outcome)
    }

    async fn run_source(&self, case: &Case, language: &str, text: &str) -> Outcome {
        let language = self.language(language);
        let (mut slot, compiled) =
            self.compile_in_slot(language, text.as_bytes(), &language.compile_limits()).await;
        expect_end(&compiled, Ended::Exited { code: 0 });
        let artifact = CellPath::work(&language.artifact).expect("a plain name");
        let artifact = slot.cell.get(&artifact, ARTIFACT_BYTES_MAX).await.expect("an artifact");
        slot.close().await;

        // Less than a problem may set is meant as it stands, without what the runtime is allowed beside it.
        let allowance_bytes = language.allowances.memory_mib << 20;
        let whole = if case.limits.memory_bytes < MIB { 0 } else { allowance_bytes };
        let limits = Limits {
            memory_bytes: case.limits.memory_bytes + whole,
            processes: language.allowances.processes,
            ..case.limits
        };
        let mut slot = self.slot_of(&CellSpec::run(language, &wide_enough(&limits))).await;
        let program = CellPath::program(&language.artifact).expect("a plain name");
        slot.cell.put(&program, artifact, true).await.expect("it fits");
        for (name, text) in &language.support {
            let support = CellPath::program(name).expect("a plain name");
            slot.cell.put(&support, text.clone().into(), false).await.expect("it fits");
        }
        let run = Execution::new(
            language.run_argv(case.limits.memory_bytes, &Layout::single(language)),
            limits,
        )
        .with_stdin(case.stdin.clone());
        let outcome = slot.execute(&run).await;
        slot.look_over().await;
        slot.close().await;
        outcome
    }
}

/// What a cell must hold for a case and for what looks it over.
fn wide_enough(limits: &Limits) -> Limits {
    Limits {
        memory_bytes: limits.memory_bytes.max(AMPLE.memory_bytes),
        processes: limits.processes.max(AMPLE.processes),
        file_bytes: limits.file_bytes.max(AMPLE.file_bytes),
        ..*limits
    }
}

fn fits(limits: &Limits, cell: &Limits) -> bool {
    limits.memory_bytes <= cell.memory_bytes
        && limits.processes <= cell.processes
        && limits.file_bytes <= cell.file_bytes
}

/// Runs a language's compile steps over a source; the last one's outcome.
async fn compile(
    cell: &mut Cell,
    language: &Language,
    source: &[u8],
    limits: &Limits,
) -> Result<Outcome, SandboxError> {
    cell.put(&CellPath::work(&language.source)?, Bytes::copy_from_slice(source), false).await?;
    let mut last = None;
    for step in language.compile_steps(&Layout::single(language)) {
        let outcome = cell.execute(&Execution::new(step, *limits).keeping()).await?;
        let failed = !outcome.ended.is_success();
        last = Some(outcome);
        if failed {
            break;
        }
    }
    Ok(last.expect("every language here has a compile step"))
}

struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A cell in use. Fields are dropped in order: the cell is gone, or on its way, before it counts as closed.
pub(crate) struct Slot<'a> {
    pub(crate) cell: Cell,
    /// What there was in it before anything ran.
    fresh: String,
    _counted: Counted<'a>,
}

impl Slot<'_> {
    pub(crate) async fn execute(&mut self, execution: &Execution) -> Outcome {
        self.cell.execute(execution).await.expect("an outcome")
    }

    /// The probe's behaviour.
    pub(crate) async fn run(&mut self, words: &[&str], limits: Limits) -> Outcome {
        self.execute(&command(words, limits)).await
    }

    /// The probe's behaviour, after which files stay.
    pub(crate) async fn run_keeping(&mut self, words: &[&str], limits: Limits) -> Outcome {
        self.execute(&command(words, limits).keeping()).await
    }

    /// Whatever a program did, the next one finds the cell as it was, and runs as it would in a fresh one.
    pub(crate) async fn look_over(&mut self) {
        let now = self.inventory().await;
        assert_eq!(now, self.fresh, "the cell is not as it was");
    }

    async fn inventory(&mut self) -> String {
        let outcome = self.run(&["inventory"], AMPLE).await;
        expect(&outcome, |outcome| {
            let text = String::from_utf8_lossy(&outcome.stdout);
            let clean = "processes 0\nfiles 0\nareas 3\nipc 0\nsockets 0\ndescriptors 0\nmounts ";
            outcome.ended.is_success() && text.starts_with(clean) && outcome.wall < GRACE
        });
        String::from_utf8_lossy(&outcome.stdout).into_owned()
    }

    pub(crate) async fn close(self) {
        let Self { cell, _counted, .. } = self;
        cell.close().await.expect("the cell closes");
    }
}

/// The probe's behaviour, as a command.
pub(crate) fn command(words: &[&str], limits: Limits) -> Execution {
    let words = std::iter::once("/box/probe").chain(words.iter().copied());
    Execution::new(words.map(str::to_owned).collect(), limits)
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

//! Runs the tests of one submission, concurrently if slots are free and the problem allows it.

use std::sync::Arc;
use std::time::Duration;

use domain::problem::Test;
use sandbox::MemorySource;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::interruption::Interruption;
use crate::judge::{Fault, Judged, JudgingCells, ProblemPrograms, Program, fetch_test};
use crate::plan::{Plan, another_cell_pays};
use crate::slots::Slot;
use crate::tools::Tools;

/// The running tests of one attempt. Dropping this ends them and destroys their cells.
#[derive(Debug)]
pub(crate) struct TestsRun<'a> {
    tools: &'a Tools,
    program: Program,
    problem_programs: Arc<ProblemPrograms>,
    tests: &'a [Test],
    running: JoinSet<Result<Ran, Interruption>>,
    /// The session's own slot while no test uses it. Freed when no test is left to begin.
    home: Option<Slot>,
    /// Whether this is a trial of a rejudge, which must leave a slot to live submissions.
    again: bool,
    /// Cells with the program in which no test runs at the moment.
    idle: Vec<JudgingCells>,
    /// How long setting up the first cell took.
    set_up: Duration,
    memory_source: Option<MemorySource>,
    ended: u32,
    reruns: u32,
    /// Wall time of all tests that have ended.
    wall: Duration,
}

/// A test that has ended, with the resources that it used.
struct Ran {
    judging_cells: JudgingCells,
    /// The session's own slot, if the test used it.
    home: Option<Slot>,
    judged: Judged,
    wall: Duration,
}

impl<'a> TestsRun<'a> {
    pub(crate) async fn set_up(
        tools: &'a Tools,
        program: Program,
        problem_programs: Arc<ProblemPrograms>,
        tests: &'a [Test],
        home: Slot,
    ) -> Result<Self, Fault> {
        let started = Instant::now();
        let judging_cells =
            JudgingCells::set_up(&tools.cells, program.clone(), Arc::clone(&problem_programs))
                .await?;
        Ok(Self {
            tools,
            program,
            problem_programs,
            tests,
            running: JoinSet::new(),
            again: home.is_shared(),
            home: Some(home),
            idle: vec![judging_cells],
            set_up: started.elapsed(),
            memory_source: None,
            ended: 0,
            reruns: 0,
            wall: Duration::ZERO,
        })
    }

    /// Begins tests while slots are available.
    pub(crate) async fn begin(&mut self, plan: &mut Plan) -> Result<(), Fault> {
        while let Some(number) = plan.next() {
            let lane = match self.home.take() {
                Some(home) => Some((home, true)),
                None if self.another_pays(plan) => {
                    self.tools.slots.try_acquire(self.again).map(|slot| (slot, false))
                }
                None => None,
            };
            let Some((slot, is_home)) = lane else { return Ok(()) };
            plan.begin(number);
            let test = &self.tests[number as usize - 1];
            let data = fetch_test(&self.tools.library, number, test).await?;
            let judging_cells = self.idle.pop();
            let (cells, program) = (Arc::clone(&self.tools.cells), self.program.clone());
            let problem_programs = Arc::clone(&self.problem_programs);
            let name = test.name.clone();
            self.running.spawn(async move {
                let mut judging_cells = match judging_cells {
                    Some(judging_cells) => judging_cells,
                    None => JudgingCells::set_up(&cells, program, problem_programs).await?,
                };
                let started = Instant::now();
                let judged = judging_cells.judge(&data, slot.core()).await;
                let judged = judged.map_err(|fault| Interruption::Test { test: name, fault })?;
                // Another slot is freed immediately, for the next session that waits.
                let home = is_home.then_some(slot);
                Ok(Ran { judging_cells, home, judged, wall: started.elapsed() })
            });
        }
        // A grader that still has to run also uses the session's own slot.
        if plan.left() == 0 && self.problem_programs.grader.is_none() {
            self.home = None;
        }
        Ok(())
    }

    /// The core of the session's own slot, if no test uses the slot.
    pub(crate) fn core(&self) -> Option<u32> {
        self.home.as_ref().and_then(Slot::core)
    }

    /// Whether another test may run concurrently, and is worth its own cell.
    fn another_pays(&self, plan: &Plan) -> bool {
        let mean = self.wall.checked_div(self.ended).unwrap_or_default();
        !self.idle.is_empty() || another_cell_pays(plan.left(), mean, self.set_up)
    }

    /// Waits for the next test to end; `None` if none is running.
    pub(crate) async fn end(&mut self, plan: &mut Plan) -> Result<Option<()>, Interruption> {
        let Some(ran) = self.running.join_next().await else { return Ok(None) };
        let Ran { judging_cells, home, judged, wall } = match ran {
            Ok(ran) => ran?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.memory_source = self.memory_source.or(judging_cells.memory_source());
        self.idle.push(judging_cells);
        self.home = self.home.take().or(home);
        self.ended += 1;
        self.wall += wall;
        self.reruns += judged.reruns;
        self.tools.figures.ran(&judged);
        let test = &self.tests[judged.outcome.number as usize - 1].name;
        match plan.end(judged.outcome) {
            None => Ok(Some(())),
            Some(detail) => {
                let fault = Fault::Program { program: "the validator".to_owned(), detail };
                Err(Interruption::Test { test: test.clone(), fault })
            }
        }
    }

    /// Retires the cells. Returns the source of the memory measurements and the number of repeated
    /// runs.
    pub(crate) async fn tear_down(self) -> (Option<MemorySource>, u32) {
        for judging_cells in self.idle {
            judging_cells.tear_down().await;
        }
        (self.memory_source, self.reruns)
    }
}

//! Progress of a verification, on standard error: a bar on a terminal, otherwise a line at
//! intervals.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often a line is written if there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The progress of one phase, in steps.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    /// Writes lines if there is no terminal.
    lines: JoinHandle<()>,
}

impl Progress {
    /// Begins a phase with at most `steps` steps, counted in `unit`; `name` is shown before them.
    pub(super) fn begin(name: &str, steps: usize, unit: &'static str) -> Self {
        let template =
            format!("{{prefix}} {{bar:30}} {{pos}}/{{len}} {unit}, {{elapsed}}, {{msg}}");
        let style = ProgressStyle::with_template(&template).expect("the template is valid");
        let bar = ProgressBar::new(steps as u64).with_style(style).with_prefix(name.to_owned());
        let lines = tokio::spawn(write_lines(bar.clone(), unit));
        Self { bar, lines }
    }

    /// A step begins; `what` describes it.
    pub(super) fn step(&self, what: String) {
        self.bar.set_message(what);
        self.bar.inc(1);
    }

    /// Removes steps that are not needed from the total.
    pub(super) fn skip(&self, steps: usize) {
        self.bar.dec_length(steps as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.lines.abort();
        self.bar.finish_and_clear();
    }
}

async fn write_lines(bar: ProgressBar, unit: &str) {
    if !bar.is_hidden() {
        // Redraw the bar regularly, so that a long step visibly runs.
        return bar.enable_steady_tick(Duration::from_secs(1));
    }
    let mut ticks = interval_at(Instant::now() + LINE_INTERVAL, LINE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        eprintln!("{}", line(&bar, unit));
    }
}

fn line(bar: &ProgressBar, unit: &str) -> String {
    let (name, place) = (bar.prefix(), bar.position());
    let (steps, seconds) = (bar.length().unwrap_or(0), bar.elapsed().as_secs());
    format!("{name}: {place} of {steps} {unit}, {seconds} s: {}", bar.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_says_how_far_it_is_and_what_runs() {
        let progress = Progress::begin("two-sum", 60, "tests");
        progress.step("accepted/a.py on secret/1".to_owned());
        progress.step("accepted/a.py on secret/2".to_owned());
        progress.skip(20);
        let said = line(&progress.bar, "tests");
        assert_eq!(said, "two-sum: 2 of 40 tests, 0 s: accepted/a.py on secret/2");
    }
}

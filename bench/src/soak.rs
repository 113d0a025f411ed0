//! `assay-bench soak`: many submissions through an embedded evaluator, some of them hostile.
//! Compares the resources of this process before and afterwards. Resources that remain after the
//! evaluator has stopped are always leaks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::grading::{Grading, OnFailure};
use domain::problem::{BlobRef, Limits, RevisionContent, Test};
use domain::{Digest, Slug, Verdict};
use serde::Serialize;

use super::holdings::Holdings;
use super::installation::{Installation, Sample};
use super::{Common, Measured, Mode, OUTPUT_FLOOD, Report, failed, rounded, show, together};
use assay::config::Config;
use assay::table::table;
use assay::{Exit, Failure};

/// Maximum time for delayed clean-up to finish: cells that are being closed, and ready cells that
/// are being replaced.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(15);
/// The poll interval.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum number of queued submissions, so that the queue does not hold all of them.
const WAITING_MAX: usize = 200;
/// Submissions before counting begins, to fill the caches.
const WARM_UP_SUBMISSIONS: usize = 100;
/// Number of progress reports.
const PARTS: usize = 20;

/// Hostile programs, and the verdicts that each may get. Each reaches its limit soon.
const HOSTILE: [(&str, &str); 8] = [
    ("fork bomb", "#include <unistd.h>\nint main(void) { for (;;) fork(); }\n"),
    (
        "daemons",
        "#include <unistd.h>\nint main(void) { for (int i = 0; i < 8; i++) if (fork() == 0) { setsid(); \
                 for (;;) pause(); } return 3; }\n",
    ),
    ("output flood", OUTPUT_FLOOD),
    (
        "memory",
        "#include <stdlib.h>\n#include <string.h>\nint main(void) { for (;;) { char *p = malloc(1 << 20); if (p) \
                memset(p, 1, 1 << 20); } }\n",
    ),
    (
        "files",
        "#include <fcntl.h>\n#include <stdio.h>\nint main(void) { char name[16]; for (int i = 0;; i++) { \
               sprintf(name, \"%d\", i); if (open(name, O_CREAT | O_WRONLY, 0600) < 0) return 4; } }\n",
    ),
    ("endless loop", "int main(void) { for (volatile int i = 0;; i++); }\n"),
    (
        "shared memory",
        "#include <sys/shm.h>\n#include <string.h>\nint main(void) { for (int i = 0; i < 16; i++) { int id \
                       = shmget(i + 1, 1 << 16, IPC_CREAT | 0600); if (id >= 0) memset(shmat(id, 0, 0), 1, 1 << 16); } \
                       return 5; }\n",
    ),
    ("crash", "int main(void) { *(volatile int *)0 = 1; return 0; }\n"),
];

/// Looks for leaks: many submissions in a row, some hostile
///
/// Exits with 1 if something leaked.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Submissions to judge
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    submissions: usize,
    /// Percentage of hostile submissions
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
    hostile_percent: u8,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    submissions: usize,
    hostile: usize,
    seconds: f64,
    /// Number of verdicts that neither the package's author nor this program expected.
    unexpected: usize,
    /// The number of submissions, by verdict.
    verdicts: BTreeMap<String, usize>,
    before: Holdings,
    after: Holdings,
    /// After the evaluator stopped.
    stopped: Holdings,
    slots: usize,
    slots_free: usize,
    /// The leaks; empty if all is well.
    leaks: Vec<String>,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    // Open each sandbox again: otherwise ready cells of one count as a leak of another.
    let wanted = async |all: &[Measured]| Ok(all.iter().map(|it| it.mode).collect::<Vec<_>>());
    let (wanted, left_out) = together(config, &args.common, wanted).await?;
    let mut modes = Vec::new();
    for mode in wanted {
        let report = soak(config, mode, &args).await?;
        for leak in &report.leaks {
            eprintln!("{mode}: {leak}");
        }
        modes.push(report);
    }
    let well = modes.iter().all(|mode| mode.leaks.is_empty() && mode.unexpected == 0);
    show(&Report { runs: None, modes, left_out }, args.common.json, print)?;
    Ok(if well { Exit::Done } else { Exit::NotAccepted })
}

async fn soak(config: &Config, mode: Mode, args: &Args) -> Result<ModeReport, Failure> {
    let mut installation = Installation::start(config, mode).await?;
    let clean = samples(&mut installation).await?;
    let mix = Mix { clean, hostile_percent: usize::from(args.hostile_percent) };
    eprintln!("{mode}: settling in with {WARM_UP_SUBMISSIONS} submissions");
    let mut judged = Vec::new();
    submit(&mut installation, &mix, WARM_UP_SUBMISSIONS, &mut judged).await?;
    let before = idle_holdings(&installation, None).await;
    let started = Instant::now();
    let part = args.submissions.div_ceil(PARTS).clamp(1, WAITING_MAX);
    while judged.len() < WARM_UP_SUBMISSIONS + args.submissions {
        let count = part.min(WARM_UP_SUBMISSIONS + args.submissions - judged.len());
        submit(&mut installation, &mix, count, &mut judged).await?;
        let done = judged.len() - WARM_UP_SUBMISSIONS;
        eprintln!("{mode}: {done} judged after {:.0} s", started.elapsed().as_secs_f64());
    }
    let seconds = rounded(started.elapsed().as_secs_f64());
    let after = idle_holdings(&installation, Some(&before)).await;
    let counted = &judged[WARM_UP_SUBMISSIONS..];
    let mut verdicts = BTreeMap::new();
    for (_, verdict) in counted {
        *verdicts.entry(verdict.to_string()).or_insert(0) += 1;
    }
    let figures = installation.figures();
    let (slots, slots_free) = (figures.slots(), figures.slots_free());
    installation.stop().await?;
    let stopped = Holdings::now();
    let mut leaks = after.grown_since(&before);
    leaks.extend(stopped.left_when_stopped());
    if slots_free < slots {
        leaks.push(format!("{} of {slots} slots are lost", slots - slots_free));
    }
    Ok(ModeReport {
        mode,
        submissions: counted.len(),
        hostile: counted.iter().filter(|(index, _)| mix.is_hostile(*index)).count(),
        seconds,
        unexpected: counted
            .iter()
            .filter(|(index, verdict)| !mix.expects(*index, *verdict))
            .count(),
        verdicts,
        before,
        after,
        stopped,
        slots,
        slots_free,
        leaks,
    })
}

/// The submissions, in a repeating order.
struct Mix {
    clean: Vec<Sample>,
    hostile_percent: usize,
}

impl Mix {
    /// Whether the submission with this index is hostile. They are spread evenly.
    fn is_hostile(&self, index: usize) -> bool {
        (index + 1) * self.hostile_percent / 100 > index * self.hostile_percent / 100
    }

    fn hostile(&self, index: usize) -> &'static (&'static str, &'static str) {
        &HOSTILE[(index * self.hostile_percent / 100) % HOSTILE.len()]
    }

    fn clean(&self, index: usize) -> &Sample {
        &self.clean[index % self.clean.len()]
    }

    fn expects(&self, index: usize, verdict: Verdict) -> bool {
        match self.is_hostile(index) {
            true => !matches!(verdict, Verdict::Accepted | Verdict::JudgeError),
            false => self.clean(index).expected.contains(&verdict),
        }
    }
}

/// The packages' own submissions, except slow ones, and a problem for the hostile programs.
async fn samples(installation: &mut Installation) -> Result<Vec<Sample>, Failure> {
    let (problem, content, blobs) = target()?;
    installation.import(problem, content, blobs).await?;
    let slow = [Verdict::TimeLimitExceeded, Verdict::CompileError];
    let quick = |sample: &Sample| !slow.iter().any(|verdict| sample.expected.contains(verdict));
    installation.import_samples(quick).await
}

fn target_slug() -> Slug {
    "soak".parse().expect("this is a slug")
}

/// A problem with short limits, where the first failure ends an attempt.
fn target() -> Result<(Slug, RevisionContent, BTreeMap<Digest, Bytes>), Failure> {
    let (input, answer) = (Bytes::from_static(b"1 2\n"), Bytes::from_static(b"3\n"));
    let blob = |bytes: &Bytes| BlobRef { digest: Digest::of(bytes), bytes: bytes.len() as u64 };
    let test = Test::new("secret/1", blob(&input), blob(&answer));
    let content = RevisionContent {
        title: "Soak".to_owned(),
        statement: "Add.".to_owned(),
        limits: Limits { time_ms: 300, memory_kib: 64 * 1024, ..Limits::default() },
        tests: vec![test.clone(), test],
        grading: Grading::pass_fail(OnFailure::Stop),
        ..RevisionContent::default()
    };
    let blobs = [input, answer].map(|bytes| (Digest::of(&bytes), bytes)).into();
    Ok((target_slug(), content, blobs))
}

/// Submits `count` more programs, waits, and adds their verdicts with their index.
async fn submit(
    installation: &mut Installation,
    mix: &Mix,
    count: usize,
    judged: &mut Vec<(usize, Verdict)>,
) -> Result<(), Failure> {
    let c = "c".parse().map_err(failed)?;
    let mut submitted = Vec::new();
    for index in judged.len()..judged.len() + count {
        let id = if mix.is_hostile(index) {
            let (_, source) = mix.hostile(index);
            installation.submit(&target_slug(), &c, source).await?
        } else {
            let sample = mix.clean(index);
            installation.submit(&sample.problem, &sample.language, &sample.source).await?
        };
        submitted.push((index, id));
    }
    installation.judged(judged.len() + count).await?;
    for (index, id) in submitted {
        let verdict = installation.verdict(&id).expect("it was waited for");
        if !mix.expects(index, verdict) {
            let what = match mix.is_hostile(index) {
                true => mix.hostile(index).0.to_owned(),
                false => {
                    let Sample { problem, language, expected, .. } = mix.clean(index);
                    let expected: Vec<_> = expected.iter().map(Verdict::to_string).collect();
                    format!("{problem} in {language}, expected {}", expected.join(" or "))
                }
            };
            eprintln!("submission {index} ({what}) got the verdict {verdict}");
        }
        judged.push((index, verdict));
    }
    Ok(())
}

/// The process's resources once it is idle: when all slots are free and it holds no more than
/// before, or after a timeout.
async fn idle_holdings(installation: &Installation, before: Option<&Holdings>) -> Holdings {
    let deadline = tokio::time::Instant::now() + IDLE_WAIT_MAX;
    let mut last = Holdings::now();
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let now = Holdings::now();
        let figures = installation.figures();
        let rests = figures.slots_free() == figures.slots()
            && match before {
                Some(before) => now.grown_since(before).is_empty(),
                None => now.children == last.children && now.descriptors == last.descriptors,
            };
        if rests || tokio::time::Instant::now() > deadline {
            return now;
        }
        last = now;
    }
}

fn print(report: &Report<ModeReport>) {
    let mut rows = table(["sandbox", "what", "before", "after", "stopped"]);
    for ModeReport { mode, before, after, stopped, .. } in &report.modes {
        type Figure = fn(&Holdings) -> String;
        let figures: [(&str, Figure); 8] = [
            ("descriptors", |it| it.descriptors.to_string()),
            ("resident KiB", |it| it.rss_kib.to_string()),
            ("threads", |it| it.threads.to_string()),
            ("child processes", |it| it.children.to_string()),
            ("cgroups", |it| it.cgroups.to_string()),
            ("mounts", |it| it.mounts.to_string()),
            ("temporary files", |it| it.temporary_files.to_string()),
            ("containers", |it| it.containers.map_or("?".to_owned(), |it| it.to_string())),
        ];
        for (what, figure) in figures {
            let [before, after, stopped] = [before, after, stopped].map(figure);
            rows.add_row([mode.to_string(), what.to_owned(), before, after, stopped]);
        }
    }
    println!("{rows}");
    for mode in &report.modes {
        let ModeReport { submissions, hostile, seconds, unexpected, slots, slots_free, .. } = mode;
        println!(
            "{}: {submissions} submissions, {hostile} of them hostile, in {seconds:.0} s; {unexpected} unexpected \
             verdicts; {slots_free} of {slots} slots free; {}",
            mode.mode,
            if mode.leaks.is_empty() { "nothing leaked" } else { "something leaked" }
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_submissions_are_spread_evenly() {
        let mix = Mix { clean: vec![], hostile_percent: 10 };
        let hostile: Vec<usize> = (0..40).filter(|&index| mix.is_hostile(index)).collect();
        assert_eq!(hostile, [9, 19, 29, 39]);
        let names: std::collections::BTreeSet<_> =
            (0..200).filter(|&it| mix.is_hostile(it)).map(|it| mix.hostile(it).0).collect();
        assert_eq!(names.len(), HOSTILE.len());
    }
}

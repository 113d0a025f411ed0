//! `assay-bench fairness`: how long a submission waits while another account floods the queue, and
//! how evenly accounts wait that all submit at once.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use domain::grading::{Grading, OnFailure};
use domain::problem::{BlobRef, Limits, RevisionContent, Test};
use domain::{Digest, LanguageId, Login, Slug, SubmissionId};
use futures::future::try_join_all;
use serde::Serialize;

use super::installation::{Installation, Times};
use super::{Common, Measured, Mode, Percentiles, Report, failed, milliseconds, show, together};
use assay::config::Config;
use assay::table::table;
use assay::{Exit, Failure};

/// A program that uses a second of CPU time, and one that ends at once.
const SLOW: &str = "#include <stdio.h>\n#include <time.h>\nint main(void) { while (clock() < CLOCKS_PER_SEC); \
                    puts(\"3\"); return 0; }\n";
const QUICK: &str = "#include <stdio.h>\nint main(void) { puts(\"3\"); return 0; }\n";

/// How long accounts wait for each other
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Slow submissions of the account that floods the queue
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    flood: u16,
    /// Accounts that submit at once
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u16).range(1..))]
    accounts: u16,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Serialize)]
struct ModeReport {
    mode: Mode,
    slots: usize,
    /// Submissions of the flood that began after the other account's was received, and before that
    /// began.
    begun_before: usize,
    /// The longest time from the beginning of a submission of the flood to its verdict.
    longest_judging_ms: f64,
    /// The time from the other account's submission to its verdict.
    wait_ms: f64,
    /// From submission until judging begins, for accounts that submit at once.
    begun: Spread,
    /// From submission to the verdict.
    judged: Spread,
}

#[derive(Debug, Serialize)]
struct Spread {
    #[serde(flatten)]
    percentiles: Percentiles,
    max: f64,
}

impl Spread {
    fn of(times: &[Duration]) -> Self {
        let max = times.iter().max().copied().unwrap_or_default();
        Self { percentiles: Percentiles::of(times), max: milliseconds(max) }
    }
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let wanted = async |all: &[Measured]| Ok(all.iter().map(|it| it.mode).collect::<Vec<_>>());
    let (wanted, left_out) = together(config, &args.common, wanted).await?;
    let mut modes = Vec::new();
    for mode in wanted {
        modes.push(measure(config, mode, &args).await?);
    }
    show(&Report { runs: None, modes, left_out }, args.common.json, print)
}

async fn measure(config: &Config, mode: Mode, args: &Args) -> Result<ModeReport, Failure> {
    eprintln!("{mode}: one account submits {} slow programs", args.flood);
    let mut installation = Installation::start(config, mode).await?;
    let slots = installation.figures().slots();
    import(&mut installation).await?;
    let flood = "flood".parse().map_err(failed)?;
    for _ in 0..args.flood {
        submit(&installation, &flood, SLOW).await?;
    }
    installation.judged(1).await?;
    let other = "other".parse().map_err(failed)?;
    let other = submit(&installation, &other, QUICK).await?;
    installation.judged_this(&other).await?;
    let mut times = installation.times().await?;
    installation.stop().await?;
    let waited = times.remove(&other).expect("it was judged");
    let is_before = |it: &&Times| it.begun.is_some_and(|at| waited.is_waiting_at(at));
    let begun_before = times.values().filter(is_before).count();
    let longest = times.values().filter_map(Times::judging).max().unwrap_or_default();

    eprintln!("{mode}: {} accounts submit at once", args.accounts);
    let mut installation = Installation::start(config, mode).await?;
    import(&mut installation).await?;
    let submitted = (0..args.accounts).map(async |number| {
        let account = format!("account{number}").parse().map_err(failed)?;
        // Different programs, so that each is compiled.
        submit(&installation, &account, &format!("{QUICK}/* {number} */\n")).await
    });
    try_join_all(submitted).await?;
    installation.judged(args.accounts.into()).await?;
    let times = installation.times().await?;
    installation.stop().await?;
    let of = |time: fn(&Times) -> Option<Duration>| {
        Spread::of(&times.values().filter_map(time).collect::<Vec<_>>())
    };
    Ok(ModeReport {
        mode,
        slots,
        begun_before,
        longest_judging_ms: milliseconds(longest),
        wait_ms: milliseconds(waited.whole().unwrap_or_default()),
        begun: of(Times::waiting),
        judged: of(Times::whole),
    })
}

fn slug() -> Slug {
    "fairness".parse().expect("this is a slug")
}

/// Creates a problem with one test.
async fn import(installation: &mut Installation) -> Result<(), Failure> {
    let (input, answer) = (Bytes::from_static(b"1 2\n"), Bytes::from_static(b"3\n"));
    let blob = |bytes: &Bytes| BlobRef { digest: Digest::of(bytes), bytes: bytes.len() as u64 };
    let content = RevisionContent {
        title: "Fairness".to_owned(),
        statement: "Print 3.".to_owned(),
        limits: Limits { time_ms: 5_000, memory_kib: 64 * 1024, ..Limits::default() },
        tests: vec![Test::new("secret/1", blob(&input), blob(&answer))],
        grading: Grading::pass_fail(OnFailure::Stop),
        ..RevisionContent::default()
    };
    let blobs = BTreeMap::from([input, answer].map(|bytes| (Digest::of(&bytes), bytes)));
    installation.import(slug(), content, blobs).await
}

async fn submit(
    installation: &Installation,
    author: &Login,
    source: &str,
) -> Result<SubmissionId, Failure> {
    let c: LanguageId = "c".parse().map_err(failed)?;
    installation.submit_as(author, &slug(), &c, source).await
}

fn print(report: &Report<ModeReport>) {
    let mut rows = table(["sandbox", "what", "p50 / p95", "max"]);
    for mode in &report.modes {
        for (what, spread) in
            [("until judging begins", &mode.begun), ("to the verdict", &mode.judged)]
        {
            let (percentiles, max) =
                (spread.percentiles.to_string(), format!("{:.3} ms", spread.max));
            rows.add_row([mode.mode.to_string(), what.to_owned(), percentiles, max]);
        }
    }
    println!("{rows}");
    for ModeReport { mode, slots, begun_before, longest_judging_ms, wait_ms, .. } in &report.modes {
        println!(
            "{mode}, {slots} slots: during the flood, the other account's verdict took {wait_ms:.0} ms; \
             {begun_before} of the flood began before; the longest of the flood took \
             {longest_judging_ms:.0} ms"
        );
    }
}

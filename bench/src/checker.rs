//! `assay-bench checker`: the speed of comparing outputs.

use std::hint::black_box;
use std::time::Instant;

use domain::checker::{Comparison, TokenOptions, compare};
use serde::Serialize;

use super::{rounded, show};
use assay::table::table;
use assay::{Exit, Failure};

/// Size of an output, in bytes.
const BYTES: usize = 256 << 20;

/// The speed of comparing outputs with answers, on one core
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Comparisons of each kind; the median is reported
    #[arg(long, value_name = "N", default_value_t = 5)]
    runs: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct CheckerReport {
    bytes: usize,
    runs: usize,
    /// The speed of copying the same number of bytes, which memory limits.
    copy_gb_per_s: f64,
    cases: Vec<Speed>,
}

#[derive(Debug, Serialize)]
struct Speed {
    name: &'static str,
    gb_per_s: f64,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let runs = args.runs.max(1);
    let numbers: Vec<u8> =
        (0_u32..).flat_map(|number| format!("{number}\n").into_bytes()).take(BYTES).collect();
    let mut ended = numbers.clone();
    ended.extend_from_slice(b"\n \n");
    let spaced: Vec<u8> =
        numbers.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    let same = numbers.clone();
    let plain = TokenOptions::default();
    let floats = TokenOptions { float_absolute: Some(1e-6), ..plain };
    let outputs = [
        ("equal bytes", &same, plain),
        ("more space at the end", &ended, plain),
        ("other space everywhere", &spaced, plain),
        ("other space everywhere, with a tolerance", &spaced, floats),
    ];
    let cases = outputs.map(|(name, output, options)| {
        let gb_per_s = speed(runs, || {
            let found = compare(black_box(output), black_box(&numbers), &options);
            assert_eq!(found, Comparison::Equal, "{name}");
        });
        Speed { name, gb_per_s }
    });
    let mut copy = vec![0; numbers.len()];
    let copy_gb_per_s = speed(runs, || black_box(&mut copy).copy_from_slice(black_box(&numbers)));
    let report = CheckerReport { bytes: BYTES, runs, copy_gb_per_s, cases: cases.into() };
    show(&report, args.json, print)
}

/// The median speed of `runs` runs, in gigabytes per second.
fn speed(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    rounded(BYTES as f64 / 1e9 / seconds[runs / 2])
}

fn print(report: &CheckerReport) {
    println!("{} MiB, the middle of {} runs", report.bytes >> 20, report.runs);
    let mut rows = table(["output", "GB/s"]);
    rows.add_row(["(copying as much)".to_owned(), report.copy_gb_per_s.to_string()]);
    for case in &report.cases {
        rows.add_row([case.name.to_owned(), case.gb_per_s.to_string()]);
    }
    println!("{rows}");
}

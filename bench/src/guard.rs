//! `assay-bench guard`: what the checks of a document cost before it is executed.

use std::hint::black_box;
use std::time::Instant;

use async_graphql::Request;
use async_graphql::parser::parse_query;
use graphql::ServiceLimits;
use query_api::Guard;
use serde::Serialize;

use super::{rounded, show};
use assay::table::table;
use assay::{Exit, Failure};

/// The documents that clients send most: what a website and the command line ask for.
const DOCUMENTS: [(&str, &str); 10] = [
    ("the viewer", "{ viewer { id login name } }"),
    (
        "a list of problems",
        "query($first: Int, $after: String, $filter: ProblemFilter) {
            problems(first: $first, after: $after, filter: $filter) {
                nodes { id number slug title difficulty tags { slug } viewerStatus
                    stats { submissions accepted acceptance } }
                pageInfo { hasNextPage endCursor } totalCount
            }
        }",
    ),
    (
        "a problem",
        "query($slug: String!) {
            problem(slug: $slug) {
                id number slug title difficulty tags { slug name }
                statement { html } samples { name input output explanation }
                limits { timeMs memoryKb outputKb sourceBytes }
                languages { language { id name } limits { timeMs } starterCode }
            }
        }",
    ),
    (
        "submitting",
        "mutation($input: SubmitInput!) {
            submit(input: $input) {
                submission { id number state verdict cursor } replayed token
                userErrors { code message field }
            }
        }",
    ),
    (
        "following a submission",
        "subscription($id: ID!, $after: String) {
            submission(id: $id, after: $after) {
                cursor gap at test { number verdict timeMs memoryKb }
                submission { id state verdict progress { done total queuePosition } }
            }
        }",
    ),
    (
        "a submission",
        "query($id: ID!) {
            submission(id: $id) {
                id number state verdict source language { id name } createdAt judgedAt
                judgement { attempt verdict score timeMs memoryKb compile { ok log }
                    tests { number verdict timeMs memoryKb } }
            }
        }",
    ),
    (
        "own submissions",
        "query($author: String, $after: String) {
            submissions(first: 50, after: $after, filter: { author: $author }) {
                nodes { id number state verdict createdAt problem { slug title } language { name } }
                pageInfo { hasNextPage endCursor }
            }
        }",
    ),
    (
        "following own submissions",
        "subscription { mySubmissions { cursor gap submission { id state verdict } } }",
    ),
    (
        "signing in",
        "mutation($login: String!, $password: String!) {
            login(login: $login, password: $password) {
                accessToken refreshToken expiresAt user { id login } userErrors { code message }
            }
        }",
    ),
    ("the schema", USUAL_INTROSPECTION),
];

/// The introspection query that clients and tools send.
const USUAL_INTROSPECTION: &str = include_str!("../../query-api/src/guard/usual.graphql");
/// What the documents' checks may cost, in microseconds.
const GOAL_US: f64 = 50.0;

/// What the checks of common documents cost before they are executed, with parsing and without
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Checks of each document; the median is reported
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    runs: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct GuardReport {
    runs: usize,
    goal_us: f64,
    documents: Vec<Cost>,
}

#[derive(Debug, Serialize)]
struct Cost {
    name: &'static str,
    bytes: usize,
    /// Checking and parsing.
    median_us: f64,
    p99_us: f64,
    /// Parsing alone, which an execution needs anyway.
    parsing_median_us: f64,
    /// The part of `median_us` that is not parsing.
    checks_median_us: f64,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let guard = Guard::new(&assay::sdl(), &ServiceLimits::default(), false);
    let documents = DOCUMENTS.map(|(name, text)| cost(&guard, name, text, args.runs.max(1)));
    let report = GuardReport { runs: args.runs, goal_us: GOAL_US, documents: documents.into() };
    show(&report, args.json, print)
}

fn cost(guard: &Guard, name: &'static str, text: &str, runs: usize) -> Cost {
    let request = Request::new(text);
    let whole = times(runs, || guard.parse(black_box(&request)).is_ok());
    let parsing = times(runs, || parse_query(black_box(text)).is_ok());
    let (median, parsing) = (at(&whole, 0.5), at(&parsing, 0.5));
    Cost {
        name,
        bytes: text.len(),
        median_us: median,
        p99_us: at(&whole, 0.99),
        parsing_median_us: parsing,
        checks_median_us: rounded(median - parsing),
    }
}

/// The times of something that must succeed, in microseconds, sorted.
fn times(runs: usize, succeeds: impl Fn() -> bool) -> Vec<f64> {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let began = Instant::now();
            let succeeded = black_box(succeeds());
            let took = began.elapsed();
            assert!(succeeded, "a common document is refused");
            took.as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn at(times: &[f64], part: f64) -> f64 {
    rounded(times[((times.len() - 1) as f64 * part) as usize])
}

fn print(report: &GuardReport) {
    println!("{} checks of each document, in microseconds (goal: {GOAL_US})", report.runs);
    let mut table = table(["document", "bytes", "median", "p99", "parsing", "checks"]);
    for cost in &report.documents {
        let times = [cost.median_us, cost.p99_us, cost.parsing_median_us, cost.checks_median_us];
        let head = [cost.name.to_owned(), cost.bytes.to_string()];
        table.add_row(head.into_iter().chain(times.map(|time| time.to_string())));
    }
    println!("{table}");
}

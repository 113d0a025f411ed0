//! The table's rows for subscriptions.

use super::{Row, row};

// Columns: nobody user setter judge auditor admin read submit.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("Subscription.submission", "own",
        r#"submission(id: "$own.submission") { submission { source } }"#,
        "- ok ok ok ok ok ok ok"),
    row("Subscription.submission", "another's",
        r#"submission(id: "$other.submission") { submission { source } }"#,
        "!NOT_FOUND !NOT_FOUND !NOT_FOUND ok !NOT_FOUND ok ok !NOT_FOUND"),
    row("Subscription.mySubmissions", "own",
        r#"mySubmissions(after: "$cursor") { submission { id } }"#,
        "!UNAUTHENTICATED ok ok ok ok ok ok ok"),
    row("Subscription.run", "own", r#"run(id: "$own.run") { run { source } }"#,
        "- ok ok ok ok ok ok ok"),
    row("Subscription.run", "another's", r#"run(id: "$other.run") { run { source } }"#,
        "!NOT_FOUND !NOT_FOUND !NOT_FOUND !NOT_FOUND !NOT_FOUND !NOT_FOUND !NOT_FOUND !NOT_FOUND"),
    row("Subscription.rejudge", "a rejudge",
        r#"rejudge(id: "$other.rejudge") { rejudge { id } }"#,
        "!NOT_FOUND !NOT_FOUND !NOT_FOUND ok !NOT_FOUND ok ok !NOT_FOUND"),
    row("Subscription.auditEvents", "the log",
        r#"auditEvents(after: "$cursor") { cursor }"#,
        "!UNAUTHENTICATED !FORBIDDEN !FORBIDDEN !FORBIDDEN ok ok ok !FORBIDDEN"),
];

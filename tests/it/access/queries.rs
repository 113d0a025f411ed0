//! The table's rows for queries.

use super::{Row, row};

const EVERYONE: &str = "ok ok ok ok ok ok ok ok";
/// Own objects, which nobody has who is not signed in.
const OWNER: &str = "- ok ok ok ok ok ok ok";
/// Own objects that tokens without `read` do not show.
const READING_OWNER: &str = "- ok ok ok ok ok ok null";
const JUDGES: &str = "null null null ok null ok ok null";
const NO_ONE: &str = "null null null null null null null null";

// Columns: nobody user setter judge auditor admin read submit.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("Query.node", "a Problem", r#"node(id: "prb_sum") { id }"#, EVERYONE),
    row("Query.node", "a User", r#"node(id: "usr_bob") { id }"#, EVERYONE),
    row("Query.node", "a Language", r#"node(id: "cpp") { id }"#, EVERYONE),
    row("Query.node", "own Submission", r#"node(id: "$own.submission") { id }"#, OWNER),
    row("Query.node", "another's Submission", r#"node(id: "$other.submission") { id }"#, JUDGES),
    row("Query.node", "own Judgement", r#"node(id: "$own.judgement") { id }"#, OWNER),
    row("Query.node", "another's Judgement", r#"node(id: "$other.judgement") { id }"#, JUDGES),
    row("Query.node", "own Event", r#"node(id: "$own.event") { id }"#, OWNER),
    row("Query.node", "another's Event", r#"node(id: "$other.event") { id }"#,
        "null null null ok ok ok ok null"),
    row("Query.node", "an Event of the service", r#"node(id: "evt_1") { id }"#,
        "null null null null ok ok ok null"),
    row("Query.node", "own Session", r#"node(id: "$own.session") { id }"#, READING_OWNER),
    row("Query.node", "another's Session", r#"node(id: "$other.session") { id }"#, NO_ONE),
    row("Query.node", "own AccessToken", r#"node(id: "$own.token") { id }"#, READING_OWNER),
    row("Query.node", "another's AccessToken", r#"node(id: "$other.token") { id }"#, NO_ONE),
    row("Query.node", "a Rejudge", r#"node(id: "$other.rejudge") { id }"#, JUDGES),
    row("Query.node", "a Webhook", r#"node(id: "$other.webhook") { id }"#,
        "null null null null null ok ok null"),
    row("Query.node", "a damaged id", r#"node(id: "sub_1") { id }"#,
        "!BAD_USER_INPUT !BAD_USER_INPUT !BAD_USER_INPUT !BAD_USER_INPUT
         !BAD_USER_INPUT !BAD_USER_INPUT !BAD_USER_INPUT !BAD_USER_INPUT"),
    row("Query.nodes", "another's submission", r#"nodes(ids: ["$other.submission"]) { id }"#, JUDGES),
    row("Query.viewer", "own account", "viewer { login }", "null ok ok ok ok ok ok ok"),
    row("Query.viewer", "own email", "viewer { email }", "null ok ok ok ok ok ok null"),
    row("Query.viewer", "own sessions", "viewer { sessions { id } }",
        "null ok ok ok ok ok ok empty"),
    row("Query.viewer", "own tokens", "viewer { accessTokens { id } }",
        "null ok ok ok ok ok ok empty"),
    row("Query.user", "another's account", r#"user(login: "bob") { login }"#, EVERYONE),
    row("Query.user", "another's email", r#"user(login: "bob") { email }"#,
        "null null null null null ok ok null"),
    row("Query.user", "another's sessions", r#"user(login: "bob") { sessions { id } }"#,
        "empty empty empty empty empty empty empty empty"),
    row("Query.user", "another's tokens", r#"user(login: "bob") { accessTokens { id } }"#,
        "empty empty empty empty empty empty empty empty"),
    row("Query.user", "another's submissions", r#"user(login: "bob") { submissions { nodes { id } } }"#,
        "empty empty empty ok empty ok ok empty"),
    row("Query.problem", "a problem", r#"problem(slug: "sum") { id }"#, EVERYONE),
    row("Query.problem", "own submissions", r#"problem(slug: "sum") { submissions { nodes { id } } }"#,
        "!UNAUTHENTICATED ok ok ok ok ok ok ok"),
    row("Query.problem", "judge errors", r#"problem(slug: "sum") { judgeErrors { nodes { number } } }"#,
        "null null empty empty null empty empty null"),
    row("Query.problems", "all problems", "problems { nodes { id } }", EVERYONE),
    row("Query.tags", "all tags", "tags { slug }",
        "empty empty empty empty empty empty empty empty"),
    row("Query.languages", "all languages", "languages { id }", EVERYONE),
    row("Query.submission", "own", r#"submission(id: "$own.submission") { source }"#, OWNER),
    row("Query.submission", "another's", r#"submission(id: "$other.submission") { source }"#, JUDGES),
    row("Query.submission", "another's", "submission(number: $other.number) { source }", JUDGES),
    row("Query.submissions", "own", "submissions { nodes { id } }",
        "!UNAUTHENTICATED ok ok ok ok ok ok ok"),
    row("Query.submissions", "another's", r#"submissions(filter: { author: "bob" }) { nodes { id } }"#,
        "!UNAUTHENTICATED empty empty ok empty ok ok empty"),
    row("Query.rejudge", "a rejudge", r#"rejudge(id: "$other.rejudge") { id }"#, JUDGES),
    row("Query.rejudges", "all rejudges", "rejudges { nodes { id } }",
        "empty empty empty ok empty ok ok empty"),
    row("Query.rejudgePreview", "another's submissions",
        r#"rejudgePreview(selection: { author: "bob" }) { matched }"#,
        "!UNAUTHENTICATED !FORBIDDEN !FORBIDDEN ok !FORBIDDEN ok ok !FORBIDDEN"),
    row("Query.webhooks", "all webhooks", "webhooks { id }",
        "empty empty empty empty empty ok ok empty"),
    row("Query.audit", "the log", r#"audit { event(position: "1") { type } }"#,
        "null null null null ok ok ok null"),
    row("Query.system", "the service", "system { version }", EVERYONE),
    row("Query.packageDiff", "a package", r#"packageDiff(package: "$package", slug: "new") { slug }"#,
        "!UNAUTHENTICATED !FORBIDDEN ok !FORBIDDEN !FORBIDDEN ok !FORBIDDEN !FORBIDDEN"),
    row("Query.packageDiff", "no package", r#"packageDiff(package: "$missing.package") { slug }"#,
        "!UNAUTHENTICATED !FORBIDDEN !NOT_FOUND !FORBIDDEN
         !FORBIDDEN !NOT_FOUND !FORBIDDEN !FORBIDDEN"),
];

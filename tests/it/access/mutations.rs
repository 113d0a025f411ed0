//! The table's rows for mutations. They run in this order, after all others, because they change the
//! objects.

use super::{Row, row};

/// Mutations that only administrators may use; tokens need the scope `full`.
const ADMINS: &str =
    "!UNAUTHENTICATED FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN ok FORBIDDEN FORBIDDEN";
const SETTERS: &str = "!UNAUTHENTICATED FORBIDDEN ok FORBIDDEN FORBIDDEN ok FORBIDDEN FORBIDDEN";
const JUDGES: &str = "!UNAUTHENTICATED FORBIDDEN FORBIDDEN ok FORBIDDEN ok FORBIDDEN FORBIDDEN";
/// Objects of others that are found by no one, and not looked for with a lesser token.
const NO_ONE: &str = "!UNAUTHENTICATED NOT_FOUND NOT_FOUND NOT_FOUND
    NOT_FOUND NOT_FOUND FORBIDDEN FORBIDDEN";

// Columns: nobody user setter judge auditor admin read submit.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("Mutation.submit", "own",
        r#"submit(input: { problem: "prb_sum", language: "python3", source: "print(1)" }) {
            userErrors { code } }"#,
        "!UNAUTHENTICATED ok ok ok ok ok FORBIDDEN ok"),
    row("Mutation.register", "a new account",
        r#"register(input: { login: "new-$viewer", email: "a@b", password: "correct horse" }) {
            userErrors { code } }"#,
        "ok ok ok ok ok ok ok ok"),
    row("Mutation.register", "another's account",
        r#"register(input: { login: "bob", email: "a@b", password: "correct horse" }) {
            userErrors { code } }"#,
        "TAKEN TAKEN TAKEN TAKEN TAKEN TAKEN TAKEN TAKEN"),
    row("Mutation.login", "another's account",
        r#"login(login: "bob", password: "battery staple") { userErrors { code } }"#,
        "BAD_CREDENTIALS BAD_CREDENTIALS BAD_CREDENTIALS BAD_CREDENTIALS
         BAD_CREDENTIALS BAD_CREDENTIALS BAD_CREDENTIALS BAD_CREDENTIALS"),
    row("Mutation.refreshSession", "no session",
        r#"refreshSession(refreshToken: "assay_x") { userErrors { code } }"#,
        "EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED"),
    row("Mutation.createAccessToken", "own",
        r#"createAccessToken(input: { name: "new", scopes: ["read"] }) { userErrors { code } }"#,
        "!UNAUTHENTICATED ok ok ok ok ok FORBIDDEN FORBIDDEN"),
    row("Mutation.revokeAccessToken", "another's",
        r#"revokeAccessToken(id: "$other.token") { userErrors { code } }"#, NO_ONE),
    row("Mutation.revokeAccessToken", "own",
        r#"revokeAccessToken(id: "$own.token") { userErrors { code } }"#,
        "- ok ok ok ok ok FORBIDDEN FORBIDDEN"),
    row("Mutation.logout", "another's",
        r#"logout(session: "$other.session") { userErrors { code } }"#, NO_ONE),
    row("Mutation.logout", "own",
        r#"logout(session: "$own.session") { userErrors { code } }"#,
        "- ok ok ok ok ok FORBIDDEN FORBIDDEN"),
    row("Mutation.upsertProblem", "a new problem",
        r#"upsertProblem(input: { slug: "made-by-$viewer", title: "Sum", difficulty: EASY, tags: [],
            statement: "Add.", samples: [{ input: "1 2", output: "3" }],
            limits: { timeMs: 1000, memoryKb: 262144 } }) { userErrors { code } }"#, SETTERS),
    row("Mutation.importProblem", "a new problem",
        r#"importProblem(input: { package: "$package", slug: "imported-by-$viewer" }) {
            userErrors { code } }"#, SETTERS),
    row("Mutation.createRejudge", "another's submissions",
        r#"createRejudge(input: { selectionToken: "$selection", reason: "a test" }) {
            userErrors { code } }"#, JUDGES),
    row("Mutation.applyRejudge", "a rejudge",
        r#"applyRejudge(id: "$other.rejudge", expectedVersion: 2) { userErrors { code } }"#, JUDGES),
    row("Mutation.cancelRejudge", "an applied rejudge",
        r#"cancelRejudge(id: "$other.rejudge") { userErrors { code } }"#,
        "!UNAUTHENTICATED FORBIDDEN FORBIDDEN ALREADY_FINAL
         FORBIDDEN ALREADY_FINAL FORBIDDEN FORBIDDEN"),
    row("Mutation.revertRejudge", "a rejudge",
        r#"revertRejudge(id: "$other.rejudge") { userErrors { code } }"#, JUDGES),
    row("Mutation.createWebhook", "a new webhook",
        r#"createWebhook(input: { url: "https://1.1.1.1/", types: ["RejudgeReverted"] }) {
            userErrors { code } }"#, ADMINS),
    row("Mutation.retryDelivery", "no dead letter",
        r#"retryDelivery(webhook: "$other.webhook", position: "1") { userErrors { code } }"#,
        "!UNAUTHENTICATED FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN NOT_FOUND FORBIDDEN FORBIDDEN"),
    row("Mutation.replayWebhook", "a webhook",
        r#"replayWebhook(id: "$other.webhook", from: "1") { userErrors { code } }"#, ADMINS),
    row("Mutation.removeWebhook", "a webhook",
        r#"removeWebhook(id: "$other.webhook") { userErrors { code } }"#, ADMINS),
];

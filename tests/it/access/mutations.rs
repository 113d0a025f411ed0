//! The table's rows for mutations. They run in this order, after all others, because they change the
//! objects.

use super::{Row, row};

/// Mutations that only administrators may use; tokens need the scope `full`.
const ADMINS: &str =
    "!UNAUTHENTICATED FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN ok FORBIDDEN FORBIDDEN";
const SETTERS: &str = "!UNAUTHENTICATED FORBIDDEN ok ok FORBIDDEN ok FORBIDDEN FORBIDDEN";
const JUDGES: &str = "!UNAUTHENTICATED FORBIDDEN FORBIDDEN ok FORBIDDEN ok FORBIDDEN FORBIDDEN";
/// Mutations of the viewer's own account; tokens need the scope `full`.
const OWNER: &str = "!UNAUTHENTICATED ok ok ok ok ok FORBIDDEN FORBIDDEN";
/// The same, with a wrong password.
const OWNER_PASSWORD: &str = "!UNAUTHENTICATED BAD_CREDENTIALS BAD_CREDENTIALS BAD_CREDENTIALS
    BAD_CREDENTIALS BAD_CREDENTIALS FORBIDDEN FORBIDDEN";
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
    row("Mutation.run", "own",
        r#"run(input: { language: "python3", source: "print(1)", inputs: ["1"] }) {
            userErrors { code } }"#,
        "!UNAUTHENTICATED ok ok ok ok ok FORBIDDEN ok"),
    row("Mutation.cancelSubmission", "own, judged",
        r#"cancelSubmission(id: "$own.submission") { userErrors { code } }"#,
        "- ALREADY_FINAL ALREADY_FINAL ALREADY_FINAL ALREADY_FINAL ALREADY_FINAL
         FORBIDDEN ALREADY_FINAL"),
    row("Mutation.cancelSubmission", "another's, judged",
        r#"cancelSubmission(id: "$other.submission") { userErrors { code } }"#,
        "!UNAUTHENTICATED NOT_FOUND NOT_FOUND ALREADY_FINAL NOT_FOUND ALREADY_FINAL
         FORBIDDEN NOT_FOUND"),
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
    row("Mutation.changePassword", "own, with a wrong password",
        r#"changePassword(current: "battery staple", new: "correct horse") {
            userErrors { code } }"#, OWNER_PASSWORD),
    row("Mutation.updateProfile", "own",
        r#"updateProfile(input: { name: "New" }) { userErrors { code } }"#, OWNER),
    row("Mutation.requestPasswordReset", "another's account, without a mail server",
        r#"requestPasswordReset(account: "bob") { userErrors { code } }"#,
        "FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN FORBIDDEN"),
    row("Mutation.resetPassword", "no token",
        r#"resetPassword(token: "assay_x", password: "correct horse") { userErrors { code } }"#,
        "EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED"),
    row("Mutation.signInWithCode", "no code",
        r#"signInWithCode(code: "assay_x", verifier: "y") { userErrors { code } }"#,
        "EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED"),
    row("Mutation.linkIdentity", "no password",
        r#"linkIdentity(code: "assay_x", verifier: "y") { userErrors { code } }"#, OWNER_PASSWORD),
    row("Mutation.unlinkIdentity", "no identity",
        r#"unlinkIdentity(id: "00000000-0000-4000-8000-000000000000") { userErrors { code } }"#,
        NO_ONE),
    row("Mutation.grantRole", "another's account",
        r#"grantRole(login: "bob", role: SETTER) { userErrors { code } }"#, ADMINS),
    row("Mutation.revokeRole", "another's account",
        r#"revokeRole(login: "bob", role: SETTER) { userErrors { code } }"#, ADMINS),
    row("Mutation.createInvitation", "a new invitation",
        r#"createInvitation(input: { expiresInDays: 1 }) { userErrors { code } }"#, ADMINS),
    row("Mutation.revokeInvitation", "an invitation",
        r#"revokeInvitation(id: "$other.invitation") { userErrors { code } }"#, ADMINS),
    row("Mutation.endOtherSessions", "own",
        r#"endOtherSessions { userErrors { code } }"#, OWNER),
    row("Mutation.setProblemVisibility", "another's",
        r#"setProblemVisibility(problem: "prb_sum", visibility: PUBLIC) { userErrors { code } }"#,
        JUDGES),
    row("Mutation.setProblemTextRules", "another's",
        r#"setProblemTextRules(input: { problem: "prb_sum", hints: ALWAYS }) {
            userErrors { code } }"#, JUDGES),
    row("Mutation.addCollaborator", "another's",
        r#"addCollaborator(problem: "prb_sum", login: "bob") { userErrors { code } }"#, JUDGES),
    row("Mutation.removeCollaborator", "another's",
        r#"removeCollaborator(problem: "prb_sum", login: "bob") { userErrors { code } }"#, JUDGES),
    row("Mutation.archiveProblem", "another's",
        r#"archiveProblem(problem: "prb_sum") { userErrors { code } }"#, JUDGES),
    row("Mutation.restoreProblem", "another's",
        r#"restoreProblem(problem: "prb_sum") { userErrors { code } }"#, JUDGES),
    row("Mutation.transferProblem", "another's",
        r#"transferProblem(problem: "prb_sum", login: "an-setter") { userErrors { code } }"#, JUDGES),
    row("Mutation.drainJudge", "an evaluator",
        r#"drainJudge(id: "$other.evaluator", drained: false) { userErrors { code } }"#, ADMINS),
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
    row("Mutation.exportAudit", "the log",
        r#"exportAudit(input: { to: "1", idempotencyKey: "$viewer" }) { userErrors { code } }"#,
        "!UNAUTHENTICATED FORBIDDEN FORBIDDEN FORBIDDEN ok ok ok FORBIDDEN"),
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
    row("Mutation.eraseAccount", "own, with a wrong password",
        r#"eraseAccount(password: "battery staple") { userErrors { code } }"#,
        "!UNAUTHENTICATED BAD_CREDENTIALS BAD_CREDENTIALS BAD_CREDENTIALS
         BAD_CREDENTIALS FORBIDDEN FORBIDDEN FORBIDDEN"),
    row("Mutation.eraseAccount", "another's",
        r#"eraseAccount(login: "bob") { userErrors { code } }"#, ADMINS),
];

//! Access rules. An object that the viewer may not see looks the same as one that does not exist:
//!
//! - a field with one object is null;
//! - a list leaves it out, so a list for another role is empty;
//! - a subscription fails with `NOT_FOUND`, and a mutation has that code in `userErrors`;
//! - a download is 404.
//!
//! Operations for a role fail before they look at any object: with `UNAUTHENTICATED` for a client
//! that is not signed in, with `FORBIDDEN` for other viewers ([`require`]). A malformed id is
//! `BAD_USER_INPUT` for everybody, because no object is needed to see that.
//!
//! A token of any scope shows its account's own submissions, because a client that submits needs to
//! see the verdict. Everything else that is not public needs the scope `read`.

use async_graphql::Context;
use domain::problem::{ProblemAccess, TextRule, Visibility};
use domain::{Login, Role};
use event_store::Scope;
use serde::{Deserialize, Serialize};

use crate::{ApiError, Code, Viewer};

/// Who may see the sources of submissions, besides judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourcePolicy {
    /// Their authors.
    #[default]
    Own,
    /// Their authors, and of an accepted submission also the accounts that have solved the problem.
    AfterSolving,
    /// Nobody, not even their authors.
    Never,
}

/// Whether the viewer may see this author's submissions. [`may_see_source`] has the rule for their
/// sources.
pub fn may_see_submissions_of(viewer: Option<&Viewer>, author: &Login) -> bool {
    is(viewer, author) || reads_as(viewer, &[Role::Judge])
}

/// Whether the viewer may see this author's runs. Only the author may; judges may not.
pub fn may_see_runs_of(viewer: Option<&Viewer>, author: &Login) -> bool {
    is(viewer, author)
}

/// Whether the viewer may see every author's submissions.
pub fn may_see_all_submissions(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Judge])
}

/// Whether the viewer may see the source of a submission of this author.
pub fn may_see_source(policy: SourcePolicy, viewer: Option<&Viewer>, author: &Login) -> bool {
    match policy {
        SourcePolicy::Own | SourcePolicy::AfterSolving => may_see_submissions_of(viewer, author),
        SourcePolicy::Never => may_see_all_submissions(viewer),
    }
}

/// Whether the viewer may see the accepted sources of others for a problem. `solved` is whether the
/// viewer has solved it.
pub fn may_see_solutions(policy: SourcePolicy, viewer: Option<&Viewer>, solved: bool) -> bool {
    may_see_all_submissions(viewer)
        || policy == SourcePolicy::AfterSolving && reads(viewer) && solved
}

/// Whether the viewer may open the problem.
pub fn may_see_problem(viewer: Option<&Viewer>, access: &ProblemAccess) -> bool {
    access.visibility != Visibility::Draft || may_see_whole_problem(viewer, access)
}

/// Whether the viewer may find the problem without knowing its slug.
pub fn may_find_problem(viewer: Option<&Viewer>, access: &ProblemAccess) -> bool {
    access.visibility == Visibility::Public || may_see_whole_problem(viewer, access)
}

/// Whether the viewer may see all that there is to a problem: drafts, the editorial by any rule, the
/// collaborators, and submissions that could not be judged.
pub fn may_see_whole_problem(viewer: Option<&Viewer>, access: &ProblemAccess) -> bool {
    reads(viewer) && viewer.is_some_and(|viewer| works_on(viewer, access))
}

/// Whether the viewer may list problems of every visibility that others work on.
pub fn may_see_all_problems(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Judge])
}

/// Whether the viewer may see a text of the problem that has this rule. `solved` is whether the
/// viewer has solved the problem.
pub fn may_see_text(
    rule: TextRule,
    viewer: Option<&Viewer>,
    access: &ProblemAccess,
    solved: bool,
) -> bool {
    match rule {
        TextRule::Always => true,
        TextRule::AfterSolving => solved && reads(viewer) || may_see_whole_problem(viewer, access),
        TextRule::Never => may_see_whole_problem(viewer, access),
    }
}

/// Whether the viewer may submit to the problem, by its visibility. The token's scope is another
/// question.
pub fn may_submit_to(viewer: &Viewer, access: &ProblemAccess) -> bool {
    access.visibility != Visibility::Draft || works_on(viewer, access)
}

/// Whether the problem takes the viewer's submissions, which an archived one does only from the
/// people who work on it.
pub fn is_open_to(viewer: &Viewer, access: &ProblemAccess) -> bool {
    !access.archived || works_on(viewer, access)
}

/// Whether the viewer may create problems.
pub fn may_create_problems(viewer: &Viewer) -> bool {
    viewer.allows(Scope::Full) && (viewer.has(Role::Setter) || viewer.has(Role::Judge))
}

/// Whether the viewer may revise the problem and change who sees it: setters their own problems and
/// those that they collaborate on, judges all.
pub fn may_revise_problem(viewer: &Viewer, access: &ProblemAccess) -> bool {
    may_create_problems(viewer) && works_on(viewer, access)
}

/// Whether the viewer may choose the owner and the collaborators of the problem, and archive it.
pub fn may_manage_problem(viewer: &Viewer, access: &ProblemAccess) -> bool {
    may_create_problems(viewer) && (access.is_owner(&viewer.login) || viewer.has(Role::Judge))
}

/// Whether the viewer may take this account off the problem. Collaborators may leave.
pub fn may_remove_collaborator(viewer: &Viewer, access: &ProblemAccess, login: &Login) -> bool {
    let leaves = viewer.login == *login && viewer.allows(Scope::Full);
    may_manage_problem(viewer, access) || leaves && access.works_on_it(login)
}

/// Whether the viewer may see this account's personal data.
pub fn may_see_personal_data(viewer: Option<&Viewer>, login: &Login) -> bool {
    reads(viewer) && is(viewer, login) || reads_as(viewer, &[Role::Admin])
}

/// Whether the viewer may see this account's sessions and tokens. Only the account itself may;
/// administrators may not.
pub fn may_see_tokens(viewer: Option<&Viewer>, login: &Login) -> bool {
    reads(viewer) && is(viewer, login)
}

/// Whether the viewer may see a validator's feedback for judges and setters, on a submission that
/// they see.
pub fn may_see_judging(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Setter, Role::Judge])
}

/// Whether the viewer may see and create rejudges.
pub fn may_rejudge(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Judge])
}

/// Whether the viewer may see and manage webhooks.
pub fn may_manage_webhooks(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Admin])
}

/// Whether the viewer may list accounts.
pub fn may_list_accounts(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Admin])
}

/// Whether the viewer may see what is wrong with the service.
pub fn may_see_operations(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Auditor])
}

/// Whether the viewer may stop evaluators from taking work.
pub fn may_drain(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Admin])
}

/// Whether the viewer may see the whole log.
pub fn may_see_log(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Auditor])
}

/// The viewer of an operation for a role. `who` names the role for the message: `judges`.
///
/// # Errors
/// `UNAUTHENTICATED` if the client is not signed in, `FORBIDDEN` if the viewer may not.
pub fn require<'a>(
    ctx: &Context<'a>,
    may: fn(Option<&Viewer>) -> bool,
    who: &str,
) -> Result<&'a Viewer, ApiError> {
    let viewer = Viewer::required(ctx)?;
    if may(Some(viewer)) {
        return Ok(viewer);
    }
    Err(ApiError::new(Code::Forbidden, format!("only {who} may do this")))
}

fn works_on(viewer: &Viewer, access: &ProblemAccess) -> bool {
    access.works_on_it(&viewer.login) || viewer.has(Role::Judge)
}

fn is(viewer: Option<&Viewer>, login: &Login) -> bool {
    viewer.is_some_and(|viewer| viewer.login == *login)
}

fn reads(viewer: Option<&Viewer>) -> bool {
    viewer.is_some_and(|viewer| viewer.allows(Scope::Read))
}

/// Whether the account has one of the roles or is an administrator, and the token allows reading.
fn reads_as(viewer: Option<&Viewer>, roles: &[Role]) -> bool {
    reads(viewer) && viewer.is_some_and(|viewer| roles.iter().any(|role| viewer.has(*role)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer(login: &str, role: Role) -> Viewer {
        with_scopes(login, role, &[Scope::Full])
    }

    fn with_scopes(login: &str, role: Role, scopes: &[Scope]) -> Viewer {
        Viewer {
            login: login.parse().unwrap(),
            subject: uuid::Uuid::nil(),
            roles: [Role::User, role].into(),
            scopes: scopes.to_vec(),
            token: uuid::Uuid::nil(),
        }
    }

    const ROLES: [Role; 5] = [Role::User, Role::Setter, Role::Judge, Role::Auditor, Role::Admin];

    /// Viewers with these roles are allowed; every other role, and no viewer, is refused.
    fn only(allowed: &[Role], may: impl Fn(Option<&Viewer>) -> bool) {
        assert!(!may(None));
        for role in ROLES {
            assert_eq!(may(Some(&viewer("bob", role))), allowed.contains(&role), "{role:?}");
        }
    }

    #[test]
    fn each_role_has_its_permissions() {
        use Role::{Admin, Auditor, Judge, Setter};
        let ada: Login = "ada".parse().unwrap();
        only(&[Judge, Admin], |viewer| may_see_submissions_of(viewer, &ada));
        only(&[Judge, Admin], may_see_all_submissions);
        only(&[Admin], |viewer| may_see_personal_data(viewer, &ada));
        only(&[Setter, Judge, Admin], may_see_judging);
        only(&[Judge, Admin], may_rejudge);
        only(&[Auditor, Admin], may_see_operations);
        only(&[Auditor, Admin], may_see_log);
        only(&[Admin], may_manage_webhooks);
        only(&[Admin], may_drain);
        only(&[Admin], may_list_accounts);
    }

    /// Bob owns the problem and cleo collaborates; dora is another setter.
    fn problem(visibility: Visibility) -> ProblemAccess {
        let (bob, cleo): (Login, Login) = ("bob".parse().unwrap(), "cleo".parse().unwrap());
        let collaborators = [cleo].into();
        ProblemAccess { visibility, owner: Some(bob), collaborators, ..ProblemAccess::default() }
    }

    #[test]
    fn problems_are_seen_and_changed_by_those_who_work_on_them() {
        use Visibility::{Draft, Hidden, Public};
        let viewers = [
            (None, [false; 4]),
            (Some(viewer("ada", Role::User)), [false; 4]),
            (Some(viewer("dora", Role::Setter)), [false; 4]),
            (Some(viewer("dora", Role::Auditor)), [false; 4]),
            (Some(with_scopes("bob", Role::Setter, &[])), [false, true, false, false]),
            (Some(with_scopes("bob", Role::Setter, &[Scope::Read])), [true, true, false, false]),
            (Some(viewer("cleo", Role::User)), [true, true, false, false]),
            (Some(viewer("cleo", Role::Setter)), [true, true, true, false]),
            (Some(viewer("bob", Role::Setter)), [true; 4]),
            (Some(viewer("eve", Role::Judge)), [true; 4]),
            (Some(viewer("eve", Role::Admin)), [true; 4]),
        ];
        for (viewer, [whole, submits, revises, manages]) in viewers {
            let who = viewer.as_ref();
            for visibility in [Draft, Hidden, Public] {
                let access = problem(visibility);
                let is = |may: &dyn Fn(&Viewer) -> bool| who.is_some_and(may);
                let sees = whole || visibility != Draft;
                assert_eq!(may_see_problem(who, &access), sees, "{who:?} {access:?}");
                let finds = whole || visibility == Public;
                assert_eq!(may_find_problem(who, &access), finds, "{who:?} {access:?}");
                assert_eq!(may_see_whole_problem(who, &access), whole, "{who:?} {access:?}");
                let submits = who.is_some() && (submits || visibility != Draft);
                assert_eq!(is(&|who| may_submit_to(who, &access)), submits, "{who:?} {access:?}");
                assert_eq!(is(&|who| may_revise_problem(who, &access)), revises, "{who:?}");
                assert_eq!(is(&|who| may_manage_problem(who, &access)), manages, "{who:?}");
                let cleo: Login = "cleo".parse().unwrap();
                let removes = is(&|who| may_remove_collaborator(who, &access, &cleo));
                let leaves = is(&|who| who.login == cleo);
                assert_eq!(removes, manages || leaves, "{who:?}");
                for (rule, solved, shown) in [
                    (TextRule::Always, false, true),
                    (TextRule::AfterSolving, false, whole),
                    (TextRule::AfterSolving, true, who.is_some_and(|it| it.allows(Scope::Read))),
                    (TextRule::Never, true, whole),
                ] {
                    let sees = may_see_text(rule, who, &access, solved);
                    assert_eq!(sees, shown, "{who:?} {rule:?} {solved}");
                }
            }
            let archived = ProblemAccess { archived: true, ..problem(Public) };
            let is_open = who.is_some_and(|who| is_open_to(who, &archived));
            assert_eq!(is_open, submits, "{who:?}");
            assert!(who.is_none_or(|who| is_open_to(who, &problem(Public))));
        }
    }

    #[test]
    fn one_setting_says_who_sees_sources() {
        use SourcePolicy::{AfterSolving, Never, Own};
        let ada: Login = "ada".parse().unwrap();
        let (author, other) = (viewer("ada", Role::User), viewer("bob", Role::Setter));
        let judge = viewer("eve", Role::Judge);
        for (policy, own, after_solving) in
            [(Own, true, false), (AfterSolving, true, true), (Never, false, false)]
        {
            assert_eq!(may_see_source(policy, Some(&author), &ada), own, "{policy:?}");
            assert!(!may_see_source(policy, Some(&other), &ada), "{policy:?}");
            assert!(!may_see_source(policy, None, &ada), "{policy:?}");
            assert!(may_see_source(policy, Some(&judge), &ada), "{policy:?}");
            assert_eq!(may_see_solutions(policy, Some(&other), true), after_solving, "{policy:?}");
            assert!(!may_see_solutions(policy, Some(&other), false), "{policy:?}");
            assert!(!may_see_solutions(policy, None, true), "{policy:?}");
            let submits_only = with_scopes("bob", Role::User, &[Scope::Submit]);
            assert!(!may_see_solutions(policy, Some(&submits_only), true), "{policy:?}");
            assert!(may_see_solutions(policy, Some(&judge), false), "{policy:?}");
        }
    }

    #[test]
    fn authors_see_what_is_theirs() {
        let ada: Login = "ada".parse().unwrap();
        let herself = viewer("ada", Role::User);
        assert!(may_see_submissions_of(Some(&herself), &ada));
        assert!(may_see_personal_data(Some(&herself), &ada));
    }

    #[test]
    fn a_token_that_does_not_read_shows_ones_own_submissions_and_nothing_else() {
        let (ada, bob): (Login, Login) = ("ada".parse().unwrap(), "bob".parse().unwrap());
        for (scopes, reads) in [
            (&[][..], false),
            (&[Scope::Submit], false),
            (&[Scope::Read], true),
            (&[Scope::Submit, Scope::Read], true),
            (&[Scope::Full], true),
        ] {
            let admin = with_scopes("ada", Role::Admin, scopes);
            let admin = Some(&admin);
            assert!(may_see_submissions_of(admin, &ada), "{scopes:?}");
            for (what, may) in [
                ("submissions of others", may_see_submissions_of(admin, &bob)),
                ("all submissions", may_see_all_submissions(admin)),
                ("her own personal data", may_see_personal_data(admin, &ada)),
                ("personal data", may_see_personal_data(admin, &bob)),
                ("her own tokens", may_see_tokens(admin, &ada)),
                ("judging", may_see_judging(admin)),
                ("rejudging", may_rejudge(admin)),
                ("webhooks", may_manage_webhooks(admin)),
                ("accounts", may_list_accounts(admin)),
                ("operations", may_see_operations(admin)),
                ("the log", may_see_log(admin)),
            ] {
                assert_eq!(may, reads, "{what}: {scopes:?}");
            }
        }
    }

    #[test]
    fn runs_are_visible_to_their_author_only() {
        let ada: Login = "ada".parse().unwrap();
        assert!(may_see_runs_of(Some(&viewer("ada", Role::User)), &ada));
        only(&[], |viewer| may_see_runs_of(viewer, &ada));
    }

    #[test]
    fn tokens_are_visible_to_their_owner_only() {
        let ada: Login = "ada".parse().unwrap();
        assert!(!may_see_tokens(Some(&viewer("root", Role::Admin)), &ada));
        assert!(may_see_tokens(Some(&viewer("ada", Role::User)), &ada));
    }
}

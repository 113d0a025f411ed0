//! Access rules. An object that the viewer may not see looks the same as one that does not exist.
//!
//! A token of any scope shows its account's own submissions, because a client that submits needs to
//! see the verdict. Everything else that is not public needs the scope `read`.

use domain::{Login, Role};
use event_store::Scope;

use crate::Viewer;

/// Whether the viewer may see this author's submissions, sources included.
pub fn may_see_submissions_of(viewer: Option<&Viewer>, author: &Login) -> bool {
    is(viewer, author) || reads_as(viewer, &[Role::Judge])
}

/// Whether the viewer may see every author's submissions.
pub fn may_see_all_submissions(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Judge])
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

/// Whether the viewer may see a validator's feedback for judges and setters.
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

/// Whether the viewer may see the whole log.
pub fn may_see_log(viewer: Option<&Viewer>) -> bool {
    reads_as(viewer, &[Role::Auditor])
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
        only(&[Admin], may_list_accounts);
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
    fn tokens_are_visible_to_their_owner_only() {
        let ada: Login = "ada".parse().unwrap();
        assert!(!may_see_tokens(Some(&viewer("root", Role::Admin)), &ada));
        assert!(may_see_tokens(Some(&viewer("ada", Role::User)), &ada));
    }
}

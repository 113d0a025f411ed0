//! Who may see what. What is not yours looks the same as what is not there.

use domain::{Login, Role};

use crate::Viewer;

/// Whether the viewer may see this author's submissions, sources included.
pub fn may_see_submissions_of(viewer: Option<&Viewer>, author: &Login) -> bool {
    viewer.is_some_and(|viewer| viewer.login == *author || viewer.has(Role::Judge))
}

/// Whether the viewer may see every author's submissions.
pub fn may_see_all_submissions(viewer: Option<&Viewer>) -> bool {
    viewer.is_some_and(|viewer| viewer.has(Role::Judge))
}

/// Whether the viewer may see this account's personal data.
pub fn may_see_personal_data(viewer: Option<&Viewer>, login: &Login) -> bool {
    viewer.is_some_and(|viewer| viewer.login == *login || viewer.has(Role::Admin))
}

/// Whether the viewer may see this account's sessions and tokens: nobody else may, administrators
/// included.
pub fn may_see_tokens(viewer: Option<&Viewer>, login: &Login) -> bool {
    viewer.is_some_and(|viewer| viewer.login == *login)
}

/// Whether the viewer may see what validators tell those who judge and set problems.
pub fn may_see_judging(viewer: Option<&Viewer>) -> bool {
    viewer.is_some_and(|viewer| viewer.has(Role::Setter) || viewer.has(Role::Judge))
}

/// Whether the viewer may judge again, and see what was.
pub fn may_rejudge(viewer: Option<&Viewer>) -> bool {
    viewer.is_some_and(|viewer| viewer.has(Role::Judge))
}

/// Whether the viewer may have other servers told of events, and see which are.
pub fn may_manage_webhooks(viewer: Option<&Viewer>) -> bool {
    viewer.is_some_and(|viewer| viewer.has(Role::Admin))
}

/// Whether the viewer may see what is wrong with the service.
pub fn may_see_operations(viewer: Option<&Viewer>) -> bool {
    viewer.is_some_and(|viewer| viewer.has(Role::Admin) || viewer.has(Role::Auditor))
}

/// Whether the viewer may see the whole log.
pub fn may_see_log(viewer: Option<&Viewer>) -> bool {
    viewer.is_some_and(|viewer| viewer.has(Role::Auditor) || viewer.has(Role::Admin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer(login: &str, role: Role) -> Viewer {
        Viewer {
            login: login.parse().unwrap(),
            subject: uuid::Uuid::nil(),
            roles: [Role::User, role].into(),
            scopes: vec![],
            token: uuid::Uuid::nil(),
        }
    }

    #[test]
    fn sources_are_their_authors_and_the_judges() {
        let ada: Login = "ada".parse().unwrap();
        let may = |viewer: Option<&Viewer>| may_see_submissions_of(viewer, &ada);
        assert!(!may(None));
        assert!(may(Some(&viewer("ada", Role::User))));
        for (role, allowed) in [
            (Role::User, false),
            (Role::Setter, false),
            (Role::Auditor, false),
            (Role::Judge, true),
            (Role::Admin, true),
        ] {
            assert_eq!(may(Some(&viewer("bob", role))), allowed, "{role:?}");
        }
    }

    #[test]
    fn what_validators_tell_judges_is_not_for_authors() {
        assert!(!may_see_judging(None));
        for (role, allowed) in [
            (Role::User, false),
            (Role::Auditor, false),
            (Role::Setter, true),
            (Role::Judge, true),
            (Role::Admin, true),
        ] {
            assert_eq!(may_see_judging(Some(&viewer("bob", role))), allowed, "{role:?}");
        }
    }

    #[test]
    fn the_log_is_for_auditors() {
        assert!(!may_see_log(None));
        for (role, allowed) in [
            (Role::User, false),
            (Role::Setter, false),
            (Role::Judge, false),
            (Role::Auditor, true),
            (Role::Admin, true),
        ] {
            assert_eq!(may_see_log(Some(&viewer("bob", role))), allowed, "{role:?}");
        }
    }

    #[test]
    fn rejudges_are_the_judges() {
        assert!(!may_rejudge(None));
        for (role, allowed) in [
            (Role::User, false),
            (Role::Setter, false),
            (Role::Auditor, false),
            (Role::Judge, true),
            (Role::Admin, true),
        ] {
            assert_eq!(may_rejudge(Some(&viewer("bob", role))), allowed, "{role:?}");
        }
    }

    #[test]
    fn webhooks_are_the_administrators() {
        assert!(!may_manage_webhooks(None));
        for role in [Role::User, Role::Setter, Role::Judge, Role::Auditor] {
            assert!(!may_manage_webhooks(Some(&viewer("bob", role))), "{role:?}");
        }
        assert!(may_manage_webhooks(Some(&viewer("bob", Role::Admin))));
    }

    #[test]
    fn tokens_are_nobody_elses() {
        let ada: Login = "ada".parse().unwrap();
        assert!(!may_see_tokens(Some(&viewer("root", Role::Admin)), &ada));
        assert!(may_see_tokens(Some(&viewer("ada", Role::User)), &ada));
    }
}

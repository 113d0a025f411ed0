//! An account: a login and its roles. Names, addresses and secrets are not stored here; they are
//! kept behind the `Credentials` port under the account's `subject`, so that they can be erased.

mod events;

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::{Event, Login};

pub use events::{AccountErased, AccountRegistered, Role, RoleGranted, RoleRevoked};

/// A command to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCommand {
    /// Register the account.
    Register {
        /// The account's login.
        login: Login,
        /// A new key for its personal data and secrets.
        subject: Uuid,
    },
    /// Grant a role.
    Grant(Role),
    /// Revoke a role.
    Revoke(Role),
    /// Erase the account.
    Erase,
}

/// Why an account refused a command.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum AccountRejection {
    /// The login is taken.
    #[error("the login is taken")]
    Taken,
    /// There is no such account.
    #[error("there is no such account")]
    NotFound,
    /// The account was erased.
    #[error("the account was erased")]
    Erased,
    /// The role `User` cannot be revoked.
    #[error("every account has the role USER; it cannot be revoked")]
    EveryAccountIsUser,
}

/// An account's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The key of its personal data and secrets; `None` before it is registered.
    pub subject: Option<Uuid>,
    /// The roles it has.
    pub roles: BTreeSet<Role>,
    /// Whether it was erased.
    pub is_erased: bool,
}

impl Aggregate for Account {
    type Command = AccountCommand;
    type Rejection = AccountRejection;

    fn decide(&self, command: AccountCommand) -> Result<Vec<Event>, AccountRejection> {
        match (self.subject, command) {
            (None, AccountCommand::Register { login, subject }) => {
                Ok(vec![AccountRegistered { login, subject }.into()])
            }
            (Some(_), AccountCommand::Register { .. }) => Err(AccountRejection::Taken),
            (None, _) => Err(AccountRejection::NotFound),
            (_, AccountCommand::Erase) => {
                let new = !self.is_erased;
                Ok(new.then(|| AccountErased {}.into()).into_iter().collect())
            }
            (_, _) if self.is_erased => Err(AccountRejection::Erased),
            (_, AccountCommand::Revoke(Role::User)) => Err(AccountRejection::EveryAccountIsUser),
            (_, AccountCommand::Grant(role)) => {
                let new = !self.roles.contains(&role);
                Ok(new.then(|| RoleGranted { role }.into()).into_iter().collect())
            }
            (_, AccountCommand::Revoke(role)) => {
                let held = self.roles.contains(&role);
                Ok(held.then(|| RoleRevoked { role }.into()).into_iter().collect())
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::AccountRegistered(registered) => {
                self.subject = Some(registered.subject);
                self.roles.insert(Role::User);
            }
            Event::RoleGranted(granted) => {
                self.roles.insert(granted.role);
            }
            Event::RoleRevoked(revoked) => {
                self.roles.remove(&revoked.role);
            }
            Event::AccountErased(_) => {
                self.roles.clear();
                self.is_erased = true;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(commands: &[AccountCommand]) -> Account {
        let mut account = Account::default();
        for command in commands {
            for event in account.decide(command.clone()).unwrap() {
                account.evolve(&event);
            }
        }
        account
    }

    fn register() -> AccountCommand {
        AccountCommand::Register { login: "ada".parse().unwrap(), subject: Uuid::nil() }
    }

    #[test]
    fn a_login_is_claimed_once() {
        assert_eq!(given(&[register()]).decide(register()), Err(AccountRejection::Taken));
    }

    #[test]
    fn roles_are_granted_and_revoked_and_repeating_changes_nothing() {
        let mut account = given(&[register(), AccountCommand::Grant(Role::Setter)]);
        assert_eq!(account.decide(AccountCommand::Grant(Role::Setter)), Ok(vec![]));
        assert_eq!(account.roles, [Role::User, Role::Setter].into());
        for event in account.decide(AccountCommand::Revoke(Role::Setter)).unwrap() {
            account.evolve(&event);
        }
        assert_eq!(account.roles, [Role::User].into());
        assert_eq!(account.decide(AccountCommand::Revoke(Role::Setter)), Ok(vec![]));
    }

    #[test]
    fn an_erased_account_may_do_nothing_and_keeps_its_login() {
        let account =
            given(&[register(), AccountCommand::Grant(Role::Judge), AccountCommand::Erase]);
        assert_eq!(account.roles, [].into());
        assert_eq!(account.subject, Some(Uuid::nil()));
        assert_eq!(account.decide(AccountCommand::Erase), Ok(vec![]));
        for refused in [AccountCommand::Grant(Role::Judge), AccountCommand::Revoke(Role::Judge)] {
            assert_eq!(account.decide(refused), Err(AccountRejection::Erased));
        }
        assert_eq!(account.decide(register()), Err(AccountRejection::Taken));
        assert_eq!(
            Account::default().decide(AccountCommand::Erase),
            Err(AccountRejection::NotFound)
        );
    }

    #[test]
    fn the_role_user_stays_and_absent_accounts_get_no_roles() {
        assert_eq!(
            given(&[register()]).decide(AccountCommand::Revoke(Role::User)),
            Err(AccountRejection::EveryAccountIsUser)
        );
        assert_eq!(
            Account::default().decide(AccountCommand::Grant(Role::Admin)),
            Err(AccountRejection::NotFound)
        );
    }
}

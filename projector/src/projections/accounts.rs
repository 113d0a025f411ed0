//! The public part of accounts.

use domain::{Recorded, StreamId};
use read_model::views::AccountView;
use read_model::{Collection, View};

use crate::{Missing, Projection, Workspace};

/// Keeps [`AccountView`].
#[derive(Debug)]
pub(super) struct Accounts;

impl Projection for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn version(&self) -> u32 {
        3
    }

    fn collections(&self) -> Vec<Collection> {
        vec![AccountView::COLLECTION]
    }

    fn parked_name(&self) -> &'static str {
        "parked_accounts"
    }

    fn streams_are_apart(&self) -> bool {
        true
    }

    fn wants(&self, stream: &StreamId) -> bool {
        matches!(stream, StreamId::Account(_))
    }

    fn apply(&self, recorded: &Recorded, views: &mut Workspace) -> Result<(), Missing> {
        let StreamId::Account(login) = &recorded.stream else { return Ok(()) };
        if let Some(account) = AccountView::from_first(recorded) {
            views.put(account);
        } else if let Some(mut account) = views.get::<AccountView>(login.as_str())? {
            account.evolve(recorded);
            views.put(account);
        }
        Ok(())
    }
}

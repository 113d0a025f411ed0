//! What all sockets and streams of events of a server share: their places, and the checks of their
//! tokens.

mod checks;

use std::sync::Arc;

use event_store::TokenHash;
use graphql::{Api, Viewer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::checks::CHECK_INTERVAL;
pub(crate) use self::checks::{Check, Checks};
use crate::places::{Place, Places};

/// The sockets of a server.
#[derive(Debug)]
pub(crate) struct Sockets {
    places: Arc<Semaphore>,
    of_viewer: Arc<Places<String>>,
    checks: Checks,
}

impl Sockets {
    pub(crate) fn new(api: &Api) -> Self {
        Self {
            places: Arc::new(Semaphore::new(api.limits.sockets)),
            of_viewer: Places::new(api.limits.sockets_per_account),
            checks: Checks::every(CHECK_INTERVAL),
        }
    }

    /// A place for one more socket or stream of events.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// The check of the token that this viewer has signed in with.
    pub(crate) fn check(&self, api: &Api, token: TokenHash, viewer: &Viewer) -> Arc<Check> {
        self.checks.of(&api.authenticator, token, viewer)
    }

    /// A place for one more of the viewer's. Anonymous ones are bounded by their connections.
    pub(crate) fn place_of(&self, viewer: &Viewer) -> Option<Place<String>> {
        self.of_viewer.take(viewer.login.to_string())
    }
}

#[cfg(test)]
mod tests;

//! Checks whether the tokens of open sockets still allow what they did, each token once for all of
//! its sockets.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use event_store::TokenHash;
use graphql::{ApiError, AuthError, Authenticator, Code, Viewer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

/// How often a token is checked. Each check reads the token, sometimes also the account, and writes
/// nothing.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// How long a socket stays open while a store fails to confirm its token.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(60);

/// The checks that run.
#[derive(Debug)]
pub(crate) struct Checks {
    interval: Duration,
    running: Mutex<HashMap<TokenHash, Weak<Check>>>,
}

/// A token that is checked while somebody holds this.
#[derive(Debug)]
pub(crate) struct Check {
    viewer: Viewer,
    refused: watch::Receiver<Option<ApiError>>,
    _checking: AbortOnDropHandle<()>,
}

impl Check {
    /// Waits until the token no longer allows what it did. Returns the reason. Without a token there
    /// are no permissions to lose.
    pub(crate) async fn refused(check: Option<Arc<Self>>) -> ApiError {
        let Some(check) = check else { return pending().await };
        let mut refused = check.refused.clone();
        match refused.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(reason)) => reason.clone(),
            // The task has ended without a reason, which only a panic does.
            _ => ApiError::new(Code::Unavailable, "the token could not be checked"),
        }
    }
}

impl Checks {
    /// Checks each token this often.
    pub(crate) fn every(interval: Duration) -> Self {
        Self { interval, running: Mutex::default() }
    }

    /// Checks the token that this viewer has signed in with.
    pub(crate) fn of(
        &self,
        authenticator: &Authenticator,
        token: TokenHash,
        viewer: &Viewer,
    ) -> Arc<Check> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let known = running.get(&token).and_then(Weak::upgrade);
        if let Some(check) = known.filter(|check| check.viewer == *viewer) {
            return check;
        }
        running.retain(|_, check| check.strong_count() > 0);
        let (sender, refused) = watch::channel(None);
        let (authenticator, viewer, interval) =
            (authenticator.clone(), viewer.clone(), self.interval);
        let check = Arc::new(Check {
            viewer: viewer.clone(),
            refused,
            _checking: AbortOnDropHandle::new(tokio::spawn(async move {
                sender.send_replace(Some(refusal(&authenticator, token, viewer, interval).await));
            })),
        });
        running.insert(token, Arc::downgrade(&check));
        check
    }
}

async fn refusal(
    authenticator: &Authenticator,
    token: TokenHash,
    viewer: Viewer,
    interval: Duration,
) -> ApiError {
    let mut confirmed_at = Instant::now();
    loop {
        sleep(interval).await;
        match authenticator.recheck(&token).await {
            Ok(now) if now == viewer => confirmed_at = Instant::now(),
            Ok(_) => {
                let message = "the account's permissions have changed; connect again";
                return ApiError::new(Code::Unauthenticated, message);
            }
            Err(AuthError::Invalid) => return AuthError::Invalid.into(),
            Err(AuthError::Store(error)) if confirmed_at.elapsed() > UNCONFIRMED_MAX => {
                return error;
            }
            Err(AuthError::Store(_)) => {}
        }
    }
}

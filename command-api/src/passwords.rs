//! Passwords: Argon2id, off the async threads, a few at a time.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use graphql::{ApiError, Code};
use tokio::sync::Semaphore;

/// Passwords hashed at once. Each hash uses a core and 19 MiB for its duration.
const HASHES_AT_ONCE: usize = 2;
/// Passwords that may wait to be hashed. More are refused at once, so that nobody waits long.
const HASHES_WAITING_MAX: usize = 16 * HASHES_AT_ONCE;
/// When a client whose password was refused should try again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The hash that a password is compared with if the account does not exist, so that a wrong login
/// takes as long as a wrong password.
static UNKNOWN_ACCOUNT_HASH: LazyLock<String> = LazyLock::new(|| hash_now("nobody's"));

/// Hashes passwords in turn.
#[derive(Debug)]
pub(crate) struct Hashing {
    turns: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Default for Hashing {
    fn default() -> Self {
        let turns = Arc::new(Semaphore::new(HASHES_AT_ONCE));
        Self { turns, waiting: Semaphore::new(HASHES_WAITING_MAX) }
    }
}

impl Hashing {
    /// Hashes a password for storage.
    pub(crate) async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.in_turn(move || hash_now(&password)).await
    }

    /// Whether the password matches the hash. Takes the same time if there is no hash.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, ApiError> {
        self.in_turn(move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(&UNKNOWN_ACCOUNT_HASH);
            let right = PasswordHash::new(hash).is_ok_and(|hash| {
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            });
            known && right
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = |_| ApiError::too_many("the server is busy with other sign-ins", RETRY_AFTER);
        let place = self.waiting.try_acquire().map_err(busy)?;
        let turns = Arc::clone(&self.turns);
        let turn = turns.acquire_owned().await.expect("turns are never closed");
        drop(place);
        let hashing = tokio::task::spawn_blocking(move || {
            let done = work();
            // Not earlier: the work goes on if the client goes away.
            drop(turn);
            done
        });
        hashing.await.map_err(|_| ApiError::new(Code::Internal, "hashing the password failed"))
    }
}

fn hash_now(password: &str) -> String {
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.expect("the parameters are argon2's own").to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn only_a_few_wait_and_a_hash_keeps_its_turn_when_its_client_is_gone() {
        let hashing = Hashing::default();
        let mut releases = Vec::new();
        for _ in 0..HASHES_AT_ONCE {
            let (release, released) = mpsc::sync_channel::<()>(1);
            let abandoned = hashing.in_turn(move || released.recv().ok()).now_or_never();
            assert!(abandoned.is_none());
            releases.push(release);
        }
        let mut waiting = Vec::new();
        for _ in 0..HASHES_WAITING_MAX {
            let mut one = Box::pin(hashing.in_turn(|| ()));
            assert!(one.as_mut().now_or_never().is_none());
            waiting.push(one);
        }
        let refused = hashing.in_turn(|| ()).now_or_never().unwrap().unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (Code::TooMany, Some(2)));

        drop(releases);
        assert!(join_all(waiting).await.iter().all(Result::is_ok));
        assert!(hashing.in_turn(|| ()).await.is_ok());
    }
}

//! Passwords: Argon2id, off the async threads.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use graphql::{ApiError, Code};
use tokio::sync::Semaphore;

/// The hash that a password is compared with if the account does not exist, so that a wrong login
/// takes as long as a wrong password.
static UNKNOWN_ACCOUNT_HASH: LazyLock<String> = LazyLock::new(|| hash_now("nobody's"));

/// Hashes a password for storage.
pub(crate) async fn hash(turns: &Semaphore, password: String) -> Result<String, ApiError> {
    hash_in_turn(turns, move || hash_now(&password)).await
}

/// Whether the password matches the hash. Takes the same time if there is no hash.
pub(crate) async fn verify(
    turns: &Semaphore,
    password: String,
    hash: Option<String>,
) -> Result<bool, ApiError> {
    hash_in_turn(turns, move || {
        let known = hash.is_some();
        let hash = hash.as_deref().unwrap_or(&UNKNOWN_ACCOUNT_HASH);
        let right = PasswordHash::new(hash).is_ok_and(|hash| {
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        });
        known && right
    })
    .await
}

async fn hash_in_turn<T: Send + 'static>(
    turns: &Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let _turn = turns.acquire().await.expect("turns are never closed");
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::new(Code::Internal, "hashing the password failed"))
}

fn hash_now(password: &str) -> String {
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.expect("the parameters are argon2's own").to_string()
}

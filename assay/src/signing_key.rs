//! The first key that signs a log.

use std::path::Path;

use audit::key_file::{self, KeyFileError, Keys};
use audit::{KeyName, SignerKey, VerifierKey};
use event_store::EventLog;

use crate::{Exit, Failure};

/// Creates the key file with its first key.
pub(crate) fn create(path: &Path, name: KeyName) -> Result<VerifierKey, Failure> {
    let key = SignerKey::new(name, rand::random());
    key_file::create(path, &Keys::of(key.clone())).map_err(|error| failed(&error))?;
    Ok(key.verifier())
}

/// The default name of a log.
pub(crate) async fn default_name(log: &dyn EventLog) -> Result<KeyName, Failure> {
    let info = log.info().await.map_err(|error| Failure::of(Exit::Network, "the log", &error))?;
    Ok(format!("assay/{}", info.log_id).parse().expect("a UUID is plain"))
}

/// The failure of reading or writing the key file.
pub(crate) fn failed(error: &KeyFileError) -> Failure {
    Failure::of(Exit::Usage, "the keys", error)
}

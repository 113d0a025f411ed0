//! Reading packages that were uploaded to `/packages`.

use std::sync::Arc;
use std::time::Duration;

use domain::Slug;
use problem_package::{Budget, FileTree, Options, Package, TreeLimits};
use query_api::{ApiError, Code, Sha256};

use crate::commands::Commands;
use crate::payload::{Failure, UserError, UserErrorCode};

/// How long a package may wait until those before it are read.
const TURN_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long reading a package may take.
const READING_TIME_MAX: Duration = Duration::from_secs(30);

/// Ends the reading when the request that asked for it has ended.
struct EndsWithRequest(Budget);

impl Drop for EndsWithRequest {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The problems of an uploaded package; everything wrong with it becomes an error of its own.
pub(crate) async fn read(
    commands: &Commands,
    digest: &Sha256,
    slug: Option<Slug>,
) -> Result<Vec<Package>, Failure> {
    let turn = Arc::clone(&commands.reading).acquire_owned();
    let turn = tokio::time::timeout(TURN_WAIT_MAX, turn).await.map_err(|_| {
        ApiError::new(Code::TooMany, "the server is reading other packages; try again later")
    })?;
    let turn = turn.expect("the semaphore is never closed");
    let archive = commands.blobs.get(&digest.0).await.map_err(|error| match error {
        event_store::BlobError::NotFound(_) => {
            let message = "no such package was uploaded";
            UserError::at(UserErrorCode::NotFound, "input.package", message).into()
        }
        error => Failure::from(error),
    })?;
    let options = Options { slug, ..commands.packages.clone() };
    // Inflating and parsing is work; the runtime's threads have others to serve.
    let asked = EndsWithRequest(Budget::of(READING_TIME_MAX));
    let limits = TreeLimits { budget: asked.0.clone(), ..TreeLimits::default() };
    let read = tokio::task::spawn_blocking(move || {
        // Another's turn comes when this has ended, whether or not anybody still waits for it.
        let _turn = turn;
        let tree = FileTree::from_zip(&archive, &limits)?;
        problem_package::read(&tree, &options)
    });
    let read = read.await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "reading a package failed");
        ApiError::new(Code::Internal, "reading the package failed")
    })?;
    read.map_err(|diagnostics| {
        let errors = diagnostics.iter().map(|diagnostic| {
            UserError::at(UserErrorCode::Invalid, "input.package", diagnostic.to_string())
        });
        Failure::User(errors.collect())
    })
}

/// The blobs are there before the event that names them.
pub(crate) async fn keep_blobs(commands: &Commands, package: &Package) -> Result<(), Failure> {
    for bytes in package.blobs.values() {
        commands.blobs.put(bytes.clone()).await?;
    }
    Ok(())
}

//! Reading packages that were uploaded to `/packages`.

use std::sync::Arc;
use std::time::Duration;

use domain::Slug;
use graphql::{ApiError, Code, Sha256};
use problem_package::{Budget, FileTree, Options, Package, TreeLimits};

use crate::commands::Commands;
use crate::payload::{Failure, UserError, UserErrorCode};

/// How long a request may wait for its turn to read a package.
const TURN_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long reading a package may take.
const READING_TIME_MAX: Duration = Duration::from_secs(30);

/// Cancels the reading when the request that asked for it ends.
struct EndsWithRequest(Budget);

impl Drop for EndsWithRequest {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The problems of an uploaded package. Each defect of the package becomes its own error.
pub(crate) async fn read(
    commands: &Commands,
    digest: &Sha256,
    slug: Option<Slug>,
) -> Result<Vec<Package>, Failure> {
    let turn = Arc::clone(&commands.reading).acquire_owned();
    let turn = tokio::time::timeout(TURN_WAIT_MAX, turn).await.map_err(|_| {
        ApiError::new(Code::TooMany, "the server is busy reading other packages; try again later")
    })?;
    let turn = turn.expect("the semaphore is never closed");
    let archive = commands.blobs.get(&digest.0).await.map_err(|error| match error {
        event_store::BlobError::NotFound(_) => {
            let message = "there is no such package; upload it first";
            UserError::at(UserErrorCode::NotFound, "input.package", message).into()
        }
        error => Failure::from(error),
    })?;
    let options = Options { slug, ..commands.packages.clone() };
    // Decompressing and parsing use the CPU, so they run off the async threads.
    let asked = EndsWithRequest(Budget::of(READING_TIME_MAX));
    let limits = TreeLimits { budget: asked.0.clone(), ..TreeLimits::default() };
    let read = tokio::task::spawn_blocking(move || {
        // Hold the turn until the reading has ended, even if the request has gone.
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

/// Stores the package's blobs, before the event that refers to them.
pub(crate) async fn keep_blobs(commands: &Commands, package: &Package) -> Result<(), Failure> {
    for bytes in package.blobs.values() {
        commands.blobs.put(bytes.clone()).await?;
    }
    Ok(())
}

//! Reading packages that were uploaded to `/packages`.

use domain::Slug;
use problem_package::{FileTree, Options, Package, TreeLimits};
use query_api::{ApiError, Code, Sha256};

use crate::commands::Commands;
use crate::payload::{Failure, UserError, UserErrorCode};

/// The problems of an uploaded package; everything wrong with it becomes an error of its own.
pub(crate) async fn read(
    commands: &Commands,
    digest: &Sha256,
    slug: Option<Slug>,
) -> Result<Vec<Package>, Failure> {
    let archive = commands.blobs.get(&digest.0).await.map_err(|error| match error {
        event_store::BlobError::NotFound(_) => {
            let message = "no such package was uploaded";
            UserError::at(UserErrorCode::NotFound, "input.package", message).into()
        }
        error => Failure::from(error),
    })?;
    let options = Options { slug, ..commands.packages.clone() };
    // Inflating and parsing is work; the runtime's threads have others to serve.
    let read = tokio::task::spawn_blocking(move || {
        let tree = FileTree::from_zip(&archive, &TreeLimits::default())?;
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

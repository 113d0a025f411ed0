//! Unpacks the image's file system into a directory, so that the native adapter has the same
//! toolchains without installing them.

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use bollard::models::ContainerCreateBody;
use futures::{StreamExt, TryStreamExt};
use tokio::task::spawn_blocking;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{container, engine, owner};
use crate::{DockerConfig, SandboxError};

/// The parts of the image that cells can see.
const KEPT: [&str; 9] = ["bin", "etc", "lib", "lib32", "lib64", "libx32", "sbin", "usr", "var/lib"];

/// Why an image could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The engine failed to export the image.
    #[error("the engine could not export the image")]
    Engine(#[from] SandboxError),
    /// The directory is not empty.
    #[error("{} is not empty; choose a new directory, or remove it", .0.display())]
    NotEmpty(PathBuf),
    /// The directory could not be written.
    #[error("{} could not be written", .path.display())]
    Write {
        /// The directory.
        path: PathBuf,
        /// The underlying error.
        #[source]
        source: io::Error,
    },
}

/// Unpacks the configured image into a directory that is empty or does not exist yet. Either
/// everything appears there or nothing.
pub async fn unpack(config: &DockerConfig, directory: &Path) -> Result<(), UnpackError> {
    let write = |source| UnpackError::Write { path: directory.to_owned(), source };
    if fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(UnpackError::NotEmpty(directory.to_owned()));
    }
    let docker = engine::reach(config).await?;
    let body = ContainerCreateBody {
        image: Some(config.image.clone()),
        // The container is never started. It only exists because engines export containers, not
        // images.
        cmd: Some(vec!["true".to_owned()]),
        labels: Some(owner::labels()),
        ..ContainerCreateBody::default()
    };
    let created = docker.create_container(None, body).await;
    let created = created.map_err(engine::failed("make a container of the image"))?;
    let exported = docker.export_container(&created.id).map_err(io::Error::other).boxed();
    let archive = SyncIoBridge::new(StreamReader::new(exported));
    let target = directory.to_owned();
    let unpacked = spawn_blocking(move || unpack_whole(archive, &target)).await;
    container::remove(&docker, &created.id).await.map_err(engine::failed("remove a container"))?;
    unpacked.map_err(io::Error::other).flatten().map_err(write)
}

/// Unpacks next to the directory, and renames at the end.
fn unpack_whole(archive: impl io::Read, directory: &Path) -> io::Result<()> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let draft = directory.with_file_name(format!(".{name}-{}", uuid::Uuid::new_v4().simple()));
    fs::create_dir_all(&draft)?;
    let done = unpack_kept(archive, &draft).and_then(|()| fs::rename(&draft, directory));
    if done.is_err() {
        fs::remove_dir_all(&draft)?;
    }
    done
}

fn unpack_kept(archive: impl io::Read, draft: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(archive);
    // Unpack directories last, because some permissions make a directory read-only.
    let mut directories = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !is_kept(&entry.path()?) {
            continue;
        }
        if entry.header().entry_type().is_dir() {
            directories.push(entry);
            continue;
        }
        // Owners and set-user-id bits are not preserved.
        entry.unpack_in(draft)?;
    }
    for mut directory in directories.into_iter().rev() {
        directory.unpack_in(draft)?;
    }
    Ok(())
}

fn is_kept(path: &Path) -> bool {
    let path: PathBuf =
        path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    KEPT.iter().any(|kept| path.starts_with(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| (*path, text.as_bytes(), 0o4755)).collect();
        container::archive(&files).to_vec()
    }

    #[test]
    fn an_image_is_unpacked_whole_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("assay-unpack-{}", std::process::id()));
        let target = folder.join("root");
        let whole = archive(&[("usr/bin/cc", "cc"), ("home/ada/notes", "mine")]);
        unpack_whole(&whole[..600], &target).expect_err("it is cut off");
        assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 0);
        unpack_whole(whole.as_slice(), &target).expect("unpacked");
        assert_eq!(fs::read_to_string(target.join("usr/bin/cc")).expect("a file"), "cc");
        assert!(!target.join("home").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode =
                fs::metadata(target.join("usr/bin/cc")).expect("a file").permissions().mode();
            assert_eq!(mode & 0o7777, 0o755);
        }
        unpack_whole(whole.as_slice(), &target).expect_err("there is something there");
        fs::remove_dir_all(&folder).expect("removed");
    }
}

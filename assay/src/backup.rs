//! A backup: a directory with all data of an installation that cannot be rebuilt from other data.
//!
//! | file | what |
//! |---|---|
//! | `manifest.json` | a description of the backup, and digests of the other files; written last |
//! | `blobs/` | the log, as segments, and the blobs that its events name; laid out as a `file:` store |
//! | `credentials.jsonl` | profiles, tokens, identities and secrets, unless they were left out |
//! | `tree-heads.jsonl` | every signed head of the tree over the log |

mod credentials;
mod named;
mod tree;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{Digest, Position, Recorded};
use event_store::{Blobs, Segment, SegmentEntry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use credentials::{CredentialsPart, Owners};
pub(crate) use named::named_blobs;
pub(crate) use tree::TreePart;

use crate::{Exit, Failure};

/// The version of this layout.
pub(crate) const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
const BLOBS: &str = "blobs";
/// A backup holds sources and hashes of secrets, so only its owner may open it.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The manifest of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The layout's version, [`FORMAT`].
    pub(crate) format: u32,
    /// The version of Assay that made it.
    pub(crate) assay: String,
    pub(crate) made_at: Timestamp,
    pub(crate) log_id: Uuid,
    /// The position of the last event in the backup.
    pub(crate) head: Position,
    /// The position up to which the log was archived. A restore archives as much.
    pub(crate) archived_through: Position,
    /// The segments that hold the whole log, without gaps, in the backup's own blobs.
    pub(crate) segments: Vec<SegmentEntry>,
    pub(crate) blobs: BlobsPart,
    /// `None` if credentials were left out.
    pub(crate) credentials: Option<FilePart>,
    /// Signed heads of the tree over the log, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tree_heads: Option<FilePart>,
}

/// The blobs that events name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlobsPart {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// Blobs that events name but that were missing from the store when the backup was made.
    pub(crate) missing: Vec<Digest>,
}

/// A file with one record per line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilePart {
    pub(crate) name: String,
    pub(crate) digest: Digest,
    pub(crate) lines: u64,
}

/// A backup on disk.
#[derive(Debug)]
pub(crate) struct Backup {
    directory: PathBuf,
    /// The backup's own blobs, apart from the installation's.
    pub(crate) blobs: Arc<dyn Blobs>,
}

impl Backup {
    /// Begins a backup in a directory that does not exist or is empty.
    pub(crate) async fn begin(directory: &Path) -> Result<Self, Failure> {
        let occupied = fs::read_dir(directory).is_ok_and(|mut files| files.next().is_some());
        if occupied || directory.is_file() {
            let message = format!("{} already exists; choose a new directory", directory.display());
            return Err(Failure::new(Exit::Usage, message));
        }
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .map_err(|error| failed("making", directory, &error))?;
        // The directory may have existed, with access for others.
        fs::set_permissions(directory, Permissions::from_mode(DIRECTORY_MODE))
            .map_err(|error| failed("restricting access to", directory, &error))?;
        Self::at(directory).await
    }

    /// Opens a finished backup.
    pub(crate) async fn open(directory: &Path) -> Result<(Self, Manifest), Failure> {
        let path = directory.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|error| {
            let message = format!(
                "reading {}: {error}; is it a backup, and was it finished?",
                path.display()
            );
            Failure::new(Exit::Usage, message)
        })?;
        /// The part that all formats share.
        #[derive(Deserialize)]
        struct AnyManifest {
            format: u32,
        }
        let malformed = |error| failed("reading", &path, &error);
        let AnyManifest { format } = serde_json::from_str(&text).map_err(malformed)?;
        if format != FORMAT {
            let message = format!("the backup has format {format}, this Assay reads {FORMAT}");
            return Err(Failure::new(Exit::Usage, message));
        }
        let manifest = serde_json::from_str(&text).map_err(malformed)?;
        Ok((Self::at(directory).await?, manifest))
    }

    async fn at(directory: &Path) -> Result<Self, Failure> {
        let url = format!("file:{}", directory.join(BLOBS).display());
        let blobs = event_store::open_blobs(&url).await;
        let blobs = blobs.map_err(|error| failed("opening", directory, &error))?;
        Ok(Self { directory: directory.to_owned(), blobs })
    }

    /// Writes the manifest, the last step. A directory without one is not a backup.
    pub(crate) fn finish(&self, manifest: &Manifest) -> Result<(), Failure> {
        let json = serde_json::to_vec_pretty(manifest).expect("a manifest is text and numbers");
        self.write(MANIFEST, &json)
    }

    /// Writes a file atomically.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let (path, unfinished) = (self.directory.join(name), self.directory.join("unfinished"));
        let written = || {
            let mut options = OpenOptions::new();
            let options = options.write(true).create(true).truncate(true).mode(FILE_MODE);
            let mut file = options.open(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.directory)?.sync_all()
        };
        written().map_err(|error| failed("writing", &path, &error))
    }

    /// Reads a file of the manifest and checks its digest.
    fn read(&self, part: &FilePart) -> Result<String, Failure> {
        let path = self.directory.join(&part.name);
        let text = fs::read_to_string(&path).map_err(|error| failed("reading", &path, &error))?;
        if Digest::of(text.as_bytes()) != part.digest {
            let message = format!("{} does not match the manifest", path.display());
            return Err(Failure::new(Exit::Usage, message));
        }
        Ok(text)
    }

    /// Reads and checks the events of a segment.
    pub(crate) async fn events(&self, entry: &SegmentEntry) -> Result<Vec<Recorded>, Failure> {
        let doing = format!("reading the backup's segment {} to {}", entry.first, entry.last);
        let unreadable =
            |error: &(dyn std::error::Error + 'static)| Failure::of(Exit::Usage, &doing, error);
        let bytes = self.blobs.get(&entry.digest).await.map_err(|error| unreadable(&error))?;
        let segment = Segment::read(&bytes).map_err(|error| unreadable(&error))?;
        if (segment.first(), segment.last()) != (entry.first, entry.last) {
            let (first, last) = (segment.first(), segment.last());
            return Err(Failure::new(Exit::Usage, format!("{doing}: it holds {first} to {last}")));
        }
        segment.recorded().map_err(|error| unreadable(&error))
    }
}

fn failed(doing: &str, path: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::of(Exit::Usage, &format!("{doing} {}", path.display()), error)
}

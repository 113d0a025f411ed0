//! Test data on this machine's disk. An evaluator far from the blob store fetches it once, and not
//! again after each restart.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, process};

use bytes::Bytes;
use domain::Digest;

/// The suffix of files that are still being written.
const UNFINISHED: &str = ".part";
/// An unfinished file older than this was left by a process that died.
const UNFINISHED_AGE_MAX: Duration = Duration::from_secs(3_600);

/// How long an index is used before the folder is read again: other evaluators may share it.
const INDEX_AGE_MAX: Duration = Duration::from_secs(10);

/// Files named after the digest of their content. When the cache is full, the least recently used
/// files are removed. The time of last use is stored as the file's modification time, so it
/// survives a restart.
///
/// Every read checks the content against the name, so write access to the folder is not enough to
/// change what is judged. Files are created by renaming a finished one, so several evaluators can
/// share a folder. Each reads it again now and then, so that together they exceed the limit by no
/// more than they write in 10 s. This is only a cache: on any failure the blob store still has the
/// bytes.
#[derive(Debug)]
pub struct DiskCache {
    folder: PathBuf,
    bytes_max: u64,
    index: Mutex<Index>,
    next_unfinished: AtomicU64,
}

impl DiskCache {
    /// Opens the cache in this folder, with the files that an earlier process left there.
    ///
    /// # Errors
    /// If the folder cannot be created or read.
    pub fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let cache = Self {
            folder: folder.to_owned(),
            bytes_max,
            index: Mutex::default(),
            next_unfinished: AtomicU64::new(0),
        };
        cache.read_folder()?;
        cache.make_room(0);
        Ok(cache)
    }

    /// Indexes what is in the folder, and removes what processes that died left unfinished.
    fn read_folder(&self) -> io::Result<()> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another evaluator may have removed it already.
            let Ok(metadata) = entry.metadata() else { continue };
            let name = entry.file_name().to_string_lossy().into_owned();
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if let Ok(digest) = name.parse::<Digest>() {
                found.push((modified, digest, metadata.len()));
            } else if name.ends_with(UNFINISHED)
                && modified.elapsed().is_ok_and(|age| age > UNFINISHED_AGE_MAX)
            {
                let _ = fs::remove_file(entry.path());
            }
        }
        found.sort_unstable();
        let mut index = Index { read_at: Some(Instant::now()), ..Index::default() };
        for (_, digest, bytes) in found {
            index.add(digest, bytes);
        }
        *self.lock() = index;
        Ok(())
    }

    /// The bytes with this digest, if the cache has them undamaged.
    pub(crate) async fn get(self: &Arc<Self>, digest: Digest) -> Option<Bytes> {
        let cache = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || cache.read(digest)).await;
        read.expect("reading a file does not panic")
    }

    /// Stores the bytes under this digest.
    pub(crate) async fn put(self: &Arc<Self>, digest: Digest, bytes: Bytes) {
        let cache = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || cache.write(digest, &bytes)).await;
        if let Err(error) = written.expect("writing a file does not panic") {
            let (folder, error) = (self.folder.display(), &error as &dyn std::error::Error);
            tracing::warn!(%folder, error, "keeping test data on disk failed");
        }
    }

    fn read(&self, digest: Digest) -> Option<Bytes> {
        // Other evaluators add and remove files too, so the folder decides and not the index.
        let path = self.path(digest);
        let mut file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(_) => {
                self.lock().remove(digest);
                return None;
            }
        };
        let mut bytes = Vec::new();
        let whole = file.read_to_end(&mut bytes).is_ok() && Digest::of(&bytes) == digest;
        if !whole {
            tracing::warn!(path = %path.display(), "removing a damaged file from the cache");
            self.lock().remove(digest);
            // If this fails, the next read finds the damage again.
            let _ = fs::remove_file(&path);
            return None;
        }
        self.lock().add(digest, bytes.len() as u64);
        // A failure here only affects the order in which files are removed.
        let _ = file.set_modified(SystemTime::now());
        Some(bytes.into())
    }

    fn write(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        let size = bytes.len() as u64;
        if size > self.bytes_max {
            return Ok(());
        }
        let is_old = self.lock().read_at.is_none_or(|at| at.elapsed() >= INDEX_AGE_MAX);
        if is_old {
            self.read_folder()?;
        }
        self.make_room(size);
        let count = self.next_unfinished.fetch_add(1, Ordering::Relaxed);
        let name = format!("{digest}-{}-{count}{UNFINISHED}", process::id());
        let unfinished = self.folder.join(name);
        let finished = fs::File::create(&unfinished)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&unfinished, self.path(digest)));
        if finished.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        finished?;
        self.lock().add(digest, size);
        Ok(())
    }

    /// Removes the least recently used files until there is room for this many bytes.
    fn make_room(&self, bytes: u64) {
        loop {
            let oldest = {
                let mut index = self.lock();
                if index.bytes + bytes <= self.bytes_max {
                    return;
                }
                index.remove_oldest()
            };
            let Some(oldest) = oldest else { return };
            // Another evaluator may have removed it already.
            let _ = fs::remove_file(self.path(oldest));
        }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(digest.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The digest and size in bytes of each file, in order of last use.
#[derive(Debug, Default)]
struct Index {
    entries: HashMap<Digest, (u64, u64)>,
    by_use: BTreeMap<u64, Digest>,
    uses: u64,
    bytes: u64,
    /// When the folder was read.
    read_at: Option<Instant>,
}

impl Index {
    /// Adds a file as the most recently used one, or moves it there.
    fn add(&mut self, digest: Digest, bytes: u64) {
        self.remove(digest);
        self.uses += 1;
        self.entries.insert(digest, (self.uses, bytes));
        self.by_use.insert(self.uses, digest);
        self.bytes += bytes;
    }

    fn remove(&mut self, digest: Digest) {
        if let Some((used, bytes)) = self.entries.remove(&digest) {
            self.by_use.remove(&used);
            self.bytes -= bytes;
        }
    }

    fn remove_oldest(&mut self) -> Option<Digest> {
        let (_, &digest) = self.by_use.first_key_value()?;
        self.remove(digest);
        Some(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"first";
    const B: &[u8] = b"second";
    const C: &[u8] = b"third";

    /// Ages the index as if 10 s had passed.
    fn age(cache: &DiskCache) {
        cache.lock().read_at = None;
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    async fn put(cache: &Arc<DiskCache>, bytes: &'static [u8]) -> Digest {
        let digest = Digest::of(bytes);
        cache.put(digest, Bytes::from_static(bytes)).await;
        digest
    }

    #[tokio::test]
    async fn what_was_not_asked_for_the_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(DiskCache::open(folder.path(), 11).unwrap());
        let (a, b) = (put(&cache, A).await, put(&cache, B).await);
        assert_eq!(cache.get(a).await.as_deref(), Some(A));
        let c = put(&cache, C).await;
        assert_eq!(cache.get(b).await, None);
        assert_eq!(cache.get(a).await.as_deref(), Some(A));
        assert_eq!(cache.get(c).await.as_deref(), Some(C));
        assert_eq!(files(folder.path()), 2);
        let large = Bytes::from_static(b"longer than all that fits");
        cache.put(Digest::of(&large), large.clone()).await;
        assert_eq!(files(folder.path()), 2);
    }

    #[tokio::test]
    async fn it_is_found_again_after_a_restart_and_kept_within_a_smaller_bound() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(DiskCache::open(folder.path(), 100).unwrap());
        let (a, b) = (put(&cache, A).await, put(&cache, B).await);
        let hour = Duration::from_secs(3_600);
        let file = fs::File::open(folder.path().join(a.to_string())).unwrap();
        file.set_modified(SystemTime::now() - hour).unwrap();
        let unfinished = folder.path().join(format!("x{UNFINISHED}"));
        fs::File::create(&unfinished).unwrap().set_modified(SystemTime::now() - 2 * hour).unwrap();
        let cache = Arc::new(DiskCache::open(folder.path(), 6).unwrap());
        assert_eq!(cache.get(a).await, None);
        assert_eq!(cache.get(b).await.as_deref(), Some(B));
        assert_eq!(files(folder.path()), 1);
    }

    #[tokio::test]
    async fn a_file_that_was_tampered_with_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(DiskCache::open(folder.path(), 100).unwrap());
        let a = put(&cache, A).await;
        fs::write(folder.path().join(a.to_string()), b"other").unwrap();
        assert_eq!(cache.get(a).await, None);
        assert_eq!(files(folder.path()), 0);
        put(&cache, A).await;
        assert_eq!(cache.get(a).await.as_deref(), Some(A));
    }

    #[tokio::test]
    async fn evaluators_that_share_a_folder_share_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let caches = [(); 3].map(|()| Arc::new(DiskCache::open(folder.path(), 11).unwrap()));
        for (cache, bytes) in caches.iter().zip([A, B, C]) {
            age(cache);
            put(cache, bytes).await;
        }
        let kept: u64 = fs::read_dir(folder.path())
            .unwrap()
            .map(|it| it.unwrap().metadata().unwrap().len())
            .sum();
        assert!(kept <= 11, "{kept} bytes");
    }
}

//! The cost of disk syncs without Assay, as a baseline for benchmarks.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Number of syncs measured.
const SYNCS: u32 = 200;
/// One page, written before each sync.
const PAGE: [u8; 4096] = [7; 4096];

/// Average duration of one sync on this file's disk.
pub(crate) fn sync(beside: &Path) -> io::Result<Duration> {
    let path = beside.with_extension("floor");
    let mut file = File::create(&path)?;
    let began = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&PAGE)?;
        file.sync_data()?;
    }
    let took = began.elapsed();
    fs::remove_file(path)?;
    Ok(took / SYNCS)
}

//! What a disk takes without Assay.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Waits for the disk that are measured.
const SYNCS: u32 = 200;
/// What is written before each: a page.
const PAGE: [u8; 4096] = [7; 4096];

/// How long one wait for the disk takes that this file is on.
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

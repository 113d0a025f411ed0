//! Captures the output of a program, up to a limit.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// How much is read from a pipe at a time, in bytes.
const READ_BYTES: usize = 64 << 10;

/// Reads of a pipe that may be written to all the time.
const READS_AT_ONCE_MAX: usize = 64;

/// Output that was taken.
pub(crate) struct Taken {
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more than the limit.
    pub(crate) overflowed: bool,
}

/// A program's output, up to a limit.
pub(crate) struct Capture {
    pipe: Option<File>,
    bytes: Vec<u8>,
    bytes_max: u64,
    overflowed: bool,
}

impl Capture {
    pub(crate) fn new(pipe: OwnedFd, bytes_max: u64) -> nix::Result<Self> {
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { pipe: Some(pipe.into()), bytes: Vec::new(), bytes_max, overflowed: false })
    }

    /// The pipe, until it has ended.
    pub(crate) fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads the available data without waiting. Returns whether there was any. Data beyond the
    /// limit is read and dropped, so that the writer can continue.
    pub(crate) fn read_on(&mut self) -> io::Result<bool> {
        let mut buffer = [0; READ_BYTES];
        let mut any = false;
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    any = true;
                    self.keep(&buffer[..count]);
                    // Return, so that a writer as fast as this reader cannot keep the supervisor
                    // from checking its clocks.
                    if count < buffer.len() || self.overflowed {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(any),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(any)
    }

    /// Reads the rest once there are no writers left.
    pub(crate) fn read_rest(&mut self) -> io::Result<()> {
        while !self.overflowed && self.read_on()? {}
        Ok(())
    }

    /// Whether the output exceeded the limit.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Reads what is there, and takes it. Data that comes later has the whole limit again.
    pub(crate) fn take(&mut self) -> io::Result<Taken> {
        for _ in 0..READS_AT_ONCE_MAX {
            if !self.read_on()? || self.overflowed {
                break;
            }
        }
        Ok(Taken {
            bytes: std::mem::take(&mut self.bytes),
            overflowed: std::mem::take(&mut self.overflowed),
        })
    }

    fn keep(&mut self, read: &[u8]) {
        let room = usize::try_from(self.bytes_max).unwrap_or(usize::MAX) - self.bytes.len();
        self.bytes.extend_from_slice(&read[..read.len().min(room)]);
        self.overflowed |= read.len() > room;
    }
}

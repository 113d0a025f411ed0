//! The runner's end of the stream to the host.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use runner::FrameError;
use runner::frame::{self, Decoder, Frame, PROTOCOL_VERSION};
use runner::message::{Reply, Request};

use crate::refusal::Refusal;
use crate::sys;

/// The stream to the host.
pub(crate) struct Wire {
    input: File,
    output: File,
    decoder: Decoder,
}

impl Wire {
    /// Takes over standard input and output.
    pub(crate) fn over_stdio() -> io::Result<Self> {
        let input: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
        let output: OwnedFd = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self { input: input.into(), output: output.into(), decoder: Decoder::new() })
    }

    /// The descriptor to poll for the host's end.
    pub(crate) fn host(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    /// Exchanges handshakes. Sends ours first, so that a host with another version can report the
    /// mismatch.
    pub(crate) fn handshake(&mut self) -> Result<(), FrameError> {
        let mut hello = Vec::new();
        frame::encode_hello(PROTOCOL_VERSION, &mut hello);
        self.output.write_all(&hello)?;
        match frame::read_frame(&mut self.decoder, &mut self.input)? {
            Some(frame) => frame::check_hello(&frame),
            None => Err(FrameError::NotARunner),
        }
    }

    /// The next request; `None` when the host has closed the stream.
    pub(crate) fn next_request(&mut self) -> Result<Option<Request>, FrameError> {
        match frame::read_frame(&mut self.decoder, &mut self.input)? {
            Some(Frame::Message(payload)) => Ok(Some(frame::decode_message(&payload)?)),
            Some(other) => {
                Err(FrameError::Unexpected { wanted: "a request", got: other.kind_name() })
            }
            None => Ok(None),
        }
    }

    /// Receives exactly `bytes` bytes of announced data, and passes each piece to `take`.
    pub(crate) fn receive(
        &mut self,
        bytes: u64,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), FrameError> {
        let mut left = bytes;
        while left > 0 {
            match frame::read_frame(&mut self.decoder, &mut self.input)? {
                Some(Frame::Data(data)) if !data.is_empty() && data.len() as u64 <= left => {
                    left -= data.len() as u64;
                    take(&data);
                }
                Some(other) => {
                    return Err(FrameError::Unexpected {
                        wanted: "announced data",
                        got: other.kind_name(),
                    });
                }
                None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            }
        }
        Ok(())
    }

    /// Receives the files attached to a single byte. Only works if the stream is a socket.
    pub(crate) fn receive_files(&mut self) -> Result<Vec<OwnedFd>, FrameError> {
        if !self.decoder.is_empty() {
            return Err(FrameError::Unexpected { wanted: "files", got: "more requests" });
        }
        let (count, files) = sys::receive_files(self.input.as_fd(), &mut [0])?;
        match count {
            1 => Ok(files),
            _ => Err(FrameError::Unexpected { wanted: "files", got: "something else" }),
        }
    }

    /// Sends a reply and the data that it announces.
    pub(crate) fn reply(&mut self, reply: &Reply, data: &[&[u8]]) -> Result<(), FrameError> {
        let mut wire = Vec::new();
        frame::encode_message(reply, &mut wire)?;
        if data.iter().map(|data| data.len()).sum::<usize>() <= SMALL_BYTES_MAX {
            for data in data {
                frame::write_data(&mut wire, data)?;
            }
            self.output.write_all(&wire)?;
            return Ok(());
        }
        self.output.write_all(&wire)?;
        for data in data {
            frame::write_data(&mut self.output, data)?;
        }
        Ok(())
    }

    /// Sends a reply or a refusal.
    pub(crate) fn answer(&mut self, result: Result<Reply, Refusal>) -> Result<(), FrameError> {
        match result {
            Ok(reply) => self.reply(&reply, &[]),
            Err(Refusal { kind, detail }) => self.reply(&Reply::Refused { kind, detail }, &[]),
        }
    }
}

/// The error for a host that no longer waits for the outcome.
pub(crate) fn host_is_gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the host is gone")
}

/// Data up to this size, in bytes, is sent in one write with its reply.
const SMALL_BYTES_MAX: usize = 32 << 10;

//! The framed stream to the runner.

use std::io;

use bytes::{Bytes, BytesMut};
use runner::FrameError;
use runner::frame::{self, CHUNK_BYTES_MAX, Decoder, Frame, PROTOCOL_VERSION};
use runner::message::{Reply, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::SandboxError;

/// How much is read from the stream at once, in bytes.
pub(super) const READ_BYTES: usize = 64 << 10;

/// The host's end of the stream, with its decoder.
pub(super) struct Stream {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Stream {
    pub(super) fn new(
        reader: Box<dyn AsyncRead + Send + Unpin>,
        writer: Box<dyn AsyncWrite + Send + Unpin>,
    ) -> Self {
        Self { reader, writer, decoder: Decoder::new(), buffer: vec![0; READ_BYTES] }
    }

    /// Exchanges handshakes.
    pub(super) async fn handshake(&mut self) -> Result<(), SandboxError> {
        let mut wire = Vec::new();
        frame::encode_hello(PROTOCOL_VERSION, &mut wire);
        self.writer.write_all(&wire).await.map_err(SandboxError::Io)?;
        self.writer.flush().await.map_err(SandboxError::Io)?;
        Ok(frame::check_hello(&self.next().await?)?)
    }

    /// Sends a request and the data it announces, and receives the reply.
    pub(super) async fn ask(
        &mut self,
        request: &Request,
        data: &[u8],
    ) -> Result<Reply, SandboxError> {
        let mut wire = Vec::new();
        frame::encode_message(request, &mut wire)?;
        for chunk in data.chunks(CHUNK_BYTES_MAX) {
            wire.extend_from_slice(&frame::data_header(chunk.len()));
            // Small data goes out in one write with its request. Large data is written separately,
            // to avoid a copy.
            if chunk.len() < READ_BYTES {
                wire.extend_from_slice(chunk);
            } else {
                self.writer.write_all(&wire).await.map_err(SandboxError::Io)?;
                wire.clear();
                self.writer.write_all(chunk).await.map_err(SandboxError::Io)?;
            }
        }
        self.writer.write_all(&wire).await.map_err(SandboxError::Io)?;
        self.writer.flush().await.map_err(SandboxError::Io)?;
        self.reply().await
    }

    /// Receives a reply.
    pub(super) async fn reply(&mut self) -> Result<Reply, SandboxError> {
        match self.next().await? {
            Frame::Message(payload) => Ok(frame::decode_message(&payload)?),
            other => {
                Err(FrameError::Unexpected { wanted: "a reply", got: other.kind_name() }.into())
            }
        }
    }

    /// Receives announced data.
    pub(super) async fn receive(&mut self, bytes: u64) -> Result<Bytes, SandboxError> {
        let wanted = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut data = BytesMut::new();
        while data.len() < wanted {
            match self.next().await? {
                // Empty data makes no progress, and a runner could send it for ever.
                Frame::Data(chunk) if !chunk.is_empty() && chunk.len() <= wanted - data.len() => {
                    data.extend_from_slice(&chunk);
                }
                other => {
                    return Err(FrameError::Unexpected {
                        wanted: "announced data",
                        got: other.kind_name(),
                    }
                    .into());
                }
            }
        }
        Ok(data.freeze())
    }

    async fn next(&mut self) -> Result<Frame, SandboxError> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(frame);
            }
            match self.reader.read(&mut self.buffer).await.map_err(SandboxError::Io)? {
                0 => return Err(SandboxError::Io(io::ErrorKind::UnexpectedEof.into())),
                count => self.decoder.push(&self.buffer[..count]),
            }
        }
    }
}

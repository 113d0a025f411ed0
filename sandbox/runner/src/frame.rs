//! Frames: the units of the stream between the host and the runner.
//!
//! ```text
//! length  u32, little endian: bytes after this field
//! kind    u8: 1 a message (postcard), 2 bulk data (as it is), 3 the handshake
//! payload
//! ```
//!
//! Both sides parse with [`Decoder`], which accepts bytes in pieces of any size. It refuses an
//! invalid frame before it reads or allocates the payload.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The protocol's version. The runner is built together with the host and embedded in it, so any
/// difference is an error.
pub const PROTOCOL_VERSION: u32 = 4;

/// The beginning of the handshake. It distinguishes a runner with another version from a stream
/// that is not a runner's.
const MAGIC: [u8; 8] = *b"ASSAYRUN";

/// The largest bulk data payload, in bytes. Larger data is sent in several frames.
pub const CHUNK_BYTES_MAX: usize = 256 << 10;

/// The largest message payload, in bytes. An execution with a long command takes a few KiB.
pub const MESSAGE_BYTES_MAX: usize = 128 << 10;

/// The size of the length field and the kind, in bytes.
const HEADER_BYTES: usize = 5;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A postcard-encoded message.
    Message(Vec<u8>),
    /// A piece of bulk data, announced by a message.
    Data(Vec<u8>),
    /// The other side's protocol version: the first frame in each direction.
    Hello {
        /// The version.
        version: u32,
    },
}

impl Frame {
    /// What kind of frame this is, for error messages.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Message(_) => "a message",
            Self::Data(_) => "bulk data",
            Self::Hello { .. } => "a handshake",
        }
    }
}

/// The kinds of frame, with their values on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message = 1,
    Data = 2,
    Hello = 3,
}

impl Kind {
    fn payload_bytes_max(self) -> usize {
        match self {
            Self::Message => MESSAGE_BYTES_MAX,
            Self::Data => CHUNK_BYTES_MAX,
            Self::Hello => MAGIC.len() + 4,
        }
    }
}

impl TryFrom<u8> for Kind {
    type Error = FrameError;

    fn try_from(byte: u8) -> Result<Self, FrameError> {
        match byte {
            1 => Ok(Self::Message),
            2 => Ok(Self::Data),
            3 => Ok(Self::Hello),
            other => Err(FrameError::UnknownKind(other)),
        }
    }
}

/// A violation of the protocol.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A frame without a kind.
    #[error("a frame is empty")]
    Empty,
    /// An unknown kind.
    #[error("a frame has the unknown kind {0}")]
    UnknownKind(u8),
    /// A payload longer than its kind allows.
    #[error("a frame announces {announced} bytes, but only {max} are allowed")]
    TooLarge {
        /// The announced length, in bytes.
        announced: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// A message that does not decode or has excess bytes.
    #[error("a message is malformed")]
    Malformed(#[source] postcard::Error),
    /// A message that is too long to send, because of a long command or environment.
    #[error("a message of {bytes} bytes is longer than {MESSAGE_BYTES_MAX}")]
    MessageTooLong {
        /// The encoded length, in bytes.
        bytes: usize,
    },
    /// The stream did not begin with a handshake.
    #[error("the stream does not begin with the handshake of a runner")]
    NotARunner,
    /// The two sides have different protocol versions.
    #[error(
        "the runner speaks protocol version {theirs}, this program speaks {ours}: they were not built together"
    )]
    VersionMismatch {
        /// This side's version.
        ours: u32,
        /// The other side's version.
        theirs: u32,
    },
    /// A frame of an unexpected kind.
    #[error("received {got} instead of {wanted}")]
    Unexpected {
        /// The expected kind.
        wanted: &'static str,
        /// The kind received.
        got: &'static str,
    },
    /// The stream ended or failed.
    #[error("the stream ended or failed")]
    Io(#[from] io::Error),
}

/// Appends a frame with `message` to `out`.
pub fn encode_message<T: Serialize>(message: &T, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let payload = postcard::to_stdvec(message).map_err(FrameError::Malformed)?;
    if payload.len() > MESSAGE_BYTES_MAX {
        return Err(FrameError::MessageTooLong { bytes: payload.len() });
    }
    encode(Kind::Message, &payload, out);
    Ok(())
}

/// The header of a data frame. The caller sends the payload after it, which avoids a copy.
///
/// # Panics
/// When `bytes` exceeds [`CHUNK_BYTES_MAX`].
pub fn data_header(bytes: usize) -> [u8; HEADER_BYTES] {
    assert!(bytes <= CHUNK_BYTES_MAX, "bulk data is cut into chunks before it is sent");
    header(Kind::Data, bytes)
}

/// Appends the handshake for `version` to `out`.
pub fn encode_hello(version: u32, out: &mut Vec<u8>) {
    let mut payload = [0; MAGIC.len() + 4];
    payload[..MAGIC.len()].copy_from_slice(&MAGIC);
    payload[MAGIC.len()..].copy_from_slice(&version.to_le_bytes());
    encode(Kind::Hello, &payload, out);
}

fn encode(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&header(kind, payload.len()));
    out.extend_from_slice(payload);
}

fn header(kind: Kind, payload_bytes: usize) -> [u8; HEADER_BYTES] {
    let length = u32::try_from(payload_bytes + 1).expect("payload limits are far below 4 GiB");
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4] = kind as u8;
    header
}

/// Decodes a message, which must fill the whole payload.
pub fn decode_message<T: DeserializeOwned>(payload: &[u8]) -> Result<T, FrameError> {
    let (message, rest) = postcard::take_from_bytes(payload).map_err(FrameError::Malformed)?;
    if rest.is_empty() {
        Ok(message)
    } else {
        Err(FrameError::Malformed(postcard::Error::DeserializeUnexpectedEnd))
    }
}

/// Checks that a stream's first frame is the handshake of the same version.
pub fn check_hello(frame: &Frame) -> Result<(), FrameError> {
    match *frame {
        Frame::Hello { version: PROTOCOL_VERSION } => Ok(()),
        Frame::Hello { version } => {
            Err(FrameError::VersionMismatch { ours: PROTOCOL_VERSION, theirs: version })
        }
        _ => Err(FrameError::NotARunner),
    }
}

/// Turns a stream of bytes, in pieces of any size, into frames.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// The index in `buffer` of the first byte that has not been returned yet.
    start: usize,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether all bytes pushed so far have been returned in frames.
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// Adds the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        } else if self.start > CHUNK_BYTES_MAX {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame; `None` until all of it has arrived. After an error the stream cannot be read
    /// any further.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let pending = &self.buffer[self.start..];
        let Some((length, rest)) = pending.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            return Err(FrameError::Empty);
        }
        let Some((&kind, rest)) = rest.split_first() else { return Ok(None) };
        let kind = Kind::try_from(kind)?;
        let announced = length - 1;
        if announced > kind.payload_bytes_max() {
            return Err(FrameError::TooLarge { announced, max: kind.payload_bytes_max() });
        }
        let Some(payload) = rest.get(..announced) else { return Ok(None) };
        let frame = match kind {
            Kind::Message => Frame::Message(payload.to_vec()),
            Kind::Data => Frame::Data(payload.to_vec()),
            Kind::Hello => parse_hello(payload)?,
        };
        self.start += HEADER_BYTES + announced;
        Ok(Some(frame))
    }
}

fn parse_hello(payload: &[u8]) -> Result<Frame, FrameError> {
    match payload.strip_prefix(&MAGIC).and_then(|version| <[u8; 4]>::try_from(version).ok()) {
        Some(version) => Ok(Frame::Hello { version: u32::from_le_bytes(version) }),
        None => Err(FrameError::NotARunner),
    }
}

/// Reads the next frame from a blocking stream; `None` when the stream ends between frames.
pub fn read_frame(
    decoder: &mut Decoder,
    stream: &mut impl Read,
) -> Result<Option<Frame>, FrameError> {
    let mut bytes = [0; 64 << 10];
    loop {
        if let Some(frame) = decoder.next_frame()? {
            return Ok(Some(frame));
        }
        match stream.read(&mut bytes) {
            Ok(0) if decoder.start == decoder.buffer.len() => return Ok(None),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => decoder.push(&bytes[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Writes bulk data to a blocking stream, in one frame or several.
pub fn write_data(stream: &mut impl Write, bytes: &[u8]) -> Result<(), FrameError> {
    for chunk in bytes.chunks(CHUNK_BYTES_MAX) {
        stream.write_all(&data_header(chunk.len()))?;
        stream.write_all(chunk)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{Area, Request};

    fn frames(decoder: &mut Decoder) -> Result<Vec<Frame>, FrameError> {
        std::iter::from_fn(|| decoder.next_frame().transpose()).collect()
    }

    proptest! {
        /// The decoder never panics, for any input.
        #[test]
        fn arbitrary_bytes_never_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut decoder = Decoder::new();
            for piece in &pieces {
                decoder.push(piece);
                match frames(&mut decoder) {
                    Ok(found) => for frame in found {
                        if let Frame::Message(payload) = frame {
                            let _ = decode_message::<Request>(&payload);
                        }
                    },
                    Err(_) => break,
                }
            }
        }

        /// The sizes of the pieces do not change the frames.
        #[test]
        fn cuts_do_not_matter(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 1..8),
            cut in 1_usize..700,
        ) {
            let mut wire = Vec::new();
            for payload in &payloads {
                write_data(&mut wire, payload).expect("a vector takes everything");
            }
            let mut decoder = Decoder::new();
            let mut seen = Vec::new();
            for piece in wire.chunks(cut) {
                decoder.push(piece);
                seen.extend(frames(&mut decoder).expect("these are frames"));
            }
            let expected: Vec<_> = payloads.into_iter().filter(|p| !p.is_empty()).map(Frame::Data).collect();
            prop_assert_eq!(seen, expected);
        }

        /// An encoded message decodes to itself, and no truncation of it decodes.
        #[test]
        fn messages_survive(path in "[a-z.]{1,40}", executable in any::<bool>(), bytes in any::<u64>()) {
            let put = Request::Put { area: Area::Work, path, executable, bytes };
            let mut wire = Vec::new();
            encode_message(&put, &mut wire).expect("a short message");
            let mut decoder = Decoder::new();
            decoder.push(&wire);
            let Some(Frame::Message(payload)) = decoder.next_frame().expect("a frame") else { panic!("no message") };
            prop_assert_eq!(&decode_message::<Request>(&payload).expect("decodes"), &put);
            for length in 0..payload.len() {
                prop_assert!(decode_message::<Request>(&payload[..length]).is_err());
            }
        }
    }

    #[test]
    fn an_oversized_frame_is_refused_by_its_header() {
        for (kind, max) in [(1, MESSAGE_BYTES_MAX), (2, CHUNK_BYTES_MAX), (3, 12)] {
            let mut decoder = Decoder::new();
            decoder.push(&u32::try_from(max + 2).expect("small").to_le_bytes());
            decoder.push(&[kind]);
            assert!(matches!(decoder.next_frame(), Err(FrameError::TooLarge { .. })));
        }
    }

    #[test]
    fn nonsense_is_named() {
        let mut decoder = Decoder::new();
        decoder.push(&[0; 4]);
        assert!(matches!(decoder.next_frame(), Err(FrameError::Empty)));
        let mut decoder = Decoder::new();
        decoder.push(b"exec failed: no such file\n");
        assert!(matches!(decoder.next_frame(), Err(FrameError::UnknownKind(_))));
    }

    #[test]
    fn another_version_is_named() {
        let mut wire = Vec::new();
        encode_hello(PROTOCOL_VERSION + 1, &mut wire);
        let mut decoder = Decoder::new();
        decoder.push(&wire);
        let hello = decoder.next_frame().expect("a frame").expect("all of it");
        let error = check_hello(&hello).expect_err("another version");
        assert_eq!(
            error.to_string(),
            "the runner speaks protocol version 5, this program speaks 4: they were not built together"
        );
    }

    #[test]
    fn leftover_bytes_are_malformed() {
        let mut wire = Vec::new();
        encode_message(&Request::Close, &mut wire).expect("short");
        let mut payload = wire.split_off(HEADER_BYTES);
        payload.push(0);
        assert!(matches!(decode_message::<Request>(&payload), Err(FrameError::Malformed(_))));
    }
}

//! Fuzzes the decoder with arbitrary bytes in arbitrary pieces. The frames must not depend on the
//! pieces, a decoded message must survive encoding, and the decoder must not hold much more than
//! the received bytes and one frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner::FrameError;
use runner::frame::{self, CHUNK_BYTES_MAX, Decoder, Frame};
use runner::message::{Reply, Request};
use sandbox_fuzz::within;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The memory limit for decoding, in bytes. It covers the decoder's buffer, one frame, its message
/// and the message encoded again, each in a vector of up to twice its length, and what serde
/// allocates before it has seen a sequence's elements.
const DECODING_BYTES_MAX: usize = 8 * CHUNK_BYTES_MAX + (4 << 20);

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (cuts, stream) = input;
    // The list of all frames belongs to this target.
    let bytes_max = DECODING_BYTES_MAX + 8 * stream.len();
    let cut = within(bytes_max, || decode(pieces(stream, &cuts)));
    let whole = within(bytes_max, || decode([stream].into_iter()));
    assert_eq!(cut, whole);
});

/// Cuts the stream into pieces of the given lengths, which repeat.
fn pieces<'a>(stream: &'a [u8], cuts: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut left = stream;
    let mut lengths = cuts.iter().cycle();
    std::iter::from_fn(move || {
        let length = lengths.next().map_or(left.len(), |&length| usize::from(length).max(1));
        let (piece, rest) = left.split_at(length.min(left.len()));
        left = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The frames of a stream, and whether decoding ended with an error.
fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, bool) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if let Frame::Message(payload) = &frame {
                        check_message::<Request>(payload);
                        check_message::<Reply>(payload);
                    }
                    frames.push(frame);
                }
                Err(FrameError::Io(error)) => panic!("there is no stream to fail: {error}"),
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

/// A number has more than one encoding, so the first re-encoding may differ from the input. All
/// later ones must be equal.
fn check_message<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(payload: &[u8]) {
    let Ok(message) = frame::decode_message::<T>(payload) else { return };
    let mut wire = Vec::new();
    frame::encode_message(&message, &mut wire).expect("it came in a frame no longer than allowed");
    let mut decoder = Decoder::new();
    decoder.push(&wire);
    let Ok(Some(Frame::Message(again))) = decoder.next_frame() else { panic!("no message") };
    assert_eq!(frame::decode_message::<T>(&again).expect("it was just encoded"), message);
    let mut wire_again = Vec::new();
    frame::encode_message(&message, &mut wire_again).expect("as before");
    assert_eq!(wire, wire_again);
}

//! Fuzzes the host's side of the protocol, against a runner that sends arbitrary words.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use sandbox::liar::{TAKEN_BYTES_MAX, Word, face, speak};
use sandbox_fuzz::within;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(
        Builder::new_current_thread().enable_time().build().expect("a runtime of one thread"),
    );
}

/// What an honest runner sends first, so that the fuzzed words reach the later exchanges.
fn opening() -> Vec<Word> {
    [1, 5, 6].map(|kind| (kind, 0, 0, Vec::new())).into()
}

fuzz_target!(|input: (bool, Vec<Word>)| {
    let (opens, words) = input;
    let mut all = if opens { opening() } else { Vec::new() };
    all.extend(words);
    let said = speak(&all);
    RUNTIME.with_borrow(|runtime| {
        // Received bytes are in the decoder, in one frame and in the answer, in vectors with spare
        // capacity.
        within(4 * TAKEN_BYTES_MAX, || runtime.block_on(face(said)));
    });
});

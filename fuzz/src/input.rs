//! Makes texts from the words of a format.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// The longest usual input, in bytes; some are `LONG` times as long.
const BYTES_MAX: usize = 64 * 1024;
const LONG: usize = 4;

/// The parts of a format's texts.
pub(crate) struct Words {
    /// Words for any place.
    pub(crate) words: &'static [&'static str],
    /// The beginning and end of elements with any content.
    pub(crate) pairs: &'static [(&'static str, &'static str)],
}

/// The length of an input, in bytes. Short and long inputs are equally likely.
pub(crate) fn length(random: &mut StdRng) -> usize {
    let longest = if random.random_ratio(1, 8) { LONG * BYTES_MAX } else { BYTES_MAX };
    // Distributed evenly among the powers of two.
    let bits = random.random_range(4.0..(longest as f64).log2());
    bits.exp2() as usize
}

/// A text of about this number of bytes.
pub(crate) fn text(random: &mut StdRng, words: &Words, bytes: usize) -> String {
    // Sometimes empty, because the text around it is valid.
    if random.random_ratio(1, 16) {
        return String::new();
    }
    let mut text = String::with_capacity(bytes + 64);
    let pieces = random.random_range(1..=8);
    for left in (1..=pieces).rev() {
        let room = bytes.saturating_sub(text.len()) / left;
        piece(random, words, room, &mut text);
    }
    text
}

fn piece(random: &mut StdRng, words: &Words, bytes: usize, text: &mut String) {
    let word = |random: &mut StdRng| words.words.choose(random).copied().unwrap_or_default();
    match random.random_range(0..10) {
        // One word, repeated as often as it fits or a few times.
        0..=2 => {
            let one = word(random);
            text.push_str(&one.repeat(times(random, bytes, one.len())));
        }
        // A row of words, repeated.
        3..=4 => {
            let row: String = (0..random.random_range(2..6)).map(|_| word(random)).collect();
            text.push_str(&row.repeat(times(random, bytes, row.len())));
        }
        // One word, repeated with numbers so that no two are equal.
        5 => {
            let one = word(random);
            for number in 0..times(random, bytes, one.len() + 5) {
                text.push_str(one);
                text.push_str(&number.to_string());
            }
        }
        // Nested deeply, and closed or not.
        6..=7 => {
            let Some((open, close)) = words.pairs.choose(random) else { return };
            let depth = times(random, bytes, open.len() + close.len());
            text.push_str(&open.repeat(depth));
            text.push_str(word(random));
            if random.random_bool(0.6) {
                text.push_str(&close.repeat(depth));
            }
        }
        // Random words.
        _ => {
            let end = text.len() + bytes.min(4_096);
            while text.len() < end {
                text.push_str(word(random));
            }
        }
    }
}

/// How often something of this length fits, or a smaller number.
fn times(random: &mut StdRng, bytes: usize, length: usize) -> usize {
    let most = (bytes / length.max(1)).max(1);
    if random.random_bool(0.5) { most } else { random.random_range(1..=most.min(40)) }
}

/// Changes some bytes: replaces, removes, repeats and copies them.
pub(crate) fn spoil(random: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..random.random_range(0..12) {
        if bytes.is_empty() {
            return;
        }
        let at = random.random_range(0..bytes.len());
        let end = (at + random.random_range(1..64)).min(bytes.len());
        match random.random_range(0..5) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] = *[0, 0x7f, 0x80, 0xff].choose(random).unwrap_or(&0),
            2 => {
                bytes.drain(at..end);
            }
            3 => {
                let part = bytes[at..end].to_vec();
                let times = random.random_range(1..200);
                let place = random.random_range(0..=bytes.len());
                bytes.splice(place..place, part.repeat(times));
            }
            _ => {
                let part = bytes[at..end].to_vec();
                let place = random.random_range(0..bytes.len());
                let until = (place + part.len()).min(bytes.len());
                bytes[place..until].copy_from_slice(&part[..until - place]);
            }
        }
    }
}

//! Signed tree heads: [checkpoints](https://c2sp.org/tlog-checkpoint) in
//! [signed notes](https://c2sp.org/signed-note).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::Digest;
use event_store::KeptHead;
use jiff::Timestamp;

use crate::key::{KeyId, KeyName, SignerKey, VerifierKey};

/// The beginning of the line with the time.
const TIME: &str = "time ";
/// Bytes of a note. Larger notes are refused.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a key id before a signature.
const KEY_ID_BYTES: usize = 4;

/// The Merkle tree over the first `size` events, at the time of signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    /// The name of the log, which is the name of the key that signs it.
    pub origin: KeyName,
    /// Number of events that the tree covers.
    pub size: u64,
    /// The tree's root hash.
    pub root: Digest,
    /// Time of signing, by the signer's clock.
    pub at: Timestamp,
}

/// A tree head with its signatures, as a signed note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// The tree head that is signed.
    pub head: TreeHead,
    note: String,
}

/// The text is not a signed tree head, or its signatures do not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHead {
    /// The text does not have the form of a signed tree head.
    #[error("not a signed tree head: {0}")]
    Form(&'static str),
    /// The head was not signed by any of the known keys.
    #[error(
        "the head of {size} events was not signed by any of the keys {known}; it has signatures of {found}"
    )]
    NotSigned {
        /// Number of events that the head claims to cover.
        size: u64,
        /// The known keys.
        known: String,
        /// The keys named by the head's signatures.
        found: String,
    },
    /// The signature of a known key is invalid.
    #[error("the signature of key {key} on the head of {size} events is invalid")]
    FalseSignature {
        /// Number of events that the head claims to cover.
        size: u64,
        /// The key.
        key: String,
    },
    /// The head is of a different log than the key.
    #[error("the head's origin is {found}, but the key is for {expected}")]
    Origin {
        /// The head's origin.
        found: String,
        /// The key's name.
        expected: String,
    },
}

impl TreeHead {
    /// The text that is signed.
    fn text(&self) -> String {
        let Self { origin, size, root, at } = self;
        let root = BASE64_STANDARD.encode(root.as_bytes());
        format!("{origin}\n{size}\n{root}\n{TIME}{at}\n")
    }

    fn parse(text: &str) -> Result<Self, InvalidHead> {
        let malformed = InvalidHead::Form;
        let mut lines = text.lines();
        let mut line = |what| lines.next().ok_or(malformed(what));
        let origin =
            line("it has no origin")?.parse().map_err(|_| malformed("its origin is not a name"))?;
        let size =
            line("it has no size")?.parse().map_err(|_| malformed("its size is not a number"))?;
        let root = BASE64_STANDARD.decode(line("it has no root hash")?).ok();
        let root = root.and_then(|root| <[u8; 32]>::try_from(root).ok());
        let root = Digest::from(root.ok_or(malformed("its root hash is not a SHA-256 hash"))?);
        let at = line("it has no time")?.strip_prefix(TIME).and_then(|at| at.parse().ok());
        let head = Self { origin, size, root, at: at.ok_or(malformed("its time is malformed"))? };
        // Only one encoding is accepted, so that the text that was read is the text that is signed.
        if head.text() == text { Ok(head) } else { Err(malformed("it is not in canonical form")) }
    }

    /// Signs the head with every key.
    pub fn sign(self, keys: &[SignerKey]) -> SignedHead {
        let text = self.text();
        let signatures: String = keys.iter().map(|key| signature_line(key, &text)).collect();
        SignedHead { note: format!("{text}\n{signatures}"), head: self }
    }
}

fn signature_line(key: &SignerKey, text: &str) -> String {
    let verifier = key.verifier();
    let signature = [verifier.id().0.as_slice(), &key.sign(text)].concat();
    format!("— {} {}\n", verifier.name(), BASE64_STANDARD.encode(signature))
}

impl SignedHead {
    /// Parses a note without checking its signatures.
    ///
    /// # Errors
    /// When the text does not have the form of a signed tree head.
    pub fn parse(note: &str) -> Result<Self, InvalidHead> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(InvalidHead::Form("it is too long"));
        }
        let (text, _) = split(note)?;
        Ok(Self { head: TreeHead::parse(text)?, note: note.to_owned() })
    }

    /// Checks that at least one of the keys signed it, and returns the first that did.
    ///
    /// # Errors
    /// When none of the keys signed it, or the signature of one of them is invalid.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<KeyId, InvalidHead> {
        let (text, signatures) = split(&self.note)?;
        let size = self.head.size;
        let (mut signed_by, mut found) = (None, Vec::new());
        for line in signatures.lines() {
            let (name, id, signature) = read_signature(line)?;
            found.push(format!("{name}+{id}"));
            let key = keys.iter().find(|key| key.name().to_string() == name && key.id() == id);
            let Some(key) = key else { continue };
            if !key.verifies(text, &signature) {
                return Err(InvalidHead::FalseSignature { size, key: format!("{name}+{id}") });
            }
            if *key.name() != self.head.origin {
                let (found, expected) = (self.head.origin.to_string(), name.to_owned());
                return Err(InvalidHead::Origin { found, expected });
            }
            signed_by = signed_by.or(Some(id));
        }
        signed_by.ok_or_else(|| {
            let known: Vec<_> =
                keys.iter().map(|key| format!("{}+{}", key.name(), key.id())).collect();
            InvalidHead::NotSigned { size, known: known.join(", "), found: found.join(", ") }
        })
    }

    /// The ids of the keys named by its signatures, newest first.
    pub fn key_ids(&self) -> Vec<KeyId> {
        let signatures = split(&self.note).map(|(_, signatures)| signatures).unwrap_or_default();
        signatures.lines().filter_map(|line| Some(read_signature(line).ok()?.1)).collect()
    }

    /// The form in which a tree store keeps it.
    pub fn kept(&self) -> KeptHead {
        KeptHead { size: self.head.size, at: self.head.at, note: self.note.clone() }
    }

    /// The signed note as text.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// Splits a note into its text, final newline included, and its signature lines.
fn split(note: &str) -> Result<(&str, &str), InvalidHead> {
    let malformed = InvalidHead::Form;
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(malformed("it has no signatures"))?;
    if signatures.is_empty() || !signatures.ends_with('\n') {
        return Err(malformed("its signatures are truncated"));
    }
    Ok((&note[..=text.len()], signatures))
}

fn read_signature(line: &str) -> Result<(&str, KeyId, Vec<u8>), InvalidHead> {
    let malformed = || InvalidHead::Form("a signature line is malformed");
    let (name, signature) =
        line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or_else(malformed)?;
    let bytes = BASE64_STANDARD.decode(signature).map_err(|_| malformed())?;
    let (id, signature) = bytes.split_first_chunk::<KEY_ID_BYTES>().ok_or_else(malformed)?;
    Ok((name, KeyId(*id), signature.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, secret: u8) -> SignerKey {
        SignerKey::new(name.parse().unwrap(), [secret; 32])
    }

    fn head(size: u64) -> TreeHead {
        TreeHead {
            origin: "judge.example/log".parse().unwrap(),
            size,
            root: Digest::of(b"root"),
            at: "2026-02-03T04:05:06.789Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_head_is_written_as_a_checkpoint() {
        let signed = head(20_852_163).sign(&[key("judge.example/log", 1)]);
        let lines: Vec<_> = signed.note().lines().collect();
        let [origin, size, root, time, blank, signature] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        assert_eq!((*origin, *size, *blank), ("judge.example/log", "20852163", ""));
        assert_eq!(*root, BASE64_STANDARD.encode(Digest::of(b"root").as_bytes()));
        assert_eq!(*time, "time 2026-02-03T04:05:06.789Z");
        assert!(signature.starts_with("— judge.example/log "), "{signature}");
        assert_eq!(SignedHead::parse(signed.note()).unwrap(), signed);
    }

    #[test]
    fn a_signature_of_any_known_key_will_do_and_a_false_one_will_not() {
        let (old, new) = (key("judge.example/log", 1), key("judge.example/log", 2));
        let (others, stranger) = (key("other.example/log", 3), key("judge.example/log", 4));
        let keys = |keys: &[&SignerKey]| keys.iter().map(|key| key.verifier()).collect::<Vec<_>>();
        let signed = head(7).sign(&[new.clone(), old.clone()]);
        assert_eq!(signed.key_ids(), [new.verifier().id(), old.verifier().id()]);
        assert_eq!(signed.verify(&keys(&[&old])), Ok(old.verifier().id()));
        assert_eq!(signed.verify(&keys(&[&new])), Ok(new.verifier().id()));
        assert_eq!(signed.verify(&keys(&[&stranger, &old])), Ok(old.verifier().id()));
        for keys in [keys(&[&stranger]), keys(&[])] {
            assert!(matches!(signed.verify(&keys), Err(InvalidHead::NotSigned { size: 7, .. })));
        }
        let misplaced = head(7).sign(std::slice::from_ref(&others));
        assert!(matches!(misplaced.verify(&keys(&[&others])), Err(InvalidHead::Origin { .. })));
        let forged = signed.note().replacen("\n7\n", "\n8\n", 1);
        let forged = SignedHead::parse(&forged).unwrap();
        let outcome = forged.verify(&keys(&[&old]));
        assert!(matches!(outcome, Err(InvalidHead::FalseSignature { size: 8, .. })), "{outcome:?}");
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let good = head(7).sign(&[key("judge.example/log", 1)]).note().to_owned();
        let bad = [
            String::new(),
            "\n\n".to_owned(),
            good.trim_end().to_owned(),
            good.replace("\n\n", "\n"),
            good.replacen("\n7\n", "\n07\n", 1),
            good.replacen("\n7\n", "\n-7\n", 1),
            good.replacen("time ", "at ", 1),
            good.replacen("04:05", "4:05", 1),
            good.replacen("time ", "more\ntime ", 1),
            good.replacen("— ", "- ", 1),
            "a".repeat(NOTE_BYTES_MAX + 1),
        ];
        let keys = [key("judge.example/log", 1).verifier()];
        for note in bad {
            let outcome = SignedHead::parse(&note).and_then(|head| head.verify(&keys));
            assert!(matches!(outcome, Err(InvalidHead::Form(_))), "{note}: {outcome:?}");
        }
    }
}

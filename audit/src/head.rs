//! Signed tree heads: [checkpoints](https://c2sp.org/tlog-checkpoint) in [signed notes](https://c2sp.org/signed-note).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::Digest;
use event_store::KeptHead;
use jiff::Timestamp;

use crate::key::{KeyId, KeyName, SignerKey, VerifierKey};

/// What stands before the time in its line.
const TIME: &str = "time ";
/// Bytes of a note. A note that is larger is none of ours.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a key id before a signature.
const KEY_ID_BYTES: usize = 4;

/// The tree over everything up to a position, as it was at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    /// Which log this is: the name of the key that signs it.
    pub origin: KeyName,
    /// How many events the tree holds.
    pub size: u64,
    /// Its root hash.
    pub root: Digest,
    /// When it was signed, by the signer's clock.
    pub at: Timestamp,
}

/// A tree head with its signatures, as written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// What is signed.
    pub head: TreeHead,
    note: String,
}

/// The text is no signed head, or not one to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHead {
    /// It does not have the form of one.
    #[error("it is no signed tree head: {0}")]
    Form(&'static str),
    /// None of the keys has signed it.
    #[error("none of the keys {known} has signed the head of {size} events; it bears {found}")]
    NotSigned {
        /// How many events it claims to cover.
        size: u64,
        /// The keys that are believed.
        known: String,
        /// The keys that it says have signed it.
        found: String,
    },
    /// A key's signature is there, and false.
    #[error("the signature of key {key} under the head of {size} events is false")]
    FalseSignature {
        /// How many events it claims to cover.
        size: u64,
        /// The key.
        key: String,
    },
    /// It is another log's.
    #[error("the head is of {found}, and the key is for {expected}")]
    Origin {
        /// Whose it is.
        found: String,
        /// Whose it should be.
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
            line("it has no origin")?.parse().map_err(|_| malformed("its origin is no name"))?;
        let size =
            line("it has no size")?.parse().map_err(|_| malformed("its size is no number"))?;
        let root = BASE64_STANDARD.decode(line("it has no root hash")?).ok();
        let root = root.and_then(|root| <[u8; 32]>::try_from(root).ok());
        let root = Digest::from(root.ok_or(malformed("its root hash is no SHA-256"))?);
        let at = line("it has no time")?.strip_prefix(TIME).and_then(|at| at.parse().ok());
        let head = Self { origin, size, root, at: at.ok_or(malformed("its time is none"))? };
        // One spelling only, so that what is signed is what was read.
        if head.text() == text { Ok(head) } else { Err(malformed("it is not as we write it")) }
    }

    /// Signs it with every key.
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
    /// Reads a note without believing it.
    ///
    /// # Errors
    /// When it has not the form of one.
    pub fn parse(note: &str) -> Result<Self, InvalidHead> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(InvalidHead::Form("it is too long"));
        }
        let (text, _) = split(note)?;
        Ok(Self { head: TreeHead::parse(text)?, note: note.to_owned() })
    }

    /// Checks that one of the keys has signed it, and that none of them is misused.
    ///
    /// # Errors
    /// When no key has, or a signature in a key's name is false.
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

    /// The keys that it says have signed it, the newest first.
    pub fn key_ids(&self) -> Vec<KeyId> {
        let signatures = split(&self.note).map(|(_, signatures)| signatures).unwrap_or_default();
        signatures.lines().filter_map(|line| Some(read_signature(line).ok()?.1)).collect()
    }

    /// As a tree's store keeps it.
    pub fn kept(&self) -> KeptHead {
        KeptHead { size: self.head.size, at: self.head.at, note: self.note.clone() }
    }

    /// As written down.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// The text with its last line's end, and the lines of the signatures.
fn split(note: &str) -> Result<(&str, &str), InvalidHead> {
    let malformed = InvalidHead::Form;
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(malformed("it has no signatures"))?;
    if signatures.is_empty() || !signatures.ends_with('\n') {
        return Err(malformed("its signatures are cut off"));
    }
    Ok((&note[..=text.len()], signatures))
}

fn read_signature(line: &str) -> Result<(&str, KeyId, Vec<u8>), InvalidHead> {
    let malformed = || InvalidHead::Form("a line that should be a signature is none");
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

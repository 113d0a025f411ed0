//! A log that is signed, and what can be shown of it afterwards.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use audit::{
    ExportError, Filter, InvalidReceipt, KeyName, Receipt, SignError, Signer, SignerKey, Tree,
    VerifierKey, export, verify, verify_export,
};
use domain::account::AccountRegistered;
use domain::{Actor, Event, EventId, Metadata, NewEvent, Position, Recorded, StreamId, Version};
use event_store::{AppendBatch, EventLog, open_blobs, open_log, open_tree};
use uuid::Uuid;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

fn key(secret: u8) -> SignerKey {
    let name: KeyName = "judge.example/log".parse().unwrap();
    SignerKey::new(name, [secret; 32])
}

struct Installation {
    folder: tempfile::TempDir,
    log: Arc<dyn EventLog>,
    tree: Tree,
}

impl Installation {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
        let blobs = format!("file:{}", folder.path().join("blobs").display());
        let blobs = open_blobs(&blobs).await.unwrap();
        let (log, _, _) = open_log(&url("log.db"), blobs).await.unwrap();
        let tree = Tree::new(open_tree(&url("tree.db")).await.unwrap());
        Self { folder, log, tree }
    }

    async fn register(&self, from: u64, to: u64) {
        for number in from..to {
            let login: domain::Login = format!("user-{number}").parse().unwrap();
            let subject = Uuid::from_u128(u128::from(number));
            let event =
                Event::AccountRegistered(AccountRegistered { login: login.clone(), subject });
            let metadata = Metadata {
                actor: if number % 2 == 0 { Actor::system() } else { Actor::account(&login) },
                correlation: subject,
                causation: None,
                traceparent: None,
            };
            let batch = AppendBatch {
                stream: StreamId::Account(login),
                expected: Version::NONE,
                events: vec![NewEvent { id: EventId(Uuid::new_v4()), event, metadata }],
                enqueue: None,
                complete: None,
            };
            self.log.append(&batch).await.unwrap();
        }
    }

    fn signer(&self, keys: &[SignerKey]) -> Signer {
        Signer::new(Arc::clone(&self.log), self.tree.clone(), keys.to_vec())
    }

    async fn sign(&self, keys: &[SignerKey]) {
        self.signer(keys).catch_up().await.unwrap();
    }

    async fn at(&self, position: u64) -> Recorded {
        self.log.read_all(Position(position - 1), 1).await.unwrap().remove(0)
    }

    async fn export(&self, name: &str, filter: Filter) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        let file = File::create(&path).unwrap();
        export(self.log.as_ref(), &self.tree, filter, file, |_| {}).await.unwrap();
        path
    }
}

fn keys(keys: &[&SignerKey]) -> Vec<VerifierKey> {
    keys.iter().map(|key| key.verifier()).collect()
}

#[tokio::test]
async fn what_was_signed_is_verified_and_what_was_not_is_counted() {
    let here = Installation::new().await;
    let empty = verify(here.log.as_ref(), &here.tree, &[], |_| {}).await.unwrap();
    assert_eq!((empty.verified, empty.heads, empty.broken), (0, 0, None));
    for (from, to) in [(0, 1), (1, 300), (300, 700)] {
        here.register(from, to).await;
        here.sign(&[key(1)]).await;
    }
    // Nothing new, so no head either.
    here.sign(&[key(1)]).await;
    here.register(700, 705).await;
    let report = verify(here.log.as_ref(), &here.tree, &keys(&[&key(1)]), |_| {}).await.unwrap();
    assert_eq!((report.verified, report.heads, report.not_covered), (700, 3, 5));
    assert_eq!(report.broken, None);
    assert_eq!(report.root, here.tree.root(700).await.unwrap());
}

#[tokio::test]
async fn a_signer_goes_on_with_its_own_key_and_no_other() {
    let here = Installation::new().await;
    here.register(0, 3).await;
    here.sign(&[key(1)]).await;
    here.register(3, 6).await;
    let outcome = here.signer(&[key(2)]).catch_up().await;
    assert!(matches!(outcome, Err(SignError::Head(_))), "{outcome:?}");
    // Rotation: both keys for a while, then the new one alone.
    here.sign(&[key(2), key(1)]).await;
    here.register(6, 9).await;
    here.sign(&[key(2)]).await;
    let both = keys(&[&key(1), &key(2)]);
    let report = verify(here.log.as_ref(), &here.tree, &both, |_| {}).await.unwrap();
    assert_eq!(report.broken, None);
    let old = verify(here.log.as_ref(), &here.tree, &keys(&[&key(1)]), |_| {}).await.unwrap();
    assert_eq!((old.verified, old.broken.unwrap().position), (6, Position(7)));
}

#[tokio::test]
async fn another_log_is_not_signed_on() {
    let (here, other) = (Installation::new().await, Installation::new().await);
    here.register(0, 10).await;
    here.sign(&[key(1)]).await;
    other.register(0, 4).await;
    let swapped = Signer::new(Arc::clone(&other.log), here.tree.clone(), vec![key(1)]);
    let shorter = swapped.catch_up().await;
    assert!(matches!(shorter, Err(SignError::Diverged(_))), "{shorter:?}");
    other.register(4, 20).await;
    let another = swapped.catch_up().await;
    assert!(matches!(another, Err(SignError::Diverged(_))), "{another:?}");
    let report = verify(other.log.as_ref(), &here.tree, &keys(&[&key(1)]), |_| {}).await.unwrap();
    assert_eq!(report.broken.unwrap().position, Position(1));
}

#[tokio::test]
async fn a_receipt_proves_its_event_to_whoever_has_the_key() {
    let here = Installation::new().await;
    here.register(0, 300).await;
    assert_eq!(Receipt::of(&here.tree, &here.at(3).await).await.unwrap(), None);
    here.sign(&[key(1)]).await;
    here.register(300, 301).await;
    assert_eq!(Receipt::of(&here.tree, &here.at(301).await).await.unwrap(), None);
    for position in [1, 2, 256, 257, 300] {
        let recorded = here.at(position).await;
        let receipt = Receipt::of(&here.tree, &recorded).await.unwrap().unwrap();
        let text = receipt.to_text();
        let read = Receipt::parse(&text).unwrap();
        assert_eq!(read, receipt);
        let checked = read.check(&keys(&[&key(1)])).unwrap();
        assert_eq!((checked.recorded, checked.signed_by), (recorded, key(1).verifier().id()));
        assert!(matches!(read.check(&keys(&[&key(2)])), Err(InvalidReceipt::Head(_))));

        let forged = Receipt { leaf: here.at(7).await.leaf(), ..read.clone() };
        assert!(matches!(forged.check(&keys(&[&key(1)])), Err(InvalidReceipt::NotIncluded { .. })));
        let moved = Receipt { index: read.index + 1, ..read };
        assert!(matches!(moved.check(&keys(&[&key(1)])), Err(InvalidReceipt::NotIncluded { .. })));
        for (from, to) in
            [("tlog-proof@v1", "tlog-proof@v2"), ("index ", "index -"), ("extra ", "")]
        {
            let text = text.replacen(from, to, 1);
            assert!(matches!(Receipt::parse(&text), Err(InvalidReceipt::Form(_))), "{from}");
        }
    }
}

#[tokio::test]
async fn an_export_proves_itself_whole_or_in_part() {
    let here = Installation::new().await;
    here.register(0, 260).await;
    here.sign(&[key(1)]).await;
    here.register(260, 520).await;
    here.sign(&[key(1)]).await;
    here.register(520, 530).await;
    let known = keys(&[&key(1)]);
    let whole = here.export("whole.zip", Filter::default()).await;
    let checked = verify_export(&whole, &known).unwrap();
    let (manifest, report) = (checked.manifest, checked.report);
    assert!(manifest.complete);
    assert_eq!((manifest.events, manifest.size, report.verified, report.heads), (520, 520, 520, 2));
    assert_eq!(report.broken, None);

    let system =
        Filter { actor: Some("system".to_owned()), to: Some(Position(100)), ..Filter::default() };
    let part = here.export("part.zip", system).await;
    let checked = verify_export(&part, &known).unwrap();
    assert!(!checked.manifest.complete);
    assert_eq!((checked.report.verified, checked.report.broken), (50, None));

    for file in [&whole, &part] {
        let strangers = verify_export(file, &keys(&[&key(2)]));
        assert!(strangers.map_or(true, |it| it.report.broken.is_some()));
        // A byte of one event, with and without the manifest's digest made to fit.
        let damaged = edited(file, "events.jsonl", "user-40", "user-41", false);
        let outcome = verify_export(&damaged, &known);
        assert!(
            matches!(outcome, Err(ExportError::Malformed { file: "events.jsonl", .. })),
            "{outcome:?}"
        );
        let forged = edited(file, "events.jsonl", "user-40", "user-41", true);
        let broken = verify_export(&forged, &known).unwrap().report.broken.unwrap();
        assert_eq!((broken.position, broken.through), (Position(41), Position(41)));
    }
    let shortened = edited(&whole, "events.jsonl", "\"position\":500,", "\"position\":501,", true);
    let broken = verify_export(&shortened, &known).unwrap().report.broken.unwrap();
    assert_eq!(broken.position, Position(500));
}

/// A copy of the archive in which one text of one file is another.
fn edited(path: &Path, name: &str, from: &str, to: &str, fix_manifest: bool) -> std::path::PathBuf {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.push((entry.name().unwrap().into_owned(), bytes));
    }
    let mut digests = None;
    for (file, bytes) in &mut files {
        if file == name {
            let text = String::from_utf8(std::mem::take(bytes)).unwrap();
            assert!(text.contains(from));
            let changed = text.replacen(from, to, 1);
            digests =
                Some((domain::Digest::of(text.as_bytes()), domain::Digest::of(changed.as_bytes())));
            *bytes = changed.into_bytes();
        }
    }
    let (old, new) = digests.unwrap();
    let copy = path.with_extension(format!("{}.zip", u8::from(fix_manifest)));
    let mut zip = ZipWriter::new(File::create(&copy).unwrap());
    for (file, mut bytes) in files {
        if fix_manifest && file == "manifest.json" {
            let text = String::from_utf8(bytes).unwrap();
            bytes = text.replace(&old.to_string(), &new.to_string()).into_bytes();
        }
        zip.start_file(file, SimpleFileOptions::default()).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
    copy
}

//! Signs a log, then verifies it, makes receipts, and exports it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{
    ExportError, Filter, InvalidReceipt, KeyName, Memory, MemoryError, Receipt, Report, SignError,
    SignedHead, Signer, SignerKey, Tree, TreeHead, VerifierKey, export, verify, verify_export,
};
use domain::account::AccountRegistered;
use domain::{
    Actor, Digest, Event, EventId, Metadata, NewEvent, Position, Recorded, StreamId, Version,
};
use event_store::{AppendBatch, EventLog, StoreUrls, open_tree};
use jiff::Timestamp;
use serde_json::{Value, json};
use supervision::{Reporter, Task};
use tokio_util::sync::CancellationToken;
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
        let stores = event_store::open(&StoreUrls::embedded(folder.path())).await.unwrap();
        Self { folder, log: stores.log, tree: Tree::new(stores.tree) }
    }

    async fn register(&self, from: u64, to: u64) {
        for number in from..to {
            let login: domain::Login = format!("user-{number}").parse().unwrap();
            let subject = Uuid::from_u128(u128::from(number));
            let event =
                Event::AccountRegistered(AccountRegistered { login: login.clone(), subject });
            let actor = if number % 2 == 0 { Actor::system() } else { Actor::account(&login) };
            let metadata = Metadata::new(actor, subject);
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

    async fn another_tree(&self) -> Tree {
        let url = format!("sqlite:{}", self.folder.path().join("another.db").display());
        Tree::new(open_tree(&url).await.unwrap())
    }

    async fn verified(&self, keys: &[VerifierKey], kept: &[SignedHead]) -> Report {
        verify(self.log.as_ref(), &self.tree, keys, kept, |_| {}).await.unwrap()
    }

    async fn newest(&self) -> SignedHead {
        let newest = self.tree.store().newest_head().await.unwrap().unwrap();
        SignedHead::parse(&newest.note).unwrap()
    }

    async fn at(&self, position: u64) -> Recorded {
        self.log.read_all(Position(position - 1), 1).await.unwrap().remove(0)
    }

    async fn export(&self, name: &str, filter: Filter) -> PathBuf {
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
    let empty = here.verified(&[], &[]).await;
    assert_eq!((empty.verified, empty.heads, empty.broken), (0, 0, None));
    for (from, to) in [(0, 1), (1, 300), (300, 700)] {
        here.register(from, to).await;
        here.sign(&[key(1)]).await;
    }
    // Nothing new, so no head either.
    here.sign(&[key(1)]).await;
    here.register(700, 705).await;
    let report = here.verified(&keys(&[&key(1)]), &[]).await;
    assert_eq!((report.verified, report.heads, report.not_covered), (700, 3, 5));
    assert_eq!(report.broken, None);
    assert_eq!(report.root, here.tree.at(700).root().await.unwrap());
}

/// Events written just before a shutdown are signed, so they cannot be removed unnoticed.
#[tokio::test]
async fn a_shutdown_leaves_nothing_unsigned() {
    let here = Installation::new().await;
    here.register(0, 3).await;
    let cancelled = CancellationToken::new();
    let (signer, token) = (here.signer(&[key(1)]), cancelled.clone());
    let running = tokio::spawn(async move { signer.run(&Reporter::new("signer"), token).await });
    while here.tree.store().newest_head().await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    here.register(3, 9).await;
    cancelled.cancel();
    running.await.unwrap().unwrap();
    let report = here.verified(&keys(&[&key(1)]), &[]).await;
    assert_eq!((report.verified, report.not_covered, report.broken), (9, 0, None));
}

#[tokio::test]
async fn a_signer_goes_on_with_its_own_key_and_no_other() {
    let here = Installation::new().await;
    here.register(0, 3).await;
    here.sign(&[key(1)]).await;
    here.register(3, 6).await;
    let outcome = here.signer(&[key(2)]).catch_up().await;
    assert!(matches!(outcome, Err(SignError::Head(_))), "{outcome:?}");
    // Rotation: both keys sign for a while, then the new one alone.
    here.sign(&[key(2), key(1)]).await;
    here.register(6, 9).await;
    here.sign(&[key(2)]).await;
    let both = keys(&[&key(1), &key(2)]);
    let report = here.verified(&both, &[]).await;
    assert_eq!(report.broken, None);
    let old = here.verified(&keys(&[&key(1)]), &[]).await;
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
    let known = keys(&[&key(1)]);
    let report = verify(other.log.as_ref(), &here.tree, &known, &[], |_| {}).await.unwrap();
    assert_eq!(report.broken.unwrap().position, Position(1));
}

#[tokio::test]
async fn a_tree_that_was_emptied_or_set_back_is_not_signed_anew() {
    let here = Installation::new().await;
    let file = here.folder.path().join("tree.keys");
    let remembering = |log: &Arc<dyn EventLog>, tree: &Tree| {
        let signer = Signer::new(Arc::clone(log), tree.clone(), vec![key(1)]);
        signer.remembering(Memory::beside(&file).unwrap())
    };
    let another = here.another_tree().await;
    here.register(0, 10).await;
    remembering(&here.log, &here.tree).catch_up().await.unwrap();
    assert_eq!(Memory::beside(&file).unwrap().newest(), Some(here.newest().await));

    let emptied = remembering(&here.log, &another).catch_up().await;
    assert!(matches!(emptied, Err(SignError::SetBack { signed: 10, kept: 0, .. })), "{emptied:?}");
    assert_eq!(another.store().newest_head().await.unwrap(), None);

    // Another signer signs in between, and this one continues from there.
    here.register(10, 20).await;
    here.sign(&[key(1)]).await;
    remembering(&here.log, &here.tree).catch_up().await.unwrap();
    assert_eq!(Memory::beside(&file).unwrap().newest(), Some(here.newest().await));

    // The same key signed a different, longer history.
    let other = Installation::new().await;
    other.register(0, 30).await;
    other.sign(&[key(1)]).await;
    let diverged = remembering(&other.log, &other.tree).catch_up().await;
    assert!(matches!(diverged, Err(SignError::Diverged(_))), "{diverged:?}");

    // The operator moves the memory away to accept the emptied tree.
    let memory = here.folder.path().join("tree.keys.head");
    std::fs::rename(&memory, memory.with_extension("old")).unwrap();
    remembering(&here.log, &another).catch_up().await.unwrap();
    assert_eq!(another.store().newest_head().await.unwrap().unwrap().size, 20);
    std::fs::write(&memory, "no head").unwrap();
    let damaged = Memory::beside(&file);
    assert!(matches!(damaged, Err(MemoryError::Damaged { .. })), "{damaged:?}");
}

#[tokio::test]
async fn a_head_that_was_kept_reveals_a_log_that_was_set_back_with_its_heads() {
    let (here, other) = (Installation::new().await, Installation::new().await);
    let known = keys(&[&key(1)]);
    here.register(0, 20).await;
    here.sign(&[key(1)]).await;
    let kept = [here.newest().await];
    here.register(20, 25).await;
    here.sign(&[key(1)]).await;
    let report = here.verified(&known, &kept).await;
    assert_eq!((report.verified, report.heads, report.broken), (25, 3, None));
    // The kept head also counts when the tree's own heads are gone.
    let emptied = here.another_tree().await;
    let report = verify(here.log.as_ref(), &emptied, &known, &kept, |_| {}).await.unwrap();
    assert_eq!((report.verified, report.not_covered, report.broken), (20, 5, None));
    assert_eq!(here.verified(&keys(&[&key(2)]), &kept).await.verified, 0);

    // A different history that is wholly signed: first a shorter one, then a longer one.
    other.register(0, 12).await;
    other.sign(&[key(1)]).await;
    assert_eq!(other.verified(&known, &[]).await.broken, None);
    let broken = other.verified(&known, &kept).await.broken.unwrap();
    assert_eq!((broken.position, broken.through), (Position(13), Position(13)), "{broken:?}");
    other.register(12, 30).await;
    other.sign(&[key(1)]).await;
    assert_eq!(other.verified(&known, &[]).await.broken, None);
    let broken = other.verified(&known, &kept).await.broken.unwrap();
    assert_eq!((broken.position, broken.through), (Position(13), Position(20)), "{broken:?}");

    // The same for exports.
    let export = here.export("whole.zip", Filter::default()).await;
    assert_eq!(verify_export(&export, &known, &kept).unwrap().report.broken, None);
    let export = other.export("whole.zip", Filter::default()).await;
    assert_eq!(verify_export(&export, &known, &[]).unwrap().report.broken, None);
    assert!(verify_export(&export, &known, &kept).unwrap().report.broken.is_some());
    let some = Filter { to: Some(Position(3)), ..Filter::default() };
    let part = other.export("part.zip", some).await;
    assert!(matches!(verify_export(&part, &known, &kept), Err(ExportError::Part)));
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
    let checked = verify_export(&whole, &known, &[]).unwrap();
    assert_eq!(checked.head, here.newest().await.head);
    let (manifest, report) = (checked.manifest, checked.report);
    assert!(manifest.complete);
    assert_eq!((manifest.events, manifest.size, report.verified, report.heads), (520, 520, 520, 2));
    assert_eq!(report.broken, None);

    let system =
        Filter { actor: Some("system".to_owned()), to: Some(Position(100)), ..Filter::default() };
    let part = here.export("part.zip", system).await;
    let checked = verify_export(&part, &known, &[]).unwrap();
    assert!(!checked.manifest.complete);
    assert_eq!((checked.report.verified, checked.report.broken), (50, None));

    for file in [&whole, &part] {
        let strangers = verify_export(file, &keys(&[&key(2)]), &[]);
        assert!(strangers.map_or(true, |it| it.report.broken.is_some()));
        // One byte of an event is changed, with and without fixing the digest in the manifest.
        let damaged = edited(file, "events.jsonl", "user-40", "user-41", false);
        let outcome = verify_export(&damaged, &known, &[]);
        assert!(
            matches!(outcome, Err(ExportError::Malformed { file: "events.jsonl", .. })),
            "{outcome:?}"
        );
        let forged = edited(file, "events.jsonl", "user-40", "user-41", true);
        let broken = verify_export(&forged, &known, &[]).unwrap().report.broken.unwrap();
        assert_eq!((broken.position, broken.through), (Position(41), Position(41)));
    }
    let shortened = edited(&whole, "events.jsonl", "\"position\":500,", "\"position\":501,", true);
    let broken = verify_export(&shortened, &known, &[]).unwrap().report.broken.unwrap();
    assert_eq!(broken.position, Position(500));
}

/// The files of an archive.
type Files = BTreeMap<String, Vec<u8>>;

#[tokio::test]
async fn unsigned_parts_of_an_export_are_not_trusted() {
    let here = Installation::new().await;
    here.register(0, 20).await;
    here.sign(&[key(1)]).await;
    let known = keys(&[&key(1)]);
    let whole = here.export("whole.zip", Filter::default()).await;
    let some = Filter { to: Some(Position(9)), ..Filter::default() };
    let part = here.export("part.zip", some).await;

    let unsigned = SignedHead::parse(here.newest().await.note()).unwrap().head;
    let strangers = TreeHead { at: Timestamp::UNIX_EPOCH, ..unsigned }.sign(&[key(2)]).kept();
    let strangers = serde_json::to_vec(&strangers).unwrap();
    type Forgery = (&'static str, &'static str, Box<dyn Fn(&mut Files)>);
    let forgeries: [Forgery; 7] = [
        (
            "nothing is proved",
            "heads.jsonl",
            Box::new(|files| {
                files
                    .iter_mut()
                    .filter(|(name, _)| *name != "manifest.json")
                    .for_each(|it| it.1.clear());
                set(files, "size", json!(0));
                set(files, "events", json!(0));
            }),
        ),
        (
            "another.example",
            "manifest.json",
            Box::new(|files| set(files, "origin", json!("another.example"))),
        ),
        ("200 events", "manifest.json", Box::new(|files| set(files, "size", json!(200)))),
        ("30 events", "manifest.json", Box::new(|files| set(files, "events", json!(30)))),
        (
            "comes after",
            "heads.jsonl",
            Box::new(|files| {
                let heads = files.get_mut("heads.jsonl").unwrap();
                *heads = heads.repeat(1_000);
            }),
        ),
        (
            "the file \"other\"",
            "manifest.json",
            Box::new(|files| {
                files.insert("other".to_owned(), vec![]);
            }),
        ),
        (
            "cannot be trusted",
            "",
            Box::new(move |files| {
                files.insert("heads.jsonl".to_owned(), strangers.clone());
            }),
        ),
    ];
    for (number, (expected, file, forge)) in forgeries.into_iter().enumerate() {
        for export in [&whole, &part] {
            let forged = rewritten(export, &format!("forged-{number}"), true, &forge);
            let error = verify_export(&forged, &known, &[]).unwrap_err();
            assert!(error.to_string().contains(expected), "{expected}: {error}");
            let malformed =
                matches!(&error, ExportError::Malformed { file: it, .. } if *it == file);
            assert!(malformed || matches!(error, ExportError::Head(_)), "{expected}: {error}");
        }
    }
    let repeated = rewritten(&part, "repeated", true, &|files| {
        let events = files.get_mut("events.jsonl").unwrap();
        events.extend_from_slice(&events.clone());
    });
    let error = verify_export(&repeated, &known, &[]).unwrap_err();
    assert!(error.to_string().contains("1 comes after 9"), "{error}");
}

#[tokio::test]
async fn an_export_that_inflates_is_not_read_to_its_end() {
    const MIB: usize = 1 << 20;
    let here = Installation::new().await;
    here.register(0, 20).await;
    here.sign(&[key(1)]).await;
    let known = keys(&[&key(1)]);
    let whole = here.export("whole.zip", Filter::default()).await;
    let some = Filter { to: Some(Position(9)), ..Filter::default() };
    let part = here.export("part.zip", some).await;
    let hashes = format!("{},", json!(Digest::of(b""))).repeat(MIB / 67);
    let proof = format!("{{\"position\":1,\"path\":[{}]}}\n", hashes.trim_end_matches(','));
    let cases = [
        (&whole, "leaves", vec![0; MIB], "too large"),
        (&whole, "heads.jsonl", vec![b' '; MIB], "too long"),
        (&whole, "events.jsonl", vec![b' '; 17 * MIB], "too long"),
        (&part, "proofs.jsonl", proof.clone().into_bytes(), "too large"),
        (&part, "proofs.jsonl", proof.as_bytes()[..64 << 10].to_vec(), "too long"),
    ];
    for (export, name, bytes, expected) in cases {
        let bomb = rewritten(export, "bomb", true, &|files| {
            files.insert(name.to_owned(), bytes.clone());
        });
        assert!(std::fs::metadata(&bomb).unwrap().len() < 1 << 17, "{name} is small as a file");
        let error = verify_export(&bomb, &known, &[]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(expected), "{name}: {error}");
    }
}

/// Changes a field of the manifest.
fn set(files: &mut Files, field: &str, value: Value) {
    let manifest = files.get_mut("manifest.json").unwrap();
    let mut read: Value = serde_json::from_slice(manifest).unwrap();
    read[field] = value;
    *manifest = read.to_string().into_bytes();
}

/// A copy of the archive with a text replaced in one file.
fn edited(path: &Path, name: &str, from: &str, to: &str, fix_manifest: bool) -> PathBuf {
    let copy = if fix_manifest { "forged" } else { "damaged" };
    rewritten(path, copy, fix_manifest, &|files| {
        let file = files.get_mut(name).unwrap();
        let text = std::str::from_utf8(file).unwrap();
        assert!(text.contains(from));
        *file = text.replacen(from, to, 1).into_bytes();
    })
}

/// A copy of the archive with changed files. If `fix_manifest` is set, the manifest has the new
/// digests.
fn rewritten(path: &Path, copy: &str, fix_manifest: bool, change: &dyn Fn(&mut Files)) -> PathBuf {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut files = Files::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(entry.name().unwrap().into_owned(), bytes);
    }
    change(&mut files);
    if fix_manifest {
        let others = files.iter().filter(|(name, _)| *name != "manifest.json");
        let digests = others.map(|(name, bytes)| (name.clone(), json!(Digest::of(bytes))));
        let digests = Value::Object(digests.collect());
        set(&mut files, "files", digests);
    }
    let copy = path.with_extension(format!("{copy}.zip"));
    let mut zip = ZipWriter::new(File::create(&copy).unwrap());
    for (file, bytes) in files {
        zip.start_file(file, SimpleFileOptions::default()).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap();
    copy
}

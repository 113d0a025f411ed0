//! Storing, reading, listing and removing blobs.

use bytes::Bytes;
use domain::Digest;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::case::{Case, cases};
use super::opening::open_blobs;
use crate::{BLOB_BYTES_MAX, BlobError, Blobs, KeptBlob};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_blob_reads_back,
        a_blob_is_named_by_its_sha_256,
        an_empty_blob_is_a_blob,
        bytes_that_do_not_compress_read_back,
        a_large_blob_reads_back,
        what_is_not_kept_is_not_found,
        contains_reports_what_is_kept,
        putting_again_is_the_same_blob,
        putting_over_it_is_the_same_blob,
        concurrent_puts_of_one_blob_keep_it_once,
        concurrent_puts_of_many_blobs_keep_all,
        another_handle_sees_the_blob,
        a_blob_survives_reopening,
        a_blob_too_large_is_refused,
        blobs_are_listed_in_the_order_of_digests,
        only_a_blob_that_was_not_put_lately_is_removed,
        putting_it_again_saves_a_blob_from_its_removal,
        what_is_removed_can_be_put_again,
    ]
}

/// Pseudo-random bytes, the same on every call.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

async fn a_blob_reads_back(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let bytes = Bytes::from("int main() {}\n\0 größe");
    let digest = blobs.put(bytes.clone()).await.unwrap();
    assert_eq!(blobs.get(&digest).await.unwrap(), bytes);
}

async fn a_blob_is_named_by_its_sha_256(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let digest = blobs.put(Bytes::from("abc")).await.unwrap();
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest.to_string(), known);
}

async fn an_empty_blob_is_a_blob(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let digest = Digest::of(b"");
    assert!(!blobs.contains(&digest).await.unwrap());
    assert_eq!(blobs.put(Bytes::new()).await.unwrap(), digest);
    assert!(blobs.contains(&digest).await.unwrap());
    assert_eq!(blobs.get(&digest).await.unwrap(), Bytes::new());
}

async fn bytes_that_do_not_compress_read_back(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    for length in [1, 255 * 1024 - 1, 255 * 1024, 255 * 1024 + 1, 1_000_000] {
        let digest = blobs.put(noise(length)).await.unwrap();
        assert_eq!(blobs.get(&digest).await.unwrap(), noise(length));
    }
}

async fn a_large_blob_reads_back(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let bytes: Bytes =
        [noise(4 * 1024 * 1024), vec![b'7'; 16 * 1024 * 1024].into()].concat().into();
    let digest = blobs.put(bytes.clone()).await.unwrap();
    assert!(blobs.get(&digest).await.unwrap() == bytes);
}

async fn what_is_not_kept_is_not_found(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let digest = Digest::of(b"nothing");
    let outcome = blobs.get(&digest).await;
    assert!(matches!(outcome, Err(BlobError::NotFound(missing)) if missing == digest));
}

async fn contains_reports_what_is_kept(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let digest = blobs.put(Bytes::from("kept")).await.unwrap();
    assert!(blobs.contains(&digest).await.unwrap());
    assert!(!blobs.contains(&Digest::of(b"not kept")).await.unwrap());
}

async fn putting_again_is_the_same_blob(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let first = blobs.put(Bytes::from("twice")).await.unwrap();
    let second = blobs.put(Bytes::from("twice")).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(blobs.get(&first).await.unwrap(), Bytes::from("twice"));
}

async fn putting_over_it_is_the_same_blob(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let bytes = noise(600_000);
    let digest = blobs.put_again(bytes.clone()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(blobs.get(&digest).await.unwrap(), bytes);
        assert_eq!(blobs.put_again(bytes.clone()).await.unwrap(), digest);
        assert_eq!(blobs.put(bytes.clone()).await.unwrap(), digest);
    }
}

async fn concurrent_puts_of_one_blob_keep_it_once(url: String) {
    let (one, two) = (open_blobs(&url).await.unwrap(), open_blobs(&url).await.unwrap());
    let bytes = noise(600_000);
    let puts = (0..8).map(|number| if number % 2 == 0 { &one } else { &two });
    let digests = join_all(puts.map(|blobs| blobs.put(bytes.clone()))).await;
    let digests: Vec<Digest> = digests.into_iter().map(Result::unwrap).collect();
    assert!(digests.iter().all(|digest| *digest == Digest::of(&bytes)));
    assert_eq!(one.get(&digests[0]).await.unwrap(), bytes);
}

async fn concurrent_puts_of_many_blobs_keep_all(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let many: Vec<Bytes> = (0..32).map(|number| Bytes::from(format!("blob {number}"))).collect();
    join_all(many.iter().map(|bytes| blobs.put(bytes.clone()))).await;
    for bytes in many {
        assert_eq!(blobs.get(&Digest::of(&bytes)).await.unwrap(), bytes);
    }
}

async fn another_handle_sees_the_blob(url: String) {
    let (one, two) = (open_blobs(&url).await.unwrap(), open_blobs(&url).await.unwrap());
    let digest = one.put(Bytes::from("shared")).await.unwrap();
    assert!(two.contains(&digest).await.unwrap());
    assert_eq!(two.get(&digest).await.unwrap(), Bytes::from("shared"));
}

async fn a_blob_survives_reopening(url: String) {
    let digest = open_blobs(&url).await.unwrap().put(Bytes::from("kept")).await.unwrap();
    let blobs = open_blobs(&url).await.unwrap();
    assert_eq!(blobs.get(&digest).await.unwrap(), Bytes::from("kept"));
}

async fn a_blob_too_large_is_refused(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let outcome = blobs.put(Bytes::from(vec![0; BLOB_BYTES_MAX + 1])).await;
    assert!(matches!(outcome, Err(BlobError::TooLarge(length)) if length == BLOB_BYTES_MAX + 1));
}

async fn listed(blobs: &dyn Blobs) -> Vec<KeptBlob> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = blobs.list(after.as_ref(), 3).await.unwrap();
        let Some(last) = page.last() else { return found };
        after = Some(last.digest);
        found.extend(page);
    }
}

async fn blobs_are_listed_in_the_order_of_digests(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    assert!(listed(blobs.as_ref()).await.is_empty());
    let mut digests = Vec::new();
    for number in 0..20 {
        digests.push(blobs.put(Bytes::from(format!("{number}"))).await.unwrap());
    }
    digests.sort_unstable();
    let found = listed(blobs.as_ref()).await;
    assert_eq!(found.iter().map(|blob| blob.digest).collect::<Vec<_>>(), digests);
    let hour_ago = Timestamp::now() - SignedDuration::from_hours(1);
    assert!(found.iter().all(|blob| blob.bytes > 0 && blob.put_at > hour_ago));
}

async fn only_a_blob_that_was_not_put_lately_is_removed(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let digest = blobs.put(noise(600_000)).await.unwrap();
    let (hour, now) = (SignedDuration::from_hours(1), Timestamp::now());
    assert!(!blobs.remove(&digest, now - hour).await.unwrap());
    assert!(blobs.contains(&digest).await.unwrap());
    assert!(blobs.remove(&digest, now + hour).await.unwrap());
    assert!(!blobs.contains(&digest).await.unwrap());
    assert!(!blobs.remove(&digest, now + hour).await.unwrap());
    assert_eq!(blobs.remove_unfinished(now + hour).await.unwrap(), 0);
}

async fn putting_it_again_saves_a_blob_from_its_removal(url: String) {
    let (blobs, other) = (open_blobs(&url).await.unwrap(), open_blobs(&url).await.unwrap());
    let bytes = Bytes::from("wanted again");
    let digest = blobs.put(bytes.clone()).await.unwrap();
    let first = listed(blobs.as_ref()).await[0].put_at;
    // Wait for the next tick of the coarsest clock.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    other.put(bytes.clone()).await.unwrap();
    let before = first + SignedDuration::from_millis(5);
    assert!(!blobs.remove(&digest, before).await.unwrap());
    assert_eq!(blobs.get(&digest).await.unwrap(), bytes);

    // A blob put during concurrent removals exists afterwards.
    let soon = Timestamp::now() + SignedDuration::from_hours(1);
    for _ in 0..50 {
        let (put, _) = tokio::join!(other.put(bytes.clone()), blobs.remove(&digest, soon));
        put.unwrap();
        // It is either complete or gone, never partial.
        match blobs.get(&digest).await {
            Ok(found) => assert_eq!(found, bytes),
            Err(error) => assert!(matches!(error, BlobError::NotFound(_)), "{error}"),
        }
    }
}

async fn what_is_removed_can_be_put_again(url: String) {
    let blobs = open_blobs(&url).await.unwrap();
    let soon = Timestamp::now() + SignedDuration::from_hours(1);
    for _ in 0..3 {
        let digest = blobs.put(noise(300_000)).await.unwrap();
        assert_eq!(blobs.get(&digest).await.unwrap(), noise(300_000));
        assert!(blobs.remove(&digest, soon).await.unwrap());
    }
}

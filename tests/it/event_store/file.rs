//! Blobs in a directory.

use bytes::Bytes;
use event_store::conformance::{Case, blobs_cases, run};
use event_store::{BlobError, open_blobs};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn blobs() {
    let directory = TempDir::new().unwrap();
    let fresh = |case: &Case| format!("file:{}/{}/blobs", directory.path().display(), case.name);
    run("blobs × file", blobs_cases(), fresh).await;
}

#[tokio::test]
async fn a_file_that_was_changed_is_damaged() {
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    let blobs = open_blobs(&format!("file:{}", root.display())).await.unwrap();
    let digest = blobs.put(Bytes::from("int main() {}")).await.unwrap();
    let other = blobs.put(Bytes::from("int main() { return 1; }")).await.unwrap();
    let path = |digest: &domain::Digest| {
        let name = digest.to_string();
        root.join(&name[..2]).join(format!("{name}.zst"))
    };
    let whole = std::fs::read(path(&digest)).unwrap();
    // Truncated, empty, not compressed, and valid but with other content.
    let another = std::fs::read(path(&other)).unwrap();
    for content in [&whole[..whole.len() - 1], &[], b"int main() {}", &another] {
        std::fs::write(path(&digest), content).unwrap();
        let outcome = blobs.get(&digest).await;
        assert!(matches!(outcome, Err(BlobError::Damaged(damaged)) if damaged == digest));
    }
    assert_eq!(blobs.put_again(Bytes::from("int main() {}")).await.unwrap(), digest);
    assert_eq!(blobs.get(&digest).await.unwrap(), "int main() {}");
}

#[tokio::test]
async fn nothing_unfinished_is_left_behind() {
    let directory = TempDir::new().unwrap();
    let blobs = open_blobs(&format!("file:{}", directory.path().display())).await.unwrap();
    blobs.put(Bytes::from("int main() {}")).await.unwrap();
    let unfinished = std::fs::read_dir(directory.path().join("unfinished")).unwrap();
    assert_eq!(unfinished.count(), 0);
}

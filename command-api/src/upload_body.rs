//! Receives the body of an upload into a temporary file, within limits on its size and time.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::StreamExt;
use graphql::{ApiError, Code};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// How long the server waits for the next bytes of an upload.
const CHUNK_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long an upload may take.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// The first bytes of every zip archive.
const ZIP_START: &[u8] = b"PK";

/// A complete upload in a temporary file. The file has no name, so that nothing is left behind,
/// even if the process is killed.
#[derive(Debug)]
pub(crate) struct UploadedFile {
    file: File,
    bytes: usize,
}

impl UploadedFile {
    /// Reads the whole file into memory.
    ///
    /// # Errors
    /// `UNAVAILABLE` if the file cannot be read.
    pub(crate) async fn read(mut self) -> Result<Bytes, ApiError> {
        let read = blocking(move || {
            let mut content = Vec::with_capacity(self.bytes);
            self.file.rewind()?;
            self.file.read_to_end(&mut content)?;
            Ok(content.into())
        });
        read.await.map_err(|error| temporary_file_failed(&error))
    }
}

/// Receives a zip archive of at most `bytes_max` bytes.
///
/// # Errors
/// If the body is too large, too slow, incomplete or not a zip archive, or the temporary file
/// cannot be written.
pub(crate) async fn receive(body: Body, bytes_max: usize) -> Result<UploadedFile, ApiError> {
    let received = timeout(UPLOAD_TIME_MAX, written(body, bytes_max)).await;
    received.unwrap_or_else(|_| Err(too_slow("the upload took longer than", UPLOAD_TIME_MAX)))
}

/// The error for an upload that is larger than the limit.
pub(crate) fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(Code::TooLarge, format!("a package has at most {bytes_max} bytes"))
}

async fn written(body: Body, bytes_max: usize) -> Result<UploadedFile, ApiError> {
    let failed = |error: io::Error| temporary_file_failed(&error);
    let file = blocking(tempfile::tempfile).await.map_err(failed)?;
    let mut file = tokio::fs::File::from_std(file);
    let mut chunks = body.into_data_stream();
    let mut bytes = 0;
    loop {
        let next = timeout(CHUNK_WAIT_MAX, chunks.next()).await;
        let next = next.map_err(|_| too_slow("nothing was sent for", CHUNK_WAIT_MAX))?;
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|_| ApiError::bad_input("the upload was interrupted"))?;
        if !chunk.iter().zip(ZIP_START.iter().skip(bytes)).all(|(sent, due)| sent == due) {
            return Err(not_an_archive());
        }
        bytes += chunk.len();
        if bytes > bytes_max {
            return Err(too_large(bytes_max));
        }
        file.write_all(&chunk).await.map_err(failed)?;
    }
    if bytes < ZIP_START.len() {
        return Err(not_an_archive());
    }
    file.flush().await.map_err(failed)?;
    Ok(UploadedFile { file: file.into_std().await, bytes })
}

fn not_an_archive() -> ApiError {
    ApiError::bad_input("a package must be a zip archive")
}

fn too_slow(what: &str, limit: Duration) -> ApiError {
    ApiError::bad_input(format!("{what} {} s", limit.as_secs()))
}

fn temporary_file_failed(error: &io::Error) -> ApiError {
    let folder = env::temp_dir();
    let error = error as &dyn Error;
    tracing::warn!(error, folder = %folder.display(), "the temporary file of an upload failed");
    ApiError::new(Code::Unavailable, "the server cannot store the upload; try again later")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use futures::{Stream, stream};
    use tokio::time::{Instant, sleep};

    use super::*;

    const BYTES_MAX: usize = 1_000;

    type Chunk = Result<&'static [u8], io::Error>;

    fn chunks(chunks: Vec<Chunk>) -> impl Stream<Item = Chunk> + Send + 'static {
        stream::iter(chunks)
    }

    async fn refusal(body: impl Stream<Item = Chunk> + Send + 'static) -> ApiError {
        receive(Body::from_stream(body), BYTES_MAX).await.expect_err("it is refused")
    }

    #[tokio::test]
    async fn an_archive_is_received_whole() {
        let sent = chunks(vec![Ok(b"P"), Ok(b""), Ok(b"K\x03\x04"), Ok(&[7; BYTES_MAX - 4])]);
        let received = receive(Body::from_stream(sent), BYTES_MAX).await.unwrap();
        let content = received.read().await.unwrap();
        assert_eq!(content.len(), BYTES_MAX);
        assert!(content.starts_with(b"PK\x03\x04\x07"));
    }

    #[tokio::test]
    async fn what_is_no_archive_is_refused_at_its_first_bytes() {
        for wrong in [&b"hello"[..], b"X", b"PX"] {
            let endless = chunks(vec![Ok(wrong)]).chain(stream::pending());
            let error = refusal(endless).await;
            assert_eq!((error.code, error.message.contains("zip")), (Code::BadUserInput, true));
        }
        for incomplete in [vec![], vec![Ok(&b"P"[..])]] {
            assert_eq!(refusal(chunks(incomplete)).await.code, Code::BadUserInput);
        }
    }

    #[tokio::test]
    async fn too_many_bytes_are_refused_before_the_rest_is_sent() {
        let sent = chunks(vec![Ok(b"PK"), Ok(&[7; BYTES_MAX - 1])]).chain(stream::pending());
        assert_eq!(refusal(sent).await.code, Code::TooLarge);
    }

    #[tokio::test]
    async fn an_interrupted_upload_is_refused() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(refusal(chunks(vec![Ok(b"PK"), Err(reset)])).await.code, Code::BadUserInput);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_cut_off() {
        let began = Instant::now();
        let error = refusal(chunks(vec![Ok(b"PK")]).chain(stream::pending())).await;
        assert_eq!(error.message, "nothing was sent for 30 s");
        assert!(began.elapsed() < CHUNK_WAIT_MAX * 2, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_too_slowly_is_cut_off() {
        let began = Instant::now();
        let slow = stream::unfold(b"PK".as_slice(), async |next| {
            sleep(CHUNK_WAIT_MAX / 2).await;
            Some((Ok(next), b"".as_slice()))
        });
        assert_eq!(refusal(slow).await.message, "the upload took longer than 600 s");
        assert!(began.elapsed() < UPLOAD_TIME_MAX + CHUNK_WAIT_MAX, "{:?}", began.elapsed());
    }
}

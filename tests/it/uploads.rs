//! Uploads whose client is slow, or may not upload: they hold neither memory nor a place for long.

use std::time::Duration;

use serde_json::json;
use tests::deployment::{Deployment, Stack};
use tests::package::Package;
use tests::waiting::until_true;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a refusal may take. The server gives a refused client five seconds to finish sending.
const REFUSAL_WAIT_MAX: Duration = Duration::from_secs(30);
const HELD_UPLOADS: usize = 20;
const PACKAGE_BYTES_MAX: usize = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_refused_before_they_are_sent() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let (admin, ada) = (deployment.admin(), deployment.register("ada").await);
    let held = async |token: Option<&str>, bytes: usize| {
        let announced = format!("Content-Length: {bytes}\r\nExpect: 100-continue\r\n");
        Upload::start(&deployment, token, &announced).await
    };
    for (token, bytes, status) in [
        (None, PACKAGE_BYTES_MAX, 403),
        (ada.token(), PACKAGE_BYTES_MAX, 403),
        (admin.token(), PACKAGE_BYTES_MAX + 1, 413),
    ] {
        assert_eq!(held(token, bytes).await.status().await, status);
    }
    // The server asks for the body of one upload, and refuses the account's others meanwhile.
    let mut first = held(admin.token(), PACKAGE_BYTES_MAX).await;
    assert_eq!(first.status().await, 100);
    for _ in 1..HELD_UPLOADS {
        assert_eq!(held(admin.token(), PACKAGE_BYTES_MAX).await.status().await, 429);
    }
    let archive = || Package::sum("sum", 1).zip();
    let meanwhile = admin.upload(archive()).await;
    assert_eq!((meanwhile.status, meanwhile.code()), (429, "TOO_MANY"));
    drop(first);
    until_true("the upload that was dropped has ended", async || {
        admin.upload(archive()).await.status == 201
    })
    .await;
    too_large_in_chunks(&deployment).await;
    assert_eq!(deployment.import(&Package::sum("sum", 1)).await["userErrors"], json!([]));
}

/// A body without a length ends at the limit.
async fn too_large_in_chunks(deployment: &Deployment) {
    let admin = deployment.admin();
    let mut upload =
        Upload::start(deployment, admin.token(), "Transfer-Encoding: chunked\r\n").await;
    upload.send(b"2\r\nPK\r\n").await;
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..=PACKAGE_BYTES_MAX / chunk.len() {
        upload.send(format!("{:x}\r\n", chunk.len()).as_bytes()).await;
        upload.send(&chunk).await;
        upload.send(b"\r\n").await;
    }
    assert_eq!(upload.status().await, 413);
}

/// A request to `/packages` whose body the test sends.
struct Upload(BufReader<TcpStream>);

impl Upload {
    /// Sends the head of the request, with these header lines.
    async fn start(deployment: &Deployment, token: Option<&str>, headers: &str) -> Self {
        let address = deployment.address().socket_addrs(|| None).unwrap();
        let mut upload = Self(BufReader::new(TcpStream::connect(&address[..]).await.unwrap()));
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let token = token.unwrap_or_default();
        upload
            .send(
                format!("POST /packages HTTP/1.1\r\nHost: assay\r\n{token}{headers}\r\n")
                    .as_bytes(),
            )
            .await;
        upload
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.expect("the server reads");
    }

    /// The status of the next response.
    async fn status(&mut self) -> u16 {
        let mut line = String::new();
        let read = timeout(REFUSAL_WAIT_MAX, self.0.read_line(&mut line)).await;
        read.expect("the server answers in time").unwrap();
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|it| it.get(..3)?.parse().ok());
        status.unwrap_or_else(|| panic!("not a response: {line:?}"))
    }
}

//! Uploads of problem packages: `POST /packages` takes a zip archive and returns its SHA-256.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::Login;
use graphql::{Api, ApiError, Code, Gate, Viewer, access};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::upload_body;

/// Maximum number of uploads at the same time, one per account.
const UPLOADS_AT_ONCE: usize = 4;
/// Maximum number of uploads that are in memory, on their way to the blobs.
const STORED_AT_ONCE: usize = 2;

#[derive(Clone)]
struct Server {
    api: Arc<Api>,
    uploads: Arc<Uploads>,
    storing: Arc<Semaphore>,
}

/// Serves `/packages`.
pub fn routes(api: Arc<Api>) -> Router {
    let (uploads, storing) = (Arc::default(), Arc::new(Semaphore::new(STORED_AT_ONCE)));
    Router::new().route("/packages", post(upload)).with_state(Server { api, uploads, storing })
}

async fn upload(State(server): State<Server>, headers: HeaderMap, body: Body) -> Response {
    match store(&server, &headers, body).await {
        Ok(stored) => (StatusCode::CREATED, Json(stored)).into_response(),
        Err(error) => error.into_response(),
    }
}

/// Reads nothing of the body before the client is allowed to upload it.
async fn store(server: &Server, headers: &HeaderMap, body: Body) -> Result<Value, ApiError> {
    let Server { api, uploads, storing } = server;
    let viewer = setter(api, headers).await?;
    let bytes_max = api.limits.package_bytes;
    if content_length(headers).is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(upload_body::too_large(bytes_max));
    }
    let _running = Uploads::admit(uploads, &viewer.login)?;
    let received = upload_body::receive(body, bytes_max).await?;
    let _turn = storing.acquire().await.expect("the semaphore is never closed");
    let archive = received.read().await?;
    let bytes = archive.len();
    let digest = api.blobs.put(archive).await?;
    Ok(json!({ "sha256": digest.to_string(), "bytes": bytes }))
}

/// The client, who must be a setter.
async fn setter(api: &Api, headers: &HeaderMap) -> Result<Viewer, ApiError> {
    let Gate(viewer) = Gate::of(headers, &api.authenticator).await?;
    viewer
        .filter(access::may_create_problems)
        .ok_or_else(|| ApiError::new(Code::Forbidden, "only setters can upload packages"))
}

/// The size of the body that the client announces, in bytes.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The accounts whose uploads are running.
#[derive(Debug, Default)]
struct Uploads(Mutex<HashSet<Login>>);

/// Permission to upload. It ends when it is dropped.
#[derive(Debug)]
struct Running {
    uploads: Arc<Uploads>,
    login: Login,
}

impl Uploads {
    /// Lets an upload begin.
    ///
    /// # Errors
    /// `TOO_MANY` if the account has another upload running, or too many accounts have one.
    fn admit(uploads: &Arc<Self>, login: &Login) -> Result<Running, ApiError> {
        let mut running = uploads.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains(login) {
            let message = "another upload of this account is running; try again when it has ended";
            return Err(ApiError::new(Code::TooMany, message));
        }
        if running.len() >= UPLOADS_AT_ONCE {
            let message = "the server is busy with other uploads; try again later";
            return Err(ApiError::new(Code::TooMany, message));
        }
        running.insert(login.clone());
        Ok(Running { uploads: Arc::clone(uploads), login: login.clone() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.uploads.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.login);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_one_upload_and_the_server_a_few() {
        let uploads = Arc::default();
        let admit = |name: &str| Uploads::admit(&uploads, &name.parse().unwrap());
        let mut running: Vec<_> =
            ["ada", "bob", "carl", "dora"].map(|name| admit(name).unwrap()).into();
        assert_eq!(admit("ada").unwrap_err().code, Code::TooMany);
        assert_eq!(admit("eve").unwrap_err().code, Code::TooMany);
        running.remove(0);
        let _eve = admit("eve").unwrap();
        assert_eq!(admit("ada").unwrap_err().code, Code::TooMany);
    }
}

//! Sessions and their refresh tokens.

use event_store::{TokenKind, TokenRecord};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::Deployment;

use super::{PASSWORD, assert_errors, is_signed_in, register, sign_in, with_session};

async fn refresh(api: &Api, session: &Value) -> Value {
    let query = "mutation($token: String!) {
        refreshSession(refreshToken: $token) {
            accessToken refreshToken userErrors { code field }
        }
    }";
    let variables = json!({ "token": session["refreshToken"] });
    api.anonymous().data(query, variables).await["refreshSession"].take()
}

pub(super) async fn other_sessions_are_ended(deployment: &Deployment) {
    let gus = register(deployment, "gus").await;
    let sessions = [sign_in(&gus, "gus", PASSWORD).await, sign_in(&gus, "gus", PASSWORD).await];
    // The session that ends the others has been refreshed.
    let own = with_session(&gus, &refresh(&gus, &sessions[0]).await);
    let listed = "{ viewer { sessions { id client createdAt lastSeenAt current } } }";
    let before = own.data(listed, json!({})).await;
    assert_eq!(before["viewer"]["sessions"].as_array().unwrap().len(), 3);
    let end = "mutation { endOtherSessions { userErrors { code } } }";
    assert_errors(&own.data(end, json!({})).await["endOtherSessions"], &[]);
    let after = own.data(listed, json!({})).await;
    assert_eq!(after["viewer"]["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(after["viewer"]["sessions"][0]["current"], true);
    assert!(!is_signed_in(&gus).await);
    assert!(!is_signed_in(&with_session(&gus, &sessions[1])).await);
    assert_errors(&refresh(&gus, &sessions[1]).await, &["EXPIRED refreshToken"]);
}

pub(super) async fn a_copied_refresh_token_ends_its_sign_in(deployment: &Deployment) {
    let hal = register(deployment, "hal").await;
    let first = sign_in(&hal, "hal", PASSWORD).await;
    let second = refresh(&hal, &first).await;
    let session = with_session(&hal, &second);
    assert!(!is_signed_in(&with_session(&hal, &first)).await);

    // A client that repeats its request at once is refused, and keeps its session.
    assert_errors(&refresh(&hal, &first).await, &["EXPIRED refreshToken"]);
    assert!(is_signed_in(&session).await);

    // Later, it is not the client that repeats it.
    let stores = deployment.stores().await;
    let stream = domain::StreamId::Account("hal".parse().unwrap());
    let events = event_store::read_stream_whole(stores.log.as_ref(), &stream).await.unwrap();
    let domain::Event::AccountRegistered(registered) = &events[0].event else {
        panic!("{events:?}")
    };
    let tokens = stores.credentials.tokens(registered.subject, Timestamp::now()).await.unwrap();
    let rotated = tokens.iter().find(|token| token.rotated_at.is_some()).unwrap();
    assert_eq!(rotated.kind, TokenKind::Refresh);
    let long_ago = rotated.rotated_at.map(|at| at - SignedDuration::from_secs(11));
    let older = TokenRecord { rotated_at: long_ago, ..rotated.clone() };
    stores.credentials.put_token(&older).await.unwrap();
    assert_errors(&refresh(&hal, &first).await, &["EXPIRED refreshToken"]);
    assert!(!is_signed_in(&session).await);
    assert_errors(&refresh(&hal, &second).await, &["EXPIRED refreshToken"]);
    assert!(is_signed_in(&hal).await, "another sign-in goes on");
}

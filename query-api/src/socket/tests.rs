use serde_json::json;

use super::*;

/// A protocol that has acknowledged its client.
fn ready() -> Protocol {
    let mut protocol = Protocol::default();
    let step = protocol.receive(r#"{"type":"connection_init"}"#);
    assert!(matches!(step, Ok(Step::SignIn(payload)) if payload.is_empty()));
    assert_eq!(protocol.acknowledge(), r#"{"type":"connection_ack"}"#);
    protocol
}

fn subscribe(id: &str) -> String {
    json!({ "type": "subscribe", "id": id, "payload": { "query": "{ a }" } }).to_string()
}

#[test]
fn messages_that_break_the_protocol_close_the_socket() {
    for text in [
        "",
        "7",
        "[]",
        "{}",
        "not json",
        r#"{"type":7}"#,
        r#"{"type":"unknown"}"#,
        r#"{"type":"next","id":"1"}"#,
        r#"{"type":"connection_ack"}"#,
        r#"{"type":"ping","payload":""}"#,
        r#"{"type":"pong","payload":7}"#,
        r#"{"type":"complete"}"#,
        r#"{"type":"complete","id":7}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{ a }"}}"#,
        r#"{"type":"subscribe","id":7,"payload":{"query":"{ a }"}}"#,
        r#"{"type":"subscribe","id":"1","payload":""}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","variables":"{}"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","operationName":7}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","extensions":[]}}"#,
    ] {
        let close = ready().receive(text).unwrap_err();
        assert_eq!(close.code, BAD_REQUEST, "{text}: {close:?}");
        assert!(close.reason.starts_with("Invalid message"), "{text}: {close:?}");
    }
    for text in
        [r#"{"type":"connection_init","payload":7}"#, r#"{"type":"connection_init","payload":""}"#]
    {
        assert_eq!(Protocol::default().receive(text).unwrap_err().code, BAD_REQUEST);
    }
    assert_eq!(Protocol::default().receive(&subscribe("1")).unwrap_err().code, 4401);
    assert_eq!(ready().receive(r#"{"type":"connection_init"}"#).unwrap_err().code, 4429);
    // Before the answer to the first one as well.
    let mut protocol = Protocol::default();
    protocol.receive(r#"{"type":"connection_init"}"#).unwrap();
    assert_eq!(protocol.receive(r#"{"type":"connection_init"}"#).unwrap_err().code, 4429);
    assert_eq!(protocol.receive(&subscribe("1")).unwrap_err().code, 4401);
}

#[test]
fn an_id_is_used_by_one_operation_at_a_time() {
    let mut protocol = ready();
    assert!(matches!(protocol.receive(&subscribe("1")), Ok(Step::Begin(id, _)) if id == "1"));
    assert!(matches!(protocol.receive(&subscribe("2")), Ok(Step::Begin(..))));
    let close = protocol.receive(&subscribe("1")).unwrap_err();
    assert_eq!((close.code, close.reason.as_str()), (4409, "Subscriber for 1 already exists"));

    let mut protocol = ready();
    let complete = r#"{"type":"complete","id":"1"}"#;
    // Of an operation that the server has ended, or that never was.
    assert!(matches!(protocol.receive(complete), Ok(Step::Ignore)));
    protocol.receive(&subscribe("1")).unwrap();
    assert!(matches!(protocol.receive(complete), Ok(Step::End(id)) if id == "1"));
    // No echo.
    assert_eq!(protocol.complete("1"), None);
    protocol.receive(&subscribe("1")).unwrap();
    assert_eq!(protocol.complete("1").as_deref(), Some(r#"{"id":"1","type":"complete"}"#));
    protocol.receive(&subscribe("1")).unwrap();
}

#[test]
fn pings_are_answered_at_any_time() {
    let mut protocol = Protocol::default();
    for (ping, pong) in [
        (r#"{"type":"ping"}"#, r#"{"type":"pong"}"#),
        (r#"{"type":"ping","payload":null}"#, r#"{"type":"pong"}"#),
        (r#"{"type":"ping","payload":{"a":7}}"#, r#"{"payload":{"a":7},"type":"pong"}"#),
    ] {
        let Ok(Step::Reply(reply)) = protocol.receive(ping) else { panic!("{ping}") };
        let [reply, pong] = [&reply, pong].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(reply, pong);
    }
    assert!(matches!(protocol.receive(r#"{"type":"pong"}"#), Ok(Step::Ignore)));
}

#[test]
fn nothing_follows_an_error() {
    let mut protocol = ready();
    protocol.receive(&subscribe("1")).unwrap();
    let value = async_graphql::Value::from_json(json!({ "a": 7 })).unwrap();
    let next = protocol.result("1", &Response::new(value));
    assert_eq!(next, r#"{"id":"1","type":"next","payload":{"data":{"a":7}}}"#);
    let error = Response::from(ApiError::bad_input("there is no a"));
    let message: Value = serde_json::from_str(&protocol.result("1", &error)).unwrap();
    assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!("1")));
    assert_eq!(message["payload"][0]["message"], "there is no a");
    assert_eq!(protocol.complete("1"), None);
}

#[test]
fn a_close_reason_is_short_and_whole() {
    let long = "ü".repeat(100);
    assert_eq!(close_reason(&long).len(), 122);
    assert_eq!(close_reason("short"), "short");
}

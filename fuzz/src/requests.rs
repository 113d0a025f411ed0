//! Hostile GraphQL documents and messages of sockets, and how a server reads them.

use std::sync::LazyLock;

use async_graphql::{Request, Response, Value};
use graphql::ServiceLimits;
use query_api::{Guard, Protocol, Step};
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::input::{Words, spoil, text};

/// Longest usual document, in bytes: a little more than a server takes.
const DOCUMENT_BYTES_MAX: usize = 20 << 10;
/// The largest number of messages of a socket.
const MESSAGES_MAX: usize = 40;

const DOCUMENT: Words = Words {
    words: &[
        "{ viewer { login } }",
        "query a($x: [ID!]! = [\"a\"], $n: Int) ",
        "mutation { submit(input: {}) { token } }",
        "subscription { submission(id: $x) { cursor } }",
        "fragment a on Query { ...b } ",
        "fragment b on Query { ...a ...a } ",
        "...a ",
        "...b ",
        "... on Submission { id } ",
        "... @include(if: $x) { id } ",
        "__schema { types { name } } ",
        "__type(name: $x) { possibleTypes { interfaces { name } } } ",
        "__type(name: \"Node\") { fields { type { ofType { name } } } } ",
        "problems(first: 100) { nodes { id } } ",
        "a: viewer { login } ",
        "@skip(if: false) ",
        "(a: [1, {b: $x}], c: ENUM) ",
        "\"text \\\" \\u0041\" ",
        "\"\"\"block \\\"\"\" text\"\"\" ",
        "# comment {{{{\n",
        "$x ",
        "1.5e-3 ",
        "-0 ",
        "99999999999999999999999 ",
        "true null ",
        ", , ",
        "\u{feff}",
        "é",
        "\r",
        "\0",
        "&|=!:",
    ],
    pairs: &[
        ("{ a ", "} "),
        ("[", "]"),
        ("{a:", "}"),
        ("(", ")"),
        ("possibleTypes { interfaces { ", "} } "),
        ("... on Query { ", "} "),
        ("fields { type { ", "} } "),
        ("\"\"\"", "\"\"\" "),
        ("query { ", "} "),
    ],
};

const MESSAGE: Words = Words {
    words: &[
        "{\"type\":\"ping\"}",
        "{\"type\":\"ping\",\"payload\":{\"a\":[]}}",
        "{\"type\":\"pong\",\"payload\":null}",
        "{\"type\":\"connection_init\"}",
        "{\"type\":\"connection_init\",\"payload\":{\"authorization\":\"Bearer x\"}}",
        "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"{ a }\"}}",
        "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"documentId\":\"a\"}}",
        "{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{}}",
        "{\"type\":\"complete\",\"id\":\"1\"}",
        "{\"type\":\"next\",\"id\":\"1\"}",
        "\"type\":",
        "\"id\":",
        "\"payload\":",
        "\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"a\"}},",
        "\"variables\":{\"a\":1e999},",
        "null",
        ",",
        "\\ud800",
        "1e9",
        "\u{feff}",
    ],
    pairs: &[("[", "]"), ("{\"a\":", "}"), ("\"", "\""), ("{\"payload\":", ",\"type\":\"ping\"}")],
};

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let sdl = include_str!("../../graphql/schema.graphql");
    Guard::new(sdl, &ServiceLimits::default(), false)
});

/// A document, most of them with the beginning and end of one.
pub(crate) fn document(random: &mut StdRng, bytes: usize) -> Vec<u8> {
    let inner = text(random, &DOCUMENT, bytes % DOCUMENT_BYTES_MAX);
    let mut document = match random.random_range(0..4) {
        0 => inner,
        1 => format!("query($x: ID) {{ {inner} }}"),
        2 => format!("{{ ...a {inner} }} fragment a on Query {{ viewer {{ login }} }}"),
        _ => format!("{{ viewer {{ login }} }} {inner}"),
    }
    .into_bytes();
    if random.random_ratio(1, 3) {
        spoil(random, &mut document);
    }
    document
}

/// Whether a server executes the document, as far as the guard decides.
pub(crate) fn passes_guard(document: &str) -> bool {
    let variables = serde_json::json!({ "x": "Submission", "n": 100 });
    let variables = async_graphql::Variables::from_json(variables);
    GUARD.parse(&Request::new(document).variables(variables)).is_ok()
}

/// The messages of a client, one in each line.
pub(crate) fn messages(random: &mut StdRng, bytes: usize) -> Vec<u8> {
    let mut lines = vec![];
    if random.random_ratio(3, 4) {
        lines.push("{\"type\":\"connection_init\"}".to_owned());
    }
    for number in 0..random.random_range(0..MESSAGES_MAX) {
        lines.push(match random.random_range(0..4) {
            0 => text(random, &MESSAGE, bytes / MESSAGES_MAX).replace('\n', " "),
            1 => format!("{{\"type\":\"complete\",\"id\":\"{}\"}}", random.random_range(0..4)),
            _ => {
                let known = MESSAGE.words.choose(random).copied().unwrap_or_default();
                known.replace("\"1\"", &format!("\"{}\"", number % 4))
            }
        });
    }
    let mut messages = lines.join("\n").into_bytes();
    if random.random_ratio(1, 4) {
        spoil(random, &mut messages);
    }
    messages
}

/// Serves the messages like a socket. Returns whether it stays open. Every operation begun must be
/// unique among those under way, and nothing is sent about one that has ended.
pub(crate) fn keeps_socket_open(messages: &str) -> bool {
    let mut protocol = Protocol::default();
    let mut active: Vec<String> = vec![];
    for (number, message) in messages.lines().enumerate() {
        match protocol.receive(message) {
            Ok(Step::SignIn(_)) => drop(protocol.acknowledge()),
            Ok(Step::Begin(id, _)) => {
                assert!(!active.contains(&id), "{id} is under way twice");
                active.push(id);
            }
            Ok(Step::End(id)) => {
                assert!(active.contains(&id), "{id} was not under way");
                active.retain(|it| *it != id);
                assert_eq!(protocol.complete(&id), None);
            }
            Ok(Step::Reply(_) | Step::Ignore) => {}
            Err(close) => {
                assert!((4400..4500).contains(&close.code), "{close:?}");
                return false;
            }
        }
        // Every few messages, an operation has a result or ends.
        let Some(id) = active.first().cloned().filter(|_| number % 3 == 0) else { continue };
        let result = protocol.result(&id, &Response::new(Value::from(7)));
        assert!(result.contains("\"next\""), "{result}");
        if number % 2 == 0 {
            assert!(protocol.complete(&id).is_some(), "{id} was under way");
            active.retain(|it| *it != id);
        }
    }
    true
}

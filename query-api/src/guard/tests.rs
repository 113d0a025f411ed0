use std::time::{Duration, Instant};

use async_graphql::Variables;

use super::introspection::USUAL;
use super::*;

fn guard() -> Guard {
    Guard::new(include_str!("../../../graphql/schema.graphql"), &ServiceLimits::default(), false)
}

fn parse(text: &str) -> Result<ExecutableDocument, String> {
    let parsed = guard().parse(&Request::new(text));
    parsed.map_err(|response| response.errors[0].message.clone())
}

fn spreading_twice(levels: usize) -> String {
    let mut text = "{ ...f0 }".to_owned();
    for level in 0..levels {
        let next = level + 1;
        text.push_str(&format!(" fragment f{level} on Query {{ ...f{next} ...f{next} }}"));
    }
    text + &format!(" fragment f{levels} on Query {{ viewer {{ login }} }}")
}

fn ring(levels: usize) -> String {
    let (open, close) = ("possibleTypes { interfaces { ".repeat(levels), "} } ".repeat(levels));
    format!("{{ __schema {{ types {{ {open} name {close} }} }} }}")
}

#[test]
fn honest_documents_pass() {
    for text in [
        USUAL,
        "{ problems(first: 10) { nodes { id title } } }",
        "query($id: ID!) { node(id: $id) { id ... on Submission { verdict } } }",
        "{ __type(name: \"Submission\") { fields { name type { name ofType { name } } } } }",
        // Brackets in texts and comments do not count.
        &format!(
            "# {}\n{{ a(text: \"{}\", block: \"\"\"{}\"\"\") }}",
            "{".repeat(99),
            "[".repeat(99),
            "(\\\"\"\"".repeat(99)
        ),
    ] {
        parse(text).unwrap();
    }
}

#[test]
fn hostile_documents_are_refused_at_once() {
    let deep = |open: &str, close: &str, levels: usize| (open.repeat(levels), close.repeat(levels));
    let mut cases: Vec<(String, &str)> = Vec::new();
    for (open, close) in [("[", "]"), ("{a:", "}"), ("[{a:[", "]}]")] {
        let (open, close) = deep(open, close, 2_000);
        for text in [
            format!("{{ problems(first: {open}1{close}) {{ nodes {{ id }} }} }}"),
            format!("query($a: Int = {open}1{close}) {{ viewer {{ login }} }}"),
            format!("{{ viewer @include(if: {open}1{close}) {{ login }} }}"),
            format!("{{ viewer(text: \"\\\"\", a: {open}1{close}) {{ login }} }}"),
            format!("{{ a(text: \"unfinished\n{open}1{close}\") }}"),
            format!("{{ a(text: \"\"\"\"\"\", b: {open}1{close}) }}"),
            format!("{{ a(text: \"\", b: {open}1{close}) }}"),
        ] {
            cases.push((text, "nested deeper"));
        }
    }
    let (open, close) = deep("a{", "}", 2_000);
    cases.push((format!("{{{open}b{close}}}"), "nested deeper"));
    for levels in [14, 20, 24, 30, 200] {
        cases.push((spreading_twice(levels), "fragments in place"));
    }
    cases.push((
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".to_owned(),
        "itself",
    ));
    cases.push(("{ viewer { login } } fragment a on Query { ...a }".to_owned(), "itself"));
    cases.push((format!("{{ {} }}", "viewer { login } ".repeat(31)), "at the top"));
    let hidden = "fragment f on Query { a: viewer { login } b: viewer { login } } ";
    cases.push((format!("{{ {} }} {hidden}", "...f ".repeat(16)), "at the top"));
    for levels in [7, 11, 20] {
        cases.push((ring(levels), "introspection"));
    }
    let aliases: String = (0..25)
        .map(|number| format!("a{number}: __schema {{ types {{ ...FullType }} }} "))
        .collect();
    let fragments = &USUAL[USUAL.find("fragment").unwrap()..];
    cases.push((format!("{{ {aliases} }} {fragments}"), "introspection"));
    cases.push((format!("{{ {} }}", "#".repeat(DOCUMENT_BYTES_MAX)), "bytes"));
    let guard = guard();
    for (text, reason) in cases {
        let began = Instant::now();
        let parsed = guard.parse(&Request::new(text.as_str()));
        let text: String = text.chars().take(200).collect();
        let Err(refused) = parsed else { panic!("passed: {text}") };
        assert!(refused.errors[0].message.contains(reason), "{text}: {:?}", refused.errors);
        // Generous, because it is the machine's time; each takes less than a millisecond or two.
        assert!(began.elapsed() < Duration::from_secs(2), "{text}: {:?}", began.elapsed());
    }
}

#[test]
fn the_name_of_a_type_may_be_in_a_variable() {
    let (open, close) = ("possibleTypes { interfaces { ".repeat(9), "} } ".repeat(9));
    let text = format!("query($name: String!) {{ __type(name: $name) {{ {open} name {close} }} }}");
    let variables = Variables::from_json(serde_json::json!({ "name": "Node" }));
    let refused = guard().parse(&Request::new(text).variables(variables)).unwrap_err();
    assert!(refused.errors[0].message.contains("introspection"), "{:?}", refused.errors);
}

#[test]
fn a_hardened_server_shows_no_schema_and_still_the_names_of_types() {
    let sdl = include_str!("../../../graphql/schema.graphql");
    let guard = Guard::new(sdl, &ServiceLimits::default(), true);
    for text in [
        USUAL,
        "{ __type(name: \"User\") { name } }",
        "{ ...a } fragment a on Query { s: __schema { description } }",
    ] {
        let refused = guard.parse(&Request::new(text)).unwrap_err();
        assert!(refused.errors[0].message.contains("schema"), "{text}: {:?}", refused.errors);
    }
    guard.parse(&Request::new("{ viewer { __typename login } }")).unwrap();
}

#[test]
fn a_document_that_has_passed_passes_again_unless_its_variables_decide() {
    let guard = guard();
    for _ in 0..3 {
        guard.parse(&Request::new(USUAL)).unwrap();
        guard.parse(&Request::new(ring(11))).unwrap_err();
    }
    let (open, close) = ("possibleTypes { interfaces { ".repeat(9), "} } ".repeat(9));
    let text = format!("query($name: String!) {{ __type(name: $name) {{ {open} name {close} }} }}");
    for (name, passes) in [("DateTime", true), ("Node", false), ("DateTime", true)] {
        let variables = Variables::from_json(serde_json::json!({ "name": name }));
        let parsed = guard.parse(&Request::new(text.as_str()).variables(variables));
        assert_eq!(parsed.is_ok(), passes, "{name}");
    }
}

#[test]
fn more_introspections_than_are_remembered_pass() {
    let guard = guard();
    for _ in 0..2 {
        for number in 0..40 {
            let text = format!("{{ a{number}: __schema {{ queryType {{ name }} }} }}");
            guard.parse(&Request::new(text)).unwrap();
        }
    }
}

//! The committed schema must equal the served one.

use std::path::Path;

#[test]
fn the_committed_schema_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../graphql/schema.graphql");
    let served = assay::sdl();
    if std::env::var("ASSAY_BLESS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "graphql/schema.graphql is not what is served; run with ASSAY_BLESS=1 and commit it"
    );
}

#[test]
fn every_mutation_returns_a_payload() {
    let schema = assay::sdl();
    let mutations = schema.split("\ntype Mutation {").nth(1).unwrap();
    let mutations = mutations.split("\n}").next().unwrap();
    let returned: Vec<&str> =
        mutations.lines().filter_map(|line| line.rsplit_once("): ")?.1.strip_suffix('!')).collect();
    assert!(returned.len() > 10, "{returned:?}");
    for name in returned {
        let is_payload = schema.contains(&format!("\ntype {name} implements Payload {{"));
        assert!(is_payload, "{name} is missing in command-api/src/payloads.rs");
    }
}

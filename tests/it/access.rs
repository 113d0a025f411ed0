//! Who may do what: a table of every query, mutation and subscription × each viewer × own objects and
//! those of others. A field of the schema without a row fails the test.
//!
//! To add a field, add a row to `queries`, `mutations` or `subscriptions`. The first letters of a
//! placeholder say whose object it is: `$own.submission` is the viewer's, `$other.submission` is
//! bob's. Each row with an `$other.` is also asked with an object that does not exist; a viewer who may
//! not see the object must get the same answer.

mod mutations;
mod queries;
mod subscriptions;
mod world;

use futures::StreamExt;
use serde_json::{Value, json};
use tests::api::Api;

use self::world::{Viewer, World};

/// The viewers, in the order of the columns. The last two are tokens of the administrator with the
/// scopes `read` and `submit`.
const VIEWERS: [&str; 8] =
    ["nobody", "user", "setter", "judge", "auditor", "admin", "read", "submit"];

/// One line of the table.
struct Row {
    /// The root field: `Query.submission`.
    field: &'static str,
    /// The object asked for, and whose it is.
    object: &'static str,
    /// The fields of the operation, with placeholders.
    document: &'static str,
    /// For each viewer:
    ///
    /// - `ok`: the viewer gets something;
    /// - `null`, `empty`: nothing is shown;
    /// - `CODE`: the code of the first of `userErrors`;
    /// - `!CODE`: the code of a top-level error;
    /// - `-`: not asked, because the viewer has no such object.
    outcomes: &'static str,
}

const fn row(
    field: &'static str,
    object: &'static str,
    document: &'static str,
    outcomes: &'static str,
) -> Row {
    Row { field, object, document, outcomes }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_treats_every_viewer_as_the_table_says() {
    let world = World::start().await;
    check_that_every_field_has_a_row(&world).await;
    let mut wrong = Vec::new();
    for row in queries::ROWS.iter().chain(subscriptions::ROWS).chain(mutations::ROWS) {
        let expected: Vec<&str> = row.outcomes.split_whitespace().collect();
        assert_eq!(expected.len(), VIEWERS.len(), "{} ({})", row.field, row.object);
        for (viewer, expected) in world.viewers.iter().zip(expected) {
            if expected == "-" {
                continue;
            }
            if let Err(difference) = check(&world, row, viewer, expected).await {
                let Row { field, object, .. } = row;
                wrong.push(format!("{field} ({object}) as {}: {difference}", viewer.name));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Compares what the viewer gets with the table, and if nothing is shown, with the answer for an
/// object that does not exist.
async fn check(world: &World, row: &Row, viewer: &Viewer, expected: &str) -> Result<(), String> {
    let missing = world.filled(&row.document.replace("$other.", "$missing."), viewer);
    let missing = match row.document.contains("$other.") && expected != "ok" {
        true => Some(answer(&viewer.api, row, &missing).await),
        false => None,
    };
    let got = answer(&viewer.api, row, &world.filled(row.document, viewer)).await;
    let outcome = outcome(&got);
    if outcome != expected {
        return Err(format!("{outcome}, not {expected}: {got}"));
    }
    // Judges and administrators may see the object, so their refusals are about its state.
    let hidden = !matches!(viewer.name, "judge" | "admin") || expected == "null";
    match missing {
        Some(missing) if hidden && missing != got => {
            Err(format!("it shows that the object exists: {got}, not {missing}"))
        }
        _ => Ok(()),
    }
}

/// The whole answer, or the first message of a subscription: `data` and `errors`.
async fn answer(api: &Api, row: &Row, document: &str) -> Value {
    let (root, _) = row.field.split_once('.').unwrap();
    if root == "Subscription" {
        let document = format!("subscription {{ {document} }}");
        return match api.subscribe(&document, json!({})).await.next().await {
            Some(Ok(data)) => json!({ "data": data }),
            Some(Err(failure)) => {
                let code = failure.message.rsplit_once('(').map_or("?", |(_, code)| code);
                let code = code.trim_end_matches(')');
                let error = json!({ "message": failure.message, "extensions": { "code": code } });
                json!({ "errors": [error] })
            }
            None => json!({ "data": null }),
        };
    }
    let document = format!("{} {{ {document} }}", root.to_lowercase());
    let answer = api.ask(&document, json!({})).await;
    json!({ "data": answer.body["data"], "errors": answer.body["errors"] })
}

/// What the answer shows, in the words of the table.
fn outcome(answer: &Value) -> String {
    if let Some(code) = answer["errors"][0]["extensions"]["code"].as_str() {
        return format!("!{code}");
    }
    let (mut name, mut value) = ("", &answer["data"]);
    while let Some(fields) = value.as_object().filter(|fields| fields.len() == 1) {
        (name, value) = fields.iter().next().map(|(name, value)| (name.as_str(), value)).unwrap();
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(errors) if name == "userErrors" => match errors.first() {
            Some(error) => error["code"].as_str().unwrap_or("?").to_owned(),
            None => "ok".to_owned(),
        },
        Value::Array(items) if items.is_empty() => "empty".to_owned(),
        Value::Array(items) if items.iter().all(Value::is_null) => "null".to_owned(),
        _ => "ok".to_owned(),
    }
}

async fn check_that_every_field_has_a_row(world: &World) {
    let ask = "{
        __schema {
            queryType { name fields { name } } mutationType { name fields { name } }
            subscriptionType { name fields { name } }
        }
        __type(name: \"Node\") { possibleTypes { name } }
    }";
    let schema = world.viewers[0].api.data(ask, json!({})).await;
    let has_row = |field: &str, object: &str| {
        let rows = queries::ROWS.iter().chain(mutations::ROWS).chain(subscriptions::ROWS);
        rows.into_iter().any(|row| row.field == field && row.object.contains(object))
    };
    let names = |value: &Value| {
        let names = value.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut known = Vec::new();
    for root in schema["__schema"].as_object().unwrap().values() {
        let fields = names(&root["fields"]).into_iter();
        known.extend(fields.map(|field| format!("{}.{field}", root["name"].as_str().unwrap())));
    }
    let lacking: Vec<&String> = known.iter().filter(|field| !has_row(field, "")).collect();
    assert!(lacking.is_empty(), "these fields have no row in tests/it/access/: {lacking:?}");
    let types = names(&schema["__type"]["possibleTypes"]);
    let lacking: Vec<_> = types.iter().filter(|kind| !has_row("Query.node", kind)).collect();
    assert!(lacking.is_empty(), "Query.node has no row for these types: {lacking:?}");
    let rows = queries::ROWS.iter().chain(mutations::ROWS).chain(subscriptions::ROWS);
    let unknown: Vec<_> =
        rows.map(|row| row.field).filter(|field| !known.iter().any(|it| it == field)).collect();
    assert!(unknown.is_empty(), "the schema does not have these fields: {unknown:?}");
}

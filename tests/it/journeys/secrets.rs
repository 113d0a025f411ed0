//! Other users' data looks the same as missing data.

use futures::StreamExt;
use serde_json::{Value, json};
use tests::api::Api;

use super::{Judged, World};

const ABSENT: &str = "sub_00000000000000000000000000000000";

pub(super) async fn others_see_nothing(world: &World, judged: &Judged) {
    let id = judged["ACCEPTED"].as_str();
    let number =
        world.ada.data("query($id: ID!) { submission(id: $id) { number } }", json!({ "id": id }));
    let number = number.await["submission"]["number"].clone();
    let nobody = world.deployment.api();
    for api in [&world.bob, &nobody] {
        for (theirs, absent) in [
            (by_id(api, id).await, by_id(api, ABSENT).await),
            (by_number(api, &number).await, by_number(api, &json!(1)).await),
            (by_node(api, id).await, by_node(api, ABSENT).await),
            (by_subscription(api, id).await, by_subscription(api, ABSENT).await),
        ] {
            assert_eq!(theirs, absent);
            assert!(!theirs.contains("print"), "{theirs}");
        }
    }
    lists_hide_them(world).await;
    personal_data_is_ones_own(world).await;
    // Users with permission see the data.
    let admin = world.deployment.admin();
    assert!(by_id(&admin, id).await.contains("print"));
}

async fn by_id(api: &Api, id: &str) -> String {
    api.ask("query($id: ID!) { submission(id: $id) { source } }", json!({ "id": id }))
        .await
        .body
        .to_string()
}

async fn by_number(api: &Api, number: &Value) -> String {
    let ask = "query($number: Int!) { submission(number: $number) { source } }";
    api.ask(ask, json!({ "number": number })).await.body.to_string()
}

async fn by_node(api: &Api, id: &str) -> String {
    let ask = "query($id: ID!) { node(id: $id) { ... on Submission { source } } }";
    api.ask(ask, json!({ "id": id })).await.body.to_string()
}

async fn by_subscription(api: &Api, id: &str) -> String {
    let ask = "subscription($id: ID!) { submission(id: $id) { submission { source } } }";
    let mut stream = api.subscribe(ask, json!({ "id": id })).await;
    match stream.next().await {
        Some(Err(failure)) => failure.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn lists_hide_them(world: &World) {
    let ask = "{ submissions(first: 100) { nodes { author { login } } }
        user(login: \"ada\") { submissions { totalCount nodes { source } } }
        problem(slug: \"sum-of-two\") { submissions { totalCount } } }";
    let seen = world.bob.data(ask, json!({})).await;
    let nodes = seen["submissions"]["nodes"].as_array().unwrap();
    assert!(
        !nodes.is_empty() && nodes.iter().all(|it| it["author"]["login"] == "bob"),
        "{nodes:?}"
    );
    assert_eq!(seen["user"]["submissions"], json!({ "totalCount": 0, "nodes": [] }));
    assert_eq!(seen["problem"]["submissions"]["totalCount"], 0);
    let filter = "{ submissions(filter: { author: \"ada\" }) { totalCount } }";
    assert_eq!(world.bob.data(filter, json!({})).await["submissions"]["totalCount"], 0);
}

async fn personal_data_is_ones_own(world: &World) {
    let ask = "{ user(login: \"ada\") { login email } }";
    let nobody = world.deployment.api();
    for (api, email) in [
        (&world.ada, json!("ada@example.org")),
        (&world.bob, Value::Null),
        (&nobody, Value::Null),
        (&world.deployment.admin(), json!("ada@example.org")),
    ] {
        assert_eq!(
            api.data(ask, json!({})).await["user"],
            json!({ "login": "ada", "email": email })
        );
    }
}

//! The hardened profile: each check that the scanner GraphQL Cop makes, and others of its kind, finds
//! nothing.

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tests::deployment::{Deployment, Stack};

const SETTINGS: [(&str, &str); 1] = [("graphql.hardened", "true")];

async fn post(deployment: &Deployment, body: &Value) -> Value {
    deployment.api().post(body).await.body
}

async fn ask(deployment: &Deployment, query: &str) -> Value {
    post(deployment, &json!({ "query": query })).await
}

async fn get(deployment: &Deployment, path: &str, query: &[(&str, &str)]) -> Response {
    let mut address = deployment.address().join(path).unwrap();
    address.query_pairs_mut().extend_pairs(query);
    Client::new().get(address).header("accept", "text/html, */*").send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_finds_nothing() {
    let deployment = Deployment::start_with(Stack::Embedded, &SETTINGS).await;
    // Many of the same: aliases, fields, directives, operations.
    let aliases: String = (0..101).map(|number| format!("alias{number}:__typename ")).collect();
    for query in [
        format!("query cop {{ {aliases} }}"),
        format!("query cop {{ {} }}", "__typename ".repeat(500)),
        format!("query cop {{ __typename {} }}", "@aa".repeat(10)),
        format!("query cop {{ __typename {} }}", "@skip(if: false)".repeat(10)),
        "query cop { __schema { types { fields { type { fields { type { name } } } } } } }"
            .to_owned(),
        "query { __schema { ...A } } fragment A on __Schema { __typename ...B } \
         fragment B on __Schema { ...A }"
            .to_owned(),
    ] {
        let answer = ask(&deployment, &query).await;
        assert!(answer["data"].is_null(), "{query}: {answer}");
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{query}: {answer}");
    }
    let one = json!({ "query": "query cop { __typename }" });
    let batch = post(&deployment, &Value::Array(vec![one.clone(); 10])).await;
    assert!(!batch.is_array() && batch["data"].is_null(), "{batch}");

    // The schema: introspection, the file, suggestions, the explorer.
    for query in ["{ __schema { queryType { name } } }", "{ __type(name: \"User\") { name } }"] {
        let answer = ask(&deployment, query).await;
        assert!(answer["data"].is_null(), "{answer}");
    }
    assert_eq!(get(&deployment, "/schema.graphql", &[]).await.status(), StatusCode::NOT_FOUND);
    for query in [
        "{ viewr { login } }",
        "{ viewer { logins } }",
        "{ problem(slg: \"sum\") { id } }",
        "{ __schema { directive } }",
        "mutation { submi(input: {}) { token } }",
        "{ problems(orderBy: { field: TITEL }) { nodes { id } } }",
        "query($a: Problme) { viewer { login } }",
        "{ ... on Usr { login } }",
    ] {
        let answer = ask(&deployment, query).await.to_string();
        assert!(!answer.contains("Did you mean"), "{query}: {answer}");
    }
    for path in ["/graphql", "/graphiql", "/playground", "/console", "/"] {
        let page = get(&deployment, path, &[]).await;
        assert_ne!(page.status(), StatusCode::OK, "{path}");
        assert!(!page.text().await.unwrap().to_lowercase().contains("<html"), "{path}");
    }

    // Requests that another website's page could send.
    for query in ["query cop { __typename }", "mutation { __typename }"] {
        let answer = get(&deployment, "/graphql", &[("query", query)]).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()["allow"], "POST");
    }
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", "query=query+cop+%7B__typename%7D"),
        ("text/plain", "{\"query\":\"{ __typename }\"}"),
        ("multipart/form-data; boundary=a", "--a--"),
        ("", "{\"query\":\"{ __typename }\"}"),
    ] {
        let address = deployment.address().join("/graphql?query=%7B__typename%7D").unwrap();
        let request = Client::new().post(address).header("content-type", content_type).body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }

    // Traces of the server in answers.
    let answer = ask(&deployment, "query cop { __typename }").await;
    assert_eq!(answer["data"]["__typename"], "Query", "names of types are data: {answer}");
    let keys: Vec<_> = answer["extensions"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["cost"]);
    for query in ["qwerty cop { abc }", "query cop { __typename", "{ viewer(a: \"\\u{7}\") }"] {
        let answer = ask(&deployment, query).await;
        for error in answer["errors"].as_array().unwrap() {
            let keys: Vec<_> = error["extensions"].as_object().unwrap().keys().collect();
            assert_eq!(keys, ["code"], "{query}: {answer}");
        }
        assert!(!answer.to_string().contains(".rs"), "{query}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_clients_see_the_schema_and_get_help() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let answer = ask(&deployment, "{ viewr { login } }").await.to_string();
    assert!(answer.contains("Did you mean"), "{answer}");
    let answer = ask(&deployment, "{ __schema { queryType { name } } }").await;
    assert_eq!(answer["data"]["__schema"]["queryType"]["name"], "Query");
    let page = get(&deployment, "/graphql", &[]).await;
    assert!(page.text().await.unwrap().to_lowercase().contains("<html"));
    let answer = get(&deployment, "/graphql", &[("query", "{ __typename }")]).await;
    assert_ne!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

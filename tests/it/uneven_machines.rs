//! Evaluators on machines with different languages.

use serde_json::json;
use tests::api::submission;
use tests::deployment::{Deployment, Stack};
use tests::package::{self, Package};
use tests::waiting::until;

const CPP: &str = "#include <cstdio>\nint main() { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); }\n";
const PYTHON: &str = "print(sum(map(int, input().split())))";
const ROTATION: &str = "n = int(input())\nprint(*range(2, n + 1), 1)";

/// What waits for a language is judged by the machine that has it, and disturbs no other. What no
/// machine has is refused when it is submitted.
#[tokio::test(flavor = "multi_thread")]
async fn each_evaluator_takes_what_it_can_judge() {
    let mut cluster = Deployment::stores_only(Stack::Cluster, &[]).await;
    cluster.start_process("api", Some("command,query"), &[]).await;
    cluster.start_process("projector", Some("projector"), &[]).await;
    cluster.import(&Package::sum("sum", 1)).await;
    let checked_in_cpp = Package::of_folder(&package::collection().join("cppvalidator"));
    cluster.import(&checked_in_cpp).await;
    let ada = cluster.register("ada").await;
    // Without any evaluator, submissions wait.
    let mut keyed = submission("sum", "cpp", CPP);
    keyed["idempotencyKey"] = json!("once");
    let waiting = ada.submit_input(keyed.clone()).await["submission"]["id"].clone();
    let waiting = waiting.as_str().unwrap();

    let only_python = [("evaluator.languages", "[\"python3\"]")];
    cluster.start_process("python", Some("evaluator"), &only_python).await;
    let judged = ada.submitted("sum", "python3", PYTHON).await;
    assert_eq!(ada.verdict(&judged).await, "ACCEPTED");
    // What `evaluator.languages` leaves out is left out for submissions only.
    let checked = ada.submitted("cppvalidator", "python3", ROTATION).await;
    assert_eq!(ada.verdict(&checked).await, "ACCEPTED");
    let refused = ada.submit("sum", "cpp", CPP).await;
    let error = &refused["userErrors"][0];
    assert_eq!(error["code"], "LANGUAGE_UNAVAILABLE", "{refused}");
    assert_eq!(error["field"], json!(["input", "language"]));
    let message = "no evaluator judges cpp";
    assert_eq!(error["message"], message);
    let unknown = ada.submit("sum", "cobol", CPP).await;
    let message = "there is no such language; choose one of python3";
    assert_eq!(unknown["userErrors"][0]["message"], message);

    // But a client that repeats its request learns that the submission exists.
    let repeated = ada.submit_input(keyed).await;
    assert_eq!(
        (&repeated["submission"]["id"], &repeated["replayed"]),
        (&json!(waiting), &json!(true))
    );

    let only_cpp = [("evaluator.languages", "[\"cpp\"]")];
    cluster.start_process("cpp", Some("evaluator"), &only_cpp).await;
    assert_eq!(ada.verdict(waiting).await, "ACCEPTED");
    let accepted = until("the second evaluator is known", async || {
        let payload = ada.submit("sum", "cpp", CPP).await;
        payload["submission"]["id"].as_str().map(str::to_owned)
    });
    assert_eq!(ada.verdict(&accepted.await).await, "ACCEPTED");
    assert!(cluster.said("python").contains("left to an evaluator"), "{}", cluster.said("python"));
}

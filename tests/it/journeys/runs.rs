//! Programs on inputs of one's own: the results, live, and what others and the log see of it.

use futures::StreamExt;
use serde_json::{Value, json};
use tests::api::Api;

use super::World;

const RUN: &str = "mutation($input: RunInput!) {
  run(input: $input) { run { id state cursor } replayed userErrors { code field } }
}";
const FIELDS: &str = "id state failure compile { ok log }
  cases { number sample input expected referenceVerdict
    outcome { verdict stdout stderr truncated exitCode signal timeMs memoryKb } }";
const ABSENT: &str = "run_00000000000000000000000000000000";
/// Adds two numbers.
const SUM: &str = "print(sum(map(int, input().split())))";

pub(super) async fn own_inputs_and_samples(world: &World) {
    let stores = world.deployment.stores().await;
    let head = stores.log.info().await.unwrap().head;
    let own = own_inputs(world).await;
    samples(world).await;
    bad_programs(world).await;
    retries(world).await;
    refusals(world).await;
    others_see_nothing(world, &own).await;
    // Nothing of it is in the log.
    assert_eq!(stores.log.info().await.unwrap().head, head);
}

async fn start(api: &Api, input: Value) -> Value {
    api.data(RUN, json!({ "input": input })).await["run"].take()
}

/// Runs a program, and returns the updates until it has ended.
async fn updates(api: &Api, input: Value) -> Vec<Value> {
    let payload = start(api, input).await;
    let id = payload["run"]["id"].as_str().unwrap_or_else(|| panic!("refused: {payload}"));
    follow(api, id, None).await
}

async fn follow(api: &Api, id: &str, after: Option<&str>) -> Vec<Value> {
    let ask = format!(
        "subscription($id: ID!, $after: String) {{
           run(id: $id, after: $after) {{ cursor gap at run {{ {FIELDS} }} }}
         }}"
    );
    let stream = api.subscribe(&ask, json!({ "id": id, "after": after })).await;
    stream.map(|data| data.expect("an update")["run"].take()).collect().await
}

/// The run once it has ended.
async fn ended(api: &Api, input: Value) -> Value {
    let mut updates = updates(api, input).await;
    updates.last_mut().expect("an update")["run"].take()
}

async fn own_inputs(world: &World) -> String {
    let input = json!({
        "language": "python3",
        "source": "import sys\nx = int(input())\nprint(6 // x)\nprint('said', file=sys.stderr)",
        "inputs": ["2", "0"],
    });
    let payload = start(&world.ada, input).await;
    let (id, begun) = (payload["run"]["id"].as_str().unwrap(), payload["run"]["cursor"].as_str());
    let updates = follow(&world.ada, id, None).await;
    let run = &updates.last().unwrap()["run"];
    assert_eq!((&run["state"], &run["compile"]["ok"]), (&json!("FINISHED"), &json!(true)), "{run}");
    let [good, bad] = run["cases"].as_array().unwrap().as_slice() else { panic!("{run}") };
    assert_eq!(
        (&good["sample"], &good["input"], &good["expected"]),
        (&json!(false), &json!("2"), &Value::Null)
    );
    let outcome = &good["outcome"];
    assert_eq!((&outcome["stdout"], &outcome["stderr"]), (&json!("3\n"), &json!("said\n")));
    assert_eq!((&outcome["verdict"], &outcome["exitCode"]), (&Value::Null, &json!(0)));
    assert!(outcome["memoryKb"].as_i64().unwrap() > 0, "{run}");
    let outcome = &bad["outcome"];
    assert_eq!((&outcome["verdict"], &outcome["exitCode"]), (&json!("RUNTIME_ERROR"), &json!(1)));
    assert!(outcome["stderr"].as_str().unwrap().contains("ZeroDivisionError"), "{run}");

    // The run can be read later, and a stream that is resumed repeats and misses nothing.
    for ask in ["run(id: $id)", "node(id: $id) { ... on Run"] {
        let end = if ask.contains('{') { "} }" } else { "}" };
        let ask = format!("query($id: ID!) {{ found: {ask} {{ {FIELDS} {end} }}");
        let found = world.ada.data(&ask, json!({ "id": id })).await;
        assert_eq!(found["found"], *run);
    }
    let whole = follow(&world.ada, id, begun).await;
    assert_eq!(whole.last().unwrap()["run"], *run);
    for (index, update) in whole.iter().enumerate() {
        let rest = follow(&world.ada, id, update["cursor"].as_str()).await;
        assert_eq!(rest, whole[index + 1..]);
    }
    id.to_owned()
}

async fn samples(world: &World) {
    let input = json!({ "problem": "prb_sum", "language": "python3", "source": SUM });
    let run = ended(&world.ada, input).await;
    let case = &run["cases"][0];
    assert_eq!(
        (&case["sample"], &case["input"], &case["expected"]),
        (&json!(true), &json!("1 2\n"), &json!("3\n"))
    );
    assert_eq!(case["outcome"]["verdict"], "ACCEPTED", "{run}");

    // The reference solution answers own inputs.
    let input = json!({
        "problem": "prb_sum", "language": "python3", "source": "print(4)", "inputs": ["2 2", "2 3", "?"]
    });
    let run = ended(&world.ada, input).await;
    let of = |index: usize| {
        let case = &run["cases"][index];
        (
            case["expected"].clone(),
            case["referenceVerdict"].clone(),
            case["outcome"]["verdict"].clone(),
        )
    };
    assert_eq!(of(0), (json!("4\n"), json!(null), json!("ACCEPTED")), "{run}");
    assert_eq!(of(1), (json!("5\n"), json!(null), json!("WRONG_ANSWER")), "{run}");
    assert_eq!(of(2), (json!(null), json!("RUNTIME_ERROR"), json!(null)), "{run}");

    let input = json!({ "problem": "prb_sum", "language": "python3", "source": "print(4)" });
    let run = ended(&world.ada, input).await;
    let outcome = &run["cases"][0]["outcome"];
    assert_eq!((&outcome["verdict"], &outcome["stdout"]), (&json!("WRONG_ANSWER"), &json!("4\n")));
}

async fn bad_programs(world: &World) {
    let run =
        ended(&world.ada, json!({ "language": "c", "source": "int main( {", "inputs": [""] }));
    let run = run.await;
    assert_eq!(
        (&run["state"], &run["compile"]["ok"]),
        (&json!("FINISHED"), &json!(false)),
        "{run}"
    );
    assert!(run["compile"]["log"].as_str().unwrap().contains("error"), "{run}");
    assert_eq!(run["cases"][0]["outcome"], Value::Null);

    let endless = json!({
        "language": "python3", "source": "print('on', flush=True)\nwhile True: pass", "inputs": [""],
    });
    let run = ended(&world.ada, endless).await;
    let outcome = &run["cases"][0]["outcome"];
    assert_eq!(outcome["verdict"], "TIME_LIMIT_EXCEEDED", "{run}");
    assert_eq!(outcome["stdout"], "on\n");

    let loud = json!({
        "language": "python3", "source": "print('x' * 100_000)", "inputs": [""],
    });
    let run = ended(&world.ada, loud).await;
    let outcome = &run["cases"][0]["outcome"];
    assert_eq!((&outcome["verdict"], &outcome["truncated"]), (&Value::Null, &json!(true)));
    assert_eq!(outcome["stdout"].as_str().unwrap().len(), 64 << 10);
}

async fn retries(world: &World) {
    let mut input = json!({
        "language": "python3", "source": SUM, "inputs": ["1 2"], "idempotencyKey": "a run",
    });
    let first = start(&world.ada, input.clone()).await;
    let again = start(&world.ada, input.clone()).await;
    assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));
    assert_eq!(first["run"]["id"], again["run"]["id"]);
    follow(&world.ada, first["run"]["id"].as_str().unwrap(), None).await;
    input["inputs"] = json!(["3 4"]);
    let other = start(&world.ada, input).await;
    assert_eq!(other["userErrors"][0]["code"], "IDEMPOTENCY_KEY_REUSED", "{other}");
}

async fn refusals(world: &World) {
    let python = |more: Value| {
        let mut input = json!({ "language": "python3", "source": SUM });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let cases = [
        (python(json!({})), "INVALID", "inputs"),
        (python(json!({ "inputs": vec![""; 11] })), "TOO_LARGE", "inputs"),
        (python(json!({ "inputs": ["x".repeat((64 << 10) + 1)] })), "TOO_LARGE", "inputs"),
        (python(json!({ "problem": "prb_absent" })), "NOT_FOUND", "problem"),
        (
            python(json!({ "inputs": [""], "language": "cobol" })),
            "LANGUAGE_UNAVAILABLE",
            "language",
        ),
        (python(json!({ "inputs": [""], "source": " " })), "INVALID", "source"),
    ];
    for (input, code, field) in cases {
        let payload = start(&world.ada, input).await;
        let expected = json!([{ "code": code, "field": ["input", field] }]);
        assert_eq!((&payload["run"], &payload["userErrors"]), (&Value::Null, &expected));
    }
    let nobody = world.deployment.api();
    let input = python(json!({ "inputs": [""] }));
    let refused = nobody.ask(RUN, json!({ "input": input })).await;
    assert_eq!(refused.code(), "UNAUTHENTICATED");
}

async fn others_see_nothing(world: &World, id: &str) {
    let admin = world.deployment.admin();
    for api in [&world.bob, &world.deployment.api(), &admin] {
        for ask in [
            "query($id: ID!) { run(id: $id) { source } }",
            "query($id: ID!) { node(id: $id) { ... on Run { source } } }",
        ] {
            let theirs = api.ask(ask, json!({ "id": id })).await.body;
            assert_eq!(theirs, api.ask(ask, json!({ "id": ABSENT })).await.body);
        }
        let followed = [id, ABSENT].map(|id| async move {
            let ask = "subscription($id: ID!) { run(id: $id) { run { source } } }";
            let mut stream = api.subscribe(ask, json!({ "id": id })).await;
            match stream.next().await {
                Some(Err(failure)) => failure.to_string(),
                other => panic!("{other:?}"),
            }
        });
        let [theirs, absent] = followed;
        assert_eq!(theirs.await, absent.await);
    }
}

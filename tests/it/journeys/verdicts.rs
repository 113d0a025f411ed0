//! Every kind of verdict, watched live.

use serde_json::{Value, json};

use super::{Judged, World};

const RIGHT: &str = "print(sum(map(int, input().split())))";

/// Problem, language, source and verdict.
const PROGRAMS: [(&str, &str, &str, &str); 8] = [
    ("sum-of-two", "python3", RIGHT, "ACCEPTED"),
    ("sum-of-two", "python3", "print(0)", "WRONG_ANSWER"),
    ("sum-of-two", "python3", "while True: pass", "TIME_LIMIT_EXCEEDED"),
    (
        "sum-of-two",
        "python3",
        "a = bytearray(2 << 30)\nfor i in range(0, 2 << 30, 4096): a[i] = 1",
        "MEMORY_LIMIT_EXCEEDED",
    ),
    (
        "sum-of-two",
        "c",
        "#include <stdio.h>\nint main(void) { for (;;) puts(\"0123456789012345678901234567890123456789\"); }",
        "OUTPUT_LIMIT_EXCEEDED",
    ),
    ("sum-of-two", "python3", "raise SystemExit(3)", "RUNTIME_ERROR"),
    ("sum-of-two", "c", "int main(void) { return 0", "COMPILE_ERROR"),
    (
        "frame-of-stars",
        "cpp",
        include_str!(
            "../../../problems/frame-of-stars/submissions/presentation_error/trailing_space.cpp"
        ),
        "PRESENTATION_ERROR",
    ),
];

pub(super) async fn every_verdict(world: &World) -> Judged {
    let mut judged = Judged::new();
    let mut updates_max = 0;
    for (problem, language, source, verdict) in PROGRAMS {
        let id = world.ada.submitted(problem, language, source).await;
        let updates = world.ada.updates(&id, None).await;
        check_updates(&updates);
        updates_max = updates_max.max(updates.len());
        let last = &updates.last().unwrap()["submission"];
        assert_eq!(last["verdict"], verdict, "{source}: {last}");
        judged.insert(verdict, id);
    }
    // A program that does not compile may have its verdict before anybody subscribes.
    assert!(updates_max > 1, "every subscription began after the verdict");
    judged
}

/// First a snapshot, then the events in order, each with its own cursor, to the end.
fn check_updates(updates: &[Value]) {
    let (Some(first), Some(last)) = (updates.first(), updates.last()) else {
        panic!("there are no updates")
    };
    assert_eq!(first["test"], Value::Null);
    assert_eq!(last["submission"]["state"], "JUDGED");
    assert_eq!(last["submission"]["judgement"]["verdict"], last["submission"]["verdict"]);
    assert!(updates.iter().all(|update| update["gap"] == false));
    let done =
        updates.iter().map(|update| update["submission"]["progress"]["done"].as_i64().unwrap());
    assert!(done.is_sorted(), "{updates:?}");
    let mut cursors: Vec<_> =
        updates.iter().map(|update| update["cursor"].as_str().unwrap()).collect();
    cursors.sort_unstable();
    cursors.dedup();
    assert_eq!(cursors.len(), updates.len(), "{updates:?}");
}

pub(super) async fn tests_are_shown_or_hidden(world: &World, judged: &Judged) {
    let ask = "query($id: ID!) { submission(id: $id) {
        number source sourceSha256 problemVersion language { id } author { login }
        problem { slug viewerStatus stats { submissions accepted solvers } }
        judgement { attempt judge timeMs memoryKb compile { ok log } startedAt finishedAt
            tests { number hidden verdict exitCode detail { input expected stdout } } }
        judgements { attempt verdict }
    } }";
    world.deployment.projected().await;
    let of = async |verdict: &str| {
        let variables = json!({ "id": judged[verdict] });
        world.ada.data(ask, variables).await["submission"].take()
    };
    let accepted = of("ACCEPTED").await;
    assert_eq!(accepted["source"], RIGHT);
    assert_eq!(accepted["author"]["login"], "ada");
    assert_eq!(accepted["problem"]["viewerStatus"], "SOLVED");
    assert_eq!(
        accepted["problem"]["stats"],
        json!({ "submissions": 7, "accepted": 1, "solvers": 1 })
    );
    assert_eq!(accepted["judgements"], json!([{ "attempt": 1, "verdict": "ACCEPTED" }]));
    let tests = accepted["judgement"]["tests"].as_array().unwrap();
    let (hidden, shown): (Vec<_>, Vec<_>) = tests.iter().partition(|test| test["hidden"] == true);
    assert!(hidden.len() >= 3 && shown.len() == 2, "{tests:?}");
    assert!(hidden.iter().all(|test| test["detail"].is_null()), "{hidden:?}");
    assert!(shown.iter().all(|test| test["detail"]["input"].is_string()), "{shown:?}");

    let wrong = of("WRONG_ANSWER").await;
    let failed = &wrong["judgement"]["tests"][0];
    assert_eq!(failed["detail"]["stdout"], "0\n", "{failed}");
    let crashed = of("RUNTIME_ERROR").await;
    assert_eq!(crashed["judgement"]["tests"][0]["exitCode"], 3);
    let broken = of("COMPILE_ERROR").await;
    assert_eq!(broken["judgement"]["compile"]["ok"], false);
    assert!(broken["judgement"]["compile"]["log"].as_str().unwrap().contains("error"), "{broken}");
    assert_eq!(broken["judgement"]["tests"], json!([]));
}

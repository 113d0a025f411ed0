//! The command line: its output for scripts, and its exit codes.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};
use tests::deployment::{Deployment, Stack};
use tests::package::sample;

#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_how_it_went() {
    let deployment = Deployment::start(Stack::Embedded).await;
    problems(&deployment);
    let submission = submissions(&deployment);
    runs(&deployment);
    refusals(&deployment);
    accounts(&deployment);
    audit(&deployment, &submission);
    settings(&deployment);
    completions(&deployment);
    a_reader_that_goes(&deployment);
}

fn problems(deployment: &Deployment) {
    let folder = sample("sum-of-two");
    let import = ["problem", "import", folder.to_str().unwrap()];
    assert_eq!(done(deployment, &import), "sum-of-two: imported, revision 1\n");
    assert_eq!(done(deployment, &import), "sum-of-two: unchanged, revision 1\n");
    let list = json_of(&deployment.cli(&["problem", "list", "--json"]));
    assert_eq!(list[0]["slug"], "sum-of-two");
    assert!(done(deployment, &["problem", "list"]).contains("sum-of-two"));
    let nothing = write(deployment, "nothing.zip", "PK");
    let refused = deployment.cli(&["problem", "import", nothing.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let absent = deployment.cli(&["problem", "import", "absent"]);
    assert_eq!(absent.status.code(), Some(2), "{absent:?}");
}

fn submissions(deployment: &Deployment) -> String {
    let right = write(deployment, "right.py", "print(sum(map(int, input().split())))");
    let wrong = write(deployment, "wrong.py", "print(0)");
    let submit = |file: &PathBuf, more: &[&str]| {
        let file = file.to_str().unwrap();
        deployment.cli(&[&["submit", file, "--problem", "sum-of-two"], more].concat())
    };
    let accepted = submit(&right, &["--watch"]);
    assert_eq!(accepted.status.code(), Some(0), "{accepted:?}");
    assert!(String::from_utf8_lossy(&accepted.stdout).contains("ACCEPTED"), "{accepted:?}");
    let rejected = submit(&wrong, &["--watch"]);
    assert_eq!(rejected.status.code(), Some(1), "{rejected:?}");
    assert!(String::from_utf8_lossy(&rejected.stdout).contains("WRONG_ANSWER"), "{rejected:?}");

    let first = json_of(&submit(&right, &["--json", "--idempotency-key", "k"]));
    let again = json_of(&submit(&right, &["--json", "--idempotency-key", "k"]));
    assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));
    let id = first["submission"]["id"].as_str().unwrap().to_owned();
    assert_eq!(again["submission"]["id"], id.as_str());

    let watched = deployment.cli(&["watch", &id, "--json"]);
    assert_eq!(watched.status.code(), Some(0), "{watched:?}");
    let lines = String::from_utf8(watched.stdout).unwrap();
    let updates: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(updates.last().unwrap()["submission"]["verdict"], "ACCEPTED");
    let number = format!("#{}", first["submission"]["number"]);
    let by_number = deployment.cli(&["watch", &number]);
    assert_eq!(by_number.status.code(), Some(0), "{by_number:?}");
    assert!(String::from_utf8_lossy(&by_number.stdout).contains(&id), "{by_number:?}");
    id
}

fn runs(deployment: &Deployment) {
    let right = write(deployment, "right.py", "print(sum(map(int, input().split())))");
    let wrong = write(deployment, "wrong.py", "print(0)");
    let bad = write(deployment, "bad.c", "int main( {");
    let input = write(deployment, "input", "20 22\n");
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    let input = ["--input", input.to_str().unwrap()];
    assert_eq!(done(deployment, &[&["run", right][..], &input, &input].concat()), "42\n42\n");
    let for_problem = ["run", right, "--problem", "sum-of-two", "--json"];
    let run = json_of(&deployment.cli(&[&for_problem[..], &input].concat()));
    assert_eq!(run["cases"][0]["outcome"]["stdout"], "42\n");
    // Standard input is empty, so the program crashes.
    let crashed = deployment.cli(&["run", right]);
    assert_eq!(crashed.status.code(), Some(1), "{crashed:?}");
    assert!(String::from_utf8_lossy(&crashed.stderr).contains("EOFError"), "{crashed:?}");
    let broken = deployment.cli(&["run", bad.to_str().unwrap()]);
    assert_eq!(broken.status.code(), Some(1), "{broken:?}");
    assert!(String::from_utf8_lossy(&broken.stderr).contains("does not compile"), "{broken:?}");

    let test = |file: &str| deployment.cli(&["test", file, "--problem", "sum-of-two"]);
    let passed = test(right);
    assert_eq!(passed.status.code(), Some(0), "{passed:?}");
    assert!(String::from_utf8_lossy(&passed.stdout).contains("sample 1: ACCEPTED"), "{passed:?}");
    let failed = test(wrong);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let text = String::from_utf8_lossy(&failed.stdout).into_owned();
    assert!(text.contains("sample 1: WRONG_ANSWER") && text.contains("\n+ 0\n"), "{text}");
}

fn refusals(deployment: &Deployment) {
    let file = write(deployment, "right.py", "print(3)");
    let strange = write(deployment, "right.cob", "DISPLAY 3");
    let (file, strange) = (file.to_str().unwrap(), strange.to_str().unwrap());
    let submit = ["submit", file, "--problem", "sum-of-two"];
    let elsewhere = ["--server", "http://127.0.0.1:1"];
    let somebody = ["--token", "assay_made-up"];
    for (arguments, code) in [
        (vec!["submit", file, "--problem", "absent"], 2),
        (vec!["submit", strange, "--problem", "sum-of-two"], 2),
        (vec!["submit", "absent.py", "--problem", "sum-of-two"], 2),
        (vec!["submit"], 2),
        (vec!["run", "absent.py"], 2),
        (vec!["test", file, "--problem", "absent"], 2),
        (vec!["nonsense"], 2),
        ([&submit[..], &elsewhere].concat(), 3),
        ([&submit[..], &somebody].concat(), 4),
        (vec!["watch", "nonsense"], 2),
        (vec!["watch", "4000000000"], 2),
        (vec!["cancel", "1000000"], 2),
        (vec!["watch", "sub_00000000000000000000000000000000"], 2),
        ([&["watch", "sub_00000000000000000000000000000000"][..], &somebody].concat(), 4),
        (vec!["audit", "nonsense"], 2),
        (vec!["audit", "sub_00000000000000000000000000000000"], 2),
    ] {
        let output = deployment.cli(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

fn accounts(deployment: &Deployment) {
    let made = json_of(&deployment.cli(&["account", "create", "carl", "--json"]));
    assert_eq!(made["login"], "carl");
    let token = made["token"].as_str().unwrap();
    let folder = sample("vault-coins");
    let import = ["problem", "import", folder.to_str().unwrap(), "--token", token];
    let refused = deployment.cli(&import);
    assert_eq!(refused.status.code(), Some(4), "only setters import: {refused:?}");

    let setter =
        json_of(&deployment.cli(&["account", "create", "dora", "--role", "setter", "--json"]));
    let mut import = import;
    import[4] = setter["token"].as_str().unwrap();
    assert_eq!(done(deployment, &import), "vault-coins: imported, revision 1\n");

    assert_eq!(
        done(deployment, &["account", "grant", "carl", "judge"]),
        "granted the role judge to carl\n"
    );
    assert_eq!(
        done(deployment, &["account", "grant", "carl", "judge"]),
        "carl already has the role judge\n"
    );
    let taken = deployment.cli(&["account", "create", "carl"]);
    assert_eq!(taken.status.code(), Some(2), "{taken:?}");
    let absent = deployment.cli(&["account", "grant", "nobody", "judge"]);
    assert_eq!(absent.status.code(), Some(2), "{absent:?}");
}

fn audit(deployment: &Deployment, id: &str) {
    let events = json_of(&deployment.cli(&["audit", id, "--json"]));
    let kinds: Vec<_> =
        events.as_array().unwrap().iter().map(|it| it["body"]["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.first(), Some(&"SubmissionReceived"));
    assert_eq!(kinds.last(), Some(&"JudgingFinished"));
    let trail = done(deployment, &["audit", id]);
    for kind in kinds {
        assert!(trail.contains(kind), "{kind}: {trail}");
    }
}

fn settings(deployment: &Deployment) {
    let listed = json_of(&deployment.cli(&["config", "--json", "--set", "drain_s=7"]));
    let setting = |key: &str| {
        let found = listed.as_array().unwrap().iter().find(|it| it["key"] == key);
        found.unwrap_or_else(|| panic!("{key} is not listed: {listed}")).clone()
    };
    assert_eq!(setting("drain_s"), json!({ "key": "drain_s", "value": 7, "source": "--set" }));
    assert_eq!(setting("stores.log")["value"], deployment.setting("stores.log"));
    assert_eq!(setting("stores.log")["source"], "ASSAY_STORES__LOG");
    assert_eq!(setting("evaluator.lease_s")["source"], "default");
    let secret =
        ["config", "--json", "--set", "stores.views=mongodb://judge:hunter2@127.0.0.1/views"];
    let shown = done(deployment, &secret);
    assert!(shown.contains("judge") && !shown.contains("hunter2"), "{shown}");
}

fn completions(deployment: &Deployment) {
    for shell in ["bash", "zsh", "fish"] {
        assert!(done(deployment, &["completions", shell]).contains("assay"), "{shell}");
    }
}

/// A closed pipe, as in `assay completions bash | head -1`, gives no error message, and the exit
/// code that shells use for it.
fn a_reader_that_goes(deployment: &Deployment) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = deployment.command(&["config"]);
    let output = command.stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(141), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

fn done(deployment: &Deployment, arguments: &[&str]) -> String {
    let output = deployment.cli(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn write(deployment: &Deployment, name: &str, text: &str) -> PathBuf {
    let path = deployment.directory().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

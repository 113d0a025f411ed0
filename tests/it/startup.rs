//! `serve` refuses to start with something broken, and reports the cause and the remedy; `doctor`
//! reports the same.

use std::net::TcpListener;
use std::process::{Command, Output};

use tempfile::TempDir;
use tests::deployment::assay_command;
use tests::mongo_server::MongoServer;
use tests::redis_server::RedisServer;

/// Exit codes, as documented on the command line.
const NOT_ACCEPTED: i32 = 1;
const USAGE: i32 = 2;
const NETWORK: i32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_would_lose_something_are_refused_with_cause_and_cure() {
    let (forgetful, alone) =
        tokio::join!(RedisServer::start_forgetful(), MongoServer::start_standalone());
    let (log, alone) = (forgetful.url(), alone.url("assay"));
    let refusals = [
        ("stores.log", log.as_str(), ["appendonly", "CONFIG SET appendonly yes"]),
        ("stores.views", &alone, ["stands alone", "--replSet"]),
        ("stores.blobs", &alone, ["stands alone", "--replSet"]),
        ("stores.credentials", &alone, ["stands alone", "--replSet"]),
        ("stores.tree", &alone, ["stands alone", "--replSet"]),
        ("stores.log", "redis://127.0.0.1:1", ["refused", "stores.log"]),
        ("stores.log", "postgres://127.0.0.1/x", ["postgres", "sqlite:PATH or redis://HOST"]),
    ];
    for (key, url, texts) in refusals {
        let setting = format!("{key}={url}");
        refuses(&[&setting], &texts, NETWORK);
        examines(&[&setting], &texts);
    }
}

#[test]
fn a_docker_that_does_not_run_is_refused_with_cause_and_cure() {
    let settings =
        ["sandbox.adapter=docker", "sandbox.docker.host=unix:///nonexistent/docker.sock"];
    let texts = ["docker", "/nonexistent/docker.sock"];
    refuses(&settings, &texts, USAGE);
    examines(&settings, &texts);
}

#[test]
fn a_language_that_is_not_there_is_refused_with_cause_and_cure() {
    refuses(&["evaluator.languages=[\"cobol\"]"], &["cobol", "python3"], USAGE);
    // The same on a machine without compilers, where the programs are missing.
    let folder = TempDir::new().unwrap();
    let output = without_compilers(
        &folder,
        &["serve", "--role", "evaluator", "--set", r#"evaluator.languages=["c"]"#],
    );
    let said = said(&output);
    assert_eq!(output.status.code(), Some(USAGE), "{said}");
    for text in ["gcc", "apt-get install gcc", "evaluator.languages"] {
        assert!(said.contains(text), "{text}: {said}");
    }
    let output = without_compilers(&folder, &["doctor", "--set", r#"evaluator.languages=["c"]"#]);
    let said = self::said(&output);
    assert_eq!(output.status.code(), Some(NOT_ACCEPTED), "{said}");
    assert!(said.contains("gcc") && said.contains("missing"), "{said}");
}

/// Runs the command in its own mount namespace, where the compilers are replaced by `/dev/null`.
fn without_compilers(folder: &TempDir, arguments: &[&str]) -> Output {
    let assay = assay_command(folder.path(), arguments);
    let script = r#"for it in /usr/bin/gcc "$(readlink -f /usr/bin/gcc)"; do
        mount --bind /dev/null "$it" || exit 99
    done
    exec "$@""#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(assay.get_program());
    command.args(assay.get_args()).current_dir(folder.path());
    command.output().unwrap()
}

#[test]
fn a_configuration_without_meaning_is_refused_with_its_place() {
    refuses(&["evaluator.slot=2"], &["slot"], USAGE);
    refuses(&["drain_s=soon"], &["drain_s"], USAGE);
    refuses(&["http.listen=nowhere"], &["http.listen"], USAGE);
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("assay.toml"), "[evaluator]\nslot = 2\n").unwrap();
    let output = assay_command(folder.path(), &["serve"]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(USAGE), "{said}");
    assert!(said.contains("slot") && said.contains("assay.toml"), "{said}");
    let missing = assay_command(folder.path(), &["serve", "--config", "absent.toml"]);
    let output = { missing }.output().unwrap();
    assert_eq!(output.status.code(), Some(USAGE), "{}", self::said(&output));
}

#[test]
fn a_port_that_is_taken_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    refuses(&[&format!("http.listen={address}")], &[&address.to_string(), "http.listen"], USAGE);
}

#[test]
fn commands_without_queries_are_refused() {
    let folder = TempDir::new().unwrap();
    let output = assay_command(folder.path(), &["serve", "--role", "command"]).output().unwrap();
    assert_eq!(output.status.code(), Some(USAGE));
    assert!(said(&output).contains("--role command,query"), "{}", said(&output));
}

#[test]
fn doctor_finds_nothing_missing_here() {
    let folder = TempDir::new().unwrap();
    let output = assay_command(folder.path(), &["doctor", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let lines: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let subjects: Vec<_> =
        lines.as_array().unwrap().iter().map(|line| line["subject"].as_str().unwrap()).collect();
    for subject in ["read model", "cell", "language c", "language java"] {
        assert!(subjects.contains(&subject), "{subjects:?}");
    }
}

/// `serve` with these settings must exit at once with this code and print these texts.
fn refuses(settings: &[&str], texts: &[&str], code: i32) {
    let output = run("serve", settings);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{settings:?}: {said}");
    for text in texts {
        assert!(said.contains(text), "{settings:?}: no {text:?} in: {said}");
    }
    assert!(output.stdout.is_empty(), "{settings:?}: something was begun");
}

/// `doctor` with these settings must report something as missing, with these texts.
fn examines(settings: &[&str], texts: &[&str]) {
    let json = run("doctor --json", settings);
    let said = String::from_utf8_lossy(&json.stdout).into_owned();
    assert_eq!(json.status.code(), Some(NOT_ACCEPTED), "{settings:?}: {said}");
    let lines: serde_json::Value = serde_json::from_str(&said).unwrap();
    let missing = lines.as_array().unwrap().iter().filter(|line| line["level"] == "missing");
    let missing: String = missing.map(ToString::to_string).collect();
    for text in texts {
        assert!(missing.contains(text), "{settings:?}: no {text:?} in: {missing}");
    }
}

fn run(arguments: &str, settings: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let quick = ["http.listen=127.0.0.1:0", "evaluator.languages=[\"python3\"]"];
    let settings = quick.iter().chain(settings).flat_map(|setting| ["--set", setting]);
    let arguments: Vec<_> = arguments.split(' ').chain(settings).collect();
    assay_command(folder.path(), &arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

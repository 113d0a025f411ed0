//! `assay-bench`: its output for programs. The measurements themselves are not tested.

use serde_json::Value;
use tests::deployment::bench_command;

#[test]
fn the_sandboxes_are_measured_beside_their_floor() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["sandbox", "--runs", "20", "--json"];
    let output = bench_command(folder.path(), &arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    percentiles(&report["floor_ms"]);
    let modes = report["modes"].as_array().unwrap();
    assert!(!modes.is_empty(), "{report}");
    for mode in modes {
        let name = mode["mode"].as_str().unwrap();
        assert!(["native", "userns", "docker"].contains(&name), "{report}");
        percentiles(&mode["added_ms"]);
        percentiles(&mode["prepare_ms"]);
    }
    // Skipped measurements are reported with the reason.
    for left_out in report["left_out"].as_array().unwrap() {
        assert!(!left_out["why"].as_str().unwrap().is_empty(), "{report}");
    }
}

#[test]
fn a_sandbox_that_is_asked_for_must_work() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["sandbox", "--sandbox", "docker", "--set", "sandbox.docker.host=unix:///nowhere"];
    let output = bench_command(folder.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{output:?}");
}

fn percentiles(figures: &Value) {
    let (p50, p95) = (figures["p50"].as_f64().unwrap(), figures["p95"].as_f64().unwrap());
    assert!(p50.is_finite() && p95.is_finite(), "{figures}");
}

#[test]
fn the_log_is_measured_beside_its_floor_and_so_are_its_views_and_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--appends", "200", "--at-once", "8", "--runs", "1", "--replay", "2000"];
    let redis = std::env::var("ASSAY_TEST_REDIS_SERVER").expect("scripts/services names it");
    let more = ["--size", "2000", "--json", "--redis-server", &redis];
    let arguments = [&["log"], &size[..], &more].concat();
    let output = bench_command(folder.path(), &arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |field: &str| report[field].as_array().unwrap().clone();
    for (log, size) in of("logs").iter().zip(of("sizes")) {
        assert!(log["ratio"].as_f64().unwrap() > 0.0, "{log}");
        let bytes = |field: &str| size[field].as_u64().unwrap();
        assert!(bytes("archived_bytes") < bytes("hot_bytes") / 2, "{size}");
        assert!(bytes("blobs_bytes") > 0 && bytes("events") >= 2_000, "{size}");
    }
    assert_eq!((of("logs").len(), of("sizes").len()), (2, 2));
    assert!(report["replay"]["events_per_s"].as_f64().unwrap() > 0.0, "{report}");
}

#[test]
fn questions_about_another_time_are_measured_beside_those_about_now() {
    let folder = tempfile::tempdir().unwrap();
    let size = ["--events", "600", "--accounts", "10", "--problems", "5", "--questions", "5"];
    for more in [&["--json"][..], &["--json", "--archived"]] {
        let arguments = [&["asof"], &size[..], more].concat();
        let output = bench_command(folder.path(), &arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(report["events"].as_u64().unwrap() >= 600, "{report}");
        let asked = report["questions"].as_array().unwrap();
        let kinds: Vec<_> = asked.iter().map(|it| (&it["about"], &it["when"])).collect();
        assert_eq!(kinds.len(), 11, "{kinds:?}");
        asked.iter().for_each(percentiles);
        let archived = report["archived_through"].as_u64().unwrap();
        assert_eq!(archived > 0, more.contains(&"--archived"), "{report}");
    }
}

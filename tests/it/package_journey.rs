//! Packages from the command line to the users who solve them, on both stacks: imported, solved,
//! revised.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};
use tests::package::{Package, collection};

/// Packages in `tests/packages`: scored by groups, interactive, with a validator, with a rich
/// statement, and without a time limit.
const SCORED: &str = "scoregroups";
const INTERACTIVE: &str = "interactiveguess";
const CUSTOM: &str = "pyvalidator";
const RICH: &str = "richstatement";
const DERIVED: &str = "derivedlimit";

/// A package whose checker always fails.
const CRASHING: &str = "crashing-checker";
/// The checker's message before it fails.
const CRASHES_WITH: &str = "the answer file is not there";

#[tokio::test(flavor = "multi_thread")]
async fn on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

/// A deployment with a user who solves problems.
struct World {
    deployment: Deployment,
    ada: Api,
}

async fn journey(stack: Stack) {
    let deployment = Deployment::start(stack).await;
    let ada = deployment.register("ada").await;
    let world = World { deployment, ada };
    imported_once(&world);
    scored_by_groups(&world).await;
    solved(&world, INTERACTIVE, "halving.py", "gives_up.py").await;
    solved(&world, RICH, "ceil.py", "floor.py").await;
    messages_for_those_who_judge(&world).await;
    pages(&world).await;
    attachments(&world).await;
    a_limit_from_measured_times(&world).await;
    revised(&world).await;
    a_checker_that_crashes_is_no_wrong_answer(&world).await;
}

/// Importing the same bytes again creates no revision, and the diff is empty.
fn imported_once(world: &World) {
    for slug in [SCORED, INTERACTIVE, CUSTOM, RICH, DERIVED] {
        let path = collection().join(slug);
        let path = path.to_str().unwrap();
        for (arguments, said) in [
            (["problem", "import", path], format!("{slug}: imported, revision 1\n")),
            (["problem", "import", path], format!("{slug}: unchanged, revision 1\n")),
        ] {
            assert_eq!(done(world, &arguments), said);
        }
        // Measured times are not part of the package, so this package would differ.
        if slug != DERIVED {
            assert_eq!(done(world, &["problem", "diff", path]), "0 changes\n", "{slug}");
        }
    }
}

async fn scored_by_groups(world: &World) {
    let best = judged(world, SCORED, "accepted/product.py").await;
    assert_eq!(best["verdict"], "ACCEPTED", "{best}");
    assert_eq!(best["judgement"]["score"], 100.0, "{best}");
    assert_eq!(scores(&best, "score"), json!([10.0, 20.0, 30.0, 40.0]), "{best}");
    let part = judged(world, SCORED, "rejected/no_sign.py").await;
    assert_eq!(part["verdict"], "PARTIAL", "{part}");
    assert_eq!(part["judgement"]["score"], 40.0, "{part}");
    // The last group requires the second, and is not run.
    assert_eq!(scores(&part, "score"), json!([10.0, 0.0, 30.0, 0.0]), "{part}");
    let verdicts = json!(["ACCEPTED", "WRONG_ANSWER", "ACCEPTED", null]);
    assert_eq!(scores(&part, "verdict"), verdicts, "{part}");
}

/// The groups of the secret tests, in order.
fn scores(submission: &Value, key: &str) -> Value {
    let groups = submission["judgement"]["groups"].as_array().unwrap().iter();
    let is_of_tests =
        |group: &&Value| group["name"].as_str().is_some_and(|it| it.contains("group"));
    groups.filter(is_of_tests).map(|group| group[key].clone()).collect()
}

async fn solved(world: &World, slug: &str, right: &str, wrong: &str) {
    let accepted = judged(world, slug, &format!("accepted/{right}")).await;
    assert_eq!(accepted["verdict"], "ACCEPTED", "{slug}: {accepted}");
    let rejected = judged(world, slug, &format!("wrong_answer/{wrong}")).await;
    assert_eq!(rejected["verdict"], "WRONG_ANSWER", "{slug}: {rejected}");
    for submission in [accepted, rejected] {
        assert_eq!(submission["judgement"]["score"], Value::Null, "{slug}: {submission}");
    }
}

async fn messages_for_those_who_judge(world: &World) {
    solved(world, CUSTOM, "one_and_rest.py", "words.py").await;
    let seen = judged(world, CUSTOM, "wrong_answer/zero.py").await;
    let message_of = |submission: &Value, key: &str| {
        let tests = submission["judgement"]["tests"].as_array().unwrap();
        tests.iter().find_map(|test| test[key].as_str().map(str::to_owned)).unwrap_or_default()
    };
    assert_eq!(seen["verdict"], "WRONG_ANSWER", "{seen}");
    assert_eq!(message_of(&seen, "teamMessage").trim(), "Both numbers must be positive.", "{seen}");
    assert_eq!(message_of(&seen, "judgeMessage"), "", "{seen}");
    assert_eq!(message_of(&seen, "name"), "", "{seen}");
    let id = seen["id"].as_str().unwrap();
    let by_setter = submission(&world.deployment.admin(), id).await;
    let tests = by_setter["judgement"]["tests"].as_array().unwrap();
    let is_said = |test: &&Value| {
        test["judgeMessage"].as_str().is_some_and(|it| it.contains("not positive: 0"))
    };
    let test = tests.iter().find(is_said).unwrap_or_else(|| panic!("{by_setter}"));
    assert_eq!(test["name"], "sample/1", "{by_setter}");
}

async fn pages(world: &World) {
    let ask = "query($slug: String!) { problem(slug: $slug) {
        interactive naturalLanguages statement { language html }
        other: statement(language: \"sv\") { language } title(language: \"pt-BR\")
        samples { input } scoring { best groups { name maxScore } }
    } }";
    let page =
        async |slug: &str| world.ada.data(ask, json!({ "slug": slug })).await["problem"].take();
    let rich = page(RICH).await;
    assert_eq!(rich["naturalLanguages"], json!(["en", "pt-BR", "sv"]));
    assert_eq!(
        (&rich["title"], &rich["other"]["language"]),
        (&json!("Mesas redondas"), &json!("sv"))
    );
    assert_eq!(rich["samples"].as_array().unwrap().len(), 3);
    let html = rich["statement"]["html"].as_str().unwrap();
    for part in ["<math", "<img", "<table", "<code"] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("nextsample") && !html.contains("$$"), "{html}");
    let scored = page(SCORED).await;
    assert_eq!(scored["scoring"]["best"], 100.0);
    assert_eq!((&scored["interactive"], &rich["scoring"]), (&json!(false), &Value::Null));
    assert_eq!(page(INTERACTIVE).await["interactive"], true);
}

async fn attachments(world: &World) {
    let ask = "query($slug: String!) { problem(slug: $slug) { attachments { name bytes url } } }";
    let data = world.ada.data(ask, json!({ "slug": INTERACTIVE })).await;
    let [attachment] = data["problem"]["attachments"].as_array().unwrap().as_slice() else {
        panic!("{data}")
    };
    let file = std::fs::read(collection().join(INTERACTIVE).join("attachments/play.py")).unwrap();
    assert_eq!(attachment["name"], "play.py");
    assert_eq!(attachment["bytes"], file.len());
    let address = world.deployment.address().join(attachment["url"].as_str().unwrap()).unwrap();
    let answer = reqwest::get(address).await.unwrap();
    assert_eq!(answer.status(), reqwest::StatusCode::OK);
    assert_eq!(answer.bytes().await.unwrap(), file);
}

/// The command line measures times; the revision records how the limit was derived.
async fn a_limit_from_measured_times(world: &World) {
    let ask = "query($slug: String!) { problem(slug: $slug) { limits { timeMs timeLimitOrigin {
        kind slowest slowestMs fastestBeyond multiplier resolutionMs sandbox
    } } } }";
    let data = world.ada.data(ask, json!({ "slug": DERIVED })).await;
    let limits = &data["problem"]["limits"];
    let origin = &limits["timeLimitOrigin"];
    assert_eq!(
        (&origin["kind"], &origin["sandbox"]),
        (&json!("DERIVED"), &json!("native")),
        "{limits}"
    );
    assert!(origin["slowest"].as_str().unwrap().contains("accepted/"), "{limits}");
    assert!(origin["fastestBeyond"].as_str().unwrap().ends_with("never_ends.py"), "{limits}");
    let number = |value: &Value| value.as_f64().unwrap();
    let room = number(&origin["slowestMs"]) * number(&origin["multiplier"]);
    assert!(number(&limits["timeMs"]) >= room, "{limits}");
    assert_eq!(number(&limits["timeMs"]) % number(&origin["resolutionMs"]), 0.0, "{limits}");
    solved(world, DERIVED, "up_to_root.py", "odd_only.py").await;
}

/// A changed test gives a new revision; earlier submissions keep theirs.
async fn revised(world: &World) {
    let before = judged(world, CUSTOM, "accepted/halves.py").await;
    assert_eq!(before["problemVersion"], 1);
    let package = Package::of_folder(&collection().join(CUSTOM))
        .file(&format!("{CUSTOM}/data/secret/2.in"), "90\n")
        .file(&format!("{CUSTOM}/data/notes.txt"), "why 90\n");
    let path = write(world, CUSTOM, &package);
    let path = path.to_str().unwrap();
    let diff = world.deployment.cli(&["problem", "diff", path, "--json"]);
    assert_eq!(diff.status.code(), Some(1), "{diff:?}");
    let changes: Value = serde_json::from_slice(&diff.stdout).unwrap();
    let [change] = changes.as_array().unwrap().as_slice() else { panic!("{changes}") };
    assert_eq!((&change["slug"], &change["kind"]), (&json!(CUSTOM), &json!("TEST_CHANGED")));
    assert!(change["path"].as_str().unwrap().contains("secret/2"), "{change}");

    let imported = world.deployment.cli(&["problem", "import", path, "--json"]);
    assert_eq!(imported.status.code(), Some(0), "{imported:?}");
    let said = String::from_utf8_lossy(&imported.stderr);
    assert!(said.contains("warning: data/notes.txt"), "{said}");
    let payload: Value = serde_json::from_slice(&imported.stdout).unwrap();
    let payload = &payload[0];
    assert_eq!((&payload["revised"], &payload["problem"]["version"]), (&json!(true), &json!(2)));
    assert!(payload["warnings"].to_string().contains("data/notes.txt"), "{payload}");
    assert_eq!(done(world, &["problem", "diff", path]), "0 changes\n");

    let after = judged(world, CUSTOM, "accepted/halves.py").await;
    assert_eq!((&after["verdict"], &after["problemVersion"]), (&json!("ACCEPTED"), &json!(2)));
    let before = submission(&world.ada, before["id"].as_str().unwrap()).await;
    assert_eq!((&before["verdict"], &before["problemVersion"]), (&json!("ACCEPTED"), &json!(1)));
}

async fn a_checker_that_crashes_is_no_wrong_answer(world: &World) {
    let yaml = "name: Sum\nvalidation: custom\nlimits: {time_limit: 5}\n";
    let checker = format!("import sys\nsys.stderr.write({CRASHES_WITH:?})\nsys.exit(3)\n");
    let package = Package::sum(CRASHING, 1)
        .file(&format!("{CRASHING}/problem.yaml"), yaml)
        .file(&format!("{CRASHING}/output_validators/check.py"), checker);
    let path = write(world, CRASHING, &package);
    let imported = done(world, &["problem", "import", path.to_str().unwrap()]);
    assert_eq!(imported, format!("{CRASHING}: imported, revision 1\n"));
    for source in ["print(sum(map(int, input().split())))", "print('anything')"] {
        let id = world.ada.submitted(CRASHING, "python3", source).await;
        assert_eq!(world.ada.verdict(&id).await, "JUDGE_ERROR", "{source}");
        // The operator sees the reason; the API shows the author only that it was a judge error.
        let trail = done(world, &["audit", &id]);
        assert!(trail.contains(CRASHES_WITH), "{trail}");
        world.deployment.projected().await;
        let seen = submission(&world.ada, &id).await;
        assert_eq!(seen["judgement"]["verdict"], Value::Null, "{seen}");
        assert!(seen["judgement"]["abandoned"].is_string(), "{seen}");
        assert!(!seen.to_string().contains(CRASHES_WITH), "{seen}");
        let by_judge = submission(&world.deployment.admin(), &id).await;
        let why = by_judge["judgement"]["abandoned"].as_str().unwrap();
        assert!(why.contains("sample/1") && why.contains(CRASHES_WITH), "{why}");
    }
    // A setter who works on the problem sees the reason, and nothing about the author.
    let ask = "query($slug: String!) { problem(slug: $slug) { judgeErrors { nodes {
        number problemVersion language { id } reasons
    } } } }";
    let variables = json!({ "slug": CRASHING });
    let data = world.ada.data(ask, variables.clone()).await;
    assert_eq!(data["problem"]["judgeErrors"], Value::Null, "{data}");
    let sam = world.deployment.register("sam").await;
    done(world, &["account", "grant", "sam", "setter"]);
    let data = sam.data(ask, variables.clone()).await;
    assert_eq!(data["problem"]["judgeErrors"], Value::Null, "{data}");
    done(world, &["problem", "collaborators", CRASHING, "--add", "sam"]);
    world.deployment.projected().await;
    let data = sam.data(ask, variables).await;
    let errors = data["problem"]["judgeErrors"]["nodes"].as_array().unwrap();
    assert_eq!(errors.len(), 2, "{data}");
    for error in errors {
        assert_eq!(error["problemVersion"], 1, "{error}");
        let reasons = error["reasons"].as_array().unwrap();
        assert!(!reasons.is_empty(), "{error}");
        for reason in reasons.iter().map(|reason| reason.as_str().unwrap()) {
            assert!(reason.contains("sample/1") && reason.contains(CRASHES_WITH), "{reason}");
        }
    }
}

/// Submits one of a package's own submissions, and returns it judged, as its author sees it.
async fn judged(world: &World, slug: &str, path: &str) -> Value {
    let file = collection().join(slug).join("submissions").join(path);
    let source = std::fs::read_to_string(file).unwrap();
    let id = world.ada.submitted(slug, "python3", &source).await;
    world.ada.verdict(&id).await;
    world.deployment.projected().await;
    submission(&world.ada, &id).await
}

async fn submission(api: &Api, id: &str) -> Value {
    let ask = "query($id: ID!) { submission(id: $id) {
        id verdict problemVersion judgement { verdict abandoned score
            groups { name score verdict } tests { number name verdict judgeMessage teamMessage }
        }
    } }";
    api.data(ask, json!({ "id": id })).await["submission"].take()
}

fn write(world: &World, slug: &str, package: &Package) -> PathBuf {
    let path = world.deployment.directory().join(format!("{slug}.zip"));
    std::fs::write(&path, package.zip()).unwrap();
    path
}

/// The output of a command that must succeed.
fn done(world: &World, arguments: &[&str]) -> String {
    let output: Output = world.deployment.cli(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

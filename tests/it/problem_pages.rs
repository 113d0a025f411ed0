//! The content of a problem's page, from the log to the browser: statements in several languages,
//! attachments, scoring, the origin of the time limit; and the diff of a package.

use bytes::Bytes;
use domain::grading::{
    Grading, Objective, OnFailure, Rule, ScoreMode, TestGroup, TestScores, VerdictMode,
};
use domain::problem::{
    Attachment, BlobRef, Problem, ProblemCommand, RevisionContent, Test, TimeLimitOrigin,
    Translation,
};
use domain::{Actor, Login, StreamId};
use event_store::{Context, Stores, Stream};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack, import};
use tests::package::Package;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_its_attachments_languages_and_scores() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let stores = deployment.stores().await;
    let png = Bytes::from_static(b"\x89PNG\r\n\x1a\n");
    let digest = write_problem(&stores, &png).await;
    deployment.projected().await;
    let ada = deployment.register("ada").await;
    graph(&ada, &digest).await;
    attachments(&deployment, &png, &digest).await;
}

/// Appends one revision directly to the log. Returns the digest of its image.
async fn write_problem(stores: &Stores, png: &Bytes) -> String {
    let keep = async |bytes: Bytes| {
        let length = bytes.len() as u64;
        BlobRef { digest: stores.blobs.put(bytes).await.unwrap(), bytes: length }
    };
    let image = keep(png.clone()).await;
    let page = keep(Bytes::from_static(b"<script>alert(1)</script>")).await;
    let translation = Translation {
        language: "sv".to_owned(),
        title: "Summa".to_owned(),
        statement: keep(Bytes::from_static(b"Addera. ![bild](attachments/img/a%20b.png)")).await,
    };
    let rule = Rule::Grader {
        verdict: VerdictMode::WorstError,
        score: ScoreMode::Sum,
        ignore_sample: false,
        accept_if_any_accepted: false,
        scores: TestScores { accept: 30.0, reject: 0.0, min: None, max: None },
    };
    let root = TestGroup { rule: rule.clone(), ..TestGroup::root(OnFailure::Continue) };
    let secret = TestGroup { name: "secret".to_owned(), parent: Some(0), ..root.clone() };
    let content = RevisionContent {
        title: "Sum".to_owned(),
        statement: "Add. $a+b$".to_owned(),
        translations: vec![translation],
        attachments: vec![
            Attachment { path: "img/a b.png".to_owned(), content: image },
            Attachment { path: "page.html".to_owned(), content: page },
        ],
        time_limit: TimeLimitOrigin::Default,
        tests: vec![Test { group: 1, ..Test::new("secret/1", page, page) }],
        grading: Grading { objective: Some(Objective::Max), groups: vec![root, secret] },
        ..RevisionContent::default()
    };
    let mut problem = Stream::<Problem>::new(StreamId::Problem("sum".parse().unwrap()));
    let command = ProblemCommand::revise(content);
    let context = Context::new(Actor::account(&"root".parse::<Login>().unwrap()));
    let log = stores.log.as_ref();
    problem.execute(log, vec![command], &context, None, None).await.unwrap();
    image.digest.to_string()
}

async fn graph(api: &Api, digest: &str) {
    let query = "{ problem(slug: \"sum\") {
        naturalLanguages interactive
        title(language: \"sv-SE\") other: title(language: \"de\")
        statement(language: \"SV\") { language html } first: statement { language html }
        attachments { name bytes sha256 url }
        limits { timeLimitOrigin { kind slowest } }
        scoring { objective best groups { name maxScore } }
    } }";
    let problem = api.data(query, json!({})).await["problem"].take();
    assert_eq!(problem["naturalLanguages"], json!(["en", "sv"]));
    assert_eq!((&problem["title"], &problem["other"]), (&json!("Summa"), &json!("Sum")));
    assert_eq!(problem["statement"]["language"], "sv");
    let html = problem["statement"]["html"].as_str().unwrap();
    assert!(html.contains("<img src=\"/problems/sum/attachments/img/a%20b.png\""), "{html}");
    assert_eq!(problem["first"]["language"], "en");
    assert!(problem["first"]["html"].as_str().unwrap().contains("<math"));
    let image = json!({
        "name": "img/a b.png", "bytes": 8, "sha256": digest,
        "url": "/problems/sum/attachments/img/a%20b.png",
    });
    assert_eq!(problem["attachments"][0], image);
    assert_eq!(problem["limits"]["timeLimitOrigin"], json!({ "kind": "DEFAULT", "slowest": null }));
    let groups = json!([{ "name": "secret", "maxScore": 30.0 }]);
    let scoring = json!({ "objective": "MAX", "best": 30.0, "groups": groups });
    assert_eq!(problem["scoring"], scoring);
    assert_eq!(problem["interactive"], false);
}

async fn attachments(deployment: &Deployment, png: &Bytes, digest: &str) {
    let client = reqwest::Client::new();
    let get = |path: &str| client.get(deployment.address().join(path).unwrap());
    let image = get("/problems/sum/attachments/img/a%20b.png").send().await.unwrap();
    assert_eq!(image.status(), StatusCode::OK);
    let etag = format!("\"{digest}\"");
    for (header, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("etag", &etag),
    ] {
        assert_eq!(image.headers()[header], value, "{header}");
    }
    assert!(!image.headers().contains_key("content-disposition"));
    assert_eq!(image.bytes().await.unwrap(), png);
    let again = get("/problems/sum/attachments/img/a%20b.png").header("if-none-match", &etag);
    assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    let page = get("/problems/sum/attachments/page.html").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "application/octet-stream");
    assert_eq!(page.headers()["content-disposition"], "attachment");
    for path in [
        "/problems/sum/attachments/absent.png",
        "/problems/sum/attachments/",
        "/problems/sum/attachments/img",
        "/problems/sum/attachments/img/../page.html/..",
        "/problems/sum/attachments/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/problems/sum/attachments/%ff",
        "/problems/absent/attachments/page.html",
        "/problems/..%2f/attachments/page.html",
    ] {
        assert_eq!(get(path).send().await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_shows_what_it_would_change() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let (admin, ada) = (deployment.admin(), deployment.register("ada").await);
    let named = |name: &str| {
        let yaml = format!("name: {name}\nlimits: {{time_limit: 5}}\n");
        Package::sum("sum", 1).file("sum/problem.yaml", yaml).zip()
    };
    let upload = async |archive: Vec<u8>| admin.upload(archive).await.body["sha256"].take();
    let diff = "query($package: Sha256!) {
        packageDiff(package: $package) { slug kind path before after }
    }";
    let (first, second) = (upload(named("Sum")).await, upload(named("Total")).await);
    let changes = async |package: &Value| {
        admin.data(diff, json!({ "package": package })).await["packageDiff"].take()
    };
    assert_eq!(changes(&first).await[0]["kind"], "NEW");
    let payload = import(&admin, named("Sum")).await;
    assert_eq!((&payload["revised"], &payload["problem"]["version"]), (&json!(true), &json!(1)));
    assert_eq!(changes(&first).await, json!([]));
    let title = json!({
        "slug": "sum", "kind": "TITLE", "path": null, "before": "Sum", "after": "Total",
    });
    assert_eq!(changes(&second).await, json!([title]));
    assert_eq!(import(&admin, named("Sum")).await["revised"], false);
    let by_user = ada.ask(diff, json!({ "package": first })).await;
    assert_eq!(by_user.code(), "FORBIDDEN");
}

/// A slug derived from a title is not reserved, but a second set must not replace the problem
/// silently.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_set_replaces_no_problem_of_the_first() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let admin = deployment.admin();
    let set = |titles: &[&str]| {
        let items = titles.iter().map(|title| {
            format!(
                "<item><title>{title}</title><time_limit>1</time_limit><memory_limit>64</memory_limit>\
                 <description>Do.</description><test_input>1</test_input><test_output>1</test_output></item>"
            )
        });
        format!("<fps version=\"1.2\">{}</fps>", items.collect::<String>())
    };
    let import = async |text: &str, slug: Option<&str>, replace: bool| {
        let archive = Package::default().file("set.xml", text);
        let package = admin.upload(archive.zip()).await.body["sha256"].take();
        let mutation = "mutation($package: Sha256!, $slug: String, $replace: Boolean!) {
            importProblem(input: { package: $package, slug: $slug, replace: $replace }) {
                problems { slug title version } userErrors { code message }
            }
        }";
        let variables = json!({ "package": package, "slug": slug, "replace": replace });
        admin.data(mutation, variables).await["importProblem"].take()
    };
    let first = import(&set(&["求和", "A+B", "Two Sum"]), None, false).await;
    let second = import(&set(&["求积", "A-B", "two sum"]), None, false).await;
    let slugs = |payload: &Value| -> Vec<String> {
        let problems = payload["problems"].as_array().unwrap();
        problems.iter().map(|it| it["slug"].as_str().unwrap().to_owned()).collect()
    };
    let (first, second) = (slugs(&first), slugs(&second));
    assert!(first[..2].iter().all(|slug| !second.contains(slug)), "{first:?} {second:?}");
    assert_eq!(first[2], second[2]);

    // Numbered slugs do not depend on the titles.
    let given = import(&set(&["A", "B"]), Some("set"), false).await;
    assert_eq!(slugs(&given), ["set-1", "set-2"]);
    let other = import(&set(&["A", "C"]), Some("set"), false).await;
    assert_eq!(other["userErrors"][0]["code"], "OTHER_PROBLEM", "{other}");
    assert_eq!(other["problems"], json!([]));
    let replaced = import(&set(&["A", "C"]), Some("set"), true).await;
    assert_eq!(replaced["problems"][1]["title"], "C", "{replaced}");
}

/// Repeated measurements differ slightly; the same package must keep its revision.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_not_given_follows_from_measured_times() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let admin = deployment.admin();
    let archive = Package::sum("sum", 1)
        .file("sum/problem.yaml", "name: Sum\n")
        .file("sum/submissions/accepted/sum.py", "print(sum(map(int, input().split())))\n");
    let package = admin.upload(archive.zip()).await.body["sha256"].take();
    let import = async |slowest_ms: Option<u32>| {
        let mutation = "mutation($package: Sha256!, $timing: [TimingInput!]) {
            importProblem(input: { package: $package, timing: $timing }) {
                problems { slug version limits { timeMs timeLimitOrigin { kind slowestMs } } }
                revised warnings userErrors { code message }
            }
        }";
        let timing = slowest_ms.map(|slowest_ms| {
            let (slowest, sandbox) = ("accepted/sum.py", "native");
            json!([{
                "slug": "sum", "slowest": slowest, "slowestMs": slowest_ms, "sandbox": sandbox,
            }])
        });
        let variables = json!({ "package": package, "timing": timing });
        admin.data(mutation, variables).await["importProblem"].take()
    };
    let unmeasured = import(None).await;
    assert_eq!(unmeasured["userErrors"][0]["code"], "TIMING_NEEDED", "{unmeasured}");
    let problem = |payload: &Value| payload["problems"][0].clone();
    let first = import(Some(250)).await;
    let origin = json!({ "kind": "DERIVED", "slowestMs": 250 });
    let limits = json!({ "timeMs": 2_000, "timeLimitOrigin": origin });
    assert_eq!(
        problem(&first),
        json!({ "slug": "sum", "version": 1, "limits": limits }),
        "{first}"
    );
    for again in [import(Some(450)).await, import(None).await] {
        assert_eq!((&again["revised"], problem(&again)), (&json!(false), problem(&first)));
    }
}

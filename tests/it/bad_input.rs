//! Requests that must be refused: each with a code, and without writing anything.

use std::io::Write;

use domain::Position;
use futures::StreamExt;
use serde_json::{Value, json};
use tests::api::{Api, submission};
use tests::deployment::{Deployment, Stack, import};
use tests::package::Package;

/// A deployment with one problem and one account.
struct World {
    deployment: Deployment,
    ada: Api,
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_a_code_and_writes_nothing() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let ada = deployment.register("ada").await;
    let payload = deployment.import(&Package::sum("sum", 1)).await;
    assert_eq!(payload["userErrors"], json!([]));
    let world = World { deployment, ada };
    let before = head(&world).await;
    submissions(&world).await;
    credentials(&world).await;
    arguments(&world).await;
    documents(&world).await;
    sockets(&world).await;
    uploads(&world).await;
    packages(&world).await;
    problems(&world).await;
    assert_eq!(head(&world).await, before, "something was written");
    // Correct requests of the same kinds are accepted.
    let id = world.ada.submitted("sum", "python3", "print(sum(map(int, input().split())))").await;
    assert_eq!(world.ada.verdict(&id).await, "ACCEPTED");
}

async fn head(world: &World) -> Position {
    world.deployment.stores().await.log.info().await.unwrap().head
}

async fn submissions(world: &World) {
    let large = "#".repeat(200 << 10);
    let changed = |key: &str, value: Value| {
        let mut input = submission("sum", "python3", "print(3)");
        input[key] = value;
        input
    };
    for (input, code, field) in [
        (submission("absent", "python3", "print(3)"), "NOT_FOUND", "problem"),
        (submission("sum", "cobol", "print(3)"), "LANGUAGE_UNAVAILABLE", "language"),
        (submission("sum", "java", "print(3)"), "LANGUAGE_UNAVAILABLE", "language"),
        (submission("sum", "python3", " \n"), "INVALID", "source"),
        (submission("sum", "python3", &large), "TOO_LARGE", "source"),
        (submission("sum", "python3", "\0ELF"), "INVALID", "source"),
        (changed("idempotencyKey", json!("")), "INVALID", "idempotencyKey"),
        (changed("idempotencyKey", json!("k".repeat(201))), "INVALID", "idempotencyKey"),
    ] {
        let payload = world.ada.submit_input(input).await;
        assert_eq!(payload["userErrors"][0]["code"], code, "{payload}");
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", field]), "{payload}");
        assert_eq!((&payload["submission"], &payload["token"]), (&Value::Null, &Value::Null));
    }
    for problem in ["usr_ada", "sum", "prb_../etc", ""] {
        let mut input = submission("sum", "python3", "print(3)");
        input["problem"] = json!(problem);
        let answer = world.ada.post(&Api::submit_body(&input)).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{problem:?}: {answer:?}");
    }
    let nobody = world.deployment.api();
    let input = submission("sum", "python3", "print(3)");
    assert_eq!(nobody.post(&Api::submit_body(&input)).await.code(), "UNAUTHENTICATED");
}

async fn credentials(world: &World) {
    for token in ["assay_wrong", "", "x y", "é", &"a".repeat(4_000)] {
        let api = world.ada.with_token(token);
        let answer = api.ask("{ viewer { login } }", json!({})).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"), "{token:?}");
        assert_eq!(answer.body["data"], Value::Null);
        let upload = api.upload(b"PK".to_vec()).await;
        assert_eq!((upload.status, upload.code()), (401, "UNAUTHENTICATED"), "{token:?}");
        let ask = "subscription { mySubmissions { cursor } }";
        match api.subscribe(ask, json!({})).await.next().await {
            Some(Err(failure)) => {
                assert!(failure.message.contains("UNAUTHENTICATED"), "{failure}");
                assert_eq!(failure.exit, assay::Exit::Auth, "{failure}");
            }
            other => panic!("{token:?}: {other:?}"),
        }
    }
    for (login, email, password, field) in [
        ("A", "a@example.org", "correct horse", "login"),
        ("carl", "nowhere", "correct horse", "email"),
        ("carl", "a@example.org", "short", "password"),
        ("ada", "a@example.org", "correct horse", "login"),
    ] {
        let input = json!({ "login": login, "email": email, "password": password });
        let register = "mutation($input: RegisterInput!) {
            register(input: $input) { accessToken token userErrors { code field } }
        }";
        let payload = world.ada.data(register, json!({ "input": input })).await["register"].take();
        assert_eq!(payload["userErrors"][0]["field"], json!(["input", field]), "{payload}");
        assert_eq!(payload["accessToken"], Value::Null);
    }
}

async fn arguments(world: &World) {
    let subscribe = |id: &str, after: &str| {
        format!("subscription {{ submission(id: {id:?}, after: {after:?}) {{ cursor }} }}")
    };
    for ask in [
        "{ node(id: \"non_sense\") { id } }",
        "{ node(id: \"sub_1\") { id } }",
        "{ submission(id: \"prb_sum\") { id } }",
        "{ submission { id } }",
        "{ problem { id } }",
        "{ submissions(first: 101) { totalCount } }",
        "{ submissions(first: -1) { totalCount } }",
        "{ submissions(first: 1, last: 1) { totalCount } }",
        "{ submissions(after: \"nonsense\") { totalCount } }",
        "{ submissions(after: \"e30\") { totalCount } }",
        "{ problems(before: \"nonsense\") { totalCount } }",
        "{ submissions(filter: { language: \"sub_1\" }) { totalCount } }",
        "{ submissions(filter: { problem: \"nonsense\" }) { totalCount } }",
    ] {
        let answer = world.ada.ask(ask, json!({})).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{ask}: {answer:?}");
    }
    let ids: Vec<_> = (0..101).map(|number| format!("prb_p{number}")).collect();
    let many =
        world.ada.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids }));
    assert_eq!(many.await.code(), "BAD_USER_INPUT");
    for (id, after) in
        [("nonsense", ""), ("prb_sum", ""), ("sub_00000000000000000000000000000000", "nonsense")]
    {
        let mut stream = world.ada.subscribe(&subscribe(id, after), json!({})).await;
        match stream.next().await {
            Some(Err(failure)) => assert!(failure.message.contains("BAD_USER_INPUT"), "{failure}"),
            other => panic!("{other:?}"),
        }
    }
}

async fn documents(world: &World) {
    let deep = (0..20).fold("login".to_owned(), |inner, _| {
        format!("submissions(first: 1) {{ nodes {{ author {{ {inner} }} }} }}")
    });
    let aliases: String =
        (0..200).map(|number| format!("a{number}: viewer {{ login }} ")).collect();
    let fragments = "fragment F on Query { ".to_owned() + &aliases + "} query { ...F }";
    let nested = "query { ...F } fragment F on Query { ...G } fragment G on Query { ".to_owned()
        + &aliases
        + "}";
    let costly = "{ problems(first: 100) { nodes { submissions(first: 100) { nodes { judgement {
        tests { number detail { input } } } } } } } }";
    for ask in [
        format!("{{ viewer {{ {deep} }} }}"),
        format!("{{ {aliases} }}"),
        fragments,
        nested,
        costly.to_owned(),
        "{ nonsense }".to_owned(),
        "{ viewer {".to_owned(),
        "fragment A on Query { ...A } query { ...A }".to_owned(),
    ] {
        let answer = world.ada.ask(&ask, json!({})).await;
        let start: String = ask.chars().take(80).collect();
        assert_eq!(answer.code(), "GRAPHQL_VALIDATION_FAILED", "{start}: {answer:?}");
        assert_eq!(answer.body["data"], Value::Null, "{start}");
    }
    let large = json!({ "query": "{ tags { slug } }", "variables": { "x": "x".repeat(3 << 20) } });
    let large = world.ada.post(&large).await;
    assert_eq!((large.status, large.code()), (413, "TOO_LARGE"));
    let no_request = world.ada.post(&json!("nonsense")).await;
    assert_eq!((no_request.status, no_request.code()), (400, "BAD_USER_INPUT"));
}

async fn sockets(world: &World) {
    for (ask, field) in [("{ tags { slug } }", "tags"), ("query Q { viewer { login } }", "viewer")]
    {
        let mut stream = world.ada.subscribe(ask, json!({})).await;
        let answer = stream.next().await.expect("it is answered").expect("it is answered");
        assert!(!answer[field].is_null(), "{ask}: {answer}");
        assert!(stream.next().await.is_none(), "{ask}");
    }
    let aliases: String =
        (0..200).map(|number| format!("a{number}: mySubmissions {{ cursor }} ")).collect();
    let ask = format!("subscription {{ {aliases} }}");
    match world.ada.subscribe(&ask, json!({})).await.next().await {
        Some(Err(failure)) => {
            assert!(failure.message.contains("GRAPHQL_VALIDATION_FAILED"), "{failure}");
        }
        other => panic!("{other:?}"),
    }
}

async fn uploads(world: &World) {
    let archive = Package::sum("sum", 1).zip();
    let by_user = world.ada.upload(archive).await;
    assert_eq!((by_user.status, by_user.code()), (403, "FORBIDDEN"));
    let by_nobody = world.deployment.api().upload(b"PK".to_vec()).await;
    assert!(matches!(by_nobody.status, 401 | 403), "{by_nobody:?}");
    let admin = world.deployment.admin();
    let no_archive = admin.upload(b"hello".to_vec()).await;
    assert_eq!((no_archive.status, no_archive.code()), (400, "BAD_USER_INPUT"));
    let large = admin.upload(vec![b'P'; 65 << 20]).await;
    assert_eq!((large.status, large.code()), (413, "TOO_LARGE"));
    let import = "mutation { importProblem(input: { package:
        \"0000000000000000000000000000000000000000000000000000000000000000\" })
        { revised token userErrors { code } } }";
    let absent = admin.data(import, json!({})).await["importProblem"].take();
    assert_eq!(absent["userErrors"][0]["code"], "NOT_FOUND");
    let by_user = world.ada.data(import, json!({})).await["importProblem"].take();
    assert_eq!(by_user["userErrors"][0]["code"], "FORBIDDEN");
}

async fn packages(world: &World) {
    let sum = || Package::sum("sum", 2);
    let yaml = |text: &str| sum().file("sum/problem.yaml", text).zip();
    for (name, archive, expected) in [
        ("missing answer", sum().without("sum/data/secret/001.ans").zip(), "data/secret/001"),
        ("cyclic link", sum().link("sum/data/a", "b").link("sum/data/b", "a").zip(), "data/"),
        ("escaping link", sum().link("sum/data/a", "../../../etc/passwd").zip(), "data/a"),
        ("absolute link", sum().link("sum/data/a", "/etc/passwd").zip(), "data/a"),
        ("zip slip", sum().file("sum/../../../tmp/x", "x").zip(), "tmp/x"),
        ("absolute name", sum().file("/tmp/x", "x").zip(), "tmp/x"),
        ("zip bomb", bomb(), ""),
        ("lying sizes", lying(), ""),
        ("no archive at all", b"PK\x03\x04nonsense".to_vec(), "archive"),
        ("yaml that does not parse", yaml("name: Sum\nlimits: [\n"), "problem.yaml:"),
        (
            "yaml with a wrong type",
            yaml("name: Sum\nlimits:\n  time_limit: soon\n"),
            "problem.yaml:3",
        ),
        ("yaml of aliases", yaml(&billion_laughs()), "problem.yaml"),
    ] {
        let payload = import(&world.deployment.admin(), archive).await;
        let errors = payload["userErrors"].as_array().unwrap();
        assert!(!errors.is_empty(), "{name} was taken: {payload}");
        assert!(errors.iter().all(|error| error["code"] == "INVALID"), "{name}: {errors:?}");
        let all = payload["userErrors"].to_string();
        assert!(all.contains(expected), "{name}: {all}");
        println!("{name}: {}", errors[0]["message"].as_str().unwrap_or_default());
        assert_eq!((&payload["revised"], &payload["token"]), (&json!(false), &Value::Null));
    }
}

/// A small archive that expands to very large files.
fn bomb() -> Vec<u8> {
    let nothing = vec![0; 40 << 20];
    let bomb = Package::sum("sum", 1).file("sum/data/secret/001.in", nothing.clone());
    bomb.file("sum/data/secret/002.in", nothing).zip()
}

/// An archive whose table of contents gives a small size for a large file.
fn lying() -> Vec<u8> {
    let large = vec![b'1'; 1_234_567];
    let mut archive = Package::sum("sum", 1).file("sum/data/secret/001.in", large.clone()).zip();
    let size = u32::try_from(large.len()).unwrap().to_le_bytes();
    let places: Vec<usize> =
        (0..archive.len() - 4).filter(|at| archive[*at..*at + 4] == size).collect();
    assert!(!places.is_empty());
    for at in places {
        (&mut archive[at..at + 4]).write_all(&10_u32.to_le_bytes()).unwrap();
    }
    archive
}

fn billion_laughs() -> String {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    text + "name: Sum\n"
}

async fn problems(world: &World) {
    let upsert = "mutation($input: ProblemInput!) {
        upsertProblem(input: $input) { problem { slug } token userErrors { code field } }
    }";
    let good = json!({
        "slug": "sum", "title": "Sum", "difficulty": "EASY", "tags": [], "statement": "Add.",
        "samples": [{ "input": "1\n", "output": "1\n" }],
        "limits": { "timeMs": 1000, "memoryKb": 65536 },
    });
    let with = |key: &str, value: Value| {
        let mut input = good.clone();
        input[key] = value;
        json!({ "input": input })
    };
    for (input, code, field) in [
        (with("slug", json!("Not A Slug")), "INVALID", "slug"),
        (with("title", json!("")), "INVALID", "title"),
        (with("tags", json!(["Not A Tag"])), "INVALID", "tags"),
        (with("limits", json!({ "timeMs": -1, "memoryKb": 1 })), "INVALID", "limits"),
        (with("samples", json!([])), "INVALID", "tests"),
        (with("expectedVersion", json!(7)), "VERSION_MISMATCH", "expectedVersion"),
        (with("expectedVersion", json!(-1)), "VERSION_MISMATCH", "expectedVersion"),
    ] {
        let mut data = world.deployment.admin().data(upsert, input).await;
        let payload = data["upsertProblem"].take();
        assert_eq!(payload["userErrors"][0]["code"], code, "{field}: {payload}");
        let reported = payload["userErrors"][0]["field"].to_string();
        assert!(reported.contains(field), "{field}: {reported}");
        assert_eq!(payload["token"], Value::Null);
    }
    let by_user = world.ada.data(upsert, json!({ "input": good })).await;
    assert_eq!(by_user["upsertProblem"]["userErrors"][0]["code"], "FORBIDDEN");
}

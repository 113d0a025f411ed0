//! Who sees, submits to and changes problems: every kind of viewer, on problems of every visibility,
//! at every place that could show them.

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};
use tests::package::Package;

/// A word that only the statements of this test have.
const WORD: &str = "Zwetschgenkuchen";
/// A program that solves every problem of this test.
const SOLUTION: &str = "print(sum(map(int, input().split())))";
const VISIBILITIES: [&str; 3] = ["draft", "hidden", "public"];

/// An account, or nobody, and what it may do.
struct Viewer {
    name: &'static str,
    api: Api,
    /// Whether it sees drafts, and finds hidden problems without their slugs.
    sees_all: bool,
    /// Whether it may revise the problems, and whether it may choose who works on them.
    revises: bool,
    manages: bool,
}

struct World {
    deployment: Deployment,
    viewers: Vec<Viewer>,
}

#[tokio::test(flavor = "multi_thread")]
async fn on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

async fn journey(stack: Stack) {
    let settings = [("submissions.public_source", "after_solving")];
    let world = world(Deployment::start_with(stack, &settings).await).await;
    for viewer in &world.viewers {
        for slug in VISIBILITIES {
            problems_are_read_by_those_who_may(&world, viewer, slug).await;
            problems_are_changed_by_those_who_may(viewer, slug).await;
        }
        lists_contain_public_problems(viewer).await;
    }
    submissions_are_taken_by_visibility(&world).await;
    a_problem_that_becomes_a_draft_leaves_submissions_as_they_are(&world).await;
    an_archived_problem_takes_no_submissions(&world).await;
    solutions_are_for_those_who_have_solved_the_problem(&world).await;
    ownership_can_be_given_away(&world).await;
    the_command_line_does_the_same(&world);
}

/// Olga owns three problems, one of each visibility, and cleo collaborates.
async fn world(deployment: Deployment) -> World {
    let mut viewers = vec![Viewer {
        name: "nobody",
        api: deployment.api(),
        sees_all: false,
        revises: false,
        manages: false,
    }];
    for (name, role, [sees_all, revises, manages]) in [
        ("ada", None, [false; 3]),
        ("sam", Some("setter"), [false; 3]),
        ("alan", Some("auditor"), [false; 3]),
        ("cleo", None, [true, false, false]),
        ("carl", Some("setter"), [true, true, false]),
        ("olga", Some("setter"), [true; 3]),
        ("judy", Some("judge"), [true; 3]),
    ] {
        let api = deployment.register(name).await;
        if let Some(role) = role {
            done(&deployment, &["account", "grant", name, role]);
        }
        viewers.push(Viewer { name, api, sees_all, revises, manages });
    }
    let api = deployment.admin();
    viewers.push(Viewer { name: "admin", api, sees_all: true, revises: true, manages: true });
    let world = World { deployment, viewers };
    let olga = world.api("olga");
    for slug in VISIBILITIES {
        let payload = import(olga, &package(slug), Some(&slug.to_uppercase())).await;
        assert_eq!(payload["userErrors"], json!([]), "{slug}");
        for login in ["cleo", "carl"] {
            let added = change(olga, "addCollaborator", slug, &format!("login: \"{login}\"")).await;
            assert_eq!(added, json!([]), "{slug} {login}");
        }
    }
    world.deployment.projected().await;
    world
}

impl World {
    fn api(&self, name: &str) -> &Api {
        &self.viewers.iter().find(|viewer| viewer.name == name).unwrap().api
    }
}

fn package(slug: &str) -> Package {
    Package::sum(slug, 1)
        .file(
            &format!("{slug}/problem.yaml"),
            format!("name: Sum {slug}\nlimits: {{time_limit: 5}}\nkeywords: cake\n"),
        )
        .file(&format!("{slug}/problem_statement/problem.en.md"), format!("Add {WORD}.\n"))
        .file(&format!("{slug}/attachments/a.txt"), "A secret.\n")
}

async fn import(api: &Api, package: &Package, visibility: Option<&str>) -> Value {
    let uploaded = api.upload(package.zip()).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let import = "mutation($package: Sha256!, $visibility: ProblemVisibility) {
        importProblem(input: { package: $package, visibility: $visibility }) {
            problem { version visibility owner { login } } userErrors { code }
        }
    }";
    let variables = json!({ "package": uploaded.body["sha256"], "visibility": visibility });
    api.data(import, variables).await["importProblem"].take()
}

/// Changes a problem. Returns the errors.
async fn change(api: &Api, mutation: &str, slug: &str, arguments: &str) -> Value {
    let text = format!(
        "mutation {{ changed: {mutation}(problem: \"prb_{slug}\" {arguments}) {{
            problem {{ id }} userErrors {{ code }}
        }} }}"
    );
    api.data(&text, json!({})).await["changed"]["userErrors"].take()
}

fn done(deployment: &Deployment, arguments: &[&str]) -> String {
    let output = deployment.cli(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn problems_are_read_by_those_who_may(world: &World, viewer: &Viewer, slug: &str) {
    let (name, api) = (viewer.name, &viewer.api);
    let (opens, finds) = (viewer.sees_all || slug != "draft", viewer.sees_all || slug == "public");
    let number = 1 + VISIBILITIES.iter().position(|it| *it == slug).unwrap();
    let ask = format!(
        "{{ bySlug: problem(slug: \"{slug}\") {{ slug visibility statement {{ markdown }}
                owner {{ login }} collaborators viewerCanRevise }}
            byNumber: problem(number: {number}) {{ slug }}
            byId: node(id: \"prb_{slug}\") {{ id }}
            byIds: nodes(ids: [\"prb_{slug}\"]) {{ id }} }}"
    );
    let data = api.data(&ask, json!({})).await;
    let by_slug = &data["bySlug"];
    assert_eq!(by_slug["slug"] == slug, opens, "{name} {slug}: {data}");
    assert_eq!(by_slug.is_null(), !opens, "{name} {slug}: {data}");
    assert_eq!(data["byId"].is_null(), !opens, "{name} {slug}: {data}");
    assert_eq!(data["byIds"][0].is_null(), !opens, "{name} {slug}: {data}");
    assert_eq!(data["byNumber"].is_null(), !finds, "{name} {slug}: {data}");
    if opens {
        assert_eq!(by_slug["owner"]["login"], "olga", "{name} {slug}");
        let collaborators = if viewer.sees_all { json!(["carl", "cleo"]) } else { Value::Null };
        assert_eq!(by_slug["collaborators"], collaborators, "{name} {slug}");
        assert_eq!(by_slug["viewerCanRevise"], viewer.revises, "{name} {slug}");
    }
    let url = format!("/problems/{slug}/attachments/a.txt");
    let mut request = reqwest::Client::new().get(world.deployment.address().join(&url).unwrap());
    if let Some(token) = api.token() {
        request = request.bearer_auth(token);
    }
    let status = request.send().await.unwrap().status().as_u16();
    assert_eq!(status, if opens { 200 } else { 404 }, "{name} {slug}");
}

async fn problems_are_changed_by_those_who_may(viewer: &Viewer, slug: &str) {
    let (name, api) = (viewer.name, &viewer.api);
    if name == "nobody" {
        return;
    }
    let opens = viewer.sees_all || slug != "draft";
    let refused = |may: bool| match (may, opens) {
        (true, _) => json!([]),
        (false, true) => json!([{ "code": "FORBIDDEN" }]),
        (false, false) => json!([{ "code": "NOT_FOUND" }]),
    };
    let visibility = format!("visibility: {}", slug.to_uppercase());
    let changed = change(api, "setProblemVisibility", slug, &visibility).await;
    assert_eq!(changed, refused(viewer.revises), "{name} {slug}");
    for mutation in ["restoreProblem", "addCollaborator", "transferProblem"] {
        let arguments = match mutation {
            "addCollaborator" => "login: \"carl\"",
            "transferProblem" => "login: \"olga\"",
            _ => "",
        };
        let changed = change(api, mutation, slug, arguments).await;
        assert_eq!(changed, refused(viewer.manages), "{name} {slug} {mutation}");
    }
    let rules = format!(
        "mutation {{ setProblemTextRules(input: {{ problem: \"prb_{slug}\", hints: ALWAYS }}) {{
            userErrors {{ code }}
        }} }}"
    );
    let changed = api.data(&rules, json!({})).await["setProblemTextRules"]["userErrors"].take();
    assert_eq!(changed, refused(viewer.revises), "{name} {slug}");
    // A slug is taken or free for everyone, so this answer does not depend on what the viewer sees.
    let upsert = "mutation($input: ProblemInput!) {
        upsertProblem(input: $input) { userErrors { code } }
    }";
    let input = json!({
        "slug": slug, "expectedVersion": 99, "title": "Sum", "difficulty": "EASY", "tags": [],
        "statement": "Add.", "samples": [], "limits": { "timeMs": 1000, "memoryKb": 65536 },
    });
    let errors = api.data(upsert, json!({ "input": input })).await["upsertProblem"].take();
    let code = if viewer.revises { "VERSION_MISMATCH" } else { "FORBIDDEN" };
    assert_eq!(errors["userErrors"], json!([{ "code": code }]), "{name} {slug}");
    let uploaded = api.upload(package(slug).zip()).await;
    let may_upload = viewer.revises || name == "sam";
    assert_eq!(uploaded.status == 201, may_upload, "{name}: {uploaded:?}");
    if may_upload {
        let diff = "query($package: Sha256!) { packageDiff(package: $package) { kind } }";
        let answer = api.ask(diff, json!({ "package": uploaded.body["sha256"] })).await;
        assert_eq!(answer.code(), if viewer.revises { "" } else { "FORBIDDEN" }, "{name} {slug}");
    }
}

async fn lists_contain_public_problems(viewer: &Viewer) {
    let (name, api) = (viewer.name, &viewer.api);
    let tomorrow = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let tomorrow = tomorrow.tomorrow().unwrap();
    let ask = format!(
        "{{ problems {{ totalCount nodes {{ slug }} }}
            found: problems(filter: {{ text: \"ZWETSCHGENKÜCHEN, add\" }}) {{ nodes {{ slug }} }}
            part: problems(filter: {{ text: \"zwetschgen\" }}) {{ totalCount }}
            tags {{ slug problemCount }}
            randomProblem(filter: {{ text: \"{WORD}\" }}) {{ slug }}
            daily: dailyProblem(date: \"{tomorrow}\") {{ slug }}
            today: dailyProblem {{ slug }} }}"
    );
    let data = api.data(&ask, json!({})).await;
    let public = json!([{ "slug": "public" }]);
    assert_eq!(data["problems"], json!({ "totalCount": 1, "nodes": public }), "{name}");
    assert_eq!(data["found"]["nodes"], public, "{name}");
    assert_eq!(data["part"]["totalCount"], 0, "{name}: a part of a word is no word");
    assert_eq!(data["tags"], json!([{ "slug": "cake", "problemCount": 1 }]), "{name}");
    assert_eq!(data["randomProblem"]["slug"], "public", "{name}");
    assert_eq!(data["daily"]["slug"], "public", "{name}");
    assert_eq!(data["today"], Value::Null, "{name}: no problem was listed before today");
    let far = api.ask("{ dailyProblem(date: \"9000-01-01\") { slug } }", json!({})).await;
    assert_eq!(far.code(), "BAD_USER_INPUT", "{name}");

    let all = "{ problems(filter: { visibility: [DRAFT, HIDDEN, PUBLIC] }) { nodes { slug } }
        mine: problems(filter: { mine: true }) { totalCount }
        archived: problems(filter: { archived: true }) { totalCount } }";
    let answer = api.ask(all, json!({})).await;
    if name == "nobody" {
        assert_eq!(answer.code(), "UNAUTHENTICATED");
        return;
    }
    let data = answer.data();
    let count = data["problems"]["nodes"].as_array().unwrap().len();
    assert_eq!(count, if viewer.sees_all { 3 } else { 0 }, "{name}");
    let works = matches!(name, "cleo" | "carl" | "olga");
    assert_eq!(data["mine"]["totalCount"], if works { 3 } else { 0 }, "{name}");
    assert_eq!(data["archived"]["totalCount"], 0, "{name}");
}

async fn submissions_are_taken_by_visibility(world: &World) {
    for viewer in world.viewers.iter().filter(|viewer| viewer.name != "nobody") {
        for slug in VISIBILITIES {
            let payload = viewer.api.submit(slug, "python3", "print(0)").await;
            let is_taken = viewer.sees_all || slug != "draft";
            let code = if is_taken { Value::Null } else { json!("NOT_FOUND") };
            assert_eq!(payload["userErrors"][0]["code"], code, "{} {slug}", viewer.name);
        }
    }
    let absent = world.api("ada").submit("absent", "python3", "print(0)").await;
    let draft = world.api("ada").submit("draft", "python3", "print(0)").await;
    assert_eq!(draft, absent, "a draft looks like a problem that does not exist");
    // Also to those who have used their idempotency key.
    let submit =
        "mutation($input: SubmitInput!) { submit(input: $input) { userErrors { code message } } }";
    let with_key = async |problem: &str| {
        let input = json!({ "problem": problem, "language": "python3", "source": "print(0)",
            "idempotencyKey": "used" });
        world.api("ada").data(submit, json!({ "input": input })).await["submit"]["userErrors"]
            .take()
    };
    assert_eq!(with_key("prb_public").await, json!([]));
    assert_eq!(with_key("prb_draft").await[0]["code"], "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(with_key("prb_draft").await, with_key("prb_absent").await);
}

/// The submission stays its author's. It does not show the problem, in queries and subscriptions.
async fn a_problem_that_becomes_a_draft_leaves_submissions_as_they_are(world: &World) {
    let (ada, olga) = (world.api("ada"), world.api("olga"));
    // The stream's events are no longer only revisions.
    for visibility in ["HIDDEN", "PUBLIC"] {
        let visibility = format!("visibility: {visibility}");
        let changed = change(olga, "setProblemVisibility", "public", &visibility).await;
        assert_eq!(changed, json!([]));
    }
    let revised = package("public").file("public/data/secret/2.in", "2 2\n");
    let payload = import(olga, &revised.file("public/data/secret/2.ans", "4\n"), None).await;
    assert_eq!((&payload["problem"]["version"], &payload["userErrors"]), (&json!(2), &json!([])));
    assert_eq!(payload["problem"]["visibility"], "PUBLIC");
    let id = ada.submitted("public", "python3", SOLUTION).await;
    assert_eq!(ada.verdict(&id).await, "ACCEPTED");

    let run = "mutation { run(input: { problem: \"prb_public\", language: \"python3\",
        source: \"print(0)\", inputs: [\"1 2\"] }) { run { id problem { slug } } } }";
    let run = ada.data(run, json!({})).await["run"]["run"].take();
    assert_eq!(run["problem"]["slug"], "public");

    change(olga, "setProblemVisibility", "public", "visibility: DRAFT").await;
    world.deployment.projected().await;
    let of_run = "query($id: ID!) { run(id: $id) { id problem { slug } } }";
    let of_run = ada.data(of_run, json!({ "id": run["id"] })).await["run"].take();
    assert_eq!(of_run, json!({ "id": run["id"], "problem": null }));
    let ask = "query($id: ID!) { submission(id: $id) { verdict source problem { slug } }
        viewer { submissions(first: 1) { nodes { problem { slug } } } solved { total solved }
            solvedProblems(first: 1) { nodes { problem { slug } } } }
        tags { slug } problems { totalCount } }";
    let seen = ada.data(ask, json!({ "id": id })).await;
    let submission = json!({ "verdict": "ACCEPTED", "source": SOLUTION, "problem": null });
    assert_eq!(seen["submission"], submission);
    assert_eq!(seen["viewer"]["submissions"]["nodes"], json!([{ "problem": null }]));
    assert_eq!(seen["viewer"]["solvedProblems"]["nodes"], json!([{ "problem": null }]));
    assert!(!seen["viewer"]["solved"].to_string().contains('1'), "{seen}");
    assert_eq!((&seen["tags"], &seen["problems"]["totalCount"]), (&json!([]), &json!(0)));
    let follow =
        "subscription($id: ID!) { submission(id: $id) { submission { problem { slug } } } }";
    let mut updates = ada.subscribe(follow, json!({ "id": id })).await;
    let update = futures::StreamExt::next(&mut updates).await.unwrap().unwrap();
    assert_eq!(update["submission"]["submission"]["problem"], Value::Null);

    change(olga, "setProblemVisibility", "public", "visibility: PUBLIC").await;
    world.deployment.projected().await;
    let seen = ada.data(ask, json!({ "id": id })).await;
    assert_eq!(seen["submission"]["problem"]["slug"], "public");
    assert_eq!(seen["viewer"]["solvedProblems"]["nodes"][0]["problem"]["slug"], "public");
}

async fn an_archived_problem_takes_no_submissions(world: &World) {
    let (ada, olga) = (world.api("ada"), world.api("olga"));
    let mut before = tests::api::submission("public", "python3", "print(1)");
    before["idempotencyKey"] = json!("before");
    let first = ada.submit_input(before.clone()).await;
    assert_eq!(change(olga, "archiveProblem", "public", "").await, json!([]));
    world.deployment.projected().await;
    let ask = "{ problem(slug: \"public\") { archived visibility } problems { totalCount }
        tags { slug } dailyProblem { slug } }";
    let seen = ada.data(ask, json!({})).await;
    assert_eq!(seen["problem"], json!({ "archived": true, "visibility": "PUBLIC" }));
    assert_eq!((&seen["problems"]["totalCount"], &seen["tags"]), (&json!(0), &json!([])));
    let refused = ada.submit("public", "python3", SOLUTION).await;
    assert_eq!(refused["userErrors"][0]["code"], "FORBIDDEN", "{refused}");
    let again = ada.submit_input(before).await;
    assert_eq!(again["submission"]["id"], first["submission"]["id"], "a retry finds its result");
    olga.submitted("public", "python3", SOLUTION).await;
    let archived = "{ problems(filter: { archived: true }) { nodes { slug } } }";
    let by_olga = olga.data(archived, json!({})).await;
    assert_eq!(by_olga["problems"]["nodes"], json!([{ "slug": "public" }]));
    let by_ada = ada.data(archived, json!({})).await;
    assert_eq!(by_ada["problems"]["nodes"], json!([]));
    assert_eq!(change(olga, "restoreProblem", "public", "").await, json!([]));
    world.deployment.projected().await;
}

async fn solutions_are_for_those_who_have_solved_the_problem(world: &World) {
    let (ada, sam, olga) = (world.api("ada"), world.api("sam"), world.api("olga"));
    let upsert = "mutation($input: ProblemInput!) {
        upsertProblem(input: $input) { problem { hints } userErrors { code } }
    }";
    let input = json!({
        "slug": "taught", "title": "Sum", "difficulty": "EASY", "tags": [], "statement": "Add.",
        "editorial": "Use plus.", "hints": ["Think of +."],
        "samples": [{ "input": "1 2\n", "output": "3\n" }],
        "limits": { "timeMs": 5000, "memoryKb": 262_144 },
    });
    let payload = olga.data(upsert, json!({ "input": input })).await["upsertProblem"].take();
    assert_eq!(payload["userErrors"], json!([]));
    let ask = "{ problem(slug: \"taught\") { editorial { markdown } hints editorialRule hintsRule
        solutions { totalCount nodes { author { login } source language { id } } } } }";
    let see = async |api: &Api| {
        let problem = api.data(ask, json!({})).await["problem"].take();
        let is_shown = |field: &str| !problem[field].is_null() && problem[field] != json!([]);
        ["editorial", "hints", "solutions"].map(is_shown)
    };
    assert_eq!(see(ada).await, [true, true, false], "always, by default");
    let rules = "mutation { setProblemTextRules(input: {
        problem: \"prb_taught\", editorial: AFTER_SOLVING, hints: NEVER
    }) { problem { editorialRule hintsRule } userErrors { code } } }";
    let set = olga.data(rules, json!({})).await["setProblemTextRules"].take();
    let problem = json!({ "editorialRule": "AFTER_SOLVING", "hintsRule": "NEVER" });
    assert_eq!(set["problem"], problem, "{set}");
    for (api, shown) in [
        (&world.deployment.api(), [false; 3]),
        (ada, [false; 3]),
        (sam, [false; 3]),
        (olga, [true, true, false]),
        (world.api("judy"), [true; 3]),
    ] {
        assert_eq!(see(api).await, shown);
    }
    let wrong = ada.submitted("taught", "python3", "print(0)").await;
    assert_eq!(ada.verdict(&wrong).await, "WRONG_ANSWER");
    world.deployment.projected().await;
    assert_eq!(see(ada).await, [false; 3], "to try is not to solve");
    for api in [ada, sam] {
        let id = api.submitted("taught", "python3", SOLUTION).await;
        assert_eq!(api.verdict(&id).await, "ACCEPTED");
    }
    world.deployment.projected().await;
    assert_eq!(see(ada).await, [true, false, true]);
    let solutions = ada.data(ask, json!({})).await["problem"]["solutions"].take();
    let of = |login: &str| {
        let (author, language) = (json!({ "login": login }), json!({ "id": "python3" }));
        json!({ "author": author, "source": SOLUTION, "language": language })
    };
    assert_eq!(solutions, json!({ "totalCount": 2, "nodes": [of("sam"), of("ada")] }));
}

async fn ownership_can_be_given_away(world: &World) {
    let (sam, olga) = (world.api("sam"), world.api("olga"));
    for (mutation, login) in [("addCollaborator", "absent"), ("transferProblem", "Not a login")] {
        let refused = change(olga, mutation, "draft", &format!("login: \"{login}\"")).await;
        assert_eq!(refused, json!([{ "code": "NOT_FOUND" }]), "{mutation}");
    }
    // A collaborator may leave, and remove nobody else.
    let cleo = world.api("cleo");
    let refused = change(cleo, "removeCollaborator", "draft", "login: \"carl\"").await;
    assert_eq!(refused, json!([{ "code": "FORBIDDEN" }]));
    assert_eq!(change(cleo, "removeCollaborator", "draft", "login: \"cleo\"").await, json!([]));
    assert_eq!(change(olga, "transferProblem", "draft", "login: \"sam\"").await, json!([]));
    let refused = change(olga, "archiveProblem", "draft", "").await;
    assert_eq!(refused, json!([{ "code": "NOT_FOUND" }]), "it is another's draft now");
    let payload = import(sam, &package("draft").file("draft/attachments/b.txt", "B"), None).await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["problem"]["owner"]["login"], "sam");
    assert_eq!(payload["problem"]["visibility"], "DRAFT");
    assert_eq!(change(sam, "transferProblem", "draft", "login: \"olga\"").await, json!([]));
    world.deployment.projected().await;
}

fn the_command_line_does_the_same(world: &World) {
    let cli = |arguments: &[&str]| done(&world.deployment, arguments);
    assert_eq!(cli(&["problem", "visibility", "hidden"]), "hidden\n");
    assert_eq!(cli(&["problem", "visibility", "hidden", "draft"]), "hidden: draft\n");
    assert_eq!(cli(&["problem", "archive", "hidden"]), "hidden: archived\n");
    cli(&["problem", "collaborators", "hidden", "--add", "sam", "--remove", "cleo"]);
    let listed = cli(&["problem", "list", "--visibility", "draft", "--visibility", "public"]);
    assert!(listed.contains("public") && listed.contains("draft"), "{listed}");
    assert_eq!(cli(&["problem", "restore", "hidden"]), "hidden: restored\n");
    let absent = world.deployment.cli(&["problem", "archive", "absent"]);
    assert_ne!(absent.status.code(), Some(0));
}

/// With the strictest policy not even authors see sources; judges do.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_hides_sources_from_everyone_but_judges() {
    let settings = [("submissions.public_source", "never")];
    let deployment = Deployment::start_with(Stack::Embedded, &settings).await;
    assert_eq!(deployment.import(&Package::sum("sum", 1)).await["userErrors"], json!([]));
    let ada = deployment.register("ada").await;
    let id = ada.submitted("sum", "python3", SOLUTION).await;
    assert_eq!(ada.verdict(&id).await, "ACCEPTED");
    deployment.projected().await;
    let ask = "query($id: ID!) { submission(id: $id) { source }
        problem(slug: \"sum\") { solutions { totalCount } } }";
    let by_author = ada.data(ask, json!({ "id": id })).await;
    assert_eq!(by_author["submission"], json!({ "source": null }));
    assert_eq!(by_author["problem"]["solutions"], Value::Null);
    let by_admin = deployment.admin().data(ask, json!({ "id": id })).await;
    assert_eq!(by_admin["submission"]["source"], SOLUTION);
    assert_eq!(by_admin["problem"]["solutions"]["totalCount"], 1);
}

//! What users do with a judge, from registration to reading old results, on both stacks, over the
//! API.

mod lists;
mod once;
mod progress;
mod runs;
mod secrets;
mod tokens;
mod verdicts;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, PROJECTIONS, Stack};
use tests::package::{Package, sample};

/// The sample problems that are imported.
const SAMPLES: [&str; 4] = ["sum-of-two", "frame-of-stars", "odd-lockers", "vault-coins"];

#[tokio::test(flavor = "multi_thread")]
async fn on_embedded_stores() {
    Box::pin(journey(Stack::Embedded)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_and_mongodb() {
    Box::pin(journey(Stack::Cluster)).await;
}

/// A deployment with users and problems.
struct World {
    deployment: Deployment,
    ada: Api,
    bob: Api,
}

async fn journey(stack: Stack) {
    let deployment = Deployment::start(stack).await;
    let (ada, bob) = (deployment.register("ada").await, deployment.register("bob").await);
    let world = World { deployment, ada, bob };
    step("sign in", sign_in(&world)).await;
    step("import problems", import_problems(&world)).await;
    let judged = step("every verdict, live", verdicts::every_verdict(&world)).await;
    step("tests, hidden and not", verdicts::tests_are_shown_or_hidden(&world, &judged)).await;
    step("progress", progress::progress(&world, &judged)).await;
    step("lists of submissions", lists::submissions(&world, &judged)).await;
    step("lists of problems", lists::problems(&world)).await;
    step("nodes", lists::nodes(&world, &judged)).await;
    step("the service", the_service(&world)).await;
    step("tokens", tokens::tokens(&world)).await;
    step("once", once::the_same_key_is_one_submission(&world)).await;
    step("created once", once::what_exists_is_not_created_again(&world)).await;
    step("own inputs", runs::own_inputs_and_samples(&world)).await;
    step("read your writes", once::a_token_waits_for_the_write(&world)).await;
    step("secrets", secrets::others_see_nothing(&world, &judged)).await;
}

/// Prints the name of a part of the journey and its duration.
async fn step<T>(name: &str, part: impl Future<Output = T>) -> T {
    let began = std::time::Instant::now();
    let outcome = part.await;
    println!("{name}: {:.1} s", began.elapsed().as_secs_f64());
    outcome
}

async fn sign_in(world: &World) {
    let login = "mutation($login: String!, $password: String!) {
        login(login: $login, password: $password, client: \"a test\") {
            accessToken refreshToken user { login } userErrors { code field }
        }
    }";
    let api = world.deployment.api();
    let right = json!({ "login": "ada", "password": "correct horse" });
    let session = api.data(login, right).await["login"].take();
    assert_eq!(session["user"]["login"], "ada");
    let ada = api.with_token(session["accessToken"].as_str().unwrap());
    let viewer =
        ada.data("{ viewer { login roles sessions { client current } } }", json!({})).await;
    assert_eq!(viewer["viewer"]["login"], "ada");
    assert_eq!(viewer["viewer"]["roles"], json!(["USER"]));
    let sessions = viewer["viewer"]["sessions"].as_array().unwrap();
    let current: Vec<_> = sessions.iter().filter(|it| it["current"] == true).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["client"], "a test");

    // The error must not reveal whether the login or the password is wrong.
    for (login_name, password) in [("ada", "battery staple"), ("nobody", "correct horse")] {
        let wrong = json!({ "login": login_name, "password": password });
        let refused = api.data(login, wrong).await["login"].take();
        assert_eq!(refused["accessToken"], Value::Null);
        assert_eq!(refused["userErrors"], json!([{ "code": "BAD_CREDENTIALS", "field": null }]));
    }

    let refresh = "mutation($token: String!) {
        refreshSession(refreshToken: $token) { accessToken userErrors { code } }
    }";
    let token = json!({ "token": session["refreshToken"] });
    let refreshed = api.data(refresh, token.clone()).await["refreshSession"].take();
    assert!(refreshed["accessToken"].is_string(), "{refreshed}");
    let again = api.data(refresh, token).await["refreshSession"].take();
    assert_eq!(again["userErrors"], json!([{ "code": "EXPIRED" }]));

    // Refreshing a session ends the old one; so does signing out.
    let ended = ada.ask("{ viewer { login } }", json!({})).await;
    assert_eq!((ended.status, ended.code()), (401, "UNAUTHENTICATED"));
    let ada = api.with_token(refreshed["accessToken"].as_str().unwrap());
    ada.data("mutation { logout { userErrors { code } } }", json!({})).await;
    let after = ada.ask("{ viewer { login } }", json!({})).await;
    assert_eq!((after.status, after.code()), (401, "UNAUTHENTICATED"));
}

async fn import_problems(world: &World) {
    for slug in SAMPLES {
        let package = Package::of_folder(&sample(slug));
        let payload = world.deployment.import(&package).await;
        assert_eq!(payload["userErrors"], json!([]), "{slug}");
        assert_eq!(payload["problem"], json!({ "slug": slug, "version": 1 }));
        let again = world.deployment.import(&package).await;
        assert_eq!(again["revised"], false, "{slug}");
    }
    let reference = "print(sum(map(int, input().split())))\n";
    let sum = Package::sum("sum", 2).file("sum/submissions/accepted/sum.py", reference);
    let payload = world.deployment.import(&sum).await;
    assert_eq!(payload["userErrors"], json!([]));
}

async fn the_service(world: &World) {
    let ask = "{ languages { id name version extensions }
        system { version health components { name health detail }
            projections { name lagEvents } queues { name waiting inFlight }
            limits { pageSize depth sourceBytes } } }";
    let data = world.ada.data(ask, json!({})).await;
    let languages: Vec<_> =
        data["languages"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(languages, ["c", "cpp", "python3"]);
    let system = &data["system"];
    assert_eq!(system["health"], "OK");
    let components = system["components"].as_array().unwrap().iter();
    let names: Vec<_> = components.map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names[..5], ["log", "queue", "read-model", "credentials", "tree"]);
    // Either one process does everything, or others than the answering process judge and project.
    if world.deployment.redis.is_none() {
        assert_eq!(names[5], "evaluator");
        let projections = &names[6..6 + PROJECTIONS];
        assert!(projections.iter().all(|name| name.starts_with("projection ")), "{names:?}");
        let tasks = &names[6 + PROJECTIONS..];
        let expected = [
            "projector",
            "signer",
            "webhooks",
            "expired runs",
            "audit exports",
            "sweeper",
            "live updates",
        ];
        assert_eq!(tasks, expected);
    } else {
        assert_eq!(names[5..], ["live updates"]);
    }
    assert_eq!(system["projections"].as_array().unwrap().len(), PROJECTIONS);
    assert!(system["queues"].as_array().unwrap().iter().any(|queue| queue["name"] == "submit"));
    assert_eq!(system["limits"]["pageSize"], 100);
}

/// Submissions judged on the way: ids by verdict.
type Judged = BTreeMap<&'static str, String>;

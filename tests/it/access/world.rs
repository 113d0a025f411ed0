//! The viewers of the table, and the objects that it names.

use std::collections::BTreeMap;

use domain::Position;
use graphql::cursor::StreamCursor;
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};
use tests::package::Package;
use tests::waiting::until_true;

use super::VIEWERS;

const RIGHT: &str = "print(sum(map(int, input().split())))";
/// A UUID that no object has.
const NO_OBJECT: &str = "00000000000040008000000000000000";
/// A digest that no blob has.
const NO_BLOB: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A client of the table's columns.
pub(super) struct Viewer {
    /// The column.
    pub(super) name: &'static str,
    /// The API with the viewer's token.
    pub(super) api: Api,
    /// The viewer's objects, by placeholder.
    own: BTreeMap<String, String>,
}

/// A server with objects.
pub(super) struct World {
    _deployment: Deployment,
    /// The viewers, in the order of the columns.
    pub(super) viewers: Vec<Viewer>,
    /// The objects of others, those that do not exist, and all others, by placeholder.
    objects: BTreeMap<String, String>,
}

impl World {
    pub(super) async fn start() -> Self {
        let deployment = Deployment::start(Stack::Embedded).await;
        let archive = deployment.admin().upload(Package::sum("sum", 2).zip()).await;
        let package = archive.body["sha256"].as_str().unwrap().to_owned();
        deployment.import(&Package::sum("sum", 2)).await;
        let mut viewers = Vec::new();
        for name in VIEWERS {
            viewers.push(viewer(&deployment, name, &viewers).await);
        }
        let bob = deployment.register("bob").await;
        let mut objects = own_objects(&bob, "bob", "other").await;
        for (name, id) in missing() {
            objects.insert(format!("$missing.{name}"), id);
        }
        objects.insert("$package".to_owned(), package);
        objects.insert("$cursor".to_owned(), StreamCursor::behind(Position(1)).encode());
        deployment.projected().await;
        let admin = deployment.admin();
        let (selection, rejudge) = rejudge(&admin).await;
        objects.insert("$selection".to_owned(), selection);
        objects.insert("$other.rejudge".to_owned(), rejudge);
        let judges = admin.data("{ system { judges { id } } }", json!({})).await;
        objects.insert("$other.evaluator".to_owned(), text(&judges["system"]["judges"][0]["id"]));
        let invite =
            "mutation { createInvitation(input: { expiresInDays: 1 }) { invitation { id } } }";
        let invited = admin.data(invite, json!({})).await;
        let invitation = text(&invited["createInvitation"]["invitation"]["id"]);
        objects.insert("$other.invitation".to_owned(), invitation);
        let create = "mutation { createWebhook(input: { url: \"https://1.1.1.1/\",
            types: [\"RejudgeReverted\"] }) { id } }";
        let created = admin.data(create, json!({})).await;
        objects.insert("$other.webhook".to_owned(), text(&created["createWebhook"]["id"]));
        let export = "mutation { exportAudit(input: { to: \"1\" }) { export { id } } }";
        let exported = admin.data(export, json!({})).await;
        objects.insert("$other.export".to_owned(), text(&exported["exportAudit"]["export"]["id"]));
        deployment.projected().await;
        Self { _deployment: deployment, viewers, objects }
    }

    /// The document with an object for each placeholder.
    pub(super) fn filled(&self, document: &str, viewer: &Viewer) -> String {
        let mut document = document.replace("$viewer", viewer.name);
        for (name, id) in self.objects.iter().chain(&viewer.own) {
            document = document.replace(name, id);
        }
        assert!(!document.contains('$'), "{document}: {} has no such object", viewer.name);
        document
    }
}

async fn viewer(deployment: &Deployment, name: &'static str, known: &[Viewer]) -> Viewer {
    let admin = known.iter().find(|viewer| viewer.name == "admin");
    match (name, admin) {
        ("nobody", _) => Viewer { name, api: deployment.api(), own: BTreeMap::new() },
        ("read" | "submit", Some(admin)) => {
            let create = "mutation($input: AccessTokenInput!) {
                createAccessToken(input: $input) { secret } }";
            let input = json!({ "name": name, "scopes": [name] });
            let made = admin.api.data(create, json!({ "input": input })).await;
            let secret = text(&made["createAccessToken"]["secret"]);
            Viewer { name, api: admin.api.with_token(&secret), own: admin.own.clone() }
        }
        _ => {
            // The login `admin` belongs to the first administrator, who has no password.
            let login = format!("an-{name}");
            let api = deployment.register(&login).await;
            if name != "user" {
                let granted = deployment.cli(&["account", "grant", &login, name]);
                assert!(granted.status.success(), "{granted:?}");
            }
            Viewer { name, own: own_objects(&api, &login, "own").await, api }
        }
    }
}

/// A judged submission, a session that is not in use, and an access token of this account.
async fn own_objects(api: &Api, login: &str, whose: &str) -> BTreeMap<String, String> {
    let submission = api.submitted("sum", "python3", RIGHT).await;
    assert_eq!(api.verdict(&submission).await, "ACCEPTED");
    let ask = "query($id: ID!) { submission(id: $id) { number } }";
    let number = until_number(api, ask, &submission).await;
    let sign_in = "mutation($login: String!) {
        login(login: $login, password: \"correct horse\", client: \"unused\") { accessToken }
    }";
    api.data(sign_in, json!({ "login": login })).await;
    let sessions = api.data("{ viewer { sessions { id client } } }", json!({})).await;
    let sessions = sessions["viewer"]["sessions"].as_array().unwrap().clone();
    let session = sessions.iter().find(|session| session["client"] == "unused").unwrap();
    let create = "mutation { createAccessToken(input: { name: \"unused\", scopes: [\"read\"] }) {
        accessToken { id } } }";
    let token = api.data(create, json!({})).await;
    let token = text(&token["createAccessToken"]["accessToken"]["id"]);
    let run =
        "mutation { run(input: { language: \"python3\", source: \"print(1)\", inputs: [\"1\"] }) {
        run { id } } }";
    let run = text(&api.data(run, json!({})).await["run"]["run"]["id"]);
    [
        ("judgement", format!("jdg_{}.1", submission.trim_start_matches("sub_"))),
        ("submission", submission),
        ("number", number.to_string()),
        ("event", format!("evt_{number}")),
        ("session", text(&session["id"])),
        ("token", token),
        ("run", run),
    ]
    .map(|(name, id)| (format!("${whose}.{name}"), id))
    .into()
}

/// The submission's number, as soon as the views have the submission.
async fn until_number(api: &Api, ask: &str, id: &str) -> u64 {
    let number = async || {
        let found = api.data(ask, json!({ "id": id })).await;
        found["submission"]["number"].as_u64()
    };
    until_true("the views have the submission", async || number().await.is_some()).await;
    number().await.unwrap()
}

/// Ids of objects that do not exist.
fn missing() -> [(&'static str, String); 13] {
    [
        ("submission", format!("sub_{NO_OBJECT}")),
        ("judgement", format!("jdg_{NO_OBJECT}.1")),
        ("number", "999999".to_owned()),
        ("event", "evt_999999".to_owned()),
        ("session", format!("ses_{NO_OBJECT}")),
        ("token", format!("tok_{NO_OBJECT}")),
        ("run", format!("run_{NO_OBJECT}")),
        ("export", format!("exp_{NO_OBJECT}")),
        ("evaluator", "evl_nobody-1-abcdef".to_owned()),
        ("invitation", NO_OBJECT.to_owned()),
        ("rejudge", format!("rej_{NO_OBJECT}")),
        ("webhook", format!("whk_{NO_OBJECT}")),
        ("package", NO_BLOB.to_owned()),
    ]
}

/// A selection of bob's submissions, and a rejudge of them that is ready to apply.
async fn rejudge(admin: &Api) -> (String, String) {
    let preview = "{ rejudgePreview(selection: { author: \"bob\" }) { matched selectionToken } }";
    let preview = admin.data(preview, json!({})).await["rejudgePreview"].take();
    assert_eq!(preview["matched"], 1);
    let selection = text(&preview["selectionToken"]);
    let create = "mutation($token: String!) {
        createRejudge(input: { selectionToken: $token, reason: \"a test\" }) { id } }";
    let created = admin.data(create, json!({ "token": selection })).await;
    let id = text(&created["createRejudge"]["id"]);
    let ask = "query($id: ID!) { rejudge(id: $id) { state } }";
    until_true("the rejudge is ready", async || {
        admin.data(ask, json!({ "id": id })).await["rejudge"]["state"] == "READY"
    })
    .await;
    (selection, id)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

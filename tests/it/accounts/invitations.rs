//! Registration by invitation.

use futures::future::join_all;
use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};

use super::{PASSWORD, assert_errors};

const CREATE: &str = "mutation($input: InvitationInput!) {
    createInvitation(input: $input) {
        secret invitation { id note createdBy } userErrors { code field }
    }
}";
const REVOKE: &str =
    "mutation($id: ID!) { revokeInvitation(id: $id) { userErrors { code field } } }";
const LIST: &str = "{ invitations { id note createdBy } }";

/// The secret of a new invitation.
pub(super) async fn create(deployment: &Deployment) -> String {
    let payload = created(&deployment.admin(), json!({ "note": "for a test" })).await;
    payload["secret"].as_str().unwrap_or_else(|| panic!("{payload}")).to_owned()
}

async fn created(api: &Api, input: Value) -> Value {
    api.data(CREATE, json!({ "input": input })).await["createInvitation"].take()
}

/// Registers an account, and returns the payload.
pub(super) async fn register(api: &Api, login: &str, invitation: Option<&str>) -> Value {
    let query = "mutation($input: RegisterInput!) {
        register(input: $input) { accessToken userErrors { code field } }
    }";
    let input = json!({
        "login": login, "email": format!("{login}@example.org"), "password": PASSWORD,
        "invitation": invitation,
    });
    api.data(query, json!({ "input": input })).await["register"].take()
}

pub(super) async fn only_the_invited_register(deployment: &Deployment) {
    let (api, admin) = (deployment.api(), deployment.admin());
    assert_errors(&register(&api, "eve", None).await, &["FORBIDDEN input.invitation"]);
    assert_errors(&register(&api, "eve", Some("a guess")).await, &["EXPIRED input.invitation"]);

    // Only one of those who share an invitation registers.
    let shared = create(deployment).await;
    let logins: Vec<String> = (0..5).map(|number| format!("guest{number}")).collect();
    let all = logins.iter().map(|login| register(&api, login, Some(&shared)));
    let registered = join_all(all).await;
    let successes = registered.iter().filter(|payload| payload["accessToken"].is_string());
    assert_eq!(successes.count(), 1, "{registered:?}");

    // A registration that fails does not use it up.
    let invitation = create(deployment).await;
    let taken = register(&api, "admin", Some(&invitation)).await;
    assert_errors(&taken, &["TAKEN input.login"]);
    assert_errors(&register(&api, "x", Some(&invitation)).await, &["INVALID input.login"]);
    let guest = register(&api, "dan", Some(&invitation)).await;
    let guest = api.with_token(guest["accessToken"].as_str().unwrap());
    assert_errors(&register(&api, "eve", Some(&invitation)).await, &["EXPIRED input.invitation"]);

    // Only administrators create, see and revoke them.
    assert_errors(&created(&guest, json!({})).await, &["FORBIDDEN"]);
    assert_eq!(guest.data(LIST, json!({})).await["invitations"], json!([]));
    assert_eq!(api.data(LIST, json!({})).await["invitations"], json!([]));
    let wrong = created(&admin, json!({ "expiresInDays": 0, "note": "" })).await;
    assert_errors(&wrong, &["INVALID input.expiresInDays", "INVALID input.note"]);
    let payload = created(&admin, json!({ "note": "Zoë" })).await;
    let listed = admin.data(LIST, json!({})).await["invitations"].take();
    assert_eq!(listed, json!([payload["invitation"]]));
    assert_eq!(listed[0]["createdBy"], "admin");
    let id = json!({ "id": listed[0]["id"] });
    let refused = guest.data(REVOKE, id.clone()).await["revokeInvitation"].take();
    assert_errors(&refused, &["FORBIDDEN"]);
    assert_errors(&admin.data(REVOKE, id.clone()).await["revokeInvitation"], &[]);
    let again = admin.data(REVOKE, id).await["revokeInvitation"].take();
    assert_errors(&again, &["NOT_FOUND id"]);
    let late = register(&api, "eve", payload["secret"].as_str()).await;
    assert_errors(&late, &["EXPIRED input.invitation"]);

    let options = api.data("{ signInOptions { registration } }", json!({})).await;
    assert_eq!(options["signInOptions"]["registration"], "INVITATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_registers_when_registration_is_closed() {
    let settings = [("accounts.registration", "closed")];
    let deployment = Deployment::start_with(Stack::Embedded, &settings).await;
    let api = deployment.api();
    let invitation = create(&deployment).await;
    for invitation in [None, Some(invitation.as_str())] {
        assert_errors(&register(&api, "eve", invitation).await, &["FORBIDDEN"]);
    }
}

//! Roles, and the list of accounts.

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::Deployment;

use super::{assert_errors, register};

async fn change(api: &Api, mutation: &str, login: &str, role: &str) -> Value {
    let query = format!(
        "mutation($login: String!, $role: Role!) {{
            {mutation}(login: $login, role: $role) {{
                user {{ login roles }} token userErrors {{ code field }}
            }}
        }}"
    );
    api.data(&query, json!({ "login": login, "role": role })).await[mutation].take()
}

pub(super) async fn roles_are_granted_and_revoked(deployment: &Deployment) {
    let (admin, ida) = (deployment.admin(), register(deployment, "ida").await);
    for (api, mutation, login, role, refusal) in [
        (&ida, "grantRole", "ida", "ADMIN", "FORBIDDEN"),
        (&ida, "grantRole", "nobody", "ADMIN", "FORBIDDEN"),
        (&admin, "grantRole", "nobody", "JUDGE", "NOT_FOUND login"),
        (&admin, "revokeRole", "ida", "USER", "INVALID role"),
        (&admin, "revokeRole", "admin", "ADMIN", "FORBIDDEN role"),
    ] {
        assert_errors(&change(api, mutation, login, role).await, &[refusal]);
    }
    let granted = change(&admin, "grantRole", "ida", "ADMIN").await;
    assert_eq!(granted["user"], json!({ "login": "ida", "roles": ["USER", "ADMIN"] }));
    assert!(granted["token"].is_string());
    assert_eq!(change(&admin, "grantRole", "ida", "ADMIN").await["token"], Value::Null);
    assert!(change(&admin, "grantRole", "ida", "JUDGE").await["token"].is_string());
    let revoked = change(&admin, "revokeRole", "ida", "ADMIN").await;
    assert_eq!(revoked["user"], json!({ "login": "ida", "roles": ["USER", "JUDGE"] }));
}

/// After all other steps: it lists their accounts.
pub(super) async fn administrators_list_accounts(deployment: &Deployment) {
    let (admin, jan) = (deployment.admin(), register(deployment, "jan").await);
    let token = change(&admin, "grantRole", "jan", "SETTER").await["token"].take();
    let query = "query($first: Int, $after: String, $filter: UserFilter) {
        users(first: $first, after: $after, filter: $filter) {
            totalCount nodes { login roles erased email } pageInfo { endCursor hasNextPage }
        }
    }";
    let list = async |api: &Api, variables: Value| {
        api.data_after(&token, query, variables).await["users"].take()
    };
    let logins = |page: &Value| -> Vec<String> {
        let nodes = page["nodes"].as_array().unwrap().iter();
        nodes.map(|node| node["login"].as_str().unwrap().to_owned()).collect()
    };
    let all = list(&admin, json!({ "first": 100 })).await;
    let everyone = logins(&all);
    assert!(everyone.is_sorted(), "{everyone:?}");
    assert_eq!(all["totalCount"], everyone.len());
    let page = list(&admin, json!({ "first": 3 })).await;
    assert_eq!(logins(&page), everyone[..3]);
    let after = &page["pageInfo"]["endCursor"];
    let second = list(&admin, json!({ "first": 3, "after": after })).await;
    assert_eq!(logins(&second), everyone[3..6]);

    let found = list(&admin, json!({ "filter": { "search": "JA" } })).await;
    let jan_listed = json!({
        "login": "jan", "roles": ["USER", "SETTER"], "erased": false, "email": "jan@example.org",
    });
    assert_eq!(found["nodes"], json!([jan_listed]));
    let setters = list(&admin, json!({ "filter": { "role": "SETTER" } })).await;
    assert_eq!(logins(&setters), ["jan"]);
    let erased = list(&admin, json!({ "filter": { "search": "eve" } })).await;
    assert_eq!(erased["nodes"][0]["erased"], true);
    assert_eq!(erased["nodes"][0]["email"], Value::Null);

    let nothing = list(&jan, json!({})).await;
    assert_eq!((&nothing["nodes"], &nothing["totalCount"]), (&json!([]), &json!(0)));
    let anonymous = deployment.api().ask(query, json!({})).await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
}

//! A function problem from its package to the users who solve it, on both stacks.

use serde_json::{Value, json};
use tests::api::Api;
use tests::deployment::{Deployment, Stack};
use tests::package::{Package, sample};

const SLUG: &str = "pair-of-weights";

const RIGHT: &str = "class Solution:
    def pairOfWeights(self, weights, total):
        places = {}
        for place, weight in enumerate(weights):
            if total - weight in places:
                return [place, places[total - weight]]
            places[weight] = place
";

/// Prints something, and takes one weight twice.
const WRONG: &str = "class Solution:
    def pairOfWeights(self, weights, total):
        print('weights', len(weights))
        for place, weight in enumerate(weights):
            if total - weight in weights:
                return [place, weights.index(total - weight)]
";

const THROWS: &str = "class Solution:
    def pairOfWeights(self, weights, total):
        return [weights[total]]
";

#[tokio::test(flavor = "multi_thread")]
async fn are_solved_on_embedded_stores() {
    journey(Stack::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn are_solved_on_redis_and_mongodb() {
    journey(Stack::Cluster).await;
}

async fn journey(stack: Stack) {
    let deployment = Deployment::start(stack).await;
    let ada = deployment.register("ada").await;
    let payload = deployment.import(&Package::of_folder(&sample(SLUG))).await;
    assert_eq!(payload["userErrors"], json!([]));
    deployment.projected().await;
    the_problem_shows_what_to_define(&ada).await;
    submissions_are_called(&deployment, &ada).await;
    runs_take_arguments(&ada).await;
}

async fn the_problem_shows_what_to_define(ada: &Api) {
    let query = "query($slug: String!) { problem(slug: $slug) {
        signature { text callable {
            ... on FunctionSignature { name params { name type } returns compared prefix }
        } }
        samples { input output arguments { name value } }
        languages { language { id } starterCode }
    } }";
    let data = ada.data(query, json!({ "slug": SLUG })).await;
    let problem = &data["problem"];
    assert_eq!(problem["signature"]["text"], "int[] pairOfWeights(int[] weights, int total)");
    let callable = json!({
        "name": "pairOfWeights", "returns": "int[]", "compared": null, "prefix": false,
        "params": [{ "name": "weights", "type": "int[]" }, { "name": "total", "type": "int" }],
    });
    assert_eq!(problem["signature"]["callable"], callable);
    let arguments =
        json!([{ "name": "weights", "value": "[4,9,1,7]" }, { "name": "total", "value": "8" }]);
    assert_eq!(problem["samples"][0]["arguments"], arguments);
    assert_eq!(problem["samples"][0]["output"], "[2, 3]\n");
    let languages = problem["languages"].as_array().unwrap();
    let starter = |id: &str| {
        let language = languages.iter().find(|it| it["language"]["id"] == id);
        language.unwrap_or_else(|| panic!("{id}: {languages:?}"))["starterCode"].as_str().unwrap()
    };
    assert!(starter("cpp").contains("vector<int> pairOfWeights(vector<int>& weights, int total)"));
    assert!(starter("python3").contains("def pairOfWeights(self, weights: List[int], total: int)"));
}

async fn judged(deployment: &Deployment, ada: &Api, language: &str, source: &str) -> Value {
    let id = ada.submitted(SLUG, language, source).await;
    ada.verdict(&id).await;
    deployment.projected().await;
    let query = "query($id: ID!) { submission(id: $id) { verdict judgement { tests {
        number verdict hidden exitCode
        detail { input expected stdout stderr checker result }
    } } } }";
    ada.data(query, json!({ "id": id })).await["submission"].take()
}

async fn submissions_are_called(deployment: &Deployment, ada: &Api) {
    let right = judged(deployment, ada, "python3", RIGHT).await;
    assert_eq!(right["verdict"], "ACCEPTED", "{right}");
    let cpp = include_str!("../../problems/pair-of-weights/submissions/accepted/table.cpp");
    assert_eq!(judged(deployment, ada, "cpp", cpp).await["verdict"], "ACCEPTED");

    let wrong = judged(deployment, ada, "python3", WRONG).await;
    assert_eq!(wrong["verdict"], "WRONG_ANSWER", "{wrong}");
    let failed = &wrong["judgement"]["tests"][0];
    let detail = json!({
        "input": "[[4, 9, 1, 7], 8]\n", "expected": "[2, 3]\n", "result": "[0,0]",
        "stdout": "weights 4\n", "stderr": "", "checker": null,
    });
    assert_eq!(failed["detail"], detail, "{failed}");

    let throws = judged(deployment, ada, "python3", THROWS).await;
    assert_eq!(throws["verdict"], "RUNTIME_ERROR", "{throws}");
    let detail = &throws["judgement"]["tests"][0]["detail"];
    let trace = detail["stderr"].as_str().unwrap();
    assert!(trace.contains("solution.py\", line 3, in pairOfWeights"), "{trace}");
    assert!(trace.contains("IndexError") && !trace.contains("assay_"), "{trace}");
    assert_eq!(detail["result"], Value::Null);

    let missing =
        judged(deployment, ada, "cpp", "class Solution { public: int pair() { return 1; } };")
            .await;
    assert_eq!(missing["verdict"], "COMPILE_ERROR", "{missing}");
}

async fn runs_take_arguments(ada: &Api) {
    let run = async |inputs: Value| {
        let query = "mutation($input: RunInput!) { run(input: $input) {
            run { id } userErrors { code field message }
        } }";
        let input = json!({
            "problem": "prb_pair-of-weights", "language": "python3", "source": WRONG,
            "inputs": inputs,
        });
        ada.data(query, json!({ "input": input })).await["run"].take()
    };
    let refused = run(json!(["[[1, 2], 3]", "[[1, \"2\"], 3]"])).await;
    let error = &refused["userErrors"][0];
    assert_eq!((&error["code"], &error["field"]), (&json!("INVALID"), &json!(["input", "inputs"])));
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("input 2 is not the JSON of the arguments of `int[] pair"));
    assert!(message.contains("$[0][1]: "), "{message}");

    let ran = run(json!(["[[6, 1, 5], 6]", "[[5, 5], 10]"])).await;
    let id = ran["run"]["id"].as_str().unwrap_or_else(|| panic!("{ran}"));
    let follow = "subscription($id: ID!) { run(id: $id) { run { state } } }";
    let mut updates = ada.subscribe(follow, json!({ "id": id })).await;
    while let Some(update) = futures::StreamExt::next(&mut updates).await {
        update.unwrap();
    }
    let query = "query($id: ID!) { run(id: $id) { cases {
        expected outcome { verdict result stdout }
    } } }";
    let data = ada.data(query, json!({ "id": id })).await;
    let cases = &data["run"]["cases"];
    assert_eq!(cases[0]["outcome"]["verdict"], "ACCEPTED", "{cases}");
    // The reference solution finds the second weight first.
    assert_eq!(cases[0]["expected"], "[1,2]", "{cases}");
    let wrong = json!({ "verdict": "WRONG_ANSWER", "result": "[0,0]", "stdout": "weights 2\n" });
    assert_eq!(cases[1]["outcome"], wrong, "{cases}");
}

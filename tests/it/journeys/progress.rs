//! What users see of their progress: solved problems, calendar, languages, standings, and how a
//! submission compares with others.

use serde_json::{Value, json};

use super::{Judged, World};

pub(super) async fn progress(world: &World, judged: &Judged) {
    world.deployment.projected().await;
    solved_and_ranked(world).await;
    per_day_and_language(world, judged).await;
    ordered(world).await;
    compared(world, judged).await;
}

async fn solved_and_ranked(world: &World) {
    let ask = "{ user(login: \"ada\") { solvedProblems(first: 5) {
            totalCount nodes { solvedAt problem { slug } } } }
        standings(first: 5) { totalCount pageInfo { hasNextPage }
            nodes { rank solved lastSolvedAt user { login } } } }";
    let data = world.deployment.api().data(ask, json!({})).await;
    let solved = &data["user"]["solvedProblems"];
    assert_eq!(solved["totalCount"], 1);
    assert_eq!(solved["nodes"][0]["problem"]["slug"], "sum-of-two");
    let standings = &data["standings"];
    assert_eq!(
        (&standings["totalCount"], &standings["pageInfo"]["hasNextPage"]),
        (&json!(1), &json!(false))
    );
    let first = &standings["nodes"][0];
    assert_eq!((&first["rank"], &first["solved"]), (&json!(1), &json!(1)));
    assert_eq!(first["user"]["login"], "ada");
    assert_eq!(first["lastSolvedAt"], solved["nodes"][0]["solvedAt"]);
}

async fn per_day_and_language(world: &World, judged: &Judged) {
    let ask = "query($id: ID!) { submission(id: $id) { createdAt } }";
    let data = world.ada.data(ask, json!({ "id": judged["ACCEPTED"] })).await;
    let year: i32 = data["submission"]["createdAt"].as_str().unwrap()[..4].parse().unwrap();
    let ask = "query($year: Int!) { user(login: \"ada\") {
        calendar(year: $year) { date submissions accepted }
        languages { language { id } submissions accepted } } }";
    let data = world.bob.data(ask, json!({ "year": year })).await["user"].take();
    let days = data["calendar"].as_array().unwrap();
    let sum = |field: &str| days.iter().map(|day| day[field].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("submissions"), sum("accepted")), (8, 1), "{days:?}");
    assert!(days.iter().all(|day| day["date"].as_str().unwrap().starts_with(&year.to_string())));
    let used = |id: &str, submissions: i64, accepted: i64| json!({ "language": { "id": id }, "submissions": submissions, "accepted": accepted });
    let languages = [used("python3", 5, 1), used("c", 2, 0), used("cpp", 1, 0)];
    assert_eq!(data["languages"], json!(languages));
    let empty = world.bob.data(ask, json!({ "year": year - 2 })).await["user"].take();
    assert_eq!(empty["calendar"], json!([]));
    let refused = world.bob.ask(ask, json!({ "year": 10_000 })).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
}

async fn ordered(world: &World) {
    let ask = "query($order: SubmissionOrder, $filter: SubmissionFilter, $after: String) {
        submissions(first: 3, orderBy: $order, filter: $filter, after: $after) {
            pageInfo { hasNextPage endCursor }
            nodes { source judgement { timeMs memoryKb } } } }";
    let listed = async |field: &str, direction: &str| {
        let (mut nodes, mut after) = (vec![], Value::Null);
        loop {
            let order = json!({ "field": field, "direction": direction });
            let variables = json!({ "order": order, "after": after });
            let mut page = world.ada.data(ask, variables).await["submissions"].take();
            nodes.extend(page["nodes"].as_array().unwrap().clone());
            if page["pageInfo"]["hasNextPage"] == false {
                return nodes;
            }
            after = page["pageInfo"]["endCursor"].take();
        }
    };
    let lengths = listed("LENGTH", "DESC").await;
    let lengths: Vec<_> = lengths.iter().map(|it| it["source"].as_str().unwrap().len()).collect();
    assert!(lengths.len() == 8 && lengths.is_sorted_by(|a, b| a >= b), "{lengths:?}");
    for (order, field) in [("TIME", "timeMs"), ("MEMORY", "memoryKb")] {
        let nodes = listed(order, "ASC").await;
        let values: Vec<_> = nodes.iter().map(|it| it["judgement"][field].as_i64()).collect();
        assert!(values.len() == 7 && values.is_sorted(), "without the compile error: {values:?}");
    }
    // A judge sees everything, which is too much to sort.
    let order = json!({ "field": "TIME" });
    let refused = world.deployment.admin().ask(ask, json!({ "order": order })).await;
    assert_eq!(refused.code(), "BAD_USER_INPUT");
    let filter = json!({ "problem": "prb_sum-of-two" });
    let allowed = json!({ "order": order, "filter": filter });
    assert!(world.deployment.admin().ask(ask, allowed).await.code().is_empty());
}

async fn compared(world: &World, judged: &Judged) {
    let ask = "query($id: ID!) { submission(id: $id) { percentile { time memory } } }";
    let of = async |verdict: &str| {
        let data = world.ada.data(ask, json!({ "id": judged[verdict] })).await;
        data["submission"]["percentile"].clone()
    };
    // It is the only accepted one.
    assert_eq!(of("ACCEPTED").await, json!({ "time": 100.0, "memory": 100.0 }));
    assert_eq!(of("WRONG_ANSWER").await, Value::Null);
}

//! Connections: paging in both directions, filters, orders and counts.

use serde_json::{Value, json};

use super::{Judged, SAMPLES, World};

const PAGE: &str =
    "query($first: Int, $after: String, $last: Int, $before: String, $filter: SubmissionFilter) {
    submissions(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        totalCount edges { cursor node { id number verdict } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
}";

/// Submissions in addition to those of every verdict.
const MORE: usize = 30;

pub(super) async fn submissions(world: &World, judged: &Judged) {
    let ada = &world.ada;
    let middle = jiff::Timestamp::now();
    let mut all: Vec<String> = Vec::new();
    for number in 0..MORE {
        let source = format!("print(sum(map(int, input().split()))) # {number}");
        all.push(ada.submitted("sum", "python3", &source).await);
    }
    let last = ada.verdict(&all[MORE - 1]).await;
    assert_eq!(last, "ACCEPTED");
    for id in &all {
        assert_eq!(ada.verdict(id).await, "ACCEPTED");
    }
    world.deployment.projected().await;
    let everything = world.ada.data(PAGE, json!({ "first": 100 })).await;
    let everything = ids(&everything["submissions"]);
    assert_eq!(everything.len(), MORE + judged.len());
    all.reverse();
    assert_eq!(everything[..MORE], all, "newest first");

    walk(world, &everything, "first", "after").await;
    walk(world, &everything, "last", "before").await;

    let filtered = async |filter: Value| {
        let page = ada.data(PAGE, json!({ "first": 100, "filter": filter })).await;
        assert_eq!(
            page["submissions"]["totalCount"],
            page["submissions"]["edges"].as_array().unwrap().len()
        );
        ids(&page["submissions"])
    };
    assert_eq!(filtered(json!({ "problem": "prb_sum" })).await, all);
    assert_eq!(filtered(json!({ "since": middle.to_string() })).await, all);
    assert_eq!(filtered(json!({ "until": middle.to_string() })).await, everything[MORE..]);
    assert_eq!(
        filtered(json!({ "language": "cpp" })).await,
        [judged["PRESENTATION_ERROR"].clone()]
    );
    assert_eq!(
        filtered(json!({ "verdict": ["COMPILE_ERROR"] })).await,
        [judged["COMPILE_ERROR"].clone()]
    );
    assert_eq!(filtered(json!({ "verdict": ["ACCEPTED"] })).await.len(), MORE + 1);
    assert_eq!(filtered(json!({ "state": ["JUDGED"] })).await, everything);
    assert_eq!(filtered(json!({ "state": ["QUEUED"] })).await, Vec::<String>::new());
    assert_eq!(filtered(json!({ "author": "bob" })).await, Vec::<String>::new());
}

/// Reads all pages: no entry is missed, and none comes twice.
async fn walk(world: &World, everything: &[String], size: &str, from: &str) {
    const SIZE: usize = 7;
    let backwards = size == "last";
    let mut seen: Vec<String> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let variables = json!({ size: SIZE, from: cursor });
        let page = world.ada.data(PAGE, variables).await["submissions"].take();
        assert_eq!(page["totalCount"], everything.len());
        let (mut of_page, info) = (ids(&page), &page["pageInfo"]);
        let (more, less, end) = match backwards {
            false => ("hasNextPage", "hasPreviousPage", "endCursor"),
            true => ("hasPreviousPage", "hasNextPage", "startCursor"),
        };
        assert_eq!(info[less], !seen.is_empty(), "{page}");
        match backwards {
            false => seen.extend(of_page),
            true => {
                of_page.extend(seen);
                seen = of_page;
            }
        }
        assert_eq!(info[more], seen.len() < everything.len(), "{page}");
        cursor = info[end].clone();
        if info[more] == false {
            break;
        }
    }
    assert_eq!(seen, everything);
}

fn ids(connection: &Value) -> Vec<String> {
    let edges = connection["edges"].as_array().unwrap().iter();
    edges.map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect()
}

pub(super) async fn problems(world: &World) {
    let ask = "query($filter: ProblemFilter, $orderBy: ProblemOrder) {
        problems(first: 100, filter: $filter, orderBy: $orderBy) {
            totalCount nodes { slug number title difficulty tags { slug } stats { acceptance } }
        }
    }";
    let list = async |variables: Value| {
        let page = world.ada.data(ask, variables).await["problems"].take();
        assert_eq!(page["totalCount"], page["nodes"].as_array().unwrap().len());
        page["nodes"].as_array().unwrap().clone()
    };
    let slugs = |nodes: &[Value]| -> Vec<String> {
        nodes.iter().map(|node| node["slug"].as_str().unwrap().to_owned()).collect()
    };
    let all = list(json!({})).await;
    let imported: Vec<_> = SAMPLES.into_iter().chain(["sum"]).collect();
    assert_eq!(slugs(&all), imported, "by number");
    let ordered = async |field: &str, direction: &str| {
        list(json!({ "orderBy": { "field": field, "direction": direction } })).await
    };
    for field in ["NUMBER", "TITLE", "DIFFICULTY", "ACCEPTANCE", "CREATED_AT"] {
        let up = ordered(field, "ASC").await;
        let mut down = ordered(field, "DESC").await;
        down.reverse();
        assert_eq!(slugs(&up), slugs(&down), "{field}");
    }
    let titles: Vec<_> =
        ordered("TITLE", "ASC").await.iter().map(|it| it["title"].to_string()).collect();
    assert!(titles.is_sorted(), "{titles:?}");
    let acceptance = ordered("ACCEPTANCE", "DESC").await;
    assert_eq!(acceptance[0]["slug"], "sum", "all were accepted");

    cursors_are_bound(world).await;

    let filtered = async |filter: Value| slugs(&list(json!({ "filter": filter })).await);
    assert_eq!(filtered(json!({ "search": "SUM OF" })).await, ["sum-of-two"]);
    assert_eq!(filtered(json!({ "status": ["SOLVED"] })).await, ["sum-of-two", "sum"]);
    assert_eq!(filtered(json!({ "status": ["ATTEMPTED"] })).await, ["frame-of-stars"]);
    assert_eq!(filtered(json!({ "status": ["TODO"] })).await, ["odd-lockers", "vault-coins"]);
    for difficulty in ["EASY", "MEDIUM", "HARD"] {
        let of_all = all.iter().filter(|it| it["difficulty"] == difficulty).cloned();
        let of_all: Vec<_> = of_all.collect();
        assert_eq!(filtered(json!({ "difficulty": [difficulty] })).await, slugs(&of_all));
    }
    tags(world, &all, &filtered).await;
}

/// A cursor of another list or another order is an error; another filter is not another order.
async fn cursors_are_bound(world: &World) {
    let order = "orderBy: { field: TITLE, direction: ASC }";
    let first = format!("{{ problems(first: 1, {order}) {{ pageInfo {{ endCursor }} }} }}");
    let first = world.ada.data(&first, json!({})).await;
    let cursor = first["problems"]["pageInfo"]["endCursor"].as_str().unwrap();
    let other_order = "orderBy: { field: TITLE, direction: DESC }";
    for (list, code) in [
        (format!("problems(after: {cursor:?}, {order})"), ""),
        (format!("problems(after: {cursor:?}, {order}, filter: {{ search: \"sum\" }})"), ""),
        (format!("problems(before: {cursor:?}, {order})"), ""),
        (format!("problems(after: {cursor:?}, {other_order})"), "BAD_USER_INPUT"),
        (format!("problems(before: {cursor:?})"), "BAD_USER_INPUT"),
        (format!("submissions(after: {cursor:?})"), "BAD_USER_INPUT"),
        (format!("rejudges(before: {cursor:?})"), "BAD_USER_INPUT"),
    ] {
        let answer = world.ada.ask(&format!("{{ {list} {{ totalCount }} }}"), json!({})).await;
        assert_eq!(answer.code(), code, "{list}: {answer:?}");
    }
    // A place in the log is no place in a list, and the other way round.
    let submission = "{ submissions(first: 1) { pageInfo { endCursor } nodes { cursor } } }";
    let found = world.ada.data(submission, json!({})).await["submissions"].take();
    let of_log = found["nodes"][0]["cursor"].as_str().unwrap();
    let of_list = found["pageInfo"]["endCursor"].as_str().unwrap();
    let admin = world.deployment.admin();
    let beyond = graphql::cursor::StreamCursor::behind(domain::Position(1 << 40)).encode();
    for ask in [
        format!("{{ submissions(after: {of_log:?}) {{ totalCount }} }}"),
        format!("{{ audit {{ events(after: {of_list:?}) {{ pageInfo {{ endCursor }} }} }} }}"),
        format!("{{ audit {{ events(after: {beyond:?}) {{ pageInfo {{ endCursor }} }} }} }}"),
    ] {
        assert_eq!(admin.ask(&ask, json!({})).await.code(), "BAD_USER_INPUT", "{ask}");
    }
}

async fn tags(world: &World, problems: &[Value], filtered: &impl AsyncFn(Value) -> Vec<String>) {
    let data = world.ada.data("{ tags { slug problemCount } }", json!({})).await;
    let tags = data["tags"].as_array().unwrap();
    assert!(!tags.is_empty());
    for tag in tags {
        let bearing = problems.iter().filter(|problem| {
            problem["tags"].as_array().unwrap().iter().any(|it| it["slug"] == tag["slug"])
        });
        let bearing: Vec<_> = bearing.map(|problem| problem["slug"].as_str().unwrap()).collect();
        assert_eq!(tag["problemCount"], bearing.len(), "{tag}");
        assert_eq!(filtered(json!({ "tags": [tag["slug"]] })).await, bearing, "{tag}");
    }
}

pub(super) async fn nodes(world: &World, judged: &Judged) {
    let accepted = &judged["ACCEPTED"];
    let ask = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let names = [("prb_sum", "Problem"), ("usr_bob", "User"), (accepted, "Submission")];
    let ids: Vec<_> = names.iter().map(|(id, _)| *id).chain(["prb_absent"]).collect();
    let data = world.ada.data(ask, json!({ "ids": ids })).await;
    for (node, (id, kind)) in data["nodes"].as_array().unwrap().iter().zip(names) {
        assert_eq!(*node, json!({ "__typename": kind, "id": id }));
        let one = world
            .ada
            .data("query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": id }));
        assert_eq!(one.await["node"], *node);
    }
    assert_eq!(data["nodes"][3], Value::Null);
    let solved =
        "{ viewer { solved { difficulty solved total } submissions(first: 1) { totalCount } } }";
    let viewer = world.ada.data(solved, json!({})).await["viewer"].take();
    let solved =
        viewer["solved"].as_array().unwrap().iter().map(|it| it["solved"].as_i64().unwrap());
    assert_eq!(solved.sum::<i64>(), 2);
    assert_eq!(viewer["submissions"]["totalCount"], MORE + judged.len());
}

//! The read model: the suite for each adapter, and errors that only one adapter can have.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::{Checkpoint, EventId, Position};
use futures::TryStreamExt;
use futures::future::join_all;
use mongodb::bson::{Document, doc};
use read_model::conformance::{Case, run, view_cases};
use read_model::views::{ProblemView, SubmissionView};
use read_model::{
    Change, Collection, CommitError, Condition, Direction, Keyset, OpenError, Order, PageRequest,
    ReadError, Scalar, View, Views, open,
};
use serde_json::json;
use tempfile::TempDir;
use tests::mongo_server::MongoServer;
use tests::proxy::Weather;
use uuid::Uuid;

const SUBMISSIONS: Collection = SubmissionView::COLLECTION;
const PROBLEMS: Collection = ProblemView::COLLECTION;
const BOXES: Collection =
    Collection { name: "boxes", schema: 1, indexes: &[&["weight"], &["owner", "weight"]] };

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_views() {
    let directory = TempDir::new().unwrap();
    let fresh =
        |case: &Case| format!("sqlite:{}/{}/views.db", directory.path().display(), case.name);
    run("views × sqlite", view_cases(), fresh).await;
}

#[tokio::test]
async fn views_in_a_file_are_for_their_owner() {
    let directory = TempDir::new().unwrap();
    let folder = directory.path().join("a/b");
    let views = open(&format!("sqlite:{}/views.db", folder.display()), "live").await.unwrap();
    views.writer.prepare(&[BOXES]).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for name in ["views.db", "views.db-wal", "views.db-shm"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mongo_views() {
    let server = MongoServer::start().await;
    // The names of cases are too long for database names.
    let number = AtomicU32::new(0);
    let fresh = |_: &Case| server.url(&format!("case{}", number.fetch_add(1, Ordering::Relaxed)));
    run("views × mongodb", view_cases(), fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mongo_server_that_stands_alone_is_refused_with_a_cure() {
    let server = MongoServer::start_standalone().await;
    match open(&server.url("views"), "live").await {
        Err(OpenError::Refused { cure, .. }) => assert!(cure.contains("--replSet"), "{cure}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_url_that_names_no_read_model_is_refused_without_its_secrets() {
    for url in
        ["", "views.db", "sqlite:", "redis://u:hunter2@h/1", "mongodb://u:hunter2@h", "mongodb://"]
    {
        match open(url, "live").await {
            Err(error @ OpenError::InvalidUrl { .. }) => {
                assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            }
            other => panic!("{url:?}: {other:?}"),
        }
    }
}

/// Uses the server's profiler, which records the plan of every query.
#[tokio::test(flavor = "multi_thread")]
async fn mongo_lists_read_ranges_of_indexes() {
    let server = MongoServer::start().await;
    let url = server.url("views");
    let views = open(&url, "live").await.unwrap();
    fill_lists(&views).await;
    let database = mongodb::Client::with_uri_str(&url).await.unwrap().database("views");
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    let lists = read_lists(&views).await;

    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let profile = database.collection::<Document>("system.profile");
    let read = doc! { "op": { "$in": ["query", "command"] }, "planSummary": { "$exists": true },
    "ns": { "$in": [
        format!("views.live_{}", SUBMISSIONS.stored_name()),
        format!("views.live_{}", PROBLEMS.stored_name()),
    ] } };
    let queries: Vec<Document> = profile.find(read).await.unwrap().try_collect().await.unwrap();
    assert!(queries.len() >= 2 * lists, "{queries:#?}");
    for query in queries {
        let plan = query.get_str("planSummary").unwrap();
        let is_by_index = plan.starts_with("IXSCAN") || plan.starts_with("COUNT_SCAN");
        assert!(is_by_index, "{query:#?}");
        assert!(!query.contains_key("hasSortStage"), "{query:#?}");
    }
}

#[tokio::test]
async fn sqlite_lists_find_the_same() {
    let directory = TempDir::new().unwrap();
    let url = format!("sqlite:{}/views.db", directory.path().display());
    let views = open(&url, "live").await.unwrap();
    fill_lists(&views).await;
    read_lists(&views).await;
}

/// 200 submissions and 200 problems, with their indexes.
async fn fill_lists(views: &Views) {
    let put = |collection, number: i64, document| Change::Put {
        collection,
        key: format!("{number:03}"),
        document: read_model::Document::of(&document),
    };
    let changes = (0..200).flat_map(|number| {
        let submission = json!({
            "number": number, "created_at": number * 10, "state": "JUDGED",
            "language": if number % 3 == 0 { "cpp" } else { "c" },
            "verdict": if number % 2 == 0 { "ACCEPTED" } else { "WRONG_ANSWER" },
        });
        let tags = if number % 5 == 0 { json!(["dp", "graphs"]) } else { json!(["dp"]) };
        let problem = json!({ "number": number, "slug": format!("p{number}"), "tags": tags });
        [put(SUBMISSIONS, number, submission), put(PROBLEMS, number, problem)]
    });
    let to = Checkpoint::start(Uuid::nil());
    views.writer.commit("all", None, &to, changes.collect()).await.unwrap();
    views.writer.index(&[SUBMISSIONS, PROBLEMS]).await.unwrap();
}

/// Reads and counts lists that the API has. Returns their number.
async fn read_lists(views: &Views) -> usize {
    let text = |text: &str| Scalar::Text(text.to_owned());
    let tagged = |tag: &str| Condition::HasAny("tags", vec![text(tag)]);
    let (three, ninety) = (Scalar::Integer(3), Scalar::Integer(90));
    let lists = [
        (SUBMISSIONS, vec![Condition::Equals("verdict", text("ACCEPTED"))], 100),
        (
            SUBMISSIONS,
            vec![
                Condition::Equals("language", text("cpp")),
                Condition::Equals("verdict", text("ACCEPTED")),
            ],
            34,
        ),
        (
            SUBMISSIONS,
            vec![Condition::AtLeast("number", three), Condition::LessThan("number", ninety)],
            87,
        ),
        (PROBLEMS, vec![tagged("dp"), tagged("graphs")], 40),
    ];
    for (collection, conditions, found) in &lists {
        let order = Order { field: Some("number"), direction: Direction::Descending };
        let request =
            PageRequest { conditions: conditions.clone(), order, ..PageRequest::all(1_000) };
        let page = views.reader.page(collection, &request).await.unwrap();
        assert_eq!(page.items.len(), *found, "{conditions:?}");
        assert_eq!(views.reader.count(collection, conditions).await.unwrap(), *found as u64);
    }
    lists.len()
}

/// Uses the server's profiler, which records the plan of every query.
#[tokio::test(flavor = "multi_thread")]
async fn mongo_pages_read_ranges_of_indexes_and_sort_nothing() {
    let server = MongoServer::start().await;
    let url = server.url("views");
    let views = open(&url, "live").await.unwrap();
    let changes = (0..200).map(|number| Change::Put {
        collection: BOXES,
        key: format!("{number:03}"),
        document: read_model::Document::of(
            &json!({ "owner": format!("owner {}", number % 3), "weight": number / 5 }),
        ),
    });
    let to = Checkpoint::start(Uuid::nil());
    views.writer.commit("boxes", None, &to, changes.collect()).await.unwrap();
    views.writer.index(&[BOXES]).await.unwrap();
    let database = mongodb::Client::with_uri_str(&url).await.unwrap().database("views");
    database.run_command(doc! { "profile": 2 }).await.unwrap();

    let owned = Condition::Equals("owner", Scalar::Text("owner 1".to_owned()));
    for conditions in [vec![], vec![owned]] {
        for direction in [Direction::Ascending, Direction::Descending] {
            for value in [None, Some(Scalar::Null), Some(Scalar::Integer(20))] {
                let place = value.map(|value| Keyset { value, key: "101".to_owned() });
                let order = Order { field: Some("weight"), direction };
                let after = PageRequest {
                    conditions: conditions.clone(),
                    order,
                    after: place.clone(),
                    ..PageRequest::all(10)
                };
                let before =
                    PageRequest { after: None, before: place, from_end: true, ..after.clone() };
                views.reader.page(&BOXES, &after).await.unwrap();
                views.reader.page(&BOXES, &before).await.unwrap();
            }
        }
    }

    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let profile = database.collection::<Document>("system.profile");
    let queries = profile.find(doc! { "op": "query", "ns": "views.live_boxes_v1" }).await.unwrap();
    let queries: Vec<Document> = queries.try_collect().await.unwrap();
    assert!(queries.len() >= 24, "{}", queries.len());
    for query in queries {
        let plan = query.get_str("planSummary").unwrap();
        // If the keyset is before all values, there is nothing to read.
        assert!(plan.starts_with("IXSCAN") || plan == "EOF", "{query:#?}");
        assert!(!query.contains_key("hasSortStage"), "{query:#?}");
    }
}

/// INV-9 under `kill -9` of the server: a commit's documents and its checkpoint are stored
/// together, and an acknowledged commit is never lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_mongo_server_loses_no_commit_and_keeps_no_half() {
    const COMMITS: u64 = 150;
    const KILLS: u64 = 2;
    let mut server = MongoServer::start().await;
    let views = open(&server.url("views"), "live").await.unwrap();
    let committing = tokio::spawn(commit_through(views.clone(), COMMITS));
    for kill in 1..=KILLS {
        until_committed(&views, COMMITS * kill / (KILLS + 1)).await;
        server.kill_hard();
        server.restart().await;
    }
    committing.await.unwrap();
    let weights = views.reader.get(&BOXES, &["first".to_owned(), "last".to_owned()]).await.unwrap();
    assert_eq!(weights, vec![Some(json!({ "weight": COMMITS })); 2]);
}

/// A process that was killed during a transaction cannot end it, and MongoDB would keep its
/// documents locked for longer than a commit may take.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_next_ends_what_a_killed_writer_left_open() {
    let server = MongoServer::start().await;
    let url = server.url("views");
    let first = Checkpoint::start(Uuid::nil());
    let put = |weight: u64| Change::Put {
        collection: BOXES,
        key: "first".to_owned(),
        document: read_model::Document::of(&json!({ "weight": weight })),
    };
    let views = open(&url, "live").await.unwrap();
    views.writer.commit("boxes", None, &first, vec![put(1)]).await.unwrap();

    // Uses a session of the first writer, as if that had been killed during a commit.
    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let database = client.database("views");
    let mut left = client.start_session().await.unwrap();
    let writers = database.collection::<Document>("live_writers");
    let known = writers.find_one(doc! { "_id": "boxes" }).await.unwrap().unwrap();
    assert!(known.get_document("session").unwrap().contains_key("id"), "{known}");
    let killed = doc! { "$set": { "session": left.id() } };
    writers.update_one(doc! { "_id": "boxes" }, killed).await.unwrap();
    left.start_transaction().await.unwrap();
    let boxes = database.collection::<Document>("live_boxes_v1");
    let change = doc! { "$set": { "weight": 2 } };
    let changed = boxes.update_one(doc! { "_id": "first" }, change).session(&mut left).await;
    assert_eq!(changed.unwrap().modified_count, 1);

    let second = Checkpoint { position: Position(1), ..first };
    let next = open(&url, "live").await.unwrap();
    next.writer.commit("boxes", Some(&first), &second, vec![put(3)]).await.unwrap();
    let found = next.reader.get(&BOXES, &["first".to_owned()]).await.unwrap();
    assert_eq!(found, vec![Some(json!({ "weight": 3 }))]);
    // The first writer is not excluded: it can commit again if there was no other commit since.
    let third = Checkpoint { position: Position(2), ..second };
    views.writer.commit("boxes", Some(&second), &third, vec![put(4)]).await.unwrap();
}

/// Otherwise the projection would retry forever, although only the stream must be parked.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_mongo_refuses_cannot_be_stored() {
    let server = MongoServer::start().await;
    let url = server.url("views");
    let views = open(&url, "live").await.unwrap();
    views.writer.prepare(&[BOXES]).await.unwrap();
    let database = mongodb::Client::with_uri_str(&url).await.unwrap().database("views");
    let validator = doc! { "weight": { "$lt": 100 } };
    let require = doc! { "collMod": "live_boxes_v1", "validator": validator };
    database.run_command(require).await.unwrap();
    let put = |weight: u64| Change::Put {
        collection: BOXES,
        key: "first".to_owned(),
        document: read_model::Document::of(&json!({ "weight": weight })),
    };
    let first = Checkpoint::start(Uuid::nil());
    let refused = views.writer.commit("boxes", None, &first, vec![put(100)]).await;
    assert!(matches!(refused, Err(CommitError::Unstorable(_))), "{refused:?}");
    assert_eq!(views.writer.checkpoint("boxes").await.unwrap(), None);
    views.writer.commit("boxes", None, &first, vec![put(99)]).await.unwrap();
}

/// Concurrent requests must not wait for each other's timeouts.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_long_for_a_mongo_server_that_is_silent() {
    const ASKING: usize = 4;
    /// Longer than the limit of one read, and shorter than that of two.
    const PATIENCE: Duration = Duration::from_secs(15);
    let server = MongoServer::start_exposed().await;
    let views = open(&server.url("views"), "live").await.unwrap();
    server.network().set(Weather::Mute);
    let asking = (0..ASKING).map(|_| tokio::time::timeout(PATIENCE, views.reader.checkpoints()));
    for answer in join_all(asking).await {
        let answer = answer.expect("it gives up in time");
        assert!(matches!(answer, Err(ReadError::Unavailable(_))), "{answer:?}");
    }
}

/// Commits every position once, as a projector does: after an error it reads the checkpoint.
async fn commit_through(views: Views, commits: u64) {
    let mut from = None;
    while from.is_none_or(|it: Checkpoint| it.position.0 < commits) {
        let position = from.map_or(1, |it| it.position.0 + 1);
        let document = read_model::Document::of(&json!({ "weight": position }));
        let put = |key: &str| Change::Put {
            collection: BOXES,
            key: key.to_owned(),
            document: document.clone(),
        };
        let to = Checkpoint {
            log: Uuid::nil(),
            position: Position(position),
            event: EventId(Uuid::from_u128(position.into())),
        };
        let changes = vec![put("first"), put("last")];
        match views.writer.commit("boxes", from.as_ref(), &to, changes).await {
            Ok(()) => from = Some(to),
            Err(CommitError::Superseded) => panic!("nobody else commits"),
            Err(_) => {
                let stands = stands_at(&views).await;
                let acknowledged = from.map_or(0, |it| it.position.0);
                let reached = stands.map_or(0, |it| it.position.0);
                assert!((acknowledged..=position).contains(&reached));
                from = stands;
            }
        }
        let keys = ["first".to_owned(), "last".to_owned()];
        if let (Some(from), Ok(found)) = (from, views.reader.get(&BOXES, &keys).await) {
            assert_eq!(found, vec![Some(json!({ "weight": from.position.0 })); 2]);
        }
    }
}

async fn stands_at(views: &Views) -> Option<Checkpoint> {
    loop {
        if let Ok(checkpoint) = views.writer.checkpoint("boxes").await {
            return checkpoint;
        }
    }
}

async fn until_committed(views: &Views, position: u64) {
    while stands_at(views).await.is_none_or(|it| it.position.0 < position) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

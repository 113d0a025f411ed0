//! Tests what the conformance suite cannot see: that reads use the indexes.

use domain::{Checkpoint, EventId, Position};
use rusqlite::{Connection, params_from_iter};
use tokio::runtime::Runtime;

use super::query::Query;
use crate::names::Namespace;
use crate::paging::Walk;
use crate::views::SubmissionView;
use crate::{
    Condition, Direction, Generation, Generations, Keyset, Order, PageRequest, Scalar, View, open,
};

fn keyset(value: i64) -> Keyset {
    Keyset { value: Scalar::Integer(value), key: "k".to_owned() }
}

/// The lines of the query plan of every leg of the request.
fn plan(connection: &Connection, request: &PageRequest) -> Vec<String> {
    let namespace = Namespace::parse("live").unwrap();
    let table = namespace.documents(&SubmissionView::COLLECTION, Generation::FIRST).unwrap();
    let mut walk = Walk::new(request);
    let mut lines = vec![];
    while let Some(leg) = walk.next_leg() {
        let collection = &SubmissionView::COLLECTION;
        let query = Query::page(collection, &table, &request.conditions, &leg).unwrap();
        lines.extend(explained(connection, query));
    }
    lines
}

fn explained(connection: &Connection, query: Query) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {}", query.text);
    let mut statement = connection.prepare(&explain).unwrap();
    let rows = statement.query_map(params_from_iter(query.bound), |row| row.get(3)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The views of submissions with their indexes, in a file.
fn submissions() -> (tempfile::TempDir, Connection) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("views.db");
    Runtime::new().unwrap().block_on(async {
        let views = open(&format!("sqlite:{}", file.display()), "live").await.unwrap();
        views.writer.prepare(&[SubmissionView::COLLECTION]).await.unwrap();
        views.writer.index(&[SubmissionView::COLLECTION]).await.unwrap();
    });
    let connection = Connection::open(&file).unwrap();
    (directory, connection)
}

#[test]
fn every_page_of_submissions_reads_one_range_of_an_index() {
    let (_directory, connection) = submissions();
    let text = |text: &str| Scalar::Text(text.to_owned());
    let filters = [
        (vec![], "live_submissions_v5.number"),
        (vec![Condition::Equals("author", text("ada"))], "live_submissions_v5.author.number"),
        (vec![Condition::Equals("problem", text("sum"))], "live_submissions_v5.problem.number"),
        (
            vec![
                Condition::Equals("author", text("ada")),
                Condition::Equals("problem", text("sum")),
            ],
            "live_submissions_v5.author.problem.number",
        ),
        (
            vec![Condition::Equals("verdict", text("ACCEPTED"))],
            "live_submissions_v5.verdict.number",
        ),
        (
            vec![
                Condition::Equals("language", text("cpp")),
                Condition::Equals("verdict", text("ACCEPTED")),
            ],
            "live_submissions_v5.language.verdict.number",
        ),
        (
            vec![
                Condition::Equals("language", text("cpp")),
                Condition::Equals("verdict", text("ACCEPTED")),
                Condition::AtLeast("number", Scalar::Integer(3)),
                Condition::LessThan("number", Scalar::Integer(9)),
            ],
            "live_submissions_v5.language.verdict.number",
        ),
        // `since` and `until` of a list.
        (
            vec![
                Condition::AtLeast("number", Scalar::Integer(3)),
                Condition::LessThan("number", Scalar::Integer(9)),
            ],
            "live_submissions_v5.number",
        ),
    ];
    for (conditions, index) in filters {
        for direction in [Direction::Ascending, Direction::Descending] {
            for (after, before) in
                [(None, None), (Some(5), None), (None, Some(9)), (Some(5), Some(9))]
            {
                let (after, before) = match direction {
                    Direction::Ascending => (after, before),
                    Direction::Descending => (before, after),
                };
                let request = PageRequest {
                    conditions: conditions.clone(),
                    order: Order { field: Some("number"), direction },
                    after: after.map(keyset),
                    before: before.map(keyset),
                    from_end: false,
                    limit: 10,
                };
                let lines = plan(&connection, &request);
                assert!(!lines.is_empty());
                // Between two bounds, SQLite may consider a shorter index just as good.
                let has_bounds = conditions.iter().any(|it| matches!(it, Condition::LessThan(..)))
                    || after.is_some() && before.is_some();
                let index = if has_bounds { "" } else { index };
                for line in &lines {
                    assert!(
                        line.contains(&format!("USING INDEX {index}")),
                        "{request:?}: {lines:#?}"
                    );
                    assert!(!line.contains("TEMP B-TREE"), "{request:?}: {lines:#?}");
                }
            }
        }
    }
}

/// Counts of submissions look at one range of an index.
#[test]
fn counts_of_submissions_read_one_range_of_an_index() {
    let (_directory, connection) = submissions();
    let text = |text: &str| Scalar::Text(text.to_owned());
    for conditions in [
        vec![
            Condition::Equals("state", text("QUEUED")),
            Condition::LessThan("number", Scalar::Integer(9)),
        ],
        vec![
            Condition::Equals("language", text("cpp")),
            Condition::Equals("verdict", text("ACCEPTED")),
        ],
        vec![Condition::AtLeast("created_at", Scalar::Integer(7))],
    ] {
        let namespace = Namespace::parse("live").unwrap();
        let collection = &SubmissionView::COLLECTION;
        let table = namespace.documents(collection, Generation::FIRST).unwrap();
        let query = Query::count(collection, &table, &conditions).unwrap();
        let lines = explained(&connection, query);
        let is_search = |line: &String| line.contains("SEARCH") && line.contains("USING INDEX");
        assert!(lines.iter().all(is_search), "{conditions:?}: {lines:#?}");
    }
}

/// Lists that are ordered by what submissions take.
#[test]
fn the_submissions_to_a_problem_are_not_sorted_for_a_page() {
    let (_directory, connection) = submissions();
    for field in ["time_ms", "memory_kib", "source_bytes"] {
        let conditions = vec![
            Condition::Equals("problem", Scalar::Text("sum".to_owned())),
            Condition::AtLeast(field, Scalar::Integer(0)),
        ];
        for direction in [Direction::Ascending, Direction::Descending] {
            for after in [None, Some(keyset(5))] {
                let order = Order { field: Some(field), direction };
                let conditions = conditions.clone();
                let request = PageRequest { conditions, order, after, ..PageRequest::all(10) };
                for line in plan(&connection, &request) {
                    let index = format!("USING INDEX live_submissions_v5.problem.{field}");
                    assert!(line.contains(&index), "{request:?}: {line}");
                }
            }
        }
    }
}

/// Earlier versions indexed expressions, without columns for them.
#[test]
fn a_table_without_columns_gets_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("views.db");
    let old = Connection::open(&file).unwrap();
    old.execute_batch(
        "CREATE TABLE live_submissions_v5 (key TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL);
         CREATE INDEX \"live_submissions_v5.number\" ON live_submissions_v5
             (json_extract(document, '$.number'), key);
         INSERT INTO live_submissions_v5 VALUES
             ('a', '{\"number\": 2, \"author\": \"ada\"}'), ('b', '{\"number\": 1}');",
    )
    .unwrap();
    let by_number = |conditions: Vec<Condition>| PageRequest {
        conditions,
        order: Order { field: Some("number"), direction: Direction::Ascending },
        ..PageRequest::all(10)
    };
    let is_by = Condition::Equals("author", Scalar::Text("ada".to_owned()));
    Runtime::new().unwrap().block_on(async {
        let views = open(&format!("sqlite:{}", file.display()), "live").await.unwrap();
        for _ in 0..2 {
            views.writer.prepare(&[SubmissionView::COLLECTION]).await.unwrap();
            views.writer.index(&[SubmissionView::COLLECTION]).await.unwrap();
            let reader = views.at(Generation::FIRST).reader;
            for (conditions, expected) in
                [(vec![], vec!["b", "a"]), (vec![is_by.clone()], vec!["a"])]
            {
                let page = reader.page(&SubmissionView::COLLECTION, &by_number(conditions)).await;
                let items = page.unwrap().items;
                let keys: Vec<&str> = items.iter().map(|(place, _)| place.key.as_str()).collect();
                assert_eq!(keys, expected);
            }
        }
    });
    for line in plan(&old, &by_number(vec![])) {
        assert!(line.contains("USING INDEX live_submissions_v5.number"), "{line}");
    }
}

#[tokio::test]
async fn views_with_a_damaged_checkpoint_are_replaced_by_new_ones() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("views.db");
    let views = open(&format!("sqlite:{}", file.display()), "live").await.unwrap();
    let generations = &views.generations;
    let first = Generations::first(&[SubmissionView::COLLECTION], true);
    generations.change("submissions_v4", None, &first).await.unwrap();
    let (log, event) = (uuid::Uuid::new_v4(), EventId(uuid::Uuid::new_v4()));
    let to = Checkpoint { log, position: Position(7), event };
    let commit = async |generation: Generation| {
        let writer = views.at(generation).writer;
        writer.prepare(&[SubmissionView::COLLECTION]).await.unwrap();
        writer.commit("submissions_v4", None, &to, vec![]).await.unwrap();
    };
    commit(Generation::FIRST).await;
    let connection = Connection::open(&file).unwrap();
    let damage = "UPDATE \"live_checkpoints\" SET checkpoint = '{'";
    assert_eq!(connection.execute(damage, []).unwrap(), 1);
    views.reader.checkpoints().await.unwrap_err();

    let building = first.rebuilding().unwrap();
    generations.change("submissions_v4", Some(&first), &building).await.unwrap();
    commit(building.building.unwrap()).await;
    let flipped = building.flipped(jiff::Timestamp::UNIX_EPOCH.into()).unwrap();
    generations.change("submissions_v4", Some(&building), &flipped).await.unwrap();
    let retired = flipped.retired[0].generation;
    generations.remove("submissions_v4", &flipped.collections, retired).await.unwrap();
    let checkpoints = views.reader.checkpoints().await.unwrap();
    assert_eq!(checkpoints["submissions_v4"], to);
}

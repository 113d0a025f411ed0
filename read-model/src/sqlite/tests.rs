//! What the conformance suite cannot see: that reads use the indexes.

use rusqlite::{Connection, params_from_iter};
use tokio::runtime::Runtime;

use super::query::Query;
use crate::names::Namespace;
use crate::paging::Walk;
use crate::views::SubmissionView;
use crate::{Condition, Direction, Generation, Keyset, Order, PageRequest, Scalar, View, open};

fn keyset(value: i64) -> Keyset {
    Keyset { value: Scalar::Integer(value), key: "k".to_owned() }
}

/// The plan's lines for every leg of the request.
fn plan(connection: &Connection, request: &PageRequest) -> Vec<String> {
    let namespace = Namespace::parse("live").unwrap();
    let table = namespace.documents(&SubmissionView::COLLECTION, Generation::FIRST).unwrap();
    let mut walk = Walk::new(request);
    let mut lines = vec![];
    while let Some(leg) = walk.next_leg() {
        let query = Query::page(&table, &request.conditions, &leg).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", query.text);
        let mut statement = connection.prepare(&explain).unwrap();
        let rows = statement.query_map(params_from_iter(query.bound), |row| row.get(3)).unwrap();
        lines.extend(rows.map(Result::unwrap));
    }
    lines
}

#[test]
fn every_page_of_submissions_reads_one_range_of_an_index() {
    let directory = std::env::temp_dir().join(format!("assay-plan-{}", uuid::Uuid::new_v4()));
    let file = directory.join("views.sqlite");
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let views = open(&format!("sqlite:{}", file.display()), "live").await.unwrap();
        views.writer.prepare(&[SubmissionView::COLLECTION]).await.unwrap();
    });
    let connection = Connection::open(&file).unwrap();
    let text = |text: &str| Scalar::Text(text.to_owned());
    let filters = [
        (vec![], "live_submissions_v3.number"),
        (vec![Condition::Equals("author", text("ada"))], "live_submissions_v3.author.number"),
        (vec![Condition::Equals("problem", text("sum"))], "live_submissions_v3.problem.number"),
        (
            vec![
                Condition::Equals("author", text("ada")),
                Condition::Equals("problem", text("sum")),
            ],
            "live_submissions_v3.author.problem.number",
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
                // Between two bounds a shorter index may serve as well, for all that SQLite knows.
                let index = if after.is_some() && before.is_some() { "" } else { index };
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
    drop(connection);
    std::fs::remove_dir_all(directory).unwrap();
}

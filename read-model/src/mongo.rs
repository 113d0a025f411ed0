//! Views in MongoDB: one collection per view, with the key as `_id` and the document's fields
//! unchanged.
//!
//! All operations go to the primary. Reader and writer share one client and its connection pool.

mod batch;
mod document;
mod failure;
mod filter;
mod generations;
mod read_limit;
mod reader;
mod sessions;
mod store;
mod stored_generations;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ReadPreference, SelectionCriteria, WriteConcern};

use crate::names::Namespace;
use crate::open_error::without_secrets;
use crate::{Generation, OpenError, Views};

/// How long to wait for a primary. An election takes less.
const PRIMARY_MAX: Duration = Duration::from_secs(15);
/// Connection timeout.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The wire version of MongoDB 6.0.
const WIRE_VERSION_MIN: i32 = 17;

pub(crate) async fn open(url: &str, namespace: Namespace) -> Result<Views, OpenError> {
    let invalid = || OpenError::InvalidUrl { url: without_secrets(url) };
    let mut options = ClientOptions::parse(url).await.map_err(|_| invalid())?;
    let name = options.default_database.clone().ok_or_else(invalid)?;
    options.app_name.get_or_insert_with(|| "assay read-model".to_owned());
    options.server_selection_timeout = Some(PRIMARY_MAX);
    options.connect_timeout = Some(CONNECT_MAX);
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.write_concern = Some(WriteConcern::majority());
    let client = Client::with_options(options).map_err(|_| invalid())?;
    let database = client.database(&name);
    let hello = database.run_command(doc! { "hello": 1 }).await;
    check_server(&hello.map_err(|error| OpenError::Unavailable(error.into()))?)?;
    let store = store::Store { database, namespace };
    let writer = writer::MongoWriter::new(client, store.clone());
    let generations = generations::MongoGenerations {
        store: store.clone(),
        writer: writer.at(Generation::FIRST),
    };
    Ok(Views {
        reader: Arc::new(reader::MongoReader::live(store)),
        writer: Arc::new(writer),
        generations: Arc::new(generations),
    })
}

/// Refuses a standalone server, because it has no transactions and commits need them (INV-9).
fn check_server(hello: &Document) -> Result<(), OpenError> {
    let in_replica_set = hello.contains_key("setName");
    let is_router = hello.get_str("msg").is_ok_and(|it| it == "isdbgrid");
    if !in_replica_set && !is_router {
        return Err(OpenError::Refused {
            cause: "the MongoDB server of the read model stands alone, and so has no transactions"
                .to_owned(),
            cure:
                "start mongod with --replSet rs0 and run rs.initiate() once; one member is enough"
                    .to_owned(),
        });
    }
    if hello.get_i32("maxWireVersion").is_ok_and(|it| it < WIRE_VERSION_MIN) {
        return Err(OpenError::Refused {
            cause: "the MongoDB server of the read model is too old".to_owned(),
            cure: "use MongoDB 6.0 or newer".to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_stands_alone_or_is_too_old_is_refused_with_a_cure() {
        let refused = |hello: Document| match check_server(&hello) {
            Err(OpenError::Refused { cure, .. }) => cure,
            other => panic!("{other:?}"),
        };
        assert!(refused(doc! { "maxWireVersion": 17 }).contains("--replSet"));
        assert!(refused(doc! { "setName": "rs0", "maxWireVersion": 13 }).contains("6.0"));
        check_server(&doc! { "setName": "rs0", "maxWireVersion": 17 }).unwrap();
        check_server(&doc! { "msg": "isdbgrid", "maxWireVersion": 21 }).unwrap();
    }
}

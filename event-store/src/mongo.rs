//! Blobs, credentials and the tree in MongoDB, 6.0 or newer.
//!
//! All writes use majority write concern. All reads go to the primary with majority read concern.
//! So an acknowledged write is not rolled back after an election.

mod blobs;
mod credentials;
mod exports;
mod identities;
mod tickets;
mod tree;

use std::error::Error;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error as MongoError, ErrorKind, WriteFailure};
use mongodb::options::{
    ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Database, IndexModel};

pub(crate) use blobs::MongoBlobs;
pub(crate) use credentials::MongoCredentials;
pub(crate) use tree::MongoTree;

use crate::open_error::OpenError;

/// How long to wait for a primary. An election takes less.
const PRIMARY_WAIT: Duration = Duration::from_secs(15);
/// Connection timeout.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// The wire version of MongoDB 6.0.
const WIRE_VERSION_MIN: i32 = 17;
/// MongoDB's error code for a duplicate unique key.
const DUPLICATE_KEY: i32 = 11000;

/// Connects to the URL's database and checks that the server is suitable.
async fn connect(url: &str, port: &'static str) -> Result<Database, OpenError> {
    let invalid = |reason: &str| OpenError::InvalidUrl { port, reason: reason.to_owned() };
    // The driver's message may contain the URL with its password.
    let malformed = || invalid("expected mongodb://HOST[:PORT]/DATABASE");
    let mut options = ClientOptions::parse(url).await.map_err(|_| malformed())?;
    let name = options.default_database.clone().ok_or_else(|| invalid("it names no database"))?;
    options.app_name.get_or_insert_with(|| format!("assay {port}"));
    options.server_selection_timeout.get_or_insert(PRIMARY_WAIT);
    options.connect_timeout.get_or_insert(CONNECT_WAIT);
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.read_concern = Some(ReadConcern::majority());
    options.write_concern = Some(WriteConcern::majority());
    let client = Client::with_options(options).map_err(|_| malformed())?;
    let database = client.database(&name);
    let hello = database.run_command(doc! { "hello": 1 }).await;
    check_server(&hello.map_err(|error| unavailable(port, error))?, port)?;
    Ok(database)
}

fn check_server(hello: &Document, port: &str) -> Result<(), OpenError> {
    let is_router = hello.get_str("msg").is_ok_and(|message| message == "isdbgrid");
    if !hello.contains_key("setName") && !is_router {
        return Err(OpenError::Refused {
            cause: format!(
                "the MongoDB server of the {port} store stands alone, and so has no majority that \
                 keeps what it acknowledged"
            ),
            cure:
                "start mongod with --replSet rs0 and run rs.initiate() once; one member is enough"
                    .to_owned(),
        });
    }
    let wire_version = hello.get_i32("maxWireVersion").unwrap_or_default();
    if wire_version < WIRE_VERSION_MIN {
        return Err(OpenError::Refused {
            cause: format!("the MongoDB server of the {port} store is older than 6.0"),
            cure: "use MongoDB 6.0 or newer".to_owned(),
        });
    }
    Ok(())
}

fn unavailable(port: &'static str, error: impl Error + Send + Sync + 'static) -> OpenError {
    OpenError::Unavailable { port, source: Box::new(error) }
}

fn index(keys: Document) -> IndexModel {
    IndexModel::builder().keys(keys).build()
}

fn unique(keys: Document) -> IndexModel {
    let mut index = index(keys);
    index.options.get_or_insert_default().unique = Some(true);
    index
}

fn is_duplicate(error: &MongoError) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == DUPLICATE_KEY)
}

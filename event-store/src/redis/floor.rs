//! The cost of a Redis server without Assay, as a baseline for benchmarks, and its memory use.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, InfoDict, RedisError, cmd};
use url::Url;

use super::address::Address;
use super::keys::Keys;
use super::link::{ANSWER_WAIT, CallError, not_opened};
use crate::open_error::OpenError;

/// Measures `appends` bare `XADD` commands on one shared connection, `at_once` at a time. The
/// entries have an event's fields and sizes and go to a separate stream, which is removed
/// afterwards.
pub(crate) async fn bare_appends(
    url: &Url,
    body: &str,
    appends: usize,
    at_once: usize,
) -> Result<Duration, OpenError> {
    let address = Address::parse(url)?;
    let stream = format!("{}-floor", Keys::new(&address.namespace).log);
    let measured = async {
        let connection = connect(address).await?;
        let began = Instant::now();
        let writers = (0..at_once).map(|writer| {
            let (mut connection, stream) = (connection.clone(), &stream);
            async move {
                for version in (writer..appends).step_by(at_once) {
                    let mut add = cmd("XADD");
                    add.arg(stream).arg("*");
                    add.arg("stream").arg("submission:00000000-0000-0000-0000-000000000000");
                    add.arg("version").arg(version).arg("at").arg(1_700_000_000_000_000_i64);
                    add.arg("id").arg("00000000-0000-0000-0000-000000000000");
                    add.arg("body").arg(body);
                    add.query_async::<()>(&mut connection).await?;
                }
                Ok::<_, RedisError>(())
            }
        });
        try_join_all(writers).await?;
        let took = began.elapsed();
        cmd("DEL").arg(&stream).query_async::<()>(&mut connection.clone()).await?;
        Ok(took)
    };
    measured.await.map_err(|error| not_opened(CallError::Unknown(error)))
}

/// Memory that the server has allocated, in bytes.
pub(crate) async fn memory(url: &Url) -> Result<u64, OpenError> {
    let address = Address::parse(url)?;
    let info = async {
        let mut command = cmd("INFO");
        command.arg("memory").query_async::<InfoDict>(&mut connect(address).await?).await
    };
    let info = info.await.map_err(|error| not_opened(CallError::Unknown(error)))?;
    Ok(info.get("used_memory").unwrap_or_default())
}

async fn connect(address: Address) -> Result<MultiplexedConnection, RedisError> {
    let client = Client::open(address.server)?;
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_WAIT));
    client.get_multiplexed_async_connection_with_config(&config).await
}

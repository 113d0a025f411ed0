//! A connection that reconnects when it breaks and classifies how each command failed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::library;
use super::witness::Witness;
use crate::ReadError;
use crate::open_error::OpenError;

/// Connection timeout.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Reply timeout. It is long, because an append may wait for a slow disk and a timeout only makes
/// its outcome unknown.
pub(super) const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Why a command failed.
#[derive(Debug)]
pub(super) enum CallError {
    /// There is no connection, so it was not sent.
    NotSent(RedisError),
    /// The server has a different log than before, so nothing more is sent to it (INV-8).
    Diverged(String),
    /// The server refused it and did nothing.
    Refused(RedisError),
    /// It was sent, but no reply came.
    Unknown(RedisError),
}

impl CallError {
    /// The cause, for callers that treat all failures alike.
    pub(super) fn into_source(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::NotSent(error) | Self::Refused(error) | Self::Unknown(error) => Box::new(error),
            Self::Diverged(reason) => Box::new(ReadError::Diverged(reason)),
        }
    }
}

/// A connection with pipelined commands: none waits for another's reply, so concurrent appends
/// share the server's disk syncs.
pub(super) struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    witness: Arc<Witness>,
    /// The connection and its number, which grows with each reconnect.
    current: Mutex<(u64, Option<MultiplexedConnection>)>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client holds the password.
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// `answer_wait` is the reply timeout; `None` for blocking commands.
    pub(super) fn new(
        client: Client,
        witness: Arc<Witness>,
        answer_wait: Option<Duration>,
    ) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WAIT))
            .set_response_timeout(answer_wait);
        Self { client, config, witness, current: Mutex::new((0, None)) }
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), CallError> {
        let mut current = self.current.lock().await;
        if let Some(reason) = self.witness.divergence() {
            return Err(CallError::Diverged(reason.to_owned()));
        }
        if let (number, Some(connection)) = &*current {
            return Ok((*number, connection.clone()));
        }
        let connection = timeout(CONNECT_WAIT, self.connect()).await;
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut).into();
        let connection = connection.unwrap_or_else(|_| Err(late())).map_err(CallError::NotSent)?;
        if let Some(reason) = self.witness.divergence() {
            return Err(CallError::Diverged(reason.to_owned()));
        }
        current.1 = Some(connection.clone());
        Ok((current.0, connection))
    }

    /// A connection to a server whose log has been checked.
    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = &self.config;
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(config).await?;
        let mut outcome = self.witness.examine(&mut connection).await;
        if outcome.as_ref().is_err_and(is_function_missing) {
            library::load().query_async::<()>(&mut connection).await?;
            outcome = self.witness.examine(&mut connection).await;
        }
        outcome.map(|()| connection)
    }

    /// Makes the next command reconnect, unless that already happened.
    async fn give_up(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.0 == number {
            *current = (number + 1, None);
        }
    }

    /// Makes the next command reconnect.
    pub(super) async fn reset(&self) {
        let number = self.current.lock().await.0;
        self.give_up(number).await;
    }

    /// As [`Self::query`], for commands that are safe to repeat. Sends the command once more if the
    /// connection has ended, as after a server restart.
    pub(super) async fn query_again<T: FromRedisValue>(
        &self,
        command: &Cmd,
    ) -> Result<T, CallError> {
        match self.query(command).await {
            Err(CallError::Unknown(error)) if !error.is_timeout() => self.query(command).await,
            outcome => outcome,
        }
    }

    /// Sends a command and waits for its reply.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CallError> {
        let (number, mut connection) = self.connection().await?;
        let mut outcome = command.query_async(&mut connection).await;
        if outcome.as_ref().is_err_and(is_function_missing) {
            // The server lost its functions, or another server took its place.
            let loaded: Result<(), _> = library::load().query_async(&mut connection).await;
            loaded.map_err(CallError::Refused)?;
            outcome = command.query_async(&mut connection).await;
        }
        let error = match outcome {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match error.kind() {
            // It is a replica now. The next connection may reach the primary.
            ErrorKind::Server(ServerErrorKind::ReadOnly) => {
                self.give_up(number).await;
                Err(CallError::Refused(error))
            }
            ErrorKind::Server(_) | ErrorKind::Extension => Err(CallError::Refused(error)),
            _ => {
                self.give_up(number).await;
                Err(CallError::Unknown(error))
            }
        }
    }
}

fn is_function_missing(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError)
        && error.detail().is_some_and(|detail| detail.contains("Function not found"))
}

/// Any failure while opening means that the store is unavailable.
pub(super) fn not_opened(error: CallError) -> OpenError {
    OpenError::Unavailable { port: "log", source: error.into_source() }
}

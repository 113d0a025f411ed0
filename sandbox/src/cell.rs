#[cfg(any(test, fuzzing))]
pub mod liar;
pub(crate) mod seal;
mod stream;
mod translation;
#[cfg(any(test, fuzzing, feature = "simulation"))]
mod unsealed;

use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use runner::FrameError;
use runner::message::{Facts, LinkStep, Listing, RefusalKind, Reply, Request, SealPlan, TurnEnd};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use self::seal::{Linking, Seal};
use self::stream::Stream;
use self::translation::{ReplyExt, command, listed, outcome, turn_within, within};
use crate::spec::Ceiling;
use crate::{Answered, Area, CellPath, Execution, Limits, ListedFile, Outcome, SandboxError, Turn};

/// The longest any operation except an execution may take: starting, storing a file, fetching one.
const OPERATION_MAX: Duration = Duration::from_secs(30);

/// How long after its wall limit an execution may answer: time for killing, clearing and sending
/// the output.
const EXECUTION_GRACE: Duration = Duration::from_secs(20);

/// A sealed environment for one submission: its own file system, processes, no network, no secrets
/// (INV-11).
///
/// This type is the client of the runner inside the cell. Dropping it destroys the cell with
/// everything that runs in it; [`close`](Self::close) does the same and waits until it is done.
pub struct Cell {
    stream: Stream,
    seal: Box<dyn Seal>,
    facts: Facts,
    ceiling: Ceiling,
    /// The limits of the program that takes turns.
    talking: Limits,
    /// Set during an exchange. A cancelled exchange leaves it set: the stream is then out of step,
    /// and the cell is unusable.
    busy: bool,
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell")
            .field("seal", &self.seal)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl Cell {
    /// Shakes hands with a runner that has just started, makes it seal itself in if there is a
    /// plan, and asks for its [`Facts`].
    pub(crate) async fn open(
        reader: Box<dyn AsyncRead + Send + Unpin>,
        writer: Box<dyn AsyncWrite + Send + Unpin>,
        seal: Box<dyn Seal>,
        ceiling: Ceiling,
        plan: Option<SealPlan>,
    ) -> Result<Self, SandboxError> {
        let stream = Stream::new(reader, writer);
        let talking = Limits::default();
        let mut cell =
            Self { stream, seal, facts: Facts::default(), ceiling, talking, busy: false };
        cell.exchange(OPERATION_MAX, async |stream| stream.handshake().await).await?;
        if let Some(plan) = plan {
            let request = Request::Seal(plan);
            cell.exchange(OPERATION_MAX, async |stream| stream.ask(&request, &[]).await?.done())
                .await?;
        }
        cell.facts = cell.describe().await?;
        Ok(cell)
    }

    /// A cell whose runner is at the other end of this stream.
    ///
    /// # Errors
    /// When the other end does not speak the runner's protocol.
    #[cfg(feature = "simulation")]
    pub async fn simulated(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Self, SandboxError> {
        let (reader, writer) = tokio::io::split(stream);
        let seal = Box::new(unsealed::Unsealed { runner_stderr: "" });
        Self::open(Box::new(reader), Box::new(writer), seal, Ceiling::NONE, None).await
    }

    async fn describe(&mut self) -> Result<Facts, SandboxError> {
        self.exchange(OPERATION_MAX, async |stream| {
            match stream.ask(&Request::Describe, &[]).await? {
                Reply::Facts(facts) => Ok(facts),
                other => Err(other.unexpected("facts")),
            }
        })
        .await
    }

    /// Sets the limits of a cell that was opened before its use was known.
    pub(crate) fn set_ceiling(&mut self, ceiling: Ceiling) {
        self.ceiling = ceiling;
    }

    /// Whether the runner still answers.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.describe().await.is_ok()
    }

    /// How it can be linked to another.
    pub(crate) fn linking(&self) -> Linking<'_> {
        self.seal.linking()
    }

    /// Asks the runner for one step towards a link.
    pub(crate) async fn take_link_step(&mut self, step: LinkStep) -> Result<(), SandboxError> {
        let request = Request::Link(step);
        self.exchange(OPERATION_MAX, async |stream| stream.ask(&request, &[]).await?.done()).await
    }

    /// Hands the runner its ends of a link.
    pub(crate) async fn take_link_ends(
        &mut self,
        hand_over: impl FnOnce() -> io::Result<()>,
    ) -> Result<(), SandboxError> {
        let request = Request::Link(LinkStep::Take);
        self.exchange(OPERATION_MAX, async |stream| {
            stream.ask(&request, &[]).await?.done()?;
            // The runner now waits for the descriptors and reads nothing else.
            hand_over().map_err(SandboxError::Io)?;
            stream.reply().await?.done()
        })
        .await
    }

    /// The means that the runner has to enforce limits.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Stores a file, replacing one at the same path. Missing folders are made; a folder that is a
    /// link is refused.
    pub async fn put(
        &mut self,
        path: &CellPath,
        bytes: Bytes,
        executable: bool,
    ) -> Result<(), SandboxError> {
        let request = Request::Put {
            area: path.area().into(),
            path: path.path().to_owned(),
            executable,
            bytes: bytes.len() as u64,
        };
        self.exchange(OPERATION_MAX, async |stream| {
            stream.ask(&request, &bytes).await?.done().map_err(|error| error.about(path))
        })
        .await
    }

    /// Runs a command to its end and reports the outcome. Afterwards none of its processes is left,
    /// and none of its files unless the execution keeps them.
    pub async fn execute(&mut self, execution: &Execution) -> Result<Outcome, SandboxError> {
        let request = Request::Execute(command(execution, self.ceiling));
        let patience = execution.limits.wall.saturating_add(EXECUTION_GRACE);
        let program = execution.argv.first().map_or("", String::as_str);
        self.exchange(patience, async |stream| {
            match stream.ask(&request, &execution.stdin).await? {
                Reply::Ran(report) if within(&report, &execution.limits) => {
                    let stdout = stream.receive(report.stdout_bytes).await?;
                    let stderr = stream.receive(report.stderr_bytes).await?;
                    Ok(outcome(&report, stdout, stderr))
                }
                Reply::Refused { kind: RefusalKind::NotStarted, detail } => {
                    Err(SandboxError::NotStarted { program: program.to_owned(), detail })
                }
                other => Err(other.unexpected("an outcome")),
            }
        })
        .await
    }

    /// Lets a program answer a message. Without a `start`, the program of the last turn answers, if
    /// it goes on and nothing else was asked of the cell since; otherwise the turn is refused
    /// ([`RefusalKind::OutOfOrder`]).
    pub async fn turn(&mut self, turn: &Turn) -> Result<Answered, SandboxError> {
        if let Some(start) = &turn.start {
            self.talking = start.limits;
        }
        let request = Request::Turn(translation::turn(turn, self.ceiling));
        let (patience, limits) = (turn.wall.saturating_add(EXECUTION_GRACE), self.talking);
        let program = turn.start.as_ref().and_then(|start| start.argv.first());
        let program = program.cloned().unwrap_or_default();
        self.exchange(patience, async |stream| match stream.ask(&request, &turn.message).await? {
            Reply::Answered(answered) if turn_within(&answered, turn, &limits) => {
                let answer = match answered.end {
                    TurnEnd::Answer(bytes) => stream.receive(bytes).await?,
                    TurnEnd::Spoiled | TurnEnd::Ended(_) => Bytes::new(),
                };
                let stdout = stream.receive(answered.stdout_bytes).await?;
                let stderr = stream.receive(answered.stderr_bytes).await?;
                Ok(translation::answered(&answered, answer, stdout, stderr))
            }
            Reply::Refused { kind: RefusalKind::NotStarted, detail } => {
                Err(SandboxError::NotStarted { program, detail })
            }
            other => Err(other.unexpected("an answer")),
        })
        .await
    }

    /// The content of a file. Fails for anything that is not a regular file, never follows links,
    /// and fails for files larger than `bytes_max` bytes.
    pub async fn get(&mut self, path: &CellPath, bytes_max: u64) -> Result<Bytes, SandboxError> {
        let request =
            Request::Get { area: path.area().into(), path: path.path().to_owned(), bytes_max };
        self.exchange(OPERATION_MAX, async |stream| match stream.ask(&request, &[]).await? {
            Reply::File { bytes } if bytes <= bytes_max => stream.receive(bytes).await,
            other => Err(other.unexpected("a file").about(path)),
        })
        .await
    }

    /// The regular files of an area, sorted by path. Fails if there are more than
    /// [`LISTED_FILES_MAX`](crate::LISTED_FILES_MAX) ([`RefusalKind::TooLarge`]). Files that
    /// [`get`](Self::get) cannot fetch are left out: links, pipes and the like, names that are not
    /// plain, and paths deeper than a [`CellPath`] allows.
    pub async fn list(&mut self, area: Area) -> Result<Vec<ListedFile>, SandboxError> {
        let request = Request::List { area: area.into() };
        self.exchange(OPERATION_MAX, async |stream| match stream.ask(&request, &[]).await? {
            Reply::Files { bytes } if bytes <= Listing::BYTES_MAX => {
                listed(&stream.receive(bytes).await?)
            }
            other => Err(other.unexpected("a listing")),
        })
        .await
    }

    /// Empties the writable areas, which an execution [`keeping`](Execution::keeping) its files
    /// leaves filled.
    pub async fn clear(&mut self) -> Result<(), SandboxError> {
        self.exchange(OPERATION_MAX, async |stream| stream.ask(&Request::Clear, &[]).await?.done())
            .await
    }

    /// Destroys the cell and waits until nothing of it is left.
    pub async fn close(self) -> Result<(), SandboxError> {
        let Self { mut stream, seal, busy, .. } = self;
        if !busy {
            // Best effort: the cell is torn down whether or not the runner answers.
            let _ = timeout(OPERATION_MAX, stream.ask(&Request::Close, &[])).await;
        }
        drop(stream);
        seal.tear_down().await
    }

    /// One exchange with the runner, with a timeout. The cell becomes unusable unless the runner
    /// gives a proper answer.
    async fn exchange<T>(
        &mut self,
        patience: Duration,
        talk: impl AsyncFnOnce(&mut Stream) -> Result<T, SandboxError>,
    ) -> Result<T, SandboxError> {
        if self.busy {
            return Err(SandboxError::Spoiled);
        }
        self.busy = true;
        let result = match Box::pin(timeout(patience, talk(&mut self.stream))).await {
            Ok(result) => result,
            Err(_) => Err(SandboxError::Unresponsive { waited_ms: patience.as_millis() }),
        };
        match result {
            Err(SandboxError::Io(error)) => Err(self.lost(&error).await),
            Err(SandboxError::Protocol(FrameError::Io(error))) => Err(self.lost(&error).await),
            // A stream that does not hold frames usually holds an error text.
            Err(SandboxError::Protocol(
                error @ (FrameError::NotARunner | FrameError::UnknownKind(_)),
            )) => Err(self.lost(&io::Error::other(error)).await),
            Err(
                error @ (SandboxError::Unresponsive { .. }
                | SandboxError::Protocol(_)
                | SandboxError::UnexpectedReply { .. }),
            ) => Err(error),
            replied => {
                self.busy = false;
                replied
            }
        }
    }

    async fn lost(&mut self, error: &io::Error) -> SandboxError {
        let stderr = self.seal.runner_stderr().await;
        let stderr = stderr.trim();
        SandboxError::CellLost {
            detail: if stderr.is_empty() {
                error.to_string()
            } else {
                format!("{error}; the runner said: {stderr}")
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use runner::frame::{self, PROTOCOL_VERSION};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::unsealed::Unsealed;
    use super::*;

    /// Opens a cell whose runner sends only `said`.
    async fn open_with(said: &[u8], runner_stderr: &'static str) -> SandboxError {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        theirs.write_all(said).await.expect("there is room");
        let (reader, writer) = tokio::io::split(ours);
        let talk = Cell::open(
            Box::new(reader),
            Box::new(writer),
            Box::new(Unsealed { runner_stderr }),
            Ceiling { memory_bytes: 1, processes: 1 },
            None,
        );
        // The runner reads the handshake and hangs up.
        let hang_up = async move {
            let mut heard = [0; 17];
            theirs.read_exact(&mut heard).await.expect("the host shakes hands first");
        };
        let (opened, ()) = tokio::join!(talk, hang_up);
        opened.expect_err("this is no runner")
    }

    #[tokio::test]
    async fn a_runner_of_another_version_is_refused() {
        let mut hello = Vec::new();
        frame::encode_hello(PROTOCOL_VERSION + 1, &mut hello);
        let error = open_with(&hello, "").await;
        let SandboxError::Protocol(cause) = &error else { panic!("{error:?}") };
        assert!(matches!(cause, FrameError::VersionMismatch { ours: PROTOCOL_VERSION, .. }));
        assert!(cause.to_string().contains("were not built together"), "{cause}");
    }

    #[tokio::test]
    async fn something_else_than_a_runner_explains_itself() {
        let error = open_with(b"exec format error\n", "cannot execute binary file").await;
        assert!(error.to_string().contains("cannot execute binary file"), "{error}");
        let error = open_with(b"", "out of memory").await;
        assert!(
            matches!(&error, SandboxError::CellLost { detail } if detail.contains("out of memory")),
            "{error}"
        );
    }
}

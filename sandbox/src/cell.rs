#[cfg(any(test, fuzzing))]
pub mod liar;

use std::{fmt, io, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use runner::{
    FrameError,
    frame::{self, CHUNK_BYTES_MAX, Decoder, Frame, PROTOCOL_VERSION},
    message::{self, Command, Facts, RefusalKind, Reply, Report, Request, SealPlan},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{
    Afterwards, Area, CellPath, CellSpec, Ended, Execution, Limits, MemorySource, Outcome,
    SandboxError, Stack,
};

/// How long anything but an execution may take: starting, storing a file, giving one.
const OPERATION_MAX: Duration = Duration::from_secs(30);

/// How much longer than its wall limit an execution's answer may take: killing, clearing, sending the output.
const EXECUTION_GRACE: Duration = Duration::from_secs(20);

/// How much is read from the stream at once, in bytes.
const READ_BYTES: usize = 64 << 10;

/// A sealed environment for one submission: its own file system, processes, no network, no secrets (INV-11).
///
/// It is the client of the runner inside. Dropping it destroys the cell with all that runs in it;
/// [`close`](Self::close) does the same and waits until nothing is left.
pub struct Cell {
    stream: Stream,
    seal: Box<dyn Seal>,
    facts: Facts,
    ceiling: Ceiling,
    /// Set while an exchange is under way. A cancelled one leaves it set: the stream is then in the middle of
    /// something, and the cell is of no more use.
    busy: bool,
}

/// What the cell was made for, which no execution in it may exceed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceiling {
    pub(crate) memory_bytes: u64,
    pub(crate) processes: u32,
}

impl Ceiling {
    /// For a cell that was made before anybody knew what for.
    pub(crate) const NONE: Self = Self { memory_bytes: u64::MAX, processes: u32::MAX };

    pub(crate) fn of(spec: &CellSpec) -> Self {
        Self { memory_bytes: spec.memory_bytes_max, processes: spec.processes_max }
    }
}

/// What holds a cell shut from outside: a process, a container. Dropping it destroys the cell without waiting.
#[async_trait]
pub(crate) trait Seal: Send + fmt::Debug {
    /// Destroys the cell and waits until nothing of it is left.
    async fn tear_down(self: Box<Self>) -> Result<(), SandboxError>;

    /// What the runner wrote to its standard error: how a runner that died explains itself.
    async fn last_words(&mut self) -> String;
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
    /// Shakes hands with a runner that was just started, has it seal itself in when there is a plan, and asks what it
    /// has to work with.
    pub(crate) async fn open(
        reader: Box<dyn AsyncRead + Send + Unpin>,
        writer: Box<dyn AsyncWrite + Send + Unpin>,
        seal: Box<dyn Seal>,
        ceiling: Ceiling,
        plan: Option<SealPlan>,
    ) -> Result<Self, SandboxError> {
        let stream =
            Stream { reader, writer, decoder: Decoder::new(), buffer: vec![0; READ_BYTES] };
        let mut cell = Self { stream, seal, facts: Facts::default(), ceiling, busy: false };
        cell.exchange(OPERATION_MAX, async |stream| stream.shake_hands().await).await?;
        if let Some(plan) = plan {
            let request = Request::Seal(plan);
            cell.exchange(OPERATION_MAX, async |stream| stream.ask(&request, &[]).await?.done())
                .await?;
        }
        cell.facts = cell.describe().await?;
        Ok(cell)
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

    /// Says what a cell that was ready before it was asked for is to be used for.
    pub(crate) fn set_ceiling(&mut self, ceiling: Ceiling) {
        self.ceiling = ceiling;
    }

    /// Whether the runner still answers.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.describe().await.is_ok()
    }

    /// What the runner enforces limits with.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Stores a file, replacing one of the same name.
    pub async fn put(
        &mut self,
        path: &CellPath,
        bytes: Bytes,
        executable: bool,
    ) -> Result<(), SandboxError> {
        let request = Request::Put {
            area: path.area().into(),
            name: path.name().to_owned(),
            executable,
            bytes: bytes.len() as u64,
        };
        self.exchange(OPERATION_MAX, async |stream| {
            stream.ask(&request, &bytes).await?.done().map_err(|error| error.about(path))
        })
        .await
    }

    /// Runs a command to its end and reports it. However it ended, none of its processes is left afterwards, and
    /// unless told otherwise none of its files.
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

    /// The content of a file. Only regular files are given, links are never followed, and nothing larger than
    /// `bytes_max` leaves the cell.
    pub async fn get(&mut self, path: &CellPath, bytes_max: u64) -> Result<Bytes, SandboxError> {
        let request =
            Request::Get { area: path.area().into(), name: path.name().to_owned(), bytes_max };
        self.exchange(OPERATION_MAX, async |stream| match stream.ask(&request, &[]).await? {
            Reply::File { bytes } if bytes <= bytes_max => stream.receive(bytes).await,
            other => Err(other.unexpected("a file").about(path)),
        })
        .await
    }

    /// Destroys the cell and waits until nothing of it is left.
    pub async fn close(self) -> Result<(), SandboxError> {
        let Self { mut stream, seal, busy, .. } = self;
        if !busy {
            // Only a courtesy: the seal is torn down whether or not the runner answers.
            let _ = timeout(OPERATION_MAX, stream.ask(&Request::Close, &[])).await;
        }
        drop(stream);
        seal.tear_down().await
    }

    /// One exchange with the runner, within a time. It spoils the cell unless it ends with a proper answer.
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
            // A stream of something else than frames is usually the text of what went wrong.
            Err(SandboxError::Protocol(
                error @ (FrameError::NotARunner | FrameError::UnknownKind(_)),
            )) => Err(self.lost(&io::Error::other(error)).await),
            Err(
                error @ (SandboxError::Unresponsive { .. }
                | SandboxError::Protocol(_)
                | SandboxError::UnexpectedReply { .. }),
            ) => Err(error),
            settled => {
                self.busy = false;
                settled
            }
        }
    }

    async fn lost(&mut self, error: &io::Error) -> SandboxError {
        let words = self.seal.last_words().await;
        let words = words.trim();
        SandboxError::CellLost {
            detail: if words.is_empty() {
                error.to_string()
            } else {
                format!("{error}; the runner said: {words}")
            },
        }
    }
}

/// The framed stream to the runner.
struct Stream {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Stream {
    async fn shake_hands(&mut self) -> Result<(), SandboxError> {
        let mut wire = Vec::new();
        frame::encode_hello(PROTOCOL_VERSION, &mut wire);
        self.writer.write_all(&wire).await.map_err(SandboxError::Io)?;
        self.writer.flush().await.map_err(SandboxError::Io)?;
        Ok(frame::check_hello(&self.next().await?)?)
    }

    /// Sends a request and the data it announces, and receives the reply.
    async fn ask(&mut self, request: &Request, data: &[u8]) -> Result<Reply, SandboxError> {
        let mut wire = Vec::new();
        frame::encode_message(request, &mut wire)?;
        for chunk in data.chunks(CHUNK_BYTES_MAX) {
            wire.extend_from_slice(&frame::data_header(chunk.len()));
            // Little data travels with its request in one write; much of it is not copied together.
            if chunk.len() < READ_BYTES {
                wire.extend_from_slice(chunk);
            } else {
                self.writer.write_all(&wire).await.map_err(SandboxError::Io)?;
                wire.clear();
                self.writer.write_all(chunk).await.map_err(SandboxError::Io)?;
            }
        }
        self.writer.write_all(&wire).await.map_err(SandboxError::Io)?;
        self.writer.flush().await.map_err(SandboxError::Io)?;
        match self.next().await? {
            Frame::Message(payload) => Ok(frame::decode_message(&payload)?),
            other => {
                Err(FrameError::Unexpected { wanted: "a reply", got: other.kind_name() }.into())
            }
        }
    }

    /// Receives announced data.
    async fn receive(&mut self, bytes: u64) -> Result<Bytes, SandboxError> {
        let wanted = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut data = BytesMut::new();
        while data.len() < wanted {
            match self.next().await? {
                // Empty data would bring nobody further, and there could be any amount of it.
                Frame::Data(chunk) if !chunk.is_empty() && chunk.len() <= wanted - data.len() => {
                    data.extend_from_slice(&chunk);
                }
                other => {
                    return Err(FrameError::Unexpected {
                        wanted: "announced data",
                        got: other.kind_name(),
                    }
                    .into());
                }
            }
        }
        Ok(data.freeze())
    }

    async fn next(&mut self) -> Result<Frame, SandboxError> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(frame);
            }
            match self.reader.read(&mut self.buffer).await.map_err(SandboxError::Io)? {
                0 => return Err(SandboxError::Io(io::ErrorKind::UnexpectedEof.into())),
                count => self.decoder.push(&self.buffer[..count]),
            }
        }
    }
}

/// What a reply means where another was due.
trait ReplyExt {
    fn done(self) -> Result<(), SandboxError>;
    fn unexpected(self, wanted: &'static str) -> SandboxError;
}

impl ReplyExt for Reply {
    fn done(self) -> Result<(), SandboxError> {
        match self {
            Self::Done => Ok(()),
            other => Err(other.unexpected("done")),
        }
    }

    fn unexpected(self, wanted: &'static str) -> SandboxError {
        match self {
            Self::Refused { kind, detail } => SandboxError::Refused { kind, detail },
            other => SandboxError::UnexpectedReply { wanted, got: other.kind_name() },
        }
    }
}

impl SandboxError {
    /// A refusal, with the file it is about.
    fn about(self, path: &CellPath) -> Self {
        match self {
            Self::Refused { kind, detail } => Self::File { path: path.clone(), kind, detail },
            other => other,
        }
    }
}

impl From<Area> for message::Area {
    fn from(area: Area) -> Self {
        match area {
            Area::Program => Self::Program,
            Area::Work => Self::Work,
        }
    }
}

fn command(execution: &Execution, ceiling: Ceiling) -> Command {
    let limits = &execution.limits;
    Command {
        argv: execution.argv.clone(),
        env: execution.env.clone(),
        stdin_bytes: execution.stdin.len() as u64,
        cpu: limits.cpu,
        wall: limits.wall,
        memory_bytes: limits.memory_bytes.min(ceiling.memory_bytes),
        processes: limits.processes.min(ceiling.processes),
        open_files: limits.open_files,
        stdout_bytes: limits.stdout_bytes,
        stderr_bytes: limits.stderr_bytes,
        file_bytes: limits.file_bytes,
        stack_bytes: match limits.stack {
            Stack::Bytes(bytes) => Some(bytes),
            Stack::Unlimited => None,
        },
        keep_files: execution.afterwards == Afterwards::Keep,
        core: execution.core,
    }
}

/// Whether a report announces no more than was asked for.
fn within(report: &Report, limits: &Limits) -> bool {
    report.stdout_bytes <= limits.stdout_bytes && report.stderr_bytes <= limits.stderr_bytes
}

fn outcome(report: &Report, stdout: Bytes, stderr: Bytes) -> Outcome {
    Outcome {
        ended: match report.ended {
            message::Ended::Exited(code) => Ended::Exited { code },
            message::Ended::Signaled(signal) => Ended::Signaled { signal },
            message::Ended::CpuLimit => Ended::CpuLimit,
            message::Ended::WallLimit => Ended::WallLimit,
            message::Ended::MemoryLimit => Ended::MemoryLimit,
            message::Ended::OutputLimit => Ended::OutputLimit,
            message::Ended::FileLimit => Ended::FileLimit,
        },
        cpu: report.cpu,
        wall: report.wall,
        memory_bytes: report.memory_bytes,
        memory_source: if report.memory_from_cgroup {
            MemorySource::Cgroup
        } else {
            MemorySource::PeakRss
        },
        stdout,
        stderr,
        stderr_truncated: report.stderr_truncated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds nothing.
    #[derive(Debug)]
    struct NoSeal(&'static str);

    #[async_trait]
    impl Seal for NoSeal {
        async fn tear_down(self: Box<Self>) -> Result<(), SandboxError> {
            Ok(())
        }

        async fn last_words(&mut self) -> String {
            self.0.to_owned()
        }
    }

    /// Opens a cell whose runner says only this.
    async fn open_with(said: &[u8], words: &'static str) -> SandboxError {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        theirs.write_all(said).await.expect("there is room");
        let (reader, writer) = tokio::io::split(ours);
        let talk = Cell::open(
            Box::new(reader),
            Box::new(writer),
            Box::new(NoSeal(words)),
            Ceiling { memory_bytes: 1, processes: 1 },
            None,
        );
        // The runner hears the handshake out and hangs up.
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

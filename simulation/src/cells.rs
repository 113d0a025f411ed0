//! A sandbox whose cells are tasks. Their runner speaks the real protocol and runs
//! [programs](crate::program) that are data.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use runner::frame::{self, CHUNK_BYTES_MAX, Decoder, Frame, PROTOCOL_VERSION};
use runner::message::{Area, Command, Ended, Facts, RefusalKind, Reply, Report, Request};
use sandbox::{Cell, CellSpec, Finding, Language, Purpose, Sandbox, SandboxError, Toolchain};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::process::Process;
use crate::program::{End, Program};

/// Capacity of the stream between a cell and its runner, in bytes.
const STREAM_BYTES: usize = 16 << 10;
/// Duration of every compilation.
const COMPILE_TIME: Duration = Duration::from_millis(120);
/// Memory use of every program, in bytes.
const MEMORY_BYTES: u64 = 4 << 20;

/// The simulated sandbox; see the module.
#[derive(Debug)]
pub(crate) struct SimulatedSandbox {
    pub(crate) process: Arc<Process>,
}

impl SimulatedSandbox {
    fn strikes(&self) -> bool {
        self.process.world.strikes(self.process.world.weather.cell_lost)
    }
}

#[async_trait]
impl Sandbox for SimulatedSandbox {
    fn name(&self) -> &'static str {
        "simulated"
    }

    async fn prepare(&self, spec: &CellSpec) -> Result<Cell, SandboxError> {
        self.process.step().await;
        if self.strikes() {
            let (reason, cure) = ("a simulated fault".to_owned(), "wait".to_owned());
            return Err(SandboxError::Unavailable { adapter: self.name(), reason, cure });
        }
        let (ours, theirs) = tokio::io::duplex(STREAM_BYTES);
        let (process, purpose) = (Arc::clone(&self.process), spec.purpose);
        let files = BTreeMap::new();
        let (stream, decoder) = (theirs, Decoder::new());
        let runner = Runner { process, purpose, stream, decoder, files };
        // The runner ends when its stream closes; the cell holds the other end.
        tokio::spawn(runner.serve());
        Cell::simulated(ours).await
    }

    async fn prepare_beside(
        &self,
        spec: &CellSpec,
        _other: &mut Cell,
    ) -> Result<Cell, SandboxError> {
        self.prepare(spec).await
    }

    async fn toolchains(
        &self,
        languages: &[Arc<Language>],
    ) -> Result<Vec<Result<Toolchain, SandboxError>>, SandboxError> {
        let toolchain = |language: &Arc<Language>| Toolchain {
            version: format!("simulated {}", language.id),
            digest: domain::Digest::of(language.id.as_str().as_bytes()).to_string(),
            image: None,
            probe: Duration::ZERO,
        };
        Ok(languages.iter().map(|language| Ok(toolchain(language))).collect())
    }

    async fn examine(&self) -> Vec<Finding> {
        vec![]
    }

    async fn shutdown(&self) {}
}

/// The runner at the other end of a cell's stream.
struct Runner {
    process: Arc<Process>,
    purpose: Purpose,
    stream: DuplexStream,
    decoder: Decoder,
    files: BTreeMap<String, Vec<u8>>,
}

/// The host closed the stream, or the runner closes it.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl Runner {
    async fn serve(mut self) {
        // The host notices the end by the closed stream.
        let _ = self.talk().await;
    }

    async fn talk(&mut self) -> Result<(), Over> {
        let Frame::Hello { .. } = self.next().await? else { return Err(Over) };
        let mut hello = Vec::new();
        frame::encode_hello(PROTOCOL_VERSION, &mut hello);
        self.stream.write_all(&hello).await?;
        loop {
            let Frame::Message(message) = self.next().await? else { return Err(Over) };
            let request = frame::decode_message(&message).map_err(|_| Over)?;
            match request {
                Request::Describe => self.reply(&Reply::Facts(Facts::default()), &[]).await?,
                Request::Put { area, path, bytes, .. } => {
                    let content = self.receive(bytes).await?;
                    self.files.insert(name(area, &path), content);
                    self.reply(&Reply::Done, &[]).await?;
                }
                Request::Get { area, path, .. } => {
                    let content = self.files.get(&name(area, &path)).cloned();
                    match content {
                        Some(content) => {
                            let bytes = content.len() as u64;
                            self.reply(&Reply::File { bytes }, &content).await?;
                        }
                        None => self.reply(&refused(RefusalKind::NotFound), &[]).await?,
                    }
                }
                Request::Execute(command) => self.execute(command).await?,
                Request::Close => return self.reply(&Reply::Done, &[]).await,
                Request::Seal(_)
                | Request::Clear
                | Request::Link(_)
                | Request::List { .. }
                | Request::Turn(_) => {
                    self.reply(&refused(RefusalKind::OutOfOrder), &[]).await?;
                }
            }
        }
    }

    async fn execute(&mut self, command: Command) -> Result<(), Over> {
        let stdin = self.receive(command.stdin_bytes).await?;
        if self.process.world.strikes(self.process.world.weather.cell_lost) {
            self.process.world.add_step(&self.process.name, format_args!("loses a cell"));
            return Err(Over);
        }
        let source = self.files.values().find_map(|bytes| std::str::from_utf8(bytes).ok());
        let program = source.and_then(Program::parse);
        let (ended, stdout, time) = match (self.purpose, program) {
            (_, None) => (Ended::Exited(127), String::new(), Duration::ZERO),
            (Purpose::Compile, Some(program)) => {
                (Ended::Exited(i32::from(!program.compiles)), String::new(), COMPILE_TIME)
            }
            (Purpose::Run, Some(program)) => run(&program, &stdin, &command),
        };
        tokio::time::sleep(time).await;
        let report = Report {
            ended,
            cpu: time,
            wall: time,
            peer_ended: false,
            busy: Duration::ZERO,
            memory_bytes: MEMORY_BYTES,
            memory_from_cgroup: true,
            stdout_bytes: stdout.len() as u64,
            stderr_bytes: 0,
            stderr_truncated: false,
        };
        self.reply(&Reply::Ran(report), stdout.as_bytes()).await
    }

    async fn reply(&mut self, reply: &Reply, data: &[u8]) -> Result<(), Over> {
        let mut wire = Vec::new();
        frame::encode_message(reply, &mut wire).map_err(|_| Over)?;
        for chunk in data.chunks(CHUNK_BYTES_MAX) {
            wire.extend_from_slice(&frame::data_header(chunk.len()));
            wire.extend_from_slice(chunk);
        }
        Ok(self.stream.write_all(&wire).await?)
    }

    async fn receive(&mut self, bytes: u64) -> Result<Vec<u8>, Over> {
        let mut content = Vec::new();
        while (content.len() as u64) < bytes {
            let Frame::Data(chunk) = self.next().await? else { return Err(Over) };
            content.extend(chunk);
        }
        Ok(content)
    }

    async fn next(&mut self) -> Result<Frame, Over> {
        let mut buffer = [0; 4 << 10];
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(|_| Over)? {
                return Ok(frame);
            }
            match self.stream.read(&mut buffer).await? {
                0 => return Err(Over),
                count => self.decoder.push(&buffer[..count]),
            }
        }
    }
}

fn name(area: Area, path: &str) -> String {
    format!("{}/{path}", area.directory())
}

fn refused(kind: RefusalKind) -> Reply {
    Reply::Refused { kind, detail: "a simulated runner does not do that".to_owned() }
}

/// Runs a program on the test whose number is its input.
fn run(program: &Program, stdin: &[u8], command: &Command) -> (Ended, String, Duration) {
    let number: Option<usize> =
        std::str::from_utf8(stdin).ok().and_then(|it| it.trim().parse().ok());
    let run = number.and_then(|number| program.runs.get(number.checked_sub(1)?));
    let (Some(number), Some(run)) = (number, run) else {
        return (Ended::Exited(126), String::new(), Duration::ZERO);
    };
    let nothing = String::new();
    match run.end {
        End::Right => (Ended::Exited(0), answer(number), run.time),
        End::Wrong => (Ended::Exited(0), "no idea\n".to_owned(), run.time),
        End::Crash => (Ended::Exited(1), nothing, run.time),
        End::Endless => (Ended::CpuLimit, nothing, command.cpu),
        End::Hungry => (Ended::MemoryLimit, nothing, run.time),
    }
}

/// The right answer to a test.
pub(crate) fn answer(test: usize) -> String {
    format!("the answer is {test}\n")
}

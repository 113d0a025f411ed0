//! One process of a deployment. It ends with the test binary, even if that is killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::waiting::{until, until_true};

/// Starts the process, prints its id, and ends it on order. When the test binary ends, the pipe on
/// standard input ends, and then so does the process.
const KEEPER: &str = r#"
out=$1 err=$2
shift 2
"$@" </dev/null >>"$out" 2>>"$err" &
echo $!
read -r order
if [ "$order" = terminate ]; then signal=TERM; else signal=KILL; fi
kill -s $signal $! 2>/dev/null
wait $! 2>/dev/null
"#;

/// A running `assay serve`.
#[derive(Debug)]
pub(crate) struct Process {
    keeper: Child,
    pid: u32,
    out: PathBuf,
    err: PathBuf,
    /// The size of its output files before it was started.
    err_before: usize,
    out_before: usize,
}

impl Process {
    /// Starts a command. Its output is appended to files with this name in the folder.
    pub(crate) fn start(command: &Command, folder: &Path, name: &str) -> Self {
        let (out, err) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        let (out_before, err_before) = (read(&out).len(), read(&err).len());
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&out).arg(&err);
        keeper.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => keeper.env(key, value),
                None => keeper.env_remove(key),
            };
        }
        let mut keeper = keeper
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // An interrupt at the terminal must reach only the tests; the keeper then sees the pipe
            // end.
            .process_group(0)
            .spawn()
            .expect("sh can be started");
        let mut line = String::new();
        let stdout = keeper.stdout.take().expect("the keeper's output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the keeper prints the process's id");
        let pid = line.trim().parse().expect("a process's id is a number");
        Self { keeper, pid, out, err, err_before, out_before }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The process's standard output.
    pub(crate) fn printed(&self) -> String {
        read(&self.out).split_off(self.out_before)
    }

    /// The process's standard error.
    pub(crate) fn said(&self) -> String {
        read(&self.err).split_off(self.err_before)
    }

    /// Waits until the process reports that it is ready.
    pub(crate) async fn ready(&self) {
        self.says("Ready: ").await;
    }

    /// Waits until a line of its output starts with this.
    pub(crate) async fn says(&self, beginning: &str) {
        until("the process is so far", async || {
            let said = self.said();
            if said.lines().any(|line| line.starts_with(beginning)) {
                return Some(());
            }
            assert!(is_running(self.pid), "the process ended: {said}");
            None
        })
        .await;
    }

    /// `kill -9`; waits until the process and its children have ended.
    pub(crate) async fn kill_hard(mut self) {
        self.order("kill");
        self.reap().await;
    }

    /// SIGTERM; waits until the process has ended.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        self.order("terminate");
        self.reap().await
    }

    /// SIGSTOP: pauses the process, without notifying the others.
    pub(crate) fn pause(&self) {
        signal(self.pid, "STOP");
    }

    /// Sends SIGCONT.
    pub(crate) fn resume(&self) {
        signal(self.pid, "CONT");
    }

    fn order(&mut self, order: &str) {
        let mut orders = self.keeper.stdin.take().expect("the keeper's input is a pipe");
        // `reap` handles a keeper that has ended.
        let _ = writeln!(orders, "{order}");
    }

    async fn reap(&mut self) -> ExitStatus {
        let cells = children(self.pid);
        let ended = until("the process has ended", async || {
            self.keeper.try_wait().expect("the keeper is a child")
        });
        let status = ended.await;
        until_true("its cells have ended", async || !cells.iter().any(|pid| is_running(*pid)))
            .await;
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.keeper.try_wait(), Ok(None)) {
            // It may be draining, and then its keeper reads no more orders.
            signal(self.pid, "KILL");
            drop(self.keeper.stdin.take());
            let _ = self.keeper.wait();
        }
    }
}

fn signal(pid: u32, name: &str) {
    // The process may already have ended.
    let _ = Command::new("kill").args(["-s", name]).arg(pid.to_string()).status();
}

/// The children of a process: the runners of its cells.
pub(crate) fn children(pid: u32) -> BTreeSet<u32> {
    let file = format!("/proc/{pid}/task");
    let tasks = std::fs::read_dir(file).into_iter().flatten().flatten();
    let lists = tasks.map(|task| read(&task.path().join("children")));
    lists
        .flat_map(|list| list.split_whitespace().map(str::parse).collect::<Vec<_>>())
        .flatten()
        .collect()
}

/// The cpu time that a process has used, in hundredths of a second; 0 if it has ended.
pub(crate) fn cpu_time(pid: u32) -> u64 {
    let stat = read(Path::new(&format!("/proc/{pid}/stat")));
    // The name may contain anything; the other fields follow its closing parenthesis.
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Whether the process exists and is not a zombie.
fn is_running(pid: u32) -> bool {
    let stat = read(Path::new(&format!("/proc/{pid}/stat")));
    // The name may contain anything; the state follows its closing parenthesis.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

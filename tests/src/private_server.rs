//! A server process that ends with the test binary, even if that is killed.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::small_disk::SmallDisk;

/// Runs the server until the pipe on its standard input ends or contains an order. The pipe ends
/// when the test binary does, possibly without running destructors. Then the shell also unmounts
/// and removes the directory.
const KEEPER: &str = r#"
directory=$1
shift
"$@" >>"$directory/server.log" 2>&1 &
read -r order
kill -9 $! 2>/dev/null
wait $! 2>/dev/null
[ "$order" = stop ] || { umount -l "$directory" 2>/dev/null; rm -rf "$directory"; }
"#;

/// How long a server may take to start, and how often to check.
pub(crate) const START_WAIT: Duration = Duration::from_secs(60);
pub(crate) const START_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A server process with its own directory and port.
#[derive(Debug)]
pub(crate) struct PrivateServer {
    command: Vec<String>,
    keeper: Option<Child>,
    /// Dropped before the directory, which cannot be removed while something is mounted there.
    disk: Option<SmallDisk>,
    directory: TempDir,
}

impl PrivateServer {
    /// Starts the command. Its arguments may contain `{directory}`. If `disk` is given, the
    /// directory is on its own file system of that size, in MiB.
    pub(crate) fn start(binary: PathBuf, arguments: &[&str], disk: Option<u32>) -> Self {
        let directory = TempDir::with_prefix("assay-test-").expect("a temporary directory");
        let path = directory.path().to_str().expect("a path in plain characters");
        let mut command = vec![binary.to_str().expect("a path in plain characters").to_owned()];
        command.extend(arguments.iter().map(|part| part.replace("{directory}", path)));
        let disk = disk.map(|mebibytes| SmallDisk::mount(directory.path(), mebibytes));
        let mut server = Self { command, keeper: None, disk, directory };
        server.restart();
        server
    }

    /// Starts the server again, on the same data and port.
    pub(crate) fn restart(&mut self) {
        self.kill_hard();
        let keeper = Command::new("sh")
            .arg("-c")
            .arg(KEEPER)
            .arg("keeper")
            .arg(self.directory.path())
            .args(&self.command)
            .stdin(Stdio::piped())
            // An interrupt at the terminal must reach only the tests; the keeper then sees the pipe
            // end.
            .process_group(0)
            .spawn()
            .expect("sh can be started");
        self.keeper = Some(keeper);
    }

    /// `kill -9`; waits until the process has ended.
    pub(crate) fn kill_hard(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        let mut orders = keeper.stdin.take().expect("the keeper's input is a pipe");
        orders.write_all(b"stop\n").expect("the keeper reads its orders");
        drop(orders);
        keeper.wait().expect("the keeper is this process's child");
    }

    /// The server's own file system.
    pub(crate) fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("it was started with a disk of its own")
    }

    /// The directory with the server's data.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The server's log, for failure messages.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default()
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.kill_hard();
    }
}

/// The binary that an environment variable names, otherwise the one in the PATH.
///
/// # Panics
/// If there is none: a test must not pass because a server is missing.
pub(crate) fn binary(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        let path = PathBuf::from(path);
        assert!(is_file(&path), "{variable} names {}, which is not there", path.display());
        return path;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| is_file(path))
        .unwrap_or_else(|| {
            panic!("{name} is not on the PATH and {variable} is not set; run scripts/test, which installs it")
        })
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// A port that is currently free.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on the loopback");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Whether a process accepts connections at this loopback port.
pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

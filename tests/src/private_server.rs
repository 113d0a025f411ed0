//! A server that ends with the test binary, however that ends.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::small_disk::SmallDisk;

/// Runs the server until the pipe on its standard input says or ends otherwise. The end of the pipe
/// is the end of the test binary, which may be too sudden for any destructor: then the shell also
/// removes the directory, and what is mounted there.
const KEEPER: &str = r#"
directory=$1
shift
"$@" >>"$directory/server.log" 2>&1 &
read -r order
kill -9 $! 2>/dev/null
wait $! 2>/dev/null
[ "$order" = stop ] || { umount -l "$directory" 2>/dev/null; rm -rf "$directory"; }
"#;

/// How long a server may take to answer after its start, and how often to look.
pub(crate) const START_WAIT: Duration = Duration::from_secs(60);
pub(crate) const START_LOOK_EVERY: Duration = Duration::from_millis(20);

/// A server process with a directory and a port of its own.
#[derive(Debug)]
pub(crate) struct PrivateServer {
    command: Vec<String>,
    keeper: Option<Child>,
    /// Before the directory, which cannot be removed as long as something is mounted there.
    disk: Option<SmallDisk>,
    directory: TempDir,
}

impl PrivateServer {
    /// Starts the command, whose parts may name the directory as `{directory}`.
    /// With a disk of so many mebibytes, its directory is on a file system of its own.
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

    /// Starts it again, on the same data and port.
    pub(crate) fn restart(&mut self) {
        self.kill_hard();
        let keeper = Command::new("sh")
            .arg("-c")
            .arg(KEEPER)
            .arg("keeper")
            .arg(self.directory.path())
            .args(&self.command)
            .stdin(Stdio::piped())
            // An interrupt at the terminal is for the tests; the keeper then sees the pipe end.
            .process_group(0)
            .spawn()
            .expect("sh can be started");
        self.keeper = Some(keeper);
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) fn kill_hard(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        let mut orders = keeper.stdin.take().expect("the keeper's input is a pipe");
        orders.write_all(b"stop\n").expect("the keeper reads its orders");
        drop(orders);
        keeper.wait().expect("the keeper is this process's child");
    }

    /// The file system of its own.
    pub(crate) fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("it was started with a disk of its own")
    }

    /// Where its data is.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What it said, for a message about its failure.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default()
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.kill_hard();
    }
}

/// The binary that a variable names, or else the one on the PATH.
///
/// # Panics
/// When there is none: a test never passes because a server is missing.
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

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on the loopback");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Whether something takes connections at this port of the loopback.
pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

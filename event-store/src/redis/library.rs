//! The library of Redis Functions.

use std::sync::LazyLock;

use domain::Digest;
use redis::{Cmd, cmd};

const TEXT: &str = include_str!("functions.lua");
/// Number of hex digits of the source's digest in the library's name.
const VERSION_DIGITS: usize = 12;

/// The library's name. It contains a digest of the source, so that during an upgrade each version
/// of Assay calls its own functions.
static NAME: LazyLock<String> = LazyLock::new(|| {
    format!("assay_{}", &Digest::of(TEXT.as_bytes()).to_string()[..VERSION_DIGITS])
});

/// A function of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Prepare,
    Append,
    Take,
    Extend,
    Release,
    Decline,
    Declined,
    Announce,
    Workers,
    Unfinished,
    Discard,
    Withdraw,
    ReadStream,
    Ends,
    Holds,
    Tails,
    Stats,
    EnterSegment,
    Trim,
    BeginRestore,
    Import,
    FinishRestore,
    CreateRun,
    AppendRun,
    SweepRuns,
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Append => "append",
            Self::Take => "take",
            Self::Extend => "extend",
            Self::Release => "release",
            Self::Decline => "decline",
            Self::Declined => "declined",
            Self::Announce => "announce",
            Self::Workers => "workers",
            Self::Unfinished => "unfinished",
            Self::Discard => "discard",
            Self::Withdraw => "withdraw",
            Self::ReadStream => "read_stream",
            Self::Ends => "ends",
            Self::Holds => "holds",
            Self::Tails => "tails",
            Self::Stats => "stats",
            Self::EnterSegment => "enter_segment",
            Self::Trim => "trim",
            Self::BeginRestore => "begin_restore",
            Self::Import => "import",
            Self::FinishRestore => "finish_restore",
            Self::CreateRun => "create_run",
            Self::AppendRun => "append_run",
            Self::SweepRuns => "sweep_runs",
        }
    }

    /// A call with these keys. The caller adds the arguments.
    pub(super) fn call(self, keys: &[impl AsRef<str>]) -> Cmd {
        let reads = matches!(
            self,
            Self::ReadStream
                | Self::Ends
                | Self::Holds
                | Self::Tails
                | Self::Declined
                | Self::Workers
                | Self::Stats
        );
        let mut call = cmd(if reads { "FCALL_RO" } else { "FCALL" });
        call.arg(format!("{}_{}", *NAME, self.name())).arg(keys.len());
        keys.iter().for_each(|key| {
            call.arg(key.as_ref());
        });
        call
    }
}

/// Loads the library. Loading it again changes nothing.
pub(super) fn load() -> Cmd {
    let name = &*NAME;
    let mut load = cmd("FUNCTION");
    load.arg("LOAD")
        .arg("REPLACE")
        .arg(format!("#!lua name={name}\nlocal library = '{name}'\n{TEXT}"));
    load
}

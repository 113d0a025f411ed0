//! The threads that judge, apart from those that serve, so that a crash shows whose it was.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crash_note::{LeftNote, Note, left_behind};
use tokio::runtime::{Builder, Handle, Runtime};

/// The threads on which an evaluator judges. Dropping this ends them.
pub(crate) struct JudgingThreads(Option<Runtime>);

impl JudgingThreads {
    /// Starts the threads, and marks this note if one of them crashes.
    ///
    /// # Errors
    /// If they cannot be started.
    pub(crate) fn start(note: Option<Arc<Note>>) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.thread_name("judge").enable_all();
        if let Some(note) = note {
            builder.on_thread_start(move || note.watch_this_thread());
        }
        Ok(Self(Some(builder.build()?)))
    }

    /// Spawns tasks on the threads.
    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("they run until this is dropped").handle()
    }
}

impl Drop for JudgingThreads {
    fn drop(&mut self) {
        // This may happen in a task, which must not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The note of the evaluator with this name, and those of evaluators that crashed. `None` if the
/// folder cannot be used: then crashes are not counted as failures.
pub(crate) fn open_notes(folder: &Path, name: &str) -> Option<(Arc<Note>, Vec<LeftNote>)> {
    let opened = Note::create(folder, name).and_then(|note| Ok((note, left_behind(folder)?)));
    let warn = |error: &io::Error| {
        let (folder, error) = (folder.display(), error as &dyn std::error::Error);
        tracing::warn!(%folder, error, "crashes of this evaluator cannot be noted");
    };
    opened.inspect_err(warn).ok()
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::*;

    /// Set for the child: the threads on which it aborts, and the folder of its note.
    const THREADS: &str = "ASSAY_TEST_THREADS";
    const FOLDER: &str = "ASSAY_TEST_FOLDER";
    const SIGABRT: i32 = 6;

    /// The child, and a test that does nothing unless it is one.
    #[tokio::test(flavor = "multi_thread")]
    async fn child() {
        let Ok(threads) = env::var(THREADS) else { return };
        let folder = env::var(FOLDER).unwrap();
        let (note, _) = open_notes(Path::new(&folder), "judge").unwrap();
        let _session = note.enter("submission:1").unwrap();
        let judging = JudgingThreads::start(Some(note)).unwrap();
        match threads.as_str() {
            "judging" => judging.handle().spawn(async { std::process::abort() }),
            "judging, blocking" => judging.handle().spawn_blocking(|| std::process::abort()),
            _ => tokio::spawn(async { std::process::abort() }),
        };
        std::future::pending::<()>().await;
    }

    #[test]
    fn only_crashes_of_threads_that_judge_are_noted() {
        for (threads, noted) in [("judging", 1), ("judging, blocking", 1), ("serving", 0)] {
            let folder = tempfile::tempdir().unwrap();
            let ended = Command::new(env::current_exe().unwrap())
                .args(["--exact", "judging_threads::tests::child"])
                .env(THREADS, threads)
                .env(FOLDER, folder.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(ended.signal(), Some(SIGABRT), "{threads}");
            assert_eq!(left_behind(folder.path()).unwrap().len(), noted, "{threads}");
        }
    }
}

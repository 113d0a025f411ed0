//! LaTeX statements as Markdown, made by pandoc where it is installed.
//!
//! It reads strangers' text: in its sandbox mode it opens no file, it has little memory and time, and
//! it inherits nothing of our environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use problem_package::{Budget, Converter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::runtime::Handle;

/// How long one text may take.
const TEXT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often to look whether the budget is spent, or nobody waits for the text any more.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Bytes of Markdown that one text may become.
const MARKDOWN_BYTES_MAX: u64 = 1 << 20;
/// Bytes of complaints that are read.
const COMPLAINT_BYTES_MAX: u64 = 4 << 10;
/// What statements are rendered from: see `query-api/src/markdown.rs`.
const MARKDOWN: &str = "commonmark+pipe_tables+strikeout+footnotes+tex_math_dollars";
/// Heap that pandoc may use, as its run-time system takes it.
const HEAP_MAX: &str = "-M512M";

/// Makes Markdown of LaTeX; `None` where there is no pandoc. To be called where blocking is allowed.
pub fn converter() -> Option<Arc<Converter>> {
    let path = std::env::var_os("PATH")?;
    let program = find(&path)?;
    let runtime = Handle::current();
    Some(Arc::new(move |latex: &str, budget: &Budget| {
        let converted = convert(command(&program, &path), latex, TEXT_TIME_MAX);
        runtime.block_on(within(budget, converted))
    }))
}

fn find(path: &OsStr) -> Option<PathBuf> {
    let candidates = std::env::split_paths(path).map(|folder| folder.join("pandoc"));
    candidates.into_iter().find(|candidate| candidate.is_absolute() && candidate.is_file())
}

fn command(program: &Path, path: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.args(["+RTS", HEAP_MAX, "-RTS", "--sandbox", "--wrap=preserve"]);
    command.args(["--from=latex", "--to", MARKDOWN]);
    command.env_clear().env("PATH", path);
    command
}

/// What is made of a text as long as the budget lasts. Dropped, the command is killed.
async fn within(
    budget: &Budget,
    converted: impl Future<Output = Result<String, String>>,
) -> Result<String, String> {
    let spent = async {
        while !budget.is_spent() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        biased;
        () = spent => Err("there is no time left for it".to_owned()),
        converted = converted => converted,
    }
}

/// What the command makes of a text, or why it makes nothing.
async fn convert(mut command: Command, text: &str, time_max: Duration) -> Result<String, String> {
    // Dropped, as when its time is over, it is killed.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    match tokio::time::timeout(time_max, run(command, text)).await {
        Ok(converted) => converted,
        Err(_) => Err(format!("pandoc takes longer than {time_max:?} for it")),
    }
}

async fn run(mut command: Command, text: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("pandoc cannot be run: {error}");
    let mut child = command.spawn().map_err(failed)?;
    let (input, output, complaint) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut input) = input {
            // It may end before it has read everything, and says then why.
            let _ = input.write_all(text.as_bytes()).await;
        }
        Ok(())
    };
    let (_, markdown, complaint) = tokio::try_join!(write, markdown(output), complain(complaint))?;
    let status = child.wait().await.map_err(failed)?;
    if !status.success() {
        return Err(format!("pandoc does not take it: {}", complaint.trim()));
    }
    String::from_utf8(markdown).map_err(|_| "pandoc makes no text of it".to_owned())
}

/// All that is printed. Too much of it ends the program, which nobody reads any more.
async fn markdown(output: Option<ChildStdout>) -> Result<Vec<u8>, String> {
    let Some(output) = output else { return Ok(vec![]) };
    let mut bytes = Vec::new();
    let read = output.take(MARKDOWN_BYTES_MAX + 1).read_to_end(&mut bytes).await;
    match read.map_err(|error| format!("pandoc's output cannot be read: {error}"))? as u64 {
        0..=MARKDOWN_BYTES_MAX => Ok(bytes),
        _ => Err(format!("pandoc makes more than {MARKDOWN_BYTES_MAX} bytes of it")),
    }
}

/// The beginning of what is complained about. The rest is dropped, lest its writer waits for a reader.
async fn complain(complaint: Option<ChildStderr>) -> Result<String, String> {
    let Some(mut complaint) = complaint else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    let read = (&mut complaint).take(COMPLAINT_BYTES_MAX).read_to_end(&mut bytes).await;
    if read.is_ok() {
        let _ = tokio::io::copy(&mut complaint, &mut tokio::io::sink()).await;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env_clear();
        command
    }

    #[tokio::test]
    async fn a_text_becomes_what_the_program_prints() {
        assert_eq!(
            convert(shell("/bin/cat"), "a\u{e9}", TEXT_TIME_MAX).await,
            Ok("a\u{e9}".to_owned())
        );
        assert_eq!(
            convert(shell("echo x"), &"y".repeat(1 << 20), TEXT_TIME_MAX).await,
            Ok("x\n".to_owned())
        );
    }

    #[tokio::test]
    async fn whatever_goes_wrong_is_told() {
        for (script, part) in [
            ("echo no such command >&2; exit 3", "no such command"),
            ("head -c 2000000 /dev/zero", "more than 1048576 bytes"),
            ("head -c 2000000 /dev/zero >&2; exit 1", "does not take it"),
            ("printf '\\377'", "no text"),
        ] {
            let script = format!("PATH=/usr/bin:/bin; {script}");
            let error = convert(shell(&script), "x", TEXT_TIME_MAX).await.unwrap_err();
            assert!(error.contains(part), "{script}: {error}");
        }
        let absent =
            convert(Command::new("/nonexistent/pandoc"), "x", TEXT_TIME_MAX).await.unwrap_err();
        assert!(absent.contains("cannot be run"), "{absent}");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended() {
        let time_max = Duration::from_millis(50);
        let error = convert(shell("exec /bin/sleep 1000"), "x", time_max).await.unwrap_err();
        assert!(error.contains("longer than 50ms"), "{error}");
        let budget = Budget::of(Duration::from_millis(50));
        let converted = convert(shell("exec /bin/sleep 1000"), "x", TEXT_TIME_MAX);
        let error = within(&budget, converted).await.unwrap_err();
        assert!(error.contains("no time left"), "{error}");
    }

    /// With the program itself, where it is installed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn latex_becomes_markdown() {
        let Some(converter) = converter() else { return };
        let latex = r"Pay \$5 for $a_i \le 10^9$ and \emph{more}.
            \[ \sum_{i=1}^n i \]
            \begin{tabular}{l|r} a & b \\ \hline 1 & 2 \end{tabular}
            \input{/etc/passwd}";
        let converted = tokio::task::spawn_blocking(move || converter(latex, &Budget::default()))
            .await
            .unwrap()
            .unwrap();
        for part in [r"Pay \$5 for $a_i \le 10^9$ and *more*.", r"$$ \sum_{i=1}^n i $$", "| 1"] {
            let spaces = |text: &str| text.replace(' ', "");
            assert!(
                spaces(&converted).contains(&spaces(part)),
                "{part} is missing from {converted}"
            );
        }
        assert!(!converted.contains("root:"), "{converted}");
    }
}

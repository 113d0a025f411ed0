//! Converts LaTeX statements to Markdown with pandoc, if it is installed.
//!
//! The text is untrusted: pandoc runs in its sandbox mode and opens no file, its memory and time
//! are limited, and it inherits nothing of the server's environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use problem_package::{Budget, Converter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::runtime::Handle;

/// How long one conversion may take.
const TEXT_TIME_MAX: Duration = Duration::from_secs(10);
/// How often the budget is checked, which is also spent when the request has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum size of one converted text, in bytes.
const MARKDOWN_BYTES_MAX: u64 = 1 << 20;
/// Maximum part of pandoc's error output that is kept, in bytes.
const ERROR_OUTPUT_BYTES_MAX: u64 = 4 << 10;
/// The Markdown dialect that statements are rendered from; see `query-api/src/markdown.rs`.
const MARKDOWN: &str = "commonmark+pipe_tables+strikeout+footnotes+tex_math_dollars";
/// The limit on pandoc's heap, as an option of its runtime system.
const HEAP_MAX: &str = "-M512M";

/// A converter from LaTeX to Markdown; `None` if pandoc is not installed. It blocks while it
/// converts.
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

/// Runs a conversion until the budget is spent. Dropping it kills the command.
async fn within(
    budget: &Budget,
    converted: impl Future<Output = Result<String, String>>,
) -> Result<String, String> {
    let spent = async {
        while !budget.is_spent() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    tokio::select! {
        biased;
        () = spent => Err("there is no time left to convert it".to_owned()),
        converted = converted => converted,
    }
}

/// The command's output for a text, or why it failed.
async fn convert(mut command: Command, text: &str, time_max: Duration) -> Result<String, String> {
    // Dropping the command, for example after a timeout, kills it.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    match tokio::time::timeout(time_max, run(command, text)).await {
        Ok(converted) => converted,
        Err(_) => Err(format!("pandoc took longer than {time_max:?} to convert it")),
    }
}

async fn run(mut command: Command, text: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot run pandoc: {error}");
    let mut child = command.spawn().map_err(failed)?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut input) = input {
            // The command may exit before it has read everything; its status then says why.
            let _ = input.write_all(text.as_bytes()).await;
        }
        Ok(())
    };
    let (_, markdown, errors) = tokio::try_join!(write, markdown(output), error_output(errors))?;
    let status = child.wait().await.map_err(failed)?;
    if !status.success() {
        return Err(format!("pandoc failed: {}", errors.trim()));
    }
    String::from_utf8(markdown).map_err(|_| "pandoc's output is not UTF-8".to_owned())
}

/// The command's whole output. If it is too long, reading stops and the command is ended.
async fn markdown(output: Option<ChildStdout>) -> Result<Vec<u8>, String> {
    let Some(output) = output else { return Ok(vec![]) };
    let mut bytes = Vec::new();
    let read = output.take(MARKDOWN_BYTES_MAX + 1).read_to_end(&mut bytes).await;
    match read.map_err(|error| format!("cannot read pandoc's output: {error}"))? as u64 {
        0..=MARKDOWN_BYTES_MAX => Ok(bytes),
        _ => Err(format!("pandoc's output has more than {MARKDOWN_BYTES_MAX} bytes")),
    }
}

/// The beginning of the error output. The rest is read and discarded, so that the command does not
/// block on it.
async fn error_output(errors: Option<ChildStderr>) -> Result<String, String> {
    let Some(mut errors) = errors else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    let read = (&mut errors).take(ERROR_OUTPUT_BYTES_MAX).read_to_end(&mut bytes).await;
    if read.is_ok() {
        let _ = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
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
    async fn failures_of_pandoc_are_reported() {
        for (script, part) in [
            ("echo no such command >&2; exit 3", "no such command"),
            ("head -c 2000000 /dev/zero", "more than 1048576 bytes"),
            ("head -c 2000000 /dev/zero >&2; exit 1", "pandoc failed"),
            ("printf '\\377'", "not UTF-8"),
        ] {
            let script = format!("PATH=/usr/bin:/bin; {script}");
            let error = convert(shell(&script), "x", TEXT_TIME_MAX).await.unwrap_err();
            assert!(error.contains(part), "{script}: {error}");
        }
        let absent =
            convert(Command::new("/nonexistent/pandoc"), "x", TEXT_TIME_MAX).await.unwrap_err();
        assert!(absent.contains("cannot run"), "{absent}");
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

    /// Uses pandoc itself, if it is installed.
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

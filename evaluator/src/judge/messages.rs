//! Compiler messages, prepared for display: bounded, plain text, and without the cell's paths.

use std::borrow::Cow;

use domain::text::is_shown_in_lines;
use sandbox::{Area, Ended};

/// Bytes of compiler messages in a verdict.
const LOG_BYTES_MAX: usize = 16 << 10;
/// Bytes of raw compiler messages that are kept. More than is shown, because cleaning removes some.
const RAW_BYTES_MAX: usize = 4 * LOG_BYTES_MAX;
/// The folder of precompiled headers in a cell.
const HEADERS: &str = "/pch";
/// The folder of compilers' temporary files.
const TEMPORARY: &str = "/tmp";

/// The messages of all steps of one compilation.
#[derive(Debug, Default)]
pub(super) struct Messages {
    raw: Vec<u8>,
    /// Why the compiler was ended, if it did not exit by itself.
    reason: Option<String>,
    truncated: bool,
}

impl Messages {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let room = RAW_BYTES_MAX.saturating_sub(self.raw.len());
        self.truncated |= bytes.len() > room;
        self.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Sets the reason why the compiler ended, if it did not exit by itself.
    pub(super) fn add_reason(&mut self, ended: Ended) {
        self.reason = match ended {
            Ended::Exited { .. } => None,
            Ended::Signaled { signal } => {
                Some(format!("the compiler crashed with signal {signal}\n"))
            }
            Ended::CpuLimit | Ended::WallLimit => Some("compiling took too long\n".to_owned()),
            Ended::MemoryLimit => Some("compiling used too much memory\n".to_owned()),
            Ended::OutputLimit => Some("the compiler printed too much\n".to_owned()),
            Ended::FileLimit => Some("the compiled program is too large\n".to_owned()),
        };
    }

    /// The raw messages so far.
    pub(super) fn as_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.raw)
    }

    /// The cleaned messages, and whether they were cut.
    pub(super) fn into_log(self) -> (String, bool) {
        let mut log = without_cell_paths(&printable(&String::from_utf8_lossy(&self.raw)));
        // The reason is more important than the last messages.
        let reason = self.reason.unwrap_or_default();
        let room = LOG_BYTES_MAX.saturating_sub(reason.len() + 1);
        let cut = log.len() > room;
        log.truncate(log.floor_char_boundary(room));
        if !log.is_empty() && !log.ends_with('\n') && !reason.is_empty() {
            log.push('\n');
        }
        log.push_str(&reason);
        (log, self.truncated || cut)
    }
}

/// Removes terminal escape sequences, and all control characters except those for layout.
fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' && rest.peek() == Some(&'[') {
            rest.next();
            // Parameters, then one letter that ends the sequence.
            while rest.next_if(|it| matches!(it, '\u{20}'..='\u{3f}')).is_some() {}
            rest.next_if(|it| matches!(it, '\u{40}'..='\u{7e}'));
        } else if is_shown_in_lines(c) {
            clean.push(c);
        }
    }
    clean
}

/// Replaces paths of the cell, which mean nothing to an author. Paths in the work and program areas
/// become relative, which is usually the source's name. A precompiled header becomes its file name.
/// Temporary names become a fixed name, so that messages are the same in every run.
fn without_cell_paths(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('/') {
        let (before, path) = rest.split_at(at);
        clean.push_str(before);
        // A slash within a path or a URL does not begin a path.
        let within = clean.ends_with(|c: char| c.is_alphanumeric() || "._-/+~".contains(c));
        let length = path.find(|c: char| !is_of_path(c)).unwrap_or(path.len());
        let (path, after) = path.split_at(length);
        if within {
            clean.push_str(path);
        } else {
            clean.push_str(&outside(path));
        }
        rest = after;
    }
    clean + rest
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || "/._-+~#@%=".contains(c)
}

/// The text shown for a path of the cell.
fn outside(path: &str) -> String {
    let below = |folder: &str| match path.strip_prefix(folder) {
        Some("") => Some(""),
        Some(rest) => rest.strip_prefix('/'),
        None => None,
    };
    let name = |rest: &str| rest.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some(rest) = below(Area::Work.directory()).or_else(|| below(Area::Program.directory())) {
        return if rest.is_empty() { ".".to_owned() } else { rest.to_owned() };
    }
    if let Some(rest) = below(HEADERS) {
        return name(rest);
    }
    if let Some(rest) = below(TEMPORARY) {
        let name = name(rest);
        let extension = name.rsplit_once('.').map_or(String::new(), |(_, it)| format!(".{it}"));
        return format!("temporary{extension}");
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(said: &[u8]) -> String {
        let mut messages = Messages::default();
        messages.add(said);
        messages.into_log().0
    }

    #[test]
    fn the_reason_survives_a_flood_of_messages() {
        let mut messages = Messages::default();
        messages.add(&vec![b'x'; 300 << 10]);
        messages.add_reason(Ended::CpuLimit);
        let (log, truncated) = messages.into_log();
        assert!(truncated && log.len() <= LOG_BYTES_MAX);
        assert!(log.ends_with("x\ncompiling took too long\n"));
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let (log, truncated) = {
            let mut messages = Messages::default();
            messages.add("a".as_bytes());
            messages.add("é".repeat(LOG_BYTES_MAX).as_bytes());
            messages.into_log()
        };
        assert!(truncated && log.len() <= LOG_BYTES_MAX && log.ends_with('é'), "{}", log.len());
    }

    #[test]
    fn paths_of_the_cell_do_not_leave_it() {
        for (said, shown) in [
            ("/work/main.cpp:3:1: error", "main.cpp:3:1: error"),
            ("main.cpp:3:1: error", "main.cpp:3:1: error"),
            ("In file included from /box/main.c:1", "In file included from main.c:1"),
            ("File \"/work/main.py\", line 1", "File \"main.py\", line 1"),
            ("included from /pch/gnu++17/bits/stdc++.h:3,", "included from stdc++.h:3,"),
            ("/usr/bin/ld: /tmp/ccXy12.o: in `main'", "/usr/bin/ld: temporary.o: in `main'"),
            ("cannot open /tmp/ccXy12", "cannot open temporary"),
            ("cd /work: no", "cd .: no"),
            ("'/work/a/b.rs'", "'a/b.rs'"),
            ("-I/work/x", "-I/work/x"),
            ("/workshop/a", "/workshop/a"),
            ("/usr/include/c++/14/vector:9", "/usr/include/c++/14/vector:9"),
            ("https://example.org/work/a", "https://example.org/work/a"),
            ("3 /work", "3 ."),
            ("a / b", "a / b"),
        ] {
            assert_eq!(log(said.as_bytes()), shown, "{said}");
        }
    }

    #[test]
    fn what_is_shown_is_text() {
        assert_eq!(log(b"a\r\n\tb\x00\x07\x7f c"), "a\n\tb c");
        assert_eq!(log(b"\x1b[01;31m\x1b[Kerror:\x1b[m x \x1b]0;title\x07"), "error: x ]0;title");
        assert_eq!(log(b"caf\xe9"), "caf\u{fffd}");
        assert_eq!(log("\u{9b}31mx".as_bytes()), "31mx");
    }
}

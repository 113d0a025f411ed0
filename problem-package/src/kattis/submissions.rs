//! `submissions/`: programs whose verdict is known.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::Verdict;
use domain::problem::RevisionContent;

use crate::diagnostic::{Report, quote};
use crate::languages::language_of as language;
use crate::package::{SampleSubmission, SourceFile};
use crate::text::text;
use crate::tree::FileTree;

/// The verdicts that a folder promises. The format knows fewer verdicts than we do: to it a crash is
/// also what became of too much memory, and a wrong answer also one with the wrong space.
fn expected(folder: &str) -> Option<BTreeSet<Verdict>> {
    use Verdict::{
        Accepted, CompileError, MemoryLimitExceeded, OutputLimitExceeded, PresentationError,
        RuntimeError, TimeLimitExceeded, WrongAnswer,
    };
    let verdicts: &[Verdict] = match folder {
        "accepted" => &[Accepted],
        "wrong_answer" => &[WrongAnswer, PresentationError],
        "presentation_error" => &[PresentationError],
        "time_limit_exceeded" => &[TimeLimitExceeded],
        "memory_limit_exceeded" => &[MemoryLimitExceeded],
        "output_limit_exceeded" => &[OutputLimitExceeded],
        "run_time_error" => &[RuntimeError, MemoryLimitExceeded],
        "compiler_error" | "compile_error" => &[CompileError],
        "brute_force" => &[TimeLimitExceeded, MemoryLimitExceeded, RuntimeError],
        "rejected" => &[
            WrongAnswer,
            PresentationError,
            TimeLimitExceeded,
            MemoryLimitExceeded,
            OutputLimitExceeded,
            RuntimeError,
            CompileError,
        ],
        _ => return None,
    };
    Some(verdicts.iter().copied().collect())
}

pub(super) fn read(
    tree: &FileTree,
    content: &RevisionContent,
    report: &mut Report,
) -> Vec<SampleSubmission> {
    // A program is a file, or a folder of files, right below the folder of its verdict.
    let mut programs: BTreeMap<&str, Vec<(&str, &Bytes)>> = BTreeMap::new();
    for (name, bytes) in tree.under("submissions") {
        match name.match_indices('/').nth(1) {
            Some((program_end, _)) => {
                programs.entry(&name[..program_end]).or_default().push((name, bytes));
            }
            None => programs.entry(name).or_default().push((name, bytes)),
        }
    }
    let read = |(program, files): (&&str, &Vec<_>)| read_program(program, files, content, report);
    let submissions: Vec<_> = programs.iter().filter_map(read).collect();
    if !submissions.iter().any(|submission| submission.path.starts_with("accepted/")) {
        let message = "there is no accepted submission";
        report.warning("submissions", message, "a solution in submissions/accepted");
    }
    submissions
}

fn read_program(
    program: &str,
    files: &[(&str, &Bytes)],
    content: &RevisionContent,
    report: &mut Report,
) -> Option<SampleSubmission> {
    let path = format!("submissions/{program}");
    let Some((folder, _)) = program.split_once('/') else {
        report.warning(&path, "is in no folder of a verdict and is left aside", "");
        return None;
    };
    if folder == "partially_accepted" {
        report.error(&path, "scoring is not supported", "a pass-fail problem");
        return None;
    }
    let Some(expected) = expected(folder) else {
        let message = format!("the folder {} promises no known verdict", quote(folder));
        report.warning(&path, message, "accepted, wrong_answer, time_limit_exceeded, …");
        return None;
    };
    let [(name, bytes)] = files else {
        report.warning(&path, "has several files and is left aside", "a program of one file");
        return None;
    };
    let path = format!("submissions/{name}");
    let Some(language) = language(name) else {
        report.warning(&path, "is in no known language and is left aside", "");
        return None;
    };
    if content.language(&language).is_none() {
        let message = format!("is in {language}, which the problem does not take");
        report.warning(&path, message, "");
        return None;
    }
    if bytes.len() as u64 > content.limits.source_bytes {
        let message = format!("has {} bytes", bytes.len());
        report.error(&path, message, format!("at most {}", content.limits.source_bytes));
        return None;
    }
    text(&path, bytes, report)?;
    Some(SampleSubmission {
        path: (*name).to_owned(),
        language,
        files: vec![SourceFile {
            path: name.rsplit('/').next().unwrap_or(name).to_owned(),
            bytes: (*bytes).clone(),
        }],
        entry_point: None,
        expected,
        rules: vec![],
        score: None,
    })
}

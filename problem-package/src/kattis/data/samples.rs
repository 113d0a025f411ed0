//! Reads the shown and the download versions of samples.

use bytes::Bytes;
use domain::checker::TokenOptions;
use domain::problem::{Attachment, Sample, Test, bounds};

use super::Reader;
use super::files::Case;
use crate::blobs::Blobs;
use crate::diagnostic::Report;
use crate::text::text;

impl Reader<'_> {
    pub(super) fn add_sample(
        &mut self,
        name: &str,
        case: &Case<'_>,
        test: &Test,
        tokens: TokenOptions,
        blobs: &mut Blobs,
        report: &mut Report,
    ) {
        self.add_downloads(name, case, blobs);
        if self.is_interactive_or_multi_pass() {
            if let Some(path) = case.path("interaction") {
                self.add_interaction(name, path, case, report);
                return;
            }
            if !self.manifest().version.is_newer() {
                let path = format!("data/{name}.in");
                let expected = format!("data/{name}.interaction");
                report.warning(&path, "is not shown: it is meant for the validator", expected);
                return;
            }
        }
        let shown = |extensions: &[&str]| {
            extensions.iter().find_map(|it| Some((case.path(it)?.to_owned(), case.get(it)?)))
        };
        let (Some(input), Some(output)) =
            (shown(&["in.statement", "in"]), shown(&["ans.statement", "out", "ans"]))
        else {
            return;
        };
        if !self.is_interactive_or_multi_pass() {
            let is_shown = output.0.ends_with(".ans") && self.manifest().version.is_newer();
            if is_shown || output.0.ends_with(".out") {
                self.add_output(&output.0, test.clone(), tokens, output.1, true, blobs);
            }
        }
        let (Some(input), Some(output)) = (sample_text(input, report), sample_text(output, report))
        else {
            return;
        };
        self.push_sample(
            name,
            Sample { name: String::new(), input, output, explanation: None },
            report,
        );
    }

    /// Adds an interaction between the submission and the validator: lines that begin with `>` and
    /// `<`.
    pub(super) fn add_interaction(
        &mut self,
        name: &str,
        path: &str,
        case: &Case<'_>,
        report: &mut Report,
    ) {
        let Some(bytes) = case.get("interaction") else { return };
        let Some(log) = sample_text((path.to_owned(), bytes), report) else { return };
        let said = |by: char| -> String {
            let lines = log.lines().filter_map(|line| line.strip_prefix(by));
            lines.flat_map(|line| [line.strip_prefix(' ').unwrap_or(line), "\n"]).collect()
        };
        let strange = log
            .lines()
            .position(|line| !line.is_empty() && line != "---" && !line.starts_with(['<', '>']));
        if let Some(line) = strange {
            let message = format!("line {} has no `<` or `>`", line + 1);
            report.warning(path, message, "lines that begin with `<` or `>`");
        }
        let mut fence = "```".to_owned();
        while log.contains(&fence) {
            fence.push('`');
        }
        let explanation = format!("{fence}text\n{}\n{fence}\n", log.trim_end());
        let (input, output) = (said('<'), said('>'));
        let sample = Sample { name: String::new(), input, output, explanation: Some(explanation) };
        self.push_sample(name, sample, report);
    }

    fn push_sample(&mut self, name: &str, mut sample: Sample, report: &mut Report) {
        if self.data.samples.len() == bounds::SAMPLES_MAX {
            let message =
                format!("is not shown: there are more than {} samples", bounds::SAMPLES_MAX);
            report.warning(format!("data/{name}").as_str(), message, "");
            return;
        }
        sample.name = name.strip_prefix("sample/").unwrap_or(name).to_owned();
        self.data.samples.push(sample);
    }

    /// Adds the download versions of a sample.
    fn add_downloads(&mut self, name: &str, case: &Case<'_>, blobs: &mut Blobs) {
        for (extension, kind) in [("in.download", "in"), ("ans.download", "ans")] {
            if let Some(bytes) = case.get(extension) {
                let path = format!("{name}.{kind}");
                self.data.downloads.push(Attachment { path, content: blobs.put(bytes) });
            }
        }
    }
}

fn sample_text((path, bytes): (String, &Bytes), report: &mut Report) -> Option<String> {
    if bytes.len() > bounds::SAMPLE_BYTES_MAX {
        let message = format!("is not shown: it has {} bytes", bytes.len());
        let expected = format!("at most {} in a sample", bounds::SAMPLE_BYTES_MAX);
        report.warning(&path, message, expected);
        return None;
    }
    text(&path, bytes, report).map(str::to_owned)
}

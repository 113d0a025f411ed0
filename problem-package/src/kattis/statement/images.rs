//! Embeds images of a text into its Markdown, or attaches them to the problem.

use bytes::Bytes;
use domain::problem::bounds::MARKDOWN_BYTES_MAX;

use super::super::attachments::Attachments;
use super::super::layout::STATEMENT_FOLDERS;
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::images::{self, Kind, Shown};
use crate::limits::ATTACHED_IMAGE_BYTES_MAX;
use crate::tree::FileTree;

pub(super) struct Images<'a> {
    tree: &'a FileTree,
    attachments: Option<(&'a mut Attachments, &'a mut Blobs)>,
}

impl<'a> Images<'a> {
    pub(super) fn new(
        tree: &'a FileTree,
        attachments: Option<(&'a mut Attachments, &'a mut Blobs)>,
    ) -> Self {
        Self { tree, attachments }
    }

    /// Embeds the images of the Markdown as `data:` URLs. Large images are attached and shown from
    /// there.
    pub(super) fn put_in(
        &mut self,
        markdown: &str,
        path: &str,
        is_made: bool,
        report: &mut Report,
    ) -> String {
        images::show(markdown, |name, around| {
            let room = MARKDOWN_BYTES_MAX.saturating_sub(around);
            Some(self.shown(name, path, room, is_made, report))
        })
    }

    /// Attaches an image of a text that is shown as source.
    pub(super) fn attach(&mut self, name: &str, path: &str, report: &mut Report) {
        if let Some((name, bytes)) = self.find(name, path, true) {
            self.put(&name, &bytes);
        } else {
            let message = format!("the image {} is missing", quote(name));
            report.warning(path, message, "a file beside the statement");
        }
    }

    /// How an image is shown. Problems with it are reported as warnings.
    fn shown(
        &mut self,
        name: &str,
        path: &str,
        room: usize,
        is_made: bool,
        report: &mut Report,
    ) -> Shown {
        if name.contains(':') || name.starts_with("//") {
            let message = format!("the image {} is not in the package", quote(name));
            report.warning(path, message, "a file beside the statement");
            return Shown::Instead("(image)".to_owned());
        }
        let Some((found, bytes)) = self.find(name, path, is_made) else {
            let message = format!("the image {} is missing", quote(name));
            let (folder, _) = path.rsplit_once('/').unwrap_or_default();
            let expected = format!("the file {folder}/{name}");
            report.warning(path, message, expected);
            return Shown::Instead("(image)".to_owned());
        };
        let kind = images::kind(&bytes);
        let small = images::data_address(&bytes).filter(|address| address.len() <= room);
        if let Some(address) = small {
            return Shown::At(address);
        }
        let attached = self.put(&found, &bytes);
        let (message, expected) = match (kind, &attached) {
            (Kind::Small | Kind::Large, Some(attached)) => {
                return Shown::At(images::address(attached));
            }
            (Kind::Small | Kind::Large, None) => {
                let expected =
                    format!("images that keep the text within {MARKDOWN_BYTES_MAX} bytes");
                (
                    format!("the image {} has {} bytes and is not shown", quote(name), bytes.len()),
                    expected,
                )
            }
            (Kind::TooLarge, _) => {
                let expected = format!("at most {ATTACHED_IMAGE_BYTES_MAX}");
                (
                    format!("the image {} has {} bytes and is not shown", quote(name), bytes.len()),
                    expected,
                )
            }
            (Kind::Unknown, _) => {
                let message =
                    format!("the image {} is of a type that browsers cannot show", quote(&found));
                (message, images::cure(&found))
            }
        };
        report.warning(path, message, expected);
        Shown::Instead(match attached {
            Some(attached) => format!("(image: the attached file `{attached}`)"),
            None => "(image)".to_owned(),
        })
    }

    /// Finds an image and the name of its file. An editorial may show images of the statement too.
    fn find(&self, name: &str, path: &str, is_latex: bool) -> Option<(String, Bytes)> {
        let (folder, _) = path.rsplit_once('/').unwrap_or_default();
        for name in images::file_names(name, is_latex) {
            for folder in [folder].into_iter().chain(STATEMENT_FOLDERS) {
                if let Some(bytes) = self.tree.get(&format!("{folder}/{name}")) {
                    return Some((name, bytes.clone()));
                }
            }
        }
        None
    }

    /// Attaches a file and returns its path among the attachments; `None` without attachments.
    fn put(&mut self, name: &str, bytes: &Bytes) -> Option<String> {
        let (attachments, blobs) = self.attachments.as_mut()?;
        let path = format!("statement/{name}");
        attachments.put(&path, bytes, blobs);
        Some(path)
    }
}

//! Collects files for users who solve the problem, from all parts of the package.

use bytes::Bytes;
use domain::problem::Attachment;

use crate::blobs::Blobs;
use crate::tree::FileTree;

const FOLDER: &str = "attachments";

/// Attachments with distinct paths.
#[derive(Debug, Default)]
pub(super) struct Attachments(Vec<Attachment>);

impl Attachments {
    pub(super) fn read(tree: &FileTree, blobs: &mut Blobs) -> Self {
        let mut attachments = Self::default();
        for (path, bytes) in tree.under(FOLDER) {
            attachments.put(path, bytes, blobs);
        }
        attachments
    }

    pub(super) fn put(&mut self, path: &str, bytes: &Bytes, blobs: &mut Blobs) {
        let attachment = Attachment { path: path.to_owned(), content: blobs.put(bytes) };
        self.add([attachment]);
    }

    pub(super) fn add(&mut self, attachments: impl IntoIterator<Item = Attachment>) {
        for attachment in attachments {
            if !self.0.iter().any(|known| known.path == attachment.path) {
                self.0.push(attachment);
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Attachment> {
        self.0
    }
}

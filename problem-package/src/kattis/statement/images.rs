//! Images of a text, put into its Markdown or attached to the problem.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::problem::bounds::MARKDOWN_BYTES_MAX;
use pulldown_cmark::{Event, Parser, Tag};

use super::super::attachments::Attachments;
use super::FOLDERS;
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::limits::IMAGE_BYTES_MAX;
use crate::tree::FileTree;

const MEDIA_TYPES: [(&str, &str); 4] =
    [("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("svg", "image/svg+xml")];

/// What an image may end in where LaTeX does not say.
const UNSAID: [&str; 5] = ["png", "jpg", "jpeg", "svg", "pdf"];

/// What becomes of an image.
enum Fate {
    /// An address to put in the place of its name.
    Inline(String),
    /// It is attached under this path.
    Attached(String),
    /// It is not shown.
    LeftOut,
    /// Something is wrong with it, which was reported.
    Wrong,
}

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

    /// Puts the images that the Markdown names into it, as `data:` addresses, so that it stands alone.
    /// In Markdown that was made of something else, what is wrong is not its writer's fault.
    pub(super) fn put_in(
        &mut self,
        markdown: &str,
        path: &str,
        is_made: bool,
        report: &mut Report,
    ) -> String {
        let mut result = String::new();
        let mut copied = 0;
        for (event, range) in Parser::new(markdown).into_offset_iter() {
            let Event::Start(Tag::Image { dest_url, .. }) = event else { continue };
            // An image in the text of an image has been copied with it.
            if range.start < copied {
                continue;
            }
            let room = MARKDOWN_BYTES_MAX.saturating_sub(result.len() + markdown.len() - copied);
            let fate = self.fate(&dest_url, path, room, is_made, report);
            let shown = match fate {
                // Nothing is fetched from elsewhere when a statement is shown.
                Fate::Wrong => "(image)".to_owned(),
                Fate::Inline(address) => {
                    let Some(start) = address_in(&markdown[range.clone()], &dest_url) else {
                        let message = format!(
                            "the image {} is not named where it is shown",
                            quote(&dest_url)
                        );
                        report.error(path, message, "`![text](file)`");
                        continue;
                    };
                    let start = range.start + start;
                    result.push_str(&markdown[copied..start]);
                    result.push_str(&address);
                    copied = start + dest_url.len();
                    continue;
                }
                Fate::Attached(name) => format!("(image: the attached file `{name}`)"),
                Fate::LeftOut => "(image)".to_owned(),
            };
            result.push_str(&markdown[copied..range.start]);
            result.push_str(&shown);
            copied = range.end;
        }
        result.push_str(&markdown[copied..]);
        result
    }

    /// Attaches an image of a text that cannot show it.
    pub(super) fn attach(&mut self, name: &str, path: &str, report: &mut Report) {
        if let Some((name, bytes)) = self.find(name, path, true) {
            self.put(&name, &bytes);
        } else {
            let message = format!("the image {} is missing", quote(name));
            report.warning(path, message, "a file beside the statement");
        }
    }

    fn fate(
        &mut self,
        name: &str,
        path: &str,
        room: usize,
        is_made: bool,
        report: &mut Report,
    ) -> Fate {
        if name.contains(':') || name.starts_with("//") {
            let message = format!("the image {} is not in the package", quote(name));
            report.error(path, message, "a file beside the statement");
            return Fate::Wrong;
        }
        let Some((found, bytes)) = self.find(name, path, is_made) else {
            let message = format!("the image {} is missing", quote(name));
            let (folder, _) = path.rsplit_once('/').unwrap_or_default();
            let expected = format!("the file {folder}/{name}");
            if is_made {
                report.warning(path, message, expected);
                return Fate::LeftOut;
            }
            report.error(path, message, expected);
            return Fate::Wrong;
        };
        let extension = found.rsplit_once('.').map_or("", |(_, extension)| extension);
        let known = MEDIA_TYPES.iter().find(|(known, _)| *known == extension);
        let Some((_, media_type)) = known else {
            let message = format!("the image {} is of no known type", quote(name));
            if is_made {
                report.warning(path, message, "a png, jpg or svg file");
                return self.put(&found, &bytes);
            }
            report.error(path, message, "a png, jpg or svg file");
            return Fate::Wrong;
        };
        let address_bytes = bytes.len().div_ceil(3) * 4 + media_type.len() + 32;
        if bytes.len() > IMAGE_BYTES_MAX || address_bytes > room {
            let message = format!(
                "the image {} has {} bytes and is not in the text",
                quote(name),
                bytes.len()
            );
            report.warning(
                path,
                message,
                format!("at most {IMAGE_BYTES_MAX}, and {MARKDOWN_BYTES_MAX} of text"),
            );
            return self.put(&found, &bytes);
        }
        Fate::Inline(format!("data:{media_type};base64,{}", STANDARD.encode(&bytes)))
    }

    /// The image and its name with an extension. An editorial may show the images of the statement too.
    fn find(&self, name: &str, path: &str, is_latex: bool) -> Option<(String, Bytes)> {
        let (folder, _) = path.rsplit_once('/').unwrap_or_default();
        let name = name.strip_prefix("./").unwrap_or(name);
        let endings = UNSAID.iter().filter(|_| is_latex).map(|ending| format!("{name}.{ending}"));
        for name in std::iter::once(name.to_owned()).chain(endings) {
            for folder in [folder].into_iter().chain(FOLDERS) {
                if let Some(bytes) = self.tree.get(&format!("{folder}/{name}")) {
                    return Some((name, bytes.clone()));
                }
            }
        }
        None
    }

    fn put(&mut self, name: &str, bytes: &Bytes) -> Fate {
        let Some((attachments, blobs)) = &mut self.attachments else { return Fate::LeftOut };
        let path = format!("statement/{name}");
        attachments.put(&path, bytes, blobs);
        Fate::Attached(path)
    }
}

/// Where the address stands in `![text](address "title")`.
fn address_in(image: &str, address: &str) -> Option<usize> {
    let text_end = image.rfind("](")?;
    image[text_end..].find(address).map(|offset| text_end + offset)
}

//! Resolves the symbolic links of a package, which must all stay inside it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::diagnostic::{Report, quote};
use crate::limits::LINK_HOPS_MAX;

/// Why a link cannot be followed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
enum LinkError {
    #[error("leads out of the package")]
    Escapes,
    #[error("leads back to itself: {}", .0.join(" -> "))]
    Cyclic(Vec<String>),
    #[error("goes through more than {LINK_HOPS_MAX} links")]
    TooManyHops,
    #[error("does not exist")]
    Dangling,
    #[error("contains the link itself")]
    OwnFolder,
    #[error("leads to a folder that contains a link to a folder")]
    NestedFolders,
}

/// Replaces links by the files they lead to. Links that cannot be followed are reported in `broken`
/// and left out.
///
/// A link to a folder is replaced by copies of its files. That folder may contain links to files
/// but not to folders, because a few nested links could expand to a huge tree.
pub(super) fn follow(
    files: &mut BTreeMap<String, Bytes>,
    links: BTreeMap<String, String>,
    files_max: usize,
    broken: &mut Report,
    report: &mut Report,
) {
    let mut followed = Vec::new();
    let mut folders = Vec::new();
    for (link, target) in &links {
        let failure = match resolve(link, &links) {
            Err(error) => error,
            Ok(path) => match files.get(&path) {
                Some(bytes) => {
                    followed.push((link.clone(), bytes.clone()));
                    continue;
                }
                None if is_inside(link, &path) => LinkError::OwnFolder,
                None => {
                    folders.push((link, target, path));
                    continue;
                }
            },
        };
        report_link(broken, link, target, &failure);
    }
    files.extend(followed);

    let mut copies = Vec::new();
    for (link, target, folder) in &folders {
        let prefix = format!("{folder}/");
        if folders.iter().any(|(other, ..)| is_inside(other, folder)) {
            report_link(broken, link, target, &LinkError::NestedFolders);
            continue;
        }
        let before = copies.len();
        copies.extend(
            files
                .range(prefix.clone()..)
                .map_while(|(path, bytes)| Some((path.strip_prefix(&prefix)?, bytes)))
                .map(|(path, bytes)| (format!("{link}/{path}"), bytes.clone())),
        );
        if copies.len() == before {
            report_link(broken, link, target, &LinkError::Dangling);
        }
        if files.len() + copies.len() > files_max {
            report.error("", "the links lead to too many files", format!("at most {files_max}"));
            return;
        }
    }
    files.extend(copies);
}

fn report_link(broken: &mut Report, link: &str, target: &str, error: &LinkError) {
    broken.error(
        link,
        format!("is a link to {}, which {error}", quote(target)),
        "a link to a file or folder of the package",
    );
}

/// The path that a link leads to, through further links, as an operating system would follow it.
fn resolve(link: &str, links: &BTreeMap<String, String>) -> Result<String, LinkError> {
    // Names still to be walked, in reverse order.
    let mut ahead: Vec<&str> = link.rsplit('/').collect();
    let mut walked: Vec<&str> = Vec::new();
    let mut chain: Vec<String> = Vec::new();
    while let Some(name) = ahead.pop() {
        match name {
            "" | "." => continue,
            ".." => {
                walked.pop().ok_or(LinkError::Escapes)?;
                continue;
            }
            _ => walked.push(name),
        }
        let here = walked.join("/");
        let Some(target) = links.get(&here) else { continue };
        let is_seen = chain.contains(&here);
        chain.push(here);
        if is_seen {
            return Err(LinkError::Cyclic(chain));
        }
        if chain.len() > LINK_HOPS_MAX {
            return Err(LinkError::TooManyHops);
        }
        walked.pop();
        ahead.extend(target.rsplit('/'));
    }
    if walked.is_empty() {
        return Err(LinkError::OwnFolder);
    }
    Ok(walked.join("/"))
}

fn is_inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(links: &[(&str, &str)]) -> Result<String, LinkError> {
        let links = links.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
        resolve("a/link", &links)
    }

    #[test]
    fn a_link_is_followed_as_an_operating_system_would() {
        assert_eq!(resolved(&[("a/link", "x")]).unwrap(), "a/x");
        assert_eq!(resolved(&[("a/link", "./../b//x")]).unwrap(), "b/x");
        assert_eq!(resolved(&[("a/link", "l2"), ("a/l2", "../x")]).unwrap(), "x");
        assert_eq!(
            resolved(&[("a/link", "../dir/x"), ("dir", "real/deep")]).unwrap(),
            "real/deep/x"
        );
        // `..` after a link to a folder means the parent of the link's target.
        assert_eq!(resolved(&[("a/link", "../dir/../x"), ("dir", "real/deep")]).unwrap(), "real/x");
    }

    #[test]
    fn links_that_leave_the_package_or_form_a_cycle_are_refused() {
        assert_eq!(resolved(&[("a/link", "../../x")]), Err(LinkError::Escapes));
        assert_eq!(resolved(&[("a/link", "../a/../../p/a/x")]), Err(LinkError::Escapes));
        assert_eq!(resolved(&[("a/link", "..")]), Err(LinkError::OwnFolder));
        let circle = ["a/link", "a/b", "a/link"].map(str::to_owned).to_vec();
        assert_eq!(resolved(&[("a/link", "b"), ("a/b", "link")]), Err(LinkError::Cyclic(circle)));
        let chain: Vec<(String, String)> =
            (0..30).map(|i| (format!("l{i}"), format!("l{}", i + 1))).collect();
        let mut links: Vec<_> =
            chain.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        links.push(("a/link", "../l0"));
        assert_eq!(resolved(&links), Err(LinkError::TooManyHops));
    }
}

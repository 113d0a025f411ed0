//! Lists the files of an area. No process of a program is alive during this.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, openat};
use nix::sys::stat::{Mode, fstatat};
use runner::layout::{self, LISTED_FILES_MAX};
use runner::message::{Area, ListedFile, Listing, RefusalKind};

use crate::files::{self, FOLDER};
use crate::refusal::Refusal;
use crate::sweep::names;

/// The regular files of an area, sorted by path. Files without a valid path are left out: names
/// that are not plain or not UTF-8, links and their targets, and files that are too deep.
pub(crate) fn list(area: Area) -> Result<Listing, Refusal> {
    list_in(&files::open_area(area)?)
}

fn list_in(root: &OwnedFd) -> Result<Listing, Refusal> {
    let mut found = Vec::new();
    walk(root.as_fd(), "", &mut found)
        .map_err(|error| Refusal::system("inspect the files", error))?;
    if found.len() > LISTED_FILES_MAX {
        let detail = format!("there are more than {LISTED_FILES_MAX} files");
        return Err(Refusal::new(RefusalKind::TooLarge, detail));
    }
    found.sort();
    Ok(Listing(found))
}

/// Goes no deeper than a valid path, and stops at one file more than the limit.
fn walk(folder: BorrowedFd<'_>, above: &str, found: &mut Vec<ListedFile>) -> Result<(), Errno> {
    for name in names(folder)? {
        let Ok(plain) = name.to_str() else { continue };
        let path = format!("{above}{plain}");
        if layout::check_path(&path).is_err() {
            continue;
        }
        let status = fstatat(folder, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        match status.st_mode & libc::S_IFMT {
            libc::S_IFDIR => {
                let inner = openat(folder, name.as_c_str(), FOLDER, Mode::empty())?;
                walk(inner.as_fd(), &format!("{path}/"), found)?;
            }
            libc::S_IFREG => found.push(ListedFile {
                path,
                bytes: files::bytes(&status),
                executable: status.st_mode & 0o111 != 0,
            }),
            _ => {}
        }
        if found.len() > LISTED_FILES_MAX {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn listed(area: &Path) -> Result<Vec<String>, RefusalKind> {
        let root = fs::File::open(area).expect("it is there");
        match list_in(&root.into()) {
            Ok(Listing(files)) => Ok(files.into_iter().map(|file| file.path).collect()),
            Err(refusal) => Err(refusal.kind),
        }
    }

    #[test]
    fn only_what_a_path_leads_to_is_listed() {
        let area = std::env::temp_dir().join(format!("assay-listing-{}", std::process::id()));
        let deep = |folders: usize| area.join(vec!["d"; folders].join("/"));
        fs::create_dir_all(deep(9)).expect("made");
        for file in
            [&area.join("b"), &area.join(".hidden"), &deep(7).join("in"), &deep(8).join("out")]
        {
            fs::write(file, "x").expect("written");
        }
        symlink("b", area.join("link")).expect("linked");
        symlink("d", area.join("folder")).expect("linked");
        assert_eq!(listed(&area), Ok(vec!["b".to_owned(), "d/d/d/d/d/d/d/in".to_owned()]));
        for number in 0..998 {
            fs::write(area.join(number.to_string()), "").expect("written");
        }
        assert_eq!(listed(&area).map(|files| files.len()), Ok(1000));
        fs::write(area.join("more"), "").expect("written");
        assert_eq!(listed(&area), Err(RefusalKind::TooLarge));
        fs::remove_dir_all(&area).expect("removed");
    }

    #[test]
    fn the_longest_listing_has_its_length() {
        let file = ListedFile { path: "x".repeat(255), bytes: u64::MAX, executable: true };
        let listing = Listing(vec![file; LISTED_FILES_MAX]);
        assert_eq!(listing.encode().expect("encoded").len() as u64, Listing::BYTES_MAX);
    }
}

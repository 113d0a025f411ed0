//! The read-only part of a native cell's file system: toolchains, and no user's data. It comes from
//! this machine, or from an image unpacked into a directory.

use std::fs;
use std::path::{Path, PathBuf};

use runner::message::Bind;

use crate::{Language, Languages, NativeConfig};

/// The places of programs and libraries: directories on some systems, links into `/usr` on others.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// The configuration that toolchains need: the loader's cache, Debian's links that select versions,
/// and the time zone. None of it is secret or identifies the machine's users. Further paths for a
/// single language are in its definition.
const CONFIGURATION: [&str; 3] = ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"];

/// The read-only part of a cell's file system.
#[derive(Debug)]
pub(super) struct Root {
    binds: Vec<Bind>,
    links: Vec<(String, String)>,
    /// Whether the toolchains come from an unpacked image.
    unpacked: bool,
}

impl Root {
    /// Collects the usual places and those that languages need, if they exist, and those that the
    /// configuration adds.
    pub(super) fn new(config: &NativeConfig, languages: &Languages) -> Self {
        let wanted = languages.all().iter().flat_map(|language| &language.binds);
        let mut root =
            Self { binds: Vec::new(), links: Vec::new(), unpacked: config.rootfs.is_some() };
        let base = config.rootfs.as_deref().unwrap_or(Path::new("/"));
        for path in SYSTEM.into_iter().chain(CONFIGURATION).chain(wanted.map(String::as_str)) {
            for path in matching(base, path) {
                root.show(base, &path);
            }
        }
        for path in &config.binds {
            root.bind(path, path);
        }
        root
    }

    /// Adds a path of the file system below `base`, unless it is there already.
    fn show(&mut self, base: &Path, path: &Path) {
        let target = text(path);
        if self.binds.iter().any(|bind| bind.target == target)
            || self.links.iter().any(|(link, _)| *link == target)
        {
            return;
        }
        let source = base.join(path.strip_prefix("/").unwrap_or(path));
        // A link stays a link, because its target may differ between the host and the cell.
        match fs::read_link(&source) {
            Ok(leads_to) => self.links.push((target, text(&leads_to))),
            Err(_) => self.bind(&source, path),
        }
    }

    fn bind(&mut self, source: &Path, target: &Path) {
        if source.exists() {
            self.binds.push(Bind { source: text(source), target: text(target) });
        }
    }

    /// The cure for a missing language.
    pub(super) fn cure(&self, language: &Language) -> String {
        if self.unpacked {
            return "unpack an image that has it, with: assay images unpack".to_owned();
        }
        format!("install it, on Debian with: apt-get install {}", language.packages.join(" "))
    }

    pub(super) fn binds(&self) -> &[Bind] {
        &self.binds
    }

    pub(super) fn links(&self) -> &[(String, String)] {
        &self.links
    }
}

/// The path itself; for one that ends in `*`, all existing paths that begin with the rest.
fn matching(base: &Path, path: &str) -> Vec<PathBuf> {
    let Some((folder, start)) = path.strip_suffix('*').and_then(|path| path.rsplit_once('/'))
    else {
        return vec![path.into()];
    };
    let entries = fs::read_dir(base.join(folder.trim_start_matches('/')));
    let names =
        entries.into_iter().flatten().flatten().map(|entry| text(entry.file_name().as_ref()));
    let names = names.filter(|name| name.starts_with(start));
    let mut paths: Vec<PathBuf> = names.map(|name| Path::new(folder).join(name)).collect();
    paths.sort();
    paths
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_of_anybodys_is_shown() {
        let root = Root::new(&NativeConfig::default(), &Languages::builtin());
        for bind in root.binds() {
            let shown = |path: &str| Path::new(path).starts_with(&bind.source);
            let private = [
                "/etc/shadow",
                "/etc/passwd",
                "/root/x",
                "/home/x",
                "/var/x",
                "/var/lib/x",
                "/run/x",
            ];
            assert!(!private.into_iter().any(shown), "{bind:?}");
        }
        assert!(root.binds().iter().any(|bind| bind.source == "/usr"));
    }

    #[test]
    fn another_file_system_takes_the_place_of_this_machines() {
        let base = std::env::temp_dir().join(format!("assay-root-{}", std::process::id()));
        for folder in ["usr/bin", "etc/java-99", "var/lib/ghc", "home/ada"] {
            fs::create_dir_all(base.join(folder)).expect("made");
        }
        symlink("usr/bin", base.join("bin")).expect("made");
        let config = NativeConfig { rootfs: Some(base.clone()), ..NativeConfig::default() };
        let root = Root::new(&config, &Languages::builtin());
        let shown: BTreeSet<_> = root.binds().iter().map(|bind| bind.target.as_str()).collect();
        assert_eq!(shown, BTreeSet::from(["/usr", "/etc/java-99", "/var/lib/ghc"]));
        assert!(root.binds().iter().all(|bind| bind.source.starts_with(&text(&base))));
        assert_eq!(root.links(), [("/bin".to_owned(), "usr/bin".to_owned())]);
        fs::remove_dir_all(&base).expect("removed");
    }
}

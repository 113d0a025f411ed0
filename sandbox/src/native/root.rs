//! What of this machine a native cell sees: its toolchains, and nothing that is anybody's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use runner::message::Bind;

/// Where programs and libraries are: directories on some systems, links into `/usr` on others.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What of the configuration toolchains need: the loader's cache, and where Debian keeps the links that choose between
/// versions. Nothing here is secret or says who uses the machine.
const CONFIGURATION: [&str; 3] = ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"];

/// Java's configuration is linked to from its home below `/usr`, under a name that has the version in it.
const JAVA_CONFIGURATION: &str = "java";

/// The read-only part of a cell's file system.
#[derive(Debug)]
pub(super) struct Root {
    binds: Vec<Bind>,
    links: Vec<(String, String)>,
}

impl Root {
    /// What this machine has of the usual places, and the places given.
    pub(super) fn of_this_machine(extra: &[PathBuf]) -> Self {
        let mut root = Self { binds: Vec::new(), links: Vec::new() };
        for path in SYSTEM {
            match fs::read_link(path) {
                Ok(target) => root.links.push((path.to_owned(), text(&target))),
                Err(_) => root.bind(Path::new(path)),
            }
        }
        for path in CONFIGURATION {
            root.bind(Path::new(path));
        }
        for entry in fs::read_dir("/etc").into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(JAVA_CONFIGURATION) {
                root.bind(&entry.path());
            }
        }
        for path in extra {
            root.bind(path);
        }
        root
    }

    fn bind(&mut self, path: &Path) {
        if path.exists() {
            self.binds.push(Bind { source: text(path), target: text(path) });
        }
    }

    pub(super) fn binds(&self) -> &[Bind] {
        &self.binds
    }

    pub(super) fn links(&self) -> &[(String, String)] {
        &self.links
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_anybodys_is_shown() {
        let root = Root::of_this_machine(&[]);
        for bind in root.binds() {
            let shown = |path: &str| path.starts_with(&bind.source);
            assert!(
                !["/etc/shadow", "/etc/passwd", "/root/x", "/home/x", "/var/x", "/run/x"]
                    .into_iter()
                    .any(shown)
            );
        }
        assert!(root.binds().iter().any(|bind| bind.source == "/usr"));
    }
}

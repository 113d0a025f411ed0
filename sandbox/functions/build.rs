//! Lists the drivers, so that adding a language means adding a file.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=.");
    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let entries = fs::read_dir(&here).expect("the package's folder can be read");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    files.retain(|file| {
        file.extension().is_some_and(|it| it == "toml") && !file.ends_with("Cargo.toml")
    });
    files.sort();
    let lines = files.iter().map(|file| {
        let name = file.file_name().expect("a file has a name");
        format!("    ({name:?}, include_str!({file:?})),\n")
    });
    let list = format!("&[\n{}]\n", lines.collect::<String>());
    let out = env::var("OUT_DIR").expect("cargo sets it for build scripts");
    fs::write(Path::new(&out).join("drivers.rs"), list).expect("the folder can be written to");
}

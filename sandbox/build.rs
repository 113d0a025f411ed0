//! Builds `assay-runner` as a static program and embeds it in this crate: there is one file to
//! install, and the two sides of the protocol cannot differ in version.
//!
//! Also lists the language definitions, so that adding a language means adding a file.
//!
//! Cargo has no stable way to depend on another package's program, let alone on a statically linked
//! one. This script therefore runs cargo again, with its own target directory because the outer one
//! is locked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Variables that the outer cargo sets and the inner one must not see: flags and wrappers meant for
/// the outer build, and settings that would move the output or change the profile.
const NOT_INHERITED: &[&str] = &[
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "CLIPPY_TERMINAL_WIDTH",
    "MAKEFLAGS",
    "MFLAGS",
    "RUSTC",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
];

fn main() {
    let manifest_dir = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let workspace = manifest_dir.parent().expect("this package is a folder of the workspace");
    println!("cargo::rerun-if-changed=runner/src");
    println!("cargo::rerun-if-changed=runner/build.rs");
    println!("cargo::rerun-if-changed=runner/seccomp");
    println!("cargo::rerun-if-changed=runner/Cargo.toml");
    println!("cargo::rerun-if-changed={}", workspace.join("Cargo.lock").display());
    println!("cargo::rerun-if-changed=build.rs");
    // cargo-fuzz sets it; see the folder `fuzz`.
    println!("cargo::rustc-check-cfg=cfg(fuzzing)");

    println!("cargo::rerun-if-changed=languages");
    list_languages(&manifest_dir.join("languages"));

    let target = variable("TARGET");
    let target_dir = PathBuf::from(variable("OUT_DIR")).join("runner");
    build(workspace, &target, &target_dir);
    let built = target_dir.join(&target).join("release/assay-runner");
    println!("cargo::rustc-env=ASSAY_RUNNER={}", built.display());
}

fn build(workspace: &Path, target: &str, target_dir: &Path) {
    let mut cargo = Command::new(variable("CARGO"));
    for name in NOT_INHERITED {
        cargo.env_remove(name);
    }
    // With an explicit target, the flags below do not apply to proc macros, which cannot be linked
    // statically.
    cargo
        .current_dir(workspace)
        .args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--package",
            "runner",
            "--bin",
            "assay-runner",
        ])
        .args(["--target", target])
        .arg("--target-dir")
        .arg(target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static\x1f-Crelocation-model=static")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    let status = cargo.status().expect("cargo, which runs this build script, can be run");
    assert!(status.success(), "building assay-runner failed: {status}");
}

/// Writes an array of (file name, text) for each definition in the folder.
fn list_languages(folder: &Path) {
    let entries = fs::read_dir(folder).expect("the folder of languages can be read");
    let mut files: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let lines = files.iter().map(|file| {
        let name = file.file_name().expect("a file has a name");
        format!("    ({name:?}, include_str!({file:?})),\n")
    });
    let list = format!("&[\n{}]\n", lines.collect::<String>());
    let out = PathBuf::from(variable("OUT_DIR")).join("languages.rs");
    fs::write(out, list).expect("cargo's folder for build scripts can be written to");
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}

//! Programs as people write them: what other judges compile and run must compile and run here.
//!
//! Each program reads two integers and prints their sum, or must be rejected by its compiler. The
//! toolchains are those of the image, which `scripts/test` unpacks.

mod cpp;
mod jvm;
mod others;
mod python;

use std::env;
use std::path::PathBuf;

use bytes::Bytes;
use domain::Verdict::{self, Accepted, CompileError};
use evaluator::judge::{Source, TestData};
use futures::StreamExt;
use sandbox::{NativeConfig, SandboxConfig};

use crate::judge::Judge;

/// The number of programs that are compiled concurrently.
const AT_ONCE: usize = 2;

/// A program and its expected verdict.
pub(crate) struct Case {
    language: &'static str,
    source: Bytes,
    expected: Verdict,
    /// The compiler's messages must contain this.
    said: &'static str,
}

fn right(language: &'static str, source: impl Into<Bytes>) -> Case {
    Case { language, source: source.into(), expected: Accepted, said: "" }
}

fn refused(language: &'static str, source: impl Into<Bytes>, said: &'static str) -> Case {
    Case { language, source: source.into(), expected: CompileError, said }
}

fn judge() -> Judge {
    let rootfs = env::var_os("ASSAY_TEST_ROOTFS").map(PathBuf::from);
    let rootfs = Some(rootfs.expect("ASSAY_TEST_ROOTFS is set by scripts/test"));
    let native = NativeConfig { rootfs, ..NativeConfig::default() };
    Judge::with(&SandboxConfig { native, ..SandboxConfig::default() })
}

/// What is wrong with the result of a case; `None` if nothing is.
async fn fault(judge: &Judge, case: &Case) -> Option<String> {
    let language = judge.languages.get(case.language).unwrap();
    let files = vec![(language.source.clone(), case.source.clone())];
    let source = Source::of_files(language, files, None, &[]).unwrap();
    let compilation = judge.compiler.compile(&source, None).await.unwrap();
    let log = compilation.log.clone();
    let found = match compilation.artifact {
        None => CompileError,
        Some(_) => {
            let test = TestData::new(1, Bytes::from_static(b"3 4\n"), Bytes::from_static(b"7\n"));
            judge.judge_compiled(source, compilation, &test).await.unwrap().outcome.verdict
        }
    };
    let text = String::from_utf8_lossy(&case.source);
    let is_right = found == case.expected && log.contains(case.said);
    (!is_right)
        .then(|| format!("{} {text:?}: {found:?}, not {:?}; {log}", case.language, case.expected))
}

async fn check(cases: Vec<Case>) {
    let judge = judge();
    let count = cases.len();
    let faults: Vec<_> = futures::stream::iter(&cases)
        .map(|case| fault(&judge, case))
        .buffer_unordered(AT_ONCE)
        .filter_map(async |fault| fault)
        .collect()
        .await;
    judge.shutdown().await;
    println!("{count} programs");
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
}

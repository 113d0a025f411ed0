//! A language that Assay does not ship: a file in the folder that the configuration names, in both
//! sandboxes.

use std::path::PathBuf;
use std::{env, fs};

use bytes::Bytes;
use domain::Verdict::{Accepted, WrongAnswer};
use evaluator::judge::{Source, TestData};
use sandbox::{Adapter, NativeConfig, SandboxConfig};

use crate::judge::Judge;

const AWK: &str = include_str!("operators/awk.toml");

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_own_language_is_judged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("awk.toml"), AWK).unwrap();
    fs::write(folder.path().join("notes.txt"), "no definition").unwrap();
    let rootfs = env::var_os("ASSAY_TEST_ROOTFS").map(PathBuf::from);
    for adapter in [Adapter::Native, Adapter::Docker] {
        let config = SandboxConfig {
            adapter,
            native: NativeConfig { rootfs: rootfs.clone(), ..NativeConfig::default() },
            languages: Some(folder.path().to_owned()),
            ..SandboxConfig::default()
        };
        let judge = Judge::with(&config);
        let language = judge.languages.by_extension("awk").unwrap();
        for (text, expected) in [("{ print $1 + $2 }", Accepted), ("{ print $1 }", WrongAnswer)] {
            let source = Source::single(language, text);
            let compilation = judge.compiler.compile(&source, None).await.unwrap();
            let test = TestData::new(1, Bytes::from_static(b"3 4\n"), Bytes::from_static(b"7\n"));
            let judged = judge.judge_compiled(source, compilation, &test).await.unwrap();
            assert_eq!(judged.outcome.verdict, expected, "{adapter:?}: {:?}", judged.outcome);
        }
        let broken = Source::single(language, &language.examples.broken);
        let compilation = judge.compiler.compile(&broken, None).await.unwrap();
        assert!(compilation.artifact.is_none() && !compilation.log.is_empty());
        judge.shutdown().await;
    }
}

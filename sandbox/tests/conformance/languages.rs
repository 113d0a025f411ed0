//! A hello and an echo of the input in every language.

use std::time::Duration;

use bytes::Bytes;
use sandbox::{CellPath, CellSpec, Ended, Execution};

use crate::bench::{Bench, expect, expect_end};

const C: &str = r#"#include <stdio.h>
int main(void) { int a, b; scanf("%d %d", &a, &b); printf("hello %d\n", a + b); }"#;

const CPP: &str = r#"#include <iostream>
#include <optional>
int main() { int a, b; std::cin >> a >> b; std::optional<int> sum = a + b; std::cout << "hello " << *sum << '\n'; }"#;

const PYTHON: &str = "a, b = map(int, input().split())\nprint('hello', a + b)\n";

const JAVA: &str = r#"import java.util.*;
public class Main {
    record Sum(int value) {}
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        System.out.println("hello " + new Sum(in.nextInt() + in.nextInt()).value());
    }
}"#;

const JAVASCRIPT: &str = r#"const [a, b] = require("fs").readFileSync(0, "utf8").split(" ").map(Number);
console.log(`hello ${a + b}`);"#;

/// Compiles and runs a sum at an ordinary problem's limits.
async fn sums(bench: &Bench, id: &str, source: &str) {
    let (compiled, artifact) = bench.compile(id, source).await.expect("a compiler");
    expect_end(&compiled, Ended::Exited { code: 0 });
    let language = bench.language(id);
    let memory_bytes = 256 << 20;
    let limits = language.run_limits(Duration::from_secs(4), memory_bytes, 1 << 20);
    let mut cell = bench.sandbox.prepare(&CellSpec::run(language, &limits)).await.expect("a cell");
    let path = CellPath::program(&language.artifact).expect("a plain name");
    cell.put(&path, artifact.expect("an artifact"), true).await.expect("it fits");
    let run = Execution::new(language.run_argv(memory_bytes), limits)
        .with_stdin(Bytes::from_static(b"20 22\n"));
    for _ in 0..2 {
        let outcome = cell.execute(&run).await.expect("an outcome");
        expect(&outcome, |outcome| outcome.ended.is_success() && outcome.stdout == "hello 42\n");
    }
    cell.close().await.expect("the cell closes");
    let toolchain = bench.sandbox.toolchain(language).await.expect("a toolchain");
    assert!(!toolchain.version.is_empty() && toolchain.digest.len() == 64, "{toolchain:?}");
}

pub(crate) async fn c(bench: &Bench) {
    sums(bench, "c", C).await;
}

pub(crate) async fn cpp(bench: &Bench) {
    sums(bench, "cpp", CPP).await;
}

pub(crate) async fn python(bench: &Bench) {
    sums(bench, "python3", PYTHON).await;
}

pub(crate) async fn java(bench: &Bench) {
    sums(bench, "java", JAVA).await;
}

pub(crate) async fn javascript(bench: &Bench) {
    sums(bench, "javascript", JAVASCRIPT).await;
}

/// Every compiler says no, in words.
pub(crate) async fn compile_errors(bench: &Bench) {
    for id in ["c", "cpp", "python3", "java", "javascript"] {
        let (outcome, artifact) =
            bench.compile(id, "this is (not a program").await.expect("a compiler");
        expect(&outcome, |outcome| matches!(outcome.ended, Ended::Exited { code } if code != 0));
        assert!(artifact.is_none() && !outcome.stderr.is_empty(), "{id}: {outcome:?}");
    }
}

//! Programs with their own build script, as in problem packages. The script runs in a compile cell
//! and finds the usual compilers there. Its results run in another cell.

use bytes::Bytes;
use futures::FutureExt;
use sandbox::{Area, CellPath, CellSpec, Ended, Execution, Limits};

use crate::case::{AMPLE, Case, MIB, line, steps};
use crate::fixture::{Fixture, Slot, expect};

/// The largest file fetched from a compile cell, in bytes.
const FILE_BYTES_MAX: u64 = 8 * MIB;

/// A build script that uses every tool by its usual name, and makes a program that is itself a
/// script.
const BUILD: &str = r#"#!/bin/sh
set -e
mkdir bin
for cc in cc gcc; do $cc -o bin/by-$cc src/hello.c; done
for cxx in c++ g++; do $cxx -o bin/by-$cxx src/hello.cpp; done
src/generate > bin/data
cat > run <<'END'
#!/bin/sh
here=$(dirname "$0")
for each in cc gcc c++ g++; do "$here/bin/by-$each"; done
exec cat "$here/bin/data"
END
chmod +x run
echo built
"#;

const FILES: &[(&str, &str, bool)] = &[
    ("build", BUILD, true),
    ("src/hello.c", "#include <stdio.h>\nint main(void) { puts(\"C\"); }\n", false),
    ("src/hello.cpp", "#include <cstdio>\nint main() { std::puts(\"C++\"); }\n", false),
    ("src/generate", "#!/usr/bin/env python3\nimport json\nprint(json.dumps([1, 2]))\n", true),
];

pub(crate) fn cases() -> Vec<Case> {
    line("build scripts", [steps("a program that builds itself", |fixture| build(fixture).boxed())])
}

async fn build(fixture: &Fixture) {
    let language = fixture.language("cpp");
    let mut slot = fixture.slot_of(&CellSpec::compile(language)).await;
    for (path, text, executable) in FILES {
        let path = CellPath::work(path).expect("plain");
        slot.cell.put(&path, text.as_bytes().into(), *executable).await.expect("it fits");
    }
    let script = Execution::new(vec!["./build".to_owned()], language.compile_limits()).keeping();
    let outcome = slot.execute(&script).await;
    expect(&outcome, |outcome| outcome.ended.is_success() && outcome.stdout == "built\n");
    let built = take(&mut slot).await;
    slot.cell.clear().await.expect("cleared");
    slot.expect_fresh().await;
    slot.close().await;

    let paths: Vec<_> = built.iter().map(|(path, ..)| path.as_str()).collect();
    let mut expected =
        ["bin/by-c++", "bin/by-cc", "bin/by-g++", "bin/by-gcc", "bin/data", "run"].to_vec();
    expected.extend(FILES.iter().map(|(path, ..)| *path));
    expected.sort_unstable();
    assert_eq!(paths, expected);

    // The built files run in the program area, which a program cannot change, and in the work area,
    // which it can.
    for area in [Area::Program, Area::Work] {
        let limits = Limits { processes: 16, ..AMPLE };
        let mut slot = fixture.slot(&limits).await;
        for (path, content, executable) in &built {
            let path = CellPath::new(area, path).expect("plain");
            slot.cell.put(&path, content.clone(), *executable).await.expect("it fits");
        }
        let argv = vec![format!("{}/run", area.directory())];
        let outcome = slot.execute(&Execution::new(argv, limits)).await;
        expect(&outcome, |outcome| {
            outcome.ended == Ended::Exited { code: 0 }
                && outcome.stdout == "C\nC\nC++\nC++\n[1, 2]\n"
        });
        slot.close().await;
    }
}

/// All files of the work area.
async fn take(slot: &mut Slot<'_>) -> Vec<(String, Bytes, bool)> {
    let mut files = Vec::new();
    for file in slot.cell.list(Area::Work).await.expect("a list") {
        let path = CellPath::work(&file.path).expect("plain");
        let content = slot.cell.get(&path, FILE_BYTES_MAX).await.expect("a file");
        files.push((file.path, content, file.executable));
    }
    files
}

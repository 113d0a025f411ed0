//! The exact commands for single files, so that no edit of a definition changes one by accident.

/// A language's id, its compile steps, the command that runs the result under a limit of 256 MiB,
/// and the compiled file; `None` if the source itself runs.
pub(super) type Commands = (
    &'static str,
    &'static [&'static [&'static str]],
    &'static [&'static str],
    Option<&'static str>,
);

#[rustfmt::skip]
pub(super) const COMMANDS: &[Commands] = &[
    (
        "bash",
        &[&["bash", "-n", "main.sh"]],
        &["bash", "/box/main.sh"],
        None,
    ),
    (
        "c",
        &[&["gcc", "-std=gnu17", "-fpermissive", "-O2", "-pipe", "-static", "-DONLINE_JUDGE", "-o", "main", "-x", "c", "main.c", "-x", "none", "-lm"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "cpp",
        &[&["g++", "-I/pch/cpp", "-std=gnu++17", "-O2", "-pipe", "-static", "-DONLINE_JUDGE", "-o", "main", "-x", "c++", "main.cpp", "-x", "none", "-lm"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "cpp20",
        &[&["g++", "-I/pch/cpp20", "-std=gnu++20", "-O2", "-pipe", "-static", "-DONLINE_JUDGE", "-o", "main", "-x", "c++", "main.cpp", "-x", "none", "-lm"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "cpp23",
        &[&["g++", "-I/pch/cpp23", "-std=gnu++23", "-O2", "-pipe", "-static", "-DONLINE_JUDGE", "-o", "main", "-x", "c++", "main.cpp", "-x", "none", "-lm"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "csharp",
        &[&["mcs", "-langversion:latest", "-optimize+", "-reference:System.Numerics", "-out:main.exe", "main.cs"]],
        &["env", "MONO_LOG_DEST=/dev/null", "mono", "/box/main.exe"],
        Some("main.exe"),
    ),
    (
        "fortran",
        &[&["gfortran", "-O2", "-pipe", "-static", "-o", "main", "main.f90", "-lm"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "go",
        &[&["sh", "-c", "cache=/usr/local/lib/assay/go; [ -d $cache ] || cache=/tmp/go; export GOCACHE=$cache CGO_ENABLED=0 GO111MODULE=off GOTOOLCHAIN=local GOTELEMETRY=off GOPATH=/tmp/gopath; exec go build -trimpath -ldflags=-s -o main main.go"]],
        &["env", "GOMEMLIMIT=256MiB", "/box/main"],
        Some("main"),
    ),
    (
        "haskell",
        &[&["ghc", "-O2", "-static", "-optl-static", "-optl-pthread", "-v1", "-o", "main", "main.hs"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "java",
        &[
            &["javac", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData", "-encoding", "UTF-8", "-proc:none", "-d", "classes", "Main.java"],
            &["jar", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData", "--create", "--no-compress", "--file", "Main.jar", "-C", "classes", "."],
        ],
        &["java", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:-UseContainerSupport", "-Xshare:auto", "-Xss64m", "-Xms256m", "-Xmx416m", "-XX:MaxNewSize=64m", "-XX:MinHeapFreeRatio=15", "-cp", "/box/Main.jar", "Main"],
        Some("Main.jar"),
    ),
    (
        "javascript",
        &[&["node", "--check", "main.js"]],
        &["node", "-r", "/box/assay-stdout.cjs", "--stack-size=65500", "--max-semi-space-size=8", "--max-old-space-size=384", "/box/main.js"],
        None,
    ),
    (
        "kotlin",
        &[&["env", "JAVA_OPTS=-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -XX:-PrintWarnings", "kotlinc", "-nowarn", "-include-runtime", "-d", "Main.jar", "Main.kt"]],
        &["java", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:-UseContainerSupport", "-Xshare:auto", "-Xss64m", "-Xms256m", "-Xmx416m", "-XX:MaxNewSize=64m", "-XX:MinHeapFreeRatio=15", "-cp", "/box/Main.jar", "MainKt"],
        Some("Main.jar"),
    ),
    (
        "lua",
        &[&["luac5.4", "-p", "main.lua"]],
        &["lua5.4", "/box/main.lua"],
        None,
    ),
    (
        "ocaml",
        &[&["ocamlopt", "-O3", "-I", "+str", "-I", "+unix", "str.cmxa", "unix.cmxa", "-ccopt", "-static", "-o", "main", "main.ml"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "pascal",
        &[&["fpc", "-O2", "-XS", "-Xs", "-Sg", "-v0ew", "-dONLINE_JUDGE", "-omain", "main.pas"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "perl",
        &[&["perl", "-c", "main.pl"]],
        &["perl", "/box/main.pl"],
        None,
    ),
    (
        "php",
        &[&["php", "-d", "display_errors=stderr", "-l", "main.php"]],
        &["php", "-d", "memory_limit=-1", "-d", "display_errors=stderr", "/box/main.php"],
        None,
    ),
    (
        "pypy3",
        &[&["pypy3", "-I", "-c", "compile(open('main.py', 'rb').read(), 'main.py', 'exec', dont_inherit=True)"]],
        &["pypy3", "-E", "-s", "-B", "/box/main.py"],
        None,
    ),
    (
        "python3",
        &[&["python3", "-I", "-c", "compile(open('main.py', 'rb').read(), 'main.py', 'exec', dont_inherit=True)"]],
        &["python3", "-E", "-s", "-B", "/box/main.py"],
        None,
    ),
    (
        "r",
        &[&["Rscript", "--vanilla", "-e", "invisible(parse('main.R', keep.source = FALSE))"]],
        &["Rscript", "--vanilla", "/box/main.R"],
        None,
    ),
    (
        "ruby",
        &[&["ruby", "-c", "main.rb"]],
        &["env", "RUBY_THREAD_VM_STACK_SIZE=67108864", "ruby", "/box/main.rb"],
        None,
    ),
    (
        "rust",
        &[&["rustc", "--edition", "2021", "-O", "-C", "target-feature=+crt-static", "-o", "main", "main.rs"]],
        &["/box/main"],
        Some("main"),
    ),
    (
        "typescript",
        &[&["tsc", "--target", "es2022", "--lib", "es2022", "--module", "commonjs", "--moduleDetection", "force", "--esModuleInterop", "--types", "node", "--typeRoots", "/usr/share/nodejs/@types", "--skipLibCheck", "--noEmitOnError", "--pretty", "false", "main.ts"]],
        &["node", "-r", "/box/assay-stdout.cjs", "--stack-size=65500", "--max-semi-space-size=8", "--max-old-space-size=384", "/box/main.js"],
        Some("main.js"),
    ),
];

//! Sources that attack the compiler: its time, its memory, its output, and the files that it can
//! read.

use std::time::Duration;

use futures::FutureExt;
use sandbox::Limits;

use crate::case::Check::{ComplaintsCut, Kept, Never, Prints};
use crate::case::{AMPLE, Case, End, MIB, SHORT, compile, line, source, steps};
use crate::fixture::{Fixture, expect};
use crate::processes::answers_beside_the_forger;

/// The bomb hit a limit, or the compiler refused it.
const DEFUSED: &[End] = &[End::Failure, End::Cpu, End::Wall, End::Memory, End::Output, End::File];

/// The path of one of the judge's own files, as a C string.
const OF_THE_JUDGE: &str = concat!("\"", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml\"");

const TEMPLATES: &str = "template <long n, long m> struct bomb {
    static const long value = bomb<n - 1, 2 * m>::value + bomb<n - 1, 2 * m + 1>::value;
};
template <long m> struct bomb<0, m> { static const long value = m; };
int main() { return bomb<40, 0>::value; }";

const ARROWS: &str = "template <class T> struct L { L<T *> operator->(); };
int main() { L<int> list; list->x; }";

const CONSTANTS: &str = "constexpr long spin(long n) { long sum = 0; for (long i = 0; i < n; i++) sum += i * sum; return sum; }
static_assert(spin(1l << 60) == 1);
int main() {}";

const PROCESSOR: &str = "import java.util.*;
import javax.annotation.processing.*;
import javax.lang.model.element.*;
@SupportedAnnotationTypes(\"*\")
public class Main extends AbstractProcessor {
    public boolean process(Set<? extends TypeElement> types, RoundEnvironment round) {
        throw new RuntimeException(\"ran at compile time\");
    }
    public static void main(String[] args) { System.out.println(42); }
}";

pub(crate) fn cases() -> Vec<Case> {
    [bombs(), reads(), shapes()].concat()
}

/// Sources that use up time, memory or disk.
fn bombs() -> Vec<Case> {
    [
        line(
            "recursive include, #include __FILE__ ; template bomb ; L<T*> operator-> ; macro bomb; constexpr loop; Java huge constant; Python deep parentheses",
            [
                bomb("#include __FILE__", "c", || text("#include __FILE__
#include __FILE__
")),
                compile("recursive include", "cpp", || text("#include \"main.cpp\"\n")).ends(DEFUSED),
                bomb("template bomb", "cpp", || text(TEMPLATES)),
                bomb("operator->", "cpp", || text(ARROWS)),
                bomb("macro bomb", "c", macros),
                bomb("constexpr loop", "cpp", || text(CONSTANTS)),
                java("Java huge constant", || {
                    let constant = "x".repeat(70_000);
                    text(&format!("public class Main {{ String huge = \"{constant}\"; }}"))
                }),
                java("Java huge method", || {
                    let code = "i = i * 31 + 7; ".repeat(12_000);
                    text(&format!("public class Main {{ static int i; static void huge() {{ {code} }} }}"))
                }),
                bomb("Python deep parentheses", "py", || {
                    text(&format!("print({}1{})", "(".repeat(100_000), ")".repeat(100_000)))
                }),
                bomb("Python deep expression", "py", || text(&format!("print({}1)", "-".repeat(1_000_000)))),
                bomb("JavaScript deep brackets", "js", || text(&"[".repeat(2_000_000))),
            ],
        ),
        line(
            "binary of GBs: char a[1<<30]={1}",
            [
                // The zeros are one line for the assembler, which writes them all.
                compile("one array", "c", || text("char a[1 << 30] = {1}; int main(void) { return a[0]; }"))
                    .ends(DEFUSED),
                compile("many arrays", "cpp", || {
                    let arrays: String = (0..64).map(|n| format!("char a{n}[1 << 24] = {{1}};\n")).collect();
                    text(&(arrays + "int main() {}"))
                })
                .ends(DEFUSED),
            ],
        ),
        line(
            "5 MB compiler errors",
            [
                bomb("#error", "c", || text(&format!("#error {}
", "x".repeat(500)).repeat(10_000)))
                    .checks(&[ComplaintsCut]),
                compile("one error on a line of 5 MB", "c", || {
                    text(&format!("int main(void) {{ return {} }}", "x + ".repeat(1_250_000)))
                })
                .ends(DEFUSED),
            ],
        ),
    ]
    .concat()
}

/// Sources that read files they should not.
fn reads() -> Vec<Case> {
    [
        line(
            "#include \"/dev/random\", \"/dev/zero\", \"/dev/stdin\", \"/proc/kmsg\"",
            [
                bomb("/dev/random", "c", || include("/dev/random")),
                bomb("/dev/zero", "c", || include("/dev/zero")),
                // It is empty, and reading it does not block.
                compile("/dev/stdin", "c", || text("#include \"/dev/stdin\"\nint main(void) { return 0; }"))
                    .ends(&[End::SUCCESS, End::Failure]),
                compile("/proc/kmsg", "c", || include("/proc/kmsg")),
            ],
        ),
        line(
            "#include \"/etc/passwd\", .incbin, #embed, -B/@file in options, #pragma GCC plugin",
            [
                compile("/etc/passwd", "c", || include("/etc/passwd")),
                compile("/etc/shadow", "c", || include("/etc/shadow")).checks(&[Never("root:")]),
                compile("the runner's environment", "c", || include("/proc/1/environ")).checks(&[Never("PATH=")]),
                compile("the judge's sources", "c", || text(&format!("#include {OF_THE_JUDGE}\nint main(void) {{}}")))
                    .checks(&[Never("edition.workspace")]),
                compile(".incbin", "c", || {
                    let path = OF_THE_JUDGE.replace('"', "\\\"");
                    text(&format!("__asm__(\".incbin {path}\"); int main(void) {{}}"))
                }),
                compile(".incbin of /etc/shadow", "c", || text("__asm__(\".incbin \\\"/etc/shadow\\\"\"); int main(void) {}"))
                    .checks(&[Never("root:")]),
                compile(".include", "c", || text("__asm__(\".include \\\"/etc/shadow\\\"\"); int main(void) {}"))
                    .checks(&[Never("root:")]),
                // GCC supports it from version 15 on, and even then the file is missing.
                compile("#embed", "c", || text(&format!("const char a[] = {{\n#embed {OF_THE_JUDGE}\n}}; int main(void) {{}}"))),
                source(
                    "__has_include reveals nothing",
                    "c",
                    concat!(
                        "#include <stdio.h>\n#if __has_include(\"",
                        env!("CARGO_MANIFEST_DIR"),
                        "/Cargo.toml\") || __has_include(\"/var/run/docker.sock\")\n",
                        "#define SEEN 1\n#else\n#define SEEN 42\n#endif\n",
                        "int main(void) { return printf(\"%d\\n\", SEEN), 0; }"
                    ),
                )
                .checks(&[Prints("42\n")]),
                // The language defines the options, and those that a source can set load no files.
                compile("#pragma GCC plugin", "c", || {
                    text("#pragma GCC optimize(\"-fplugin=/work/main.c\")\n#pragma GCC plugin \"/work/main.c\"\n#pragma GCC optimize(\"@/etc/shadow\", \"-B/work\", \"-wrapper,/bin/sh\")\nint main(void) { return 0; }")
                })
                .ends(&[End::SUCCESS, End::Failure])
                .checks(&[Never("root:")]),
                compile("#pragma GCC dependency", "c", || {
                    text("#pragma GCC dependency \"/etc/shadow\"\n#pragma GCC pch_preprocess \"/etc/shadow\"\nint main(void) { return 0; }")
                })
                .ends(&[End::SUCCESS, End::Failure])
                .checks(&[Never("root:")]),
                compile("linker script", "c", || {
                    text("__asm__(\".section .drectve\\n.ascii \\\"-T/etc/shadow\\\"\"); INPUT(/etc/shadow)")
                })
                .checks(&[Never("root:")]),
            ],
        ),
        line(
            "code at compile time: annotation processors",
            [
                compile("a processor in its own source", "java", || text(PROCESSOR))
                    .limits(JAVAC)
                    .ends(&[End::SUCCESS])
                    .checks(&[Kept(0), Never("ran at compile time")]),
                steps("a compile step of the stranger's own", |fixture| {
                    at_compile_time(fixture).boxed()
                }),
            ],
        ),
    ]
    .concat()
}

/// Sources that are not what they claim to be.
fn shapes() -> Vec<Case> {
    [
        line(
            "object code / prebuilt .o, extra binary, wrong extension, C++ as C",
            [
                compile("a program instead of a source", "c", || {
                    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0>\0".to_vec();
                    program.resize(4096, 0);
                    program
                }),
                compile("an archive instead of a source", "cpp", || {
                    [
                        &b"!<arch>\nmain.o/         0           0     0     644     8         `\n"
                            [..],
                        &[0; 64],
                    ]
                    .concat()
                }),
                compile("C++ as C", "c", || {
                    text("#include <iostream>\nint main() { std::cout << 42; }")
                }),
                compile("C as C++", "cpp", || {
                    text("int main(void) { int new = 1; char *a = (void *)0; return new; }")
                }),
                compile("Python as JavaScript", "js", || text("def main():\n    print(42)\n")),
                compile("JavaScript as Python", "py", || {
                    text("const a = () => { return 42; }; a();")
                }),
                compile("C as Java", "java", || text("int main(void) { return 0; }")).limits(JAVAC),
            ],
        ),
        line(
            "source size over limit; 0 bytes; binary content",
            [
                compile("0 bytes of C", "c", Vec::new),
                compile("0 bytes of C++", "cpp", Vec::new),
                // An empty program is valid.
                compile("0 bytes of Python", "py", Vec::new).ends(&[End::SUCCESS]),
                compile("binary C", "c", binary),
                compile("binary Python", "py", binary),
                compile("NUL in a string", "py", || text("print('4\0 2')")),
            ],
        ),
        line(
            "compiler daemon left behind",
            [steps("between compile steps", |fixture| daemon(fixture).boxed())],
        ),
    ]
    .concat()
}

/// The Java compiler needs more to start.
const JAVAC: Limits = Limits {
    cpu: Duration::from_secs(10),
    wall: Duration::from_secs(20),
    memory_bytes: 1024 * MIB,
    stdout_bytes: sandbox::COMPILER_TEXT_BYTES_MAX,
    stderr_bytes: sandbox::COMPILER_TEXT_BYTES_MAX,
    ..SHORT
};

fn java(name: &'static str, source: fn() -> Vec<u8>) -> Case {
    compile(name, "java", source).limits(JAVAC)
}

/// A source that no compiler can finish.
fn bomb(name: &'static str, language: &'static str, source: fn() -> Vec<u8>) -> Case {
    let case = compile(name, language, source);
    let limits = Limits {
        cpu: Duration::from_millis(1000),
        wall: Duration::from_secs(10),
        memory_bytes: 384 * MIB,
        ..case.limits
    };
    case.limits(limits).ends(DEFUSED)
}

fn text(source: &str) -> Vec<u8> {
    source.as_bytes().to_vec()
}

fn include(path: &str) -> Vec<u8> {
    text(&format!("#include \"{path}\"\nint main(void) {{ return 0; }}"))
}

fn macros() -> Vec<u8> {
    let doubled: String =
        (1..40).map(|n| format!("#define x{n} x{} x{}\n", n - 1, n - 1)).collect();
    text(&format!("#define x0 1 +\n{doubled}int main(void) {{ return x39 0; }}"))
}

fn binary() -> Vec<u8> {
    (0..10_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Untrusted code in a compile step runs in a cell like any other, and that cell has no test data.
async fn at_compile_time(fixture: &Fixture) {
    let language = fixture.language("c");
    let spec = sandbox::CellSpec::compile(language);
    let mut slot = fixture.slot_of(&spec).await;
    for words in [
        &["read-processes"][..],
        &["filtered", "mount", "bpf", "ptrace-self"],
        &["privileges"],
        &["write-anywhere", "/usr/new", "/box/new", "/etc/new"],
        &["tcp", "53", "8.8.8.8"],
    ] {
        let outcome = slot.run_keeping(words, AMPLE).await;
        expect(&outcome, |outcome| {
            outcome.ended == sandbox::Ended::Exited { code: 1 } && outcome.stdout.is_empty()
        });
    }
    let found = slot.run(&["find-ending", ".ans"], AMPLE).await;
    expect(&found, |outcome| outcome.ended.is_success() && outcome.stdout.is_empty());
    slot.expect_fresh().await;
    slot.close().await;
}

/// Files are kept between the steps of a compilation; processes are not.
async fn daemon(fixture: &Fixture) {
    let spec = sandbox::CellSpec::compile(fixture.language("c"));
    let mut slot = fixture.slot_of(&spec).await;
    let left = slot.run_keeping(&["leave-forger"], SHORT).await;
    expect(&left, answers_beside_the_forger);
    let next = slot.run(&["exit", "0"], AMPLE).await;
    expect(&next, |outcome| outcome.ended.is_success());
    let last = slot.run(&["answer-late", "30"], AMPLE).await;
    expect(&last, |outcome| outcome.ended.is_success() && outcome.stdout == "42\n");
    slot.expect_fresh().await;
    slot.close().await;
}

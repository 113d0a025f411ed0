//! Sources that attack the compiler, or use it to read other files. The compiler must be stopped,
//! and must not reveal a secret.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use sandbox::Ended;

use crate::fixture::Fixture;

/// Extra processor time for a compiler that would never end, beyond its time for a small program.
const EXHAUST_CPU: Duration = Duration::from_millis(500);

/// The aim of a source.
enum Aim {
    /// Makes the compiler run for ever. There must be no artifact.
    Exhaust,
    /// Something that the toolchain refuses in a cell, such as a host file, which is not there.
    Refused,
    /// Something that may or may not compile, but does no harm.
    Harmless,
}

struct Attack {
    language: &'static str,
    name: &'static str,
    aim: Aim,
    /// `{secret}` stands for the path of a file on the host.
    source: &'static str,
}

use Aim::{Exhaust, Harmless, Refused};

const ATTACKS: &[Attack] = &[
    Attack {
        language: "rust",
        name: "trait recursion",
        aim: Exhaust,
        source: "struct A<T>(T); trait F { fn f(); } impl<T> F for A<T> where A<A<T>>: F { fn f() { A::<A<T>>::f() } }
                 fn main() { A::<u8>::f() }",
    },
    Attack {
        language: "rust",
        name: "macro recursion",
        aim: Exhaust,
        source: "#![recursion_limit = \"1000000\"]
                 macro_rules! m { ($($t:tt)*) => { m!($($t)* $($t)* x) } } fn main() { m!(x) }",
    },
    Attack {
        language: "rust",
        name: "include_str! of the host's files",
        aim: Refused,
        source: "fn main() { print!(\"{}\", include_str!(\"{secret}\")); }",
    },
    Attack {
        language: "rust",
        name: "a procedural macro, which would run in the compiler",
        aim: Refused,
        source: "extern crate proc_macro; use proc_macro::TokenStream;
                 #[proc_macro] pub fn m(_: TokenStream) -> TokenStream { loop {} } fn main() { m!() }",
    },
    Attack {
        language: "go",
        name: "embedding the host's files",
        aim: Refused,
        source: "package main\nimport _ \"embed\"\n//go:embed {secret}\nvar s string\nfunc main() { print(s) }\n",
    },
    Attack {
        language: "go",
        name: "C, and with it the C compiler's options",
        aim: Refused,
        source: "package main\n// #cgo LDFLAGS: -fplugin=/tmp/x.so\n// #include \"{secret}\"\nimport \"C\"\nfunc main() {}\n",
    },
    Attack {
        language: "go",
        name: "a huge constant",
        aim: Exhaust,
        source: "package main\nvar a [1 << 45]byte\nfunc main() { a[0] = 1; print(len(a)) }\n",
    },
    Attack {
        language: "go",
        name: "an import from the network",
        aim: Refused,
        source: "package main\nimport \"example.com/x\"\nfunc main() { x.Y() }\n",
    },
    Attack {
        language: "haskell",
        name: "Template Haskell that reads",
        aim: Refused,
        source: "{-# LANGUAGE TemplateHaskell #-}\nimport Language.Haskell.TH\n\
                 main = putStrLn $(runIO (readFile \"{secret}\") >>= stringE)\n",
    },
    Attack {
        language: "haskell",
        name: "Template Haskell that writes",
        aim: Refused,
        source: "{-# LANGUAGE TemplateHaskell #-}\nimport Language.Haskell.TH\n\
                 main = putStrLn $(runIO (writeFile \"/usr/lib/stays\" \"x\") >> stringE \"\")\n",
    },
    Attack {
        language: "haskell",
        name: "Template Haskell that goes on the network",
        aim: Refused,
        source: "{-# LANGUAGE TemplateHaskell #-}\nimport Language.Haskell.TH\nimport System.Process\n\
                 main = putStrLn $(runIO (callCommand \"exec 3<>/dev/tcp/127.0.0.1/22\") >> stringE \"\")\n",
    },
    Attack {
        language: "haskell",
        name: "Template Haskell that never ends",
        aim: Exhaust,
        source: "{-# LANGUAGE TemplateHaskell #-}\nimport Language.Haskell.TH\n\
                 main = putStrLn $(let f n = if n < (0 :: Integer) then stringE \"\" else f (n + 1) in f 0)\n",
    },
    Attack {
        language: "java",
        name: "an annotation processor of its own",
        aim: Harmless,
        source: "import java.util.*; import javax.annotation.processing.*; import javax.lang.model.element.*;
                 @SupportedAnnotationTypes(\"*\") public class Main extends AbstractProcessor {
                 public boolean process(Set<? extends TypeElement> a, RoundEnvironment r) {
                 throw new RuntimeException(\"processed\"); }
                 public static void main(String[] args) { System.out.println(1); } }",
    },
    Attack {
        language: "java",
        name: "huge constants",
        aim: Exhaust,
        source: "public class Main { static final String A = \"0123456789012345678901234567890123456789012345678901234567890123\";
                 static final String B = A+A+A+A+A+A+A+A+A+A+A+A+A+A+A+A; static final String C = B+B+B+B+B+B+B+B+B+B+B+B+B+B+B+B;
                 static final String D = C+C+C+C+C+C+C+C+C+C+C+C+C+C+C+C; static final String E = D+D+D+D+D+D+D+D+D+D+D+D+D+D+D+D;
                 static final String F = E+E+E+E+E+E+E+E+E+E+E+E+E+E+E+E; static final String G = F+F+F+F+F+F+F+F+F+F+F+F+F+F+F+F;
                 public static void main(String[] args) { System.out.println((G+G).length()); } }",
    },
    Attack {
        language: "cpp23",
        name: "a constant expression that never ends",
        aim: Exhaust,
        source: "constexpr int f(int n) { while (true) n ^= 1; return n; } constexpr int x = f(0); int main() { return x; }",
    },
    Attack {
        language: "perl",
        name: "a BEGIN block that reads",
        aim: Refused,
        source: "BEGIN { open my $f, '<', '{secret}' or die 'no'; print <$f>; }",
    },
    Attack {
        language: "perl",
        name: "a BEGIN block that never ends",
        aim: Exhaust,
        source: "BEGIN { while (1) {} }",
    },
    Attack {
        language: "typescript",
        name: "a type that never ends",
        aim: Exhaust,
        source: "type L<N extends number, T extends 0[] = []> = T['length'] extends N ? T : L<N, [0, ...T, ...T]>;
                 const x: L<-1> = []; console.log(x);",
    },
    Attack {
        language: "typescript",
        name: "a reference to the host's files",
        aim: Refused,
        source: "/// <reference path=\"{secret}\" />\nconsole.log(1);",
    },
    Attack {
        language: "pascal",
        name: "an include of the host's files",
        aim: Refused,
        source: "{$I {secret}}\nbegin end.",
    },
    Attack {
        language: "fortran",
        name: "an include of the host's files",
        aim: Refused,
        source: "program main\ninclude '{secret}'\nend program\n",
    },
    Attack {
        language: "csharp",
        name: "generics that never end",
        aim: Harmless,
        source: "class A<T> { public static void F() { A<A<T>>.F(); } } class P { static void Main() { A<int>.F(); } }",
    },
];

/// Runs the language's attacks. `least_cpu` is the compiler's time for a small program.
pub(crate) async fn run(fixture: &mut Fixture, least_cpu: Duration, failures: &mut Vec<String>) {
    let secret = Secret::new();
    let language = fixture.language.id.clone();
    for attack in ATTACKS.iter().filter(|attack| attack.language == language.as_str()) {
        let source = attack.source.replace("{secret}", &secret.path.to_string_lossy());
        let compiled = match attack.aim {
            Exhaust => fixture.compile_within(least_cpu + EXHAUST_CPU, &source).await,
            Refused | Harmless => fixture.compile(&source).await,
        };
        let said = compiled.said();
        let ended = compiled.outcome.ended;
        let holds = match attack.aim {
            Exhaust => compiled.artifact.is_none(),
            Refused => matches!(ended, Ended::Exited { code } if code != 0),
            Harmless => true,
        };
        let shown: String = said.chars().take(400).collect();
        if !holds {
            failures.push(format!("{}: {ended:?} {shown:?}", attack.name));
        }
        let mut kept = compiled.artifact.iter().flatten();
        if said.contains(&secret.text)
            || kept.any(|(_, content)| contains(content, secret.text.as_bytes()))
        {
            failures.push(format!("{}: it reveals a file of the host: {shown:?}", attack.name));
        }
    }
}

/// A file on the host that all users may read.
struct Secret {
    path: PathBuf,
    text: String,
}

impl Secret {
    fn new() -> Self {
        let name = uuid::Uuid::new_v4().simple();
        let path = env::temp_dir().join(format!("assay-secret-{name}"));
        // Error messages contain the name, so the name must differ from the text.
        let text = format!("the text of {name}");
        fs::write(&path, &text).expect("a temporary file can be written");
        Self { path, text }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

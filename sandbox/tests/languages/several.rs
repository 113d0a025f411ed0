//! Programs of two files, and programs whose only file does not have the language's usual name.

use sandbox::Layout;

use crate::fixture::{CPU, Fixture};

/// The output of each program for the input `20 22`.
const SUM: &str = "42\n";

struct Program {
    language: &'static str,
    files: &'static [(&'static str, &'static str)],
    main: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program {
        language: "c",
        files: &[
            ("add.h", "int add(int, int);\n"),
            ("add.c", "#include \"add.h\"\nint add(int a, int b) { return a + b; }\n"),
            (
                "program.c",
                "#include <stdio.h>\n#include \"add.h\"\n\
                 int main(void) { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", add(a, b)); }\n",
            ),
        ],
        main: "add.c",
    },
    Program {
        language: "cpp",
        files: &[
            ("add.hpp", "int add(int, int);\n"),
            ("add.C", "#include \"add.hpp\"\nint add(int a, int b) { return a + b; }\n"),
            (
                "program.cc",
                "#include <iostream>\n#include \"add.hpp\"\n\
                 int main() { int a, b; std::cin >> a >> b; std::cout << add(a, b) << '\\n'; }\n",
            ),
        ],
        main: "add.C",
    },
    Program {
        language: "java",
        files: &[
            (
                "Different.java",
                "import java.util.Scanner;\n\
                 public class Different { public static void main(String[] args) {\n\
                 Scanner in = new Scanner(System.in); System.out.println(Sum.of(in.nextInt(), in.nextInt())); } }\n",
            ),
            ("Sum.java", "class Sum { static int of(int a, int b) { return a + b; } }\n"),
        ],
        main: "Different.java",
    },
    Program {
        language: "python3",
        files: &[
            ("program.py", "from sums import add\nprint(add(*map(int, input().split())))\n"),
            // A module may run its own tests.
            (
                "sums.py",
                "def add(a, b):\n    return a + b\nif __name__ == '__main__':\n    print(add(1, 2))\n",
            ),
        ],
        main: "program.py",
    },
    Program {
        language: "pypy3",
        files: &[
            ("add.py", "def add(a, b):\n    return a + b\n"),
            ("main.py", "import add\nprint(add.add(*map(int, input().split())))\n"),
        ],
        main: "main.py",
    },
    Program {
        language: "kotlin",
        files: &[
            ("add.kt", "fun add(a: Int, b: Int) = a + b\n"),
            (
                "the-program.kt",
                "fun main() {\n    val (a, b) = readLine()!!.split(\" \").map { it.toInt() }\n    println(add(a, b))\n}\n",
            ),
        ],
        main: "the-program.kt",
    },
    Program {
        language: "go",
        files: &[
            ("add.go", "package main\n\nfunc add(a, b int) int { return a + b }\n"),
            (
                "program.go",
                "package main\n\nimport \"fmt\"\n\n\
                 func main() { var a, b int; fmt.Scan(&a, &b); fmt.Println(add(a, b)) }\n",
            ),
        ],
        main: "program.go",
    },
    Program {
        language: "rust",
        files: &[
            ("add.rs", "pub fn add(a: i32, b: i32) -> i32 { a + b }\n"),
            (
                "program.rs",
                "mod add;\nfn main() {\n    let line = std::io::stdin().lines().next().unwrap().unwrap();\n\
                 let sum = line.split(' ').map(|it| it.parse().unwrap()).fold(0, add::add);\n    println!(\"{sum}\");\n}\n",
            ),
        ],
        main: "program.rs",
    },
    Program {
        language: "csharp",
        files: &[
            (
                "Add.cs",
                "static class Sum { public static int Of(int a, int b) { return a + b; } }\n",
            ),
            (
                "Program.cs",
                "using System;\nclass Program { static void Main() {\n\
                 var words = Console.ReadLine().Split(' ');\n\
                 Console.WriteLine(Sum.Of(int.Parse(words[0]), int.Parse(words[1]))); } }\n",
            ),
        ],
        main: "Program.cs",
    },
    Program {
        language: "javascript",
        files: &[
            ("add.js", "exports.add = (a, b) => a + b;\n"),
            (
                "main.js",
                "const { add } = require(\"./add\");\n\
                 const [a, b] = require(\"fs\").readFileSync(0, \"utf8\").split(\" \").map(Number);\n\
                 console.log(add(a, b));\n",
            ),
        ],
        main: "main.js",
    },
    Program {
        language: "typescript",
        files: &[
            ("add.ts", "export const add = (a: number, b: number): number => a + b;\n"),
            (
                "main.ts",
                "import { add } from \"./add\";\nimport { readFileSync } from \"fs\";\n\
                 const [a, b] = readFileSync(0, \"utf8\").split(\" \").map(Number);\n\
                 console.log(add(a, b));\n",
            ),
        ],
        main: "main.ts",
    },
    Program {
        language: "haskell",
        files: &[
            ("Add.hs", "module Add (add) where\nadd :: Int -> Int -> Int\nadd = (+)\n"),
            (
                "program.hs",
                "import Add\nmain :: IO ()\nmain = do\n  [a, b] <- map read . words <$> getLine\n  print (add a b)\n",
            ),
        ],
        main: "program.hs",
    },
    Program {
        language: "ocaml",
        files: &[
            ("add.ml", "let add a b = a + b\n"),
            (
                "main.ml",
                "let () = Scanf.scanf \"%d %d\" (fun a b -> Printf.printf \"%d\\n\" (Add.add a b))\n",
            ),
        ],
        main: "main.ml",
    },
    Program {
        language: "fortran",
        files: &[
            (
                "sums.f90",
                "module sums\ncontains\n  integer function add(a, b)\n    integer, intent(in) :: a, b\n\
                 \x20   add = a + b\n  end function\nend module\n",
            ),
            (
                "program.f90",
                "program sum\n  use sums\n  integer :: a, b\n  read *, a, b\n  print '(i0)', add(a, b)\nend program\n",
            ),
        ],
        main: "program.f90",
    },
    Program {
        language: "pascal",
        files: &[
            (
                "adding.pas",
                "unit adding;\ninterface\nfunction add(a, b: longint): longint;\nimplementation\n\
                 function add(a, b: longint): longint;\nbegin add := a + b; end;\nend.\n",
            ),
            (
                "main.pas",
                "uses adding;\nvar a, b: longint;\nbegin read(a, b); writeln(add(a, b)); end.\n",
            ),
        ],
        main: "main.pas",
    },
];

/// Checks that the main file is found, and that the program compiles and runs. One adapter is
/// enough, because their cells have the same content.
pub(crate) async fn run(fixture: &mut Fixture, failures: &mut Vec<String>) {
    let language = fixture.language.clone();
    let programs = PROGRAMS.iter().filter(|program| program.language == language.id.as_str());
    let here = fixture.sandbox.name() == "native";
    for program in programs.filter(|_| here) {
        let contents: Vec<_> =
            program.files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let main = language.main_among(&contents).unwrap_or_default();
        if main != program.main {
            failures.push(format!("several files: {main:?} was taken for the main file"));
        }
        let layout = Layout {
            main,
            sources: program.files.iter().map(|(name, _)| (*name).to_owned()).collect(),
            entry_point: None,
        };
        let cpu = language.compile_limits().cpu;
        let compiled = fixture.compile_files(cpu, &layout, program.files).await;
        let Some(artifact) = compiled.artifact.clone() else {
            failures.push(format!("several files: {}", compiled.said()));
            continue;
        };
        let outcome = fixture.run_files(artifact, &layout, "20 22\n", CPU).await;
        if !outcome.ended.is_success() || outcome.stdout != SUM {
            failures.push(format!("several files: {outcome:?}"));
        }
    }
}

//! Other languages: older C, byte order marks and line ends, output of Node.js.

use bytes::Bytes;
use domain::Verdict::Accepted;
use evaluator::judge::{Source, TestData};

use super::{check, judge, refused, right};

#[tokio::test(flavor = "multi_thread")]
async fn older_c() {
    let accepted = [
        "main() { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); return 0; }",
        "#include <stdio.h>\nint main() { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", add(a, b)); }\nint add(int a, int b) { return a + b; }",
        "#include <stdio.h>\nint add(a, b) int a, b; { return a + b; }\nint main() { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", add(a, b)); return 0; }",
        "#include <stdio.h>\nint main() { int a, b; char *p = malloc(9); scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); exit(0); }",
        "#include <stdio.h>\nint main() { int a, b; int *p = 5; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); return 0; }",
        "#include <stdio.h>\nlong *q; int *p;\nint main() { int a, b; p = q; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); return 0; }",
        "#include <stdio.h>\nvoid f() { return 1; }\nint main() { int a, b; f(); scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); return 0; }",
        "#include <stdio.h>\nint main() { static x = 3; int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); return 0; }",
        "#include <stdio.h>\nvoid main() { int a, b; scanf(\"%d %d\", &a, &b); printf(\"%d\\n\", a + b); exit(0); }",
    ];
    let mut cases: Vec<_> = accepted.iter().map(|text| right("c", *text)).collect();
    cases.push(refused("c", "int main() { return nothing; }", "undeclared"));
    check(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_and_line_ends() {
    let sources = [
        ("bash", "read a b\nif true\nthen echo $((a + b))\nfi\n"),
        ("php", "<?php\nfscanf(STDIN, '%d %d', $a, $b);\necho $a + $b;\n"),
        ("ocaml", "let () = Scanf.scanf \"%d %d\"\n  (fun a b -> print_int (a + b))\n"),
        ("r", "x <- scan(file('stdin'), quiet = TRUE)\ncat(sum(x))\n"),
        ("perl", "my ($a, $b) = split ' ', <STDIN>;\nprint $a + $b;\n"),
        ("ruby", "puts gets.split.map(&:to_i)\n  .sum\n"),
        ("lua", "local a, b = io.read('n', 'n')\nprint(a + b)\n"),
        (
            "javascript",
            "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\nconsole.log(a + b)\n",
        ),
        (
            "go",
            "package main\nimport \"fmt\"\nfunc main() {\n\tvar a, b int\n\tfmt.Scan(&a, &b)\n\tfmt.Println(a + b)\n}\n",
        ),
        (
            "rust",
            "use std::io::*;\nfn main() {\n let mut s = String::new();\n stdin().read_to_string(&mut s).unwrap();\n println!(\"{}\", s.split_whitespace().map(|x| x.parse::<i32>().unwrap()).sum::<i32>());\n}\n",
        ),
        ("pascal", "var a, b: longint;\nbegin\n readln(a, b);\n writeln(a + b);\nend.\n"),
    ];
    let mut cases = Vec::new();
    for (language, text) in sources {
        cases.push(right(language, format!("\u{feff}{text}")));
        cases.push(right(language, text.replace('\n', "\r\n")));
    }
    check(cases).await;
}

/// Node.js writes to a pipe asynchronously, unless it is configured otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn node_loses_no_output() {
    let judge = judge();
    let lines: String = (0..300_000).map(|line| format!("{line}\n")).collect();
    let cases = [
        ("process.stdout.write('x'.repeat(5000000)); process.exit(0);", "x".repeat(5_000_000)),
        (
            "console.log('x'.repeat(3000000)); process.exit();",
            format!("{}\n", "x".repeat(3_000_000)),
        ),
        ("for (let i = 0; i < 300000; i++) console.log(i); process.exit(0);", lines),
    ];
    for (text, answer) in cases {
        let source = Source::single(judge.languages.get("javascript").unwrap(), text);
        let compilation = judge.compiler.compile(&source, None).await.unwrap();
        let test = TestData::new(1, Bytes::new(), Bytes::from(answer));
        let judged = judge.judge_compiled(source, compilation, &test).await.unwrap();
        assert_eq!(judged.outcome.verdict, Accepted, "{text}: {:?}", judged.outcome);
    }
    judge.shutdown().await;
}

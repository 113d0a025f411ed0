//! Tests that formulas made to exhaust the renderer are refused or rendered in bounded time and
//! stack.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use statement::{Display, Formulas, faulty_formulas};

/// Half the stack of a server's thread.
const STACK_BYTES: usize = 1 << 20;
/// Generous, for a busy machine.
const TIME_MAX: Duration = Duration::from_secs(2);

fn hostile(bytes: usize) -> Vec<(String, String)> {
    let repeated = |text: &str| text.repeat(bytes / text.len());
    let nested = |open: &str, close: &str| {
        let times = bytes / (open.len() + close.len());
        open.repeat(times) + &close.repeat(times)
    };
    let opens = [
        "\\sqrt",
        "\\sqrt[",
        "{",
        "}",
        "x^",
        "x^{",
        "x_{",
        "\\frac{",
        "\\frac",
        "\\left(",
        "\\right)",
        "\\begin{cases}",
        "\\begin{array}{c}",
        "\\end{cases}",
        "\\text{",
        "\\text{$",
        "\\mbox{\\boxed{",
        "\\boxed{",
        "\\not",
        "\\hat",
        "'",
        "&",
        "\\\\",
        "\\\\[1pt]",
        "a\\over ",
        "\\foo ",
        "\\substack{",
        "\\color{red}",
        "\\textcolor{red}{",
        "\\operatorname{",
        "\\verb|",
        "\\tag{",
        "#",
        "%",
        "%\n",
        "\"",
        "[",
        "]",
        "\\in[",
        "\\",
        "\\newcommand",
        "\\def\\a",
        "\\let\\a\\b",
        "\\(",
        "$",
        "x+",
        "я",
        "\\limits",
        "\\left<",
        "*{9}{",
        "\\unicode{x41}",
        "\\sout[",
        "\\mathop{",
        "\\bf ",
        "\\displaystyle ",
    ];
    let mut cases: Vec<(String, String)> =
        opens.iter().map(|it| (it.to_string(), repeated(it))).collect();
    for (open, close) in [
        ("{", "}"),
        ("\\sqrt{", "}"),
        ("\\text{$", "$}"),
        ("\\boxed{", "}"),
        ("\\textbf{", "}"),
        ("\\mbox{\\textit{", "}}"),
        ("\\left(", "\\right)"),
        ("\\begin{matrix}", "\\end{matrix}"),
        ("\\begin{align}", "\\end{align}"),
        ("\\sqrt[", "]x"),
        ("\\color{red}{", "}"),
        ("\\operatorname{", "}"),
        ("\\mathop{\\rm ", "}"),
        ("\\text{\\mathop{\\alpha", "}}"),
    ] {
        cases.push((format!("{open} {close}"), nested(open, close)));
    }
    let mut bomb = String::from("\\def\\a{x}");
    for (name, before) in ('b'..='z').zip('a'..) {
        bomb.push_str(&format!("\\def\\{name}{{{}}}", format!("\\{before}").repeat(10)));
    }
    cases.push(("a bomb of macros".to_owned(), bomb.clone() + "\\z"));
    cases.push(("an empty bomb".to_owned(), bomb.replace("{x}", "{}") + "\\z"));
    cases.push(("a macro in itself".to_owned(), "\\def\\a{\\a\\a}\\a".to_owned()));
    cases.push(("two macros in each other".to_owned(), "\\def\\a{\\b}\\def\\b{\\a}\\a".to_owned()));
    let long = "x".repeat(bytes / 2);
    let many = "#1".repeat(bytes / 8);
    cases.push(("a long argument".to_owned(), format!("\\def\\a#1{{{many}}}\\a{{{long}}}")));
    cases
}

#[test]
fn hostile_formulas_take_bounded_time_and_stack() {
    let all = || {
        for bytes in [1_000, 16_000, 1 << 20] {
            for (name, latex) in hostile(bytes) {
                let start = Instant::now();
                let rendered = Formulas::default().render(&latex, Display::Block);
                assert!(start.elapsed() < TIME_MAX, "{name}, {bytes}: {:?}", start.elapsed());
                // A formula is at most 16 KiB, and each character becomes at most one element.
                assert!(
                    rendered.html.len() < (8 << 20),
                    "{name}, {bytes}: {}",
                    rendered.html.len()
                );
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(all);
    thread.expect("a thread starts").join().expect("no formula panics");
}

#[test]
fn definitions_of_a_statement_are_bounded() {
    let mut statement = String::new();
    for number in 0..1_000_u32 {
        let name: String =
            number.to_string().bytes().map(|it| char::from(it - b'0' + b'a')).collect();
        statement.push_str(&format!("$\\def\\x{name}{{y}}$ "));
    }
    let faulty = faulty_formulas(&statement).unwrap();
    assert_eq!(faulty.len(), 1_000 - 256);
    assert!(faulty[0].faults[0].to_string().contains("more than 256 commands are defined"));
}

#[test]
fn formulas_of_a_statement_grow_within_bounds() {
    let tens = r"\def\a{xxxxxxxxxx}\def\b{\a\a\a\a\a\a\a\a\a\a}\def\c{\b\b\b\b\b\b\b\b\b\b}";
    let faulty = faulty_formulas(&format!("${tens}$ {}", r"$\c$ ".repeat(1_000))).unwrap();
    assert_eq!(faulty.len(), 1_000 - 65);
    assert!(faulty[0].faults[0].to_string().contains("more than 65536 bytes"), "{:?}", faulty[0]);
}

proptest! {
    #[test]
    fn arbitrary_formulas_do_not_panic(
        latex in "(\\\\[a-z]{1,6}|\\\\(text|frac|left|right|begin|end|def|color|verb|operatorname|limits|sqrt|mbox|boxed|over|let|newcommand)|\\{(array|cases|align|equation)\\}|[{}\\[\\]()$%&#^_|'\"~ \\n é1a\\\\]){0,30}"
    ) {
        let rendered = Formulas::default().render(&latex, Display::Inline);
        prop_assert!(rendered.html.starts_with("<math") || rendered.html.starts_with("<code>"));
    }
}

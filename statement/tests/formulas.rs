//! Tests that every formula of `formulas.txt` becomes the MathML given beside it, in short form.

use roxmltree::{Document, Node};
use statement::{Display, Formulas};

/// Separates a formula from its expected result.
const BECOMES: &str = "  =>  ";

#[test]
fn every_formula_becomes_what_stands_beside_it() {
    let table = include_str!("formulas.txt");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with("//") && !line.is_empty()) {
        let (latex, expected) = line.split_once(BECOMES).expect("a formula and what it becomes");
        let found = short(latex);
        if found != expected {
            wrong.push(format!("{latex}{BECOMES}{found}\n    not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} formulas:\n{}", wrong.len(), wrong.join("\n"));
}

/// The short form of a rendered formula: `frac(a; b)` for a fraction, `"…"` for text, and so on.
/// Faults are at the end.
fn short(latex: &str) -> String {
    let rendered = Formulas::default().render(latex, Display::Inline);
    let mut short = match Document::parse(&rendered.html) {
        Ok(document) => words(&element(document.root_element())),
        Err(error) => format!("no XML: {error}: {}", rendered.html),
    };
    if short.is_empty() {
        short.push_str("nothing");
    }
    for fault in rendered.faults {
        short.push_str(&format!(" !! {fault}"));
    }
    short
}

fn element(node: Node<'_, '_>) -> String {
    let inside = || children(node).join(" ");
    let call = |name: &str| {
        let arguments: Vec<_> = children(node).iter().map(|it| words(it)).collect();
        format!("{name}({})", arguments.join("; "))
    };
    let style = node.attribute("style").unwrap_or_default();
    match node.tag_name().name() {
        "mi" | "mn" | "mo" => text(node).trim().to_owned(),
        "mtext" => {
            let inner = node.first_element_child().map_or("", |child| child.tag_name().name());
            format!("{inner}\"{}\"", text(node))
        }
        "mspace" if node.attribute("width").is_some_and(|width| width != "0") => " ␣ ".to_owned(),
        "mspace" => String::new(),
        "mfrac" if node.attribute("linethickness").is_some_and(|it| it.starts_with('0')) => {
            call("atop")
        }
        "mfrac" => call("frac"),
        "msqrt" => format!("sqrt({})", words(&inside())),
        "mroot" => call("root"),
        "msub" => call("sub"),
        "msup" => call("sup"),
        "msubsup" => call("subsup"),
        "munder" => call("under"),
        "mover" => call("over"),
        "munderover" => call("underover"),
        "mmultiscripts" => call("multi"),
        "mtable" => format!("table({})", children(node).join(" / ")),
        "mtr" => children(node).join(" & "),
        "mphantom" => format!("phantom({})", words(&inside())),
        "menclose" => format!("strike({})", words(&inside())),
        "merror" => format!("unknown({})", text(node)),
        "code" => format!("code({})", text(node)),
        _ if style.starts_with("border:") => format!("box({})", words(&inside())),
        _ if style.starts_with("color:") => format!("colour({})", words(&inside())),
        _ => inside(),
    }
}

fn children(node: Node<'_, '_>) -> Vec<String> {
    node.children().filter(Node::is_element).map(element).collect()
}

/// The text of a node, without invisible characters.
fn text(node: Node<'_, '_>) -> String {
    let all: String = node.descendants().filter(Node::is_text).filter_map(|it| it.text()).collect();
    let invisible = |c: char| matches!(c, '\u{2061}'..='\u{2064}' | '\u{fe00}' | '\u{fe01}');
    all.chars().filter(|c| !invisible(*c)).collect::<String>().replace('\u{a0}', " ")
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

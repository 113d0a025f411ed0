//! What is tried: how its inputs are made, and what reads them.

use bytes::Bytes;
use clap::ValueEnum;
use problem_package::{Entry, FileTree, Options, TreeLimits};
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::input::{Words, length, spoil, text};

/// A reader, with inputs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// Statements
    Markdown,
    /// Statements that are formulas
    Formula,
    /// Free Problem Sets
    Fps,
    /// problem.xml of Polygon
    Polygon,
    /// problem.yaml of all versions
    ProblemYaml,
    /// testdata.yaml, test_group.yaml, submissions.yaml
    Yaml,
    /// init.yml and test.yml of DMOJ
    InitYml,
    /// Archives with bytes changed
    Zip,
}

impl Target {
    pub(crate) const ALL: [Self; 8] = [
        Self::Markdown,
        Self::Formula,
        Self::Fps,
        Self::Polygon,
        Self::ProblemYaml,
        Self::Yaml,
        Self::InitYml,
        Self::Zip,
    ];

    /// As it is called on the command line.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no target is hidden");
        value.get_name().to_owned()
    }

    /// An input of this target.
    pub(crate) fn make(self, random: &mut StdRng) -> Vec<u8> {
        let bytes = length(random);
        match self {
            Self::Markdown => text(random, &MARKDOWN, bytes),
            Self::Formula => {
                let fence = *["$", "$$", "\\(", "$`"].choose(random).expect("there are some");
                format!("{fence}{}{fence}", text(random, &FORMULA, bytes))
            }
            Self::Fps => fps(random, bytes),
            Self::Polygon => polygon(random, bytes),
            Self::ProblemYaml => {
                let head = *PROBLEM_YAML_HEADS.choose(random).expect("there are some");
                format!("{head}{}", text(random, &PROBLEM_YAML, bytes))
            }
            Self::Yaml => text(random, &YAML, bytes),
            Self::InitYml => {
                let head = *INIT_YML_HEADS.choose(random).expect("there are some");
                format!("{head}{}", text(random, &INIT_YML, bytes))
            }
            Self::Zip => return archive(random),
        }
        .into_bytes()
    }

    /// Reads an input as a server would; whether there is nothing against it.
    pub(crate) fn read(self, input: &[u8]) -> bool {
        let text = String::from_utf8_lossy(input);
        match self {
            Self::Markdown | Self::Formula => {
                let html = statement::to_html(&text, |_| None);
                statement::faulty_formulas(&text).is_ok_and(|faulty| faulty.is_empty())
                    && !html.is_empty()
            }
            Self::Fps => package(&[("set.xml", input)]),
            Self::Polygon => package(&[
                ("problem.xml", input),
                ("tests/01", b"1\n"),
                ("tests/01.a", b"1\n"),
                ("files/check.cpp", b"int main() {}\n"),
            ]),
            Self::ProblemYaml => package(&with_data(&[("problem.yaml", input)])),
            Self::Yaml => {
                let newer = [
                    ("problem.yaml", NEWER),
                    ("data/secret/test_group.yaml", input),
                    ("submissions/submissions.yaml", input),
                ];
                let older = [("problem.yaml", OLDER), ("data/secret/testdata.yaml", input)];
                let read = [package(&with_data(&newer)), package(&with_data(&older))];
                read.contains(&true)
            }
            Self::InitYml => package(&[
                ("init.yml", input),
                ("1.in", b"1\n"),
                ("1.out", b"1\n"),
                ("tests/a/test.yml", input),
                ("tests/a/a.py", b"print(1)\n"),
            ]),
            Self::Zip => match FileTree::from_zip(input, &TreeLimits::default()) {
                Ok(tree) => problem_package::read(&tree, &Options::default()).is_ok(),
                Err(_) => false,
            },
        }
    }
}

fn package(files: &[(&str, &[u8])]) -> bool {
    let mut builder = FileTree::builder(TreeLimits::default());
    for (path, bytes) in files {
        builder.insert(path.as_bytes(), Entry::File(Bytes::copy_from_slice(bytes)));
    }
    let options = Options { slug: "fuzzed".parse().ok(), ..Options::default() };
    builder.finish().is_ok_and(|tree| problem_package::read(&tree, &options).is_ok())
}

const OLDER: &[u8] = b"name: Sum\ntype: scoring\nlimits: {time_limit: 1}\n";
const NEWER: &[u8] = b"problem_format_version: 2025-09\nname: Sum\ntype: scoring\n\
    uuid: 2f1b6c9e-8f0a-4c55-9d3c-5b7d0c1e6a42\nlimits: {time_limit: 1}\n";

/// A Kattis package around these files.
fn with_data<'a>(files: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
    let data: [(&str, &[u8]); 6] = [
        ("data/sample/1.in", b"1\n"),
        ("data/sample/1.ans", b"1\n"),
        ("data/secret/1.in", b"2\n"),
        ("data/secret/1.ans", b"2\n"),
        ("submissions/accepted/a.py", b"print(input())\n"),
        ("problem_statement/problem.en.md", b"Echo.\n"),
    ];
    [files, &data].concat()
}

fn fps(random: &mut StdRng, bytes: usize) -> String {
    let inner = text(random, &FPS, bytes);
    let data = |text: &str| format!("<![CDATA[{}]]>", text.replace("]]>", ""));
    let item = |body: &str| {
        format!(
            "<item><title>A</title><time_limit>1</time_limit><memory_limit>64</memory_limit>{body}\
             <test_input>1</test_input><test_output>1</test_output></item>"
        )
    };
    let body = match random.random_range(0..5) {
        // As the description, which is HTML.
        0 => item(&format!("<description>{}</description>", data(&inner))),
        // As a title of many problems.
        1 => {
            let title = inner.get(..inner.len().min(40)).unwrap_or("A");
            let one = format!("<item><title>{}</title></item>", data(title));
            one.repeat((bytes / one.len()).max(1))
        }
        // As elements of a problem, or of the set.
        2 => item(&inner),
        3 => inner,
        _ => return inner,
    };
    let head = *["", "<?xml version=\"1.0\"?>", "<!DOCTYPE fps>"].choose(random).unwrap_or(&"");
    format!("{head}<fps version=\"1.2\">{body}</fps>")
}

fn polygon(random: &mut StdRng, bytes: usize) -> String {
    let inner = text(random, &POLYGON, bytes);
    match random.random_range(0..4) {
        0 => inner,
        1 => format!("<problem short-name=\"a\">{inner}</problem>"),
        _ => format!(
            "<problem revision=\"1\" short-name=\"a\"><names><name language=\"english\" value=\"A\"/></names>\
             <judging><testset name=\"tests\"><time-limit>1000</time-limit><memory-limit>67108864</memory-limit>\
             <test-count>1</test-count><input-path-pattern>tests/%02d</input-path-pattern>\
             <answer-path-pattern>tests/%02d.a</answer-path-pattern><tests><test sample=\"true\"/></tests></testset>\
             </judging>{inner}<assets><checker name=\"std::wcmp.cpp\" type=\"testlib\">\
             <source path=\"files/check.cpp\" type=\"cpp.g++17\"/></checker></assets></problem>"
        ),
    }
}

/// An archive of a small package, as it is stored without compression, with some of its bytes changed.
fn archive(random: &mut StdRng) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut central = Vec::new();
    let copies = random.random_range(1..40);
    let names = (0..copies).map(|copy| format!("sum/data/secret/{copy}.in"));
    let answers = (0..copies).map(|copy| format!("sum/data/secret/{copy}.ans"));
    let files = ["sum/problem.yaml".to_owned()].into_iter().chain(names).chain(answers);
    let mut count = 0_u16;
    for name in files {
        let data: &[u8] = if name.ends_with(".yaml") { OLDER } else { b"1\n" };
        let offset = bytes.len() as u32;
        let sizes = [checksum(data), data.len() as u32, data.len() as u32];
        let common: Vec<u8> = [0x14_u16, 0, 0, 0, 0x21]
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .chain(sizes.iter().flat_map(|it| it.to_le_bytes()))
            .chain((name.len() as u16).to_le_bytes())
            .chain([0, 0])
            .collect();
        bytes.extend_from_slice(b"PK\x03\x04");
        bytes.extend_from_slice(&common);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(data);
        central.extend_from_slice(b"PK\x01\x02\x14\x03");
        central.extend_from_slice(&common);
        central.extend_from_slice(&[0; 6]);
        central.extend_from_slice(&0x81a4_0000_u32.to_le_bytes());
        central.extend_from_slice(&offset.to_le_bytes());
        central.extend_from_slice(name.as_bytes());
        count += 1;
    }
    let at = bytes.len() as u32;
    bytes.extend_from_slice(&central);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&(central.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&at.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    spoil(random, &mut bytes);
    bytes
}

/// The checksum of a file in an archive.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

const MARKDOWN: Words = Words {
    words: &[
        "a",
        " ",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "# ",
        "===\n",
        "---\n",
        "    ",
        "\t",
        "```\n",
        "~~~\n",
        "|",
        "|-|-|\n",
        "|a|b|\n",
        "[",
        "]",
        "![",
        "](",
        ")",
        "[a](b)",
        "[a]: b\n",
        "[^a]",
        "[^a]: b\n",
        "`",
        "``",
        "*",
        "**",
        "_",
        "__",
        "~~",
        "<",
        ">",
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?",
        "?>",
        "<div>\n",
        "</div>\n",
        "<p",
        "<a href='",
        "<img src=\"",
        "\"",
        "'",
        "&",
        "&amp;",
        "&#",
        "&#x41;",
        "&notit;",
        "\\",
        "\\\\",
        "$",
        "$$",
        "$a$",
        "$x^",
        "\\$",
        "http://a.b/",
        "www.a",
        "a@b.c",
        "é",
        "\u{202e}",
        "😀",
        "\0",
        "<table>",
        "<tr>",
        "<td>",
        "<svg>",
        "<math>",
        "<mi>",
        "<style>",
        "<script>",
        "<select>",
        "<option>",
        "<p>",
        "<li>",
        "<h1>",
        "<form>",
        "<pre>",
        "</x>",
        "</b>",
        "<rt>",
        "<rp>",
        "<ruby>",
        "a0 ",
        "<font a=",
        "<a ",
        "[^1]",
        "[^1]: x\n",
        "[a]: bbbbbbbbbbbbbbbbbbbbbbbbbbb\n",
    ],
    pairs: &[
        ("> ", ""),
        ("- ", ""),
        ("[", "]"),
        ("![", "](a)"),
        ("*", "*"),
        ("**", "**"),
        ("*_", "_*"),
        ("<b>", "</b>"),
        ("<div>", "</div>"),
        ("<i><b>", "</i></b>"),
        ("(", ")"),
        ("`", "`"),
        ("<!--", "-->"),
        ("<table><tr><td>", ""),
        ("<font color=a>", ""),
        ("<a>", "<p>"),
        ("$", "$"),
        ("  - ", "\n"),
        ("<math><mi>", ""),
        ("<svg><desc>", ""),
    ],
};

const FORMULA: Words = Words {
    words: &[
        "a",
        "1",
        " ",
        "\n",
        "x^",
        "x_",
        "^",
        "_",
        "^{",
        "}",
        "{",
        "\\frac",
        "\\frac{a}",
        "\\sqrt",
        "\\sqrt[",
        "]",
        "\\left(",
        "\\right)",
        "\\left",
        "\\right",
        "\\begin{matrix}",
        "\\end{matrix}",
        "&",
        "\\\\",
        "\\text{",
        "\\mbox{",
        "\\over",
        "\\choose",
        "\\boxed{",
        "\\not",
        "\\limits",
        "\\newcommand{\\a}{",
        "\\newcommand{\\a}[1]{#1#1}",
        "\\a",
        "\\def\\b{\\b\\b}",
        "\\b",
        "\\def\\c#1{#1}",
        "\\c",
        "#1",
        "\\overbrace{",
        "\\underset{",
        "\\substack{",
        "\\cases{",
        "\\begin{cases}",
        "\\begin{array}{c|c}",
        "\\begin{eqnarray}",
        "\\hline",
        "\\color{red}",
        "\\mathbb{R}",
        "\\mathrm",
        "\\le",
        "\\leq",
        "\\cdots",
        "\\sum",
        "\\int",
        "'",
        "''",
        "\\'",
        "\\,",
        "\\$",
        "%",
        "~",
        "é",
        "\\verb|",
        "\\operatorname{",
    ],
    pairs: &[
        ("{", "}"),
        ("x^{", "}"),
        ("\\sqrt{", "}"),
        ("\\frac{a}{", "}"),
        ("\\left(", "\\right)"),
        ("\\text{", "}"),
        ("\\boxed{", "}"),
        ("\\begin{matrix}", "\\end{matrix}"),
        ("(", ")"),
        ("\\text{$", "$}"),
        ("\\a{", "}"),
        ("\\overline{", "}"),
        ("{a\\over ", "}"),
        ("\\begin{cases}", "\\end{cases}"),
        ("a_", ""),
        ("\\frac", ""),
    ],
};

const FPS: Words = Words {
    words: &[
        "<a",
        "<",
        ">",
        "/>",
        "a",
        "&lt;",
        "&amp;",
        "&",
        "\n",
        " ",
        "<title>a</title>",
        "<item>",
        "</item>",
        "<img",
        "<img src=",
        "<img><src>a</src><base64>AAAA</base64></img>",
        "<pre>",
        "</pre>",
        "\"",
        "'",
        "a='b' ",
        "xmlns:a='b' ",
        "<a b='c'/>",
        "<test_input>1</test_input>",
        "<test_output>1</test_output>",
        "<sample_input>1</sample_input>",
        "<solution language='C++'>a</solution>",
        "<template language='Python'>a</template>",
        "<spj language='C'>a</spj>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<!ENTITY a 'b'>",
        "<p>",
        "<br>",
        "&nbsp;",
        "$a$",
        "é",
    ],
    pairs: &[
        ("<a>", "</a>"),
        ("<item>", "</item>"),
        ("<b c='d'>", "</b>"),
        ("<!--", "-->"),
        ("<", ">"),
        ("<!DOCTYPE a [", "]>"),
    ],
};

const POLYGON: Words = Words {
    words: &[
        "<test",
        "<test/>",
        "<test method='manual'/>",
        "<test group='a' points='1'/>",
        "<test points='1e308'/>",
        "<group name='a'/>",
        "<group name='a' points-policy='complete-group'><dependencies><dependency group='a'/></dependencies></group>",
        "<test-count>999999999</test-count>",
        "<input-path-pattern>%09999d</input-path-pattern>",
        "<input-path-pattern>%02d%02d</input-path-pattern>",
        "<time-limit>1e9</time-limit>",
        "<testset name='a'>",
        "</testset>",
        "<name language='english' value='a'/>",
        "<tag value='a'/>",
        "<solution tag='main'><source path='a.cpp' type='cpp.g++17'/></solution>",
        "<executable><source path='a.cpp' type='cpp'/></executable>",
        "<file path='a'/>",
        "<statement language='english' path='a'/>",
        "<",
        ">",
        "/>",
        "a='b' ",
        "xmlns:a='b' ",
        "\n",
        " ",
        "&lt;",
        "&",
        "<!--",
        "-->",
        "<a>",
        "</a>",
        "<b/>",
    ],
    pairs: &[
        ("<a>", "</a>"),
        ("<groups>", "</groups>"),
        ("<tests>", "</tests>"),
        ("<testset>", "</testset>"),
        ("<a b='c'>", "</a>"),
    ],
};

const PROBLEM_YAML_HEADS: [&str; 5] = [
    "",
    "name: A\nlimits: {time_limit: 1}\n",
    "problem_format_version: 2025-09\nname: A\nuuid: 2f1b6c9e-8f0a-4c55-9d3c-5b7d0c1e6a42\nlimits: {time_limit: 1}\n",
    "problem_format_version: 2023-07-draft\nname: A\nlimits: {time_limit: 1}\n",
    "problem_format_version: legacy-icpc\nname: A\nlimits: {time_limit: 1}\n",
];

const PROBLEM_YAML: Words = Words {
    words: &[
        "a: b\n",
        "keywords: ",
        "keywords: [a]\n",
        "credits: {authors: [a]}\n",
        "credits:\n",
        "  authors:\n",
        "  - a\n",
        "- a\n",
        "? a\n",
        ": b\n",
        "constants: {a: 1}\n",
        "constants:\n",
        "  a: 1\n",
        "languages: [c]\n",
        "languages: ",
        "license: a\n",
        "source: ",
        "source: [{name: a}]\n",
        "name: {en: a}\n",
        "type: [scoring]\n",
        "limits: {}\n",
        "limits:\n",
        "validation: custom\n",
        "assay: {tags: [a]}\n",
        "assay:\n",
        "embargo_until: 2026-01-01\n",
        "\n",
        " ",
        "\t",
        "#",
        "# a\n",
        "a",
        "'",
        "\"",
        "|\n",
        ">\n",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "&a ",
        "*a ",
        "<<: *a\n",
        "!!str ",
        "!a ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "1",
        "1e9999",
        ".nan",
        "~",
        "no",
        "é",
        "\\",
    ],
    pairs: &[
        ("[", "]"),
        ("{a: ", "}"),
        ("- ", ""),
        ("? ", ""),
        ("&a [", "]"),
        ("\"", "\""),
        ("{", "}"),
        ("a:\n ", ""),
    ],
};

const YAML: Words = Words {
    words: &[
        "a: b\n",
        "secret/*: {verdict: AC}\n",
        "accepted/*.py:\n",
        "  language: cpp\n",
        "\"{a,b}{a,b}{a,b}*\": {permitted: [WA]}\n",
        "'**/*a*b*c*': {required: [WA]}\n",
        "'[!a-z][a-z]*': {score: 1}\n",
        "grader_flags: a\n",
        "grader_flags: sum\n",
        "range: 0 1\n",
        "range: ",
        "score: 1\n",
        "max_score: 100\n",
        "score_aggregation: sum\n",
        "accept_score: 1\n",
        "args: [a]\n",
        "output_validator_args: ",
        "input_validator_flags: a\n",
        "on_reject: continue\n",
        "require_pass: [a]\n",
        "static_validation_score: 1\n",
        "- a\n",
        "\n",
        " ",
        "\t",
        "#",
        "a",
        "*",
        "**",
        "?",
        "{a,b}",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "&a ",
        "*a ",
        "<<: *a\n",
        "!!str ",
        "1",
        "é",
        "'",
        "\"",
        "|\n",
    ],
    pairs: &[
        ("[", "]"),
        ("{a: ", "}"),
        ("{", "}"),
        ("- ", ""),
        ("'{a,", "}'"),
        ("&a [", "]"),
        ("a:\n ", ""),
    ],
};

const INIT_YML_HEADS: [&str; 4] = [
    "",
    "test_cases: [{in: 1.in, out: 1.out, points: 1}]\n",
    "test_cases:\n",
    "archive: a.zip\ntest_cases: {}\n",
];

const INIT_YML: Words = Words {
    words: &[
        "- {in: 1.in, out: 1.out, points: 1}\n",
        "- points: 1\n  batched:\n  - {in: 1.in, out: 1.out}\n",
        "  dependencies: [1]\n",
        "- {}\n",
        "checker: standard\n",
        "checker: {name: floats, args: {precision: 6}}\n",
        "checker: ",
        "checker: {name: linecount, args: {}}\n",
        "pretest_test_cases:\n",
        "archive: a.zip\n",
        "interactive: {files: a.cpp}\n",
        "interactive: {files: a, type: testlib}\n",
        "generator: a\n",
        "test_cases: {input_format: '(a*)*b', output_format: '(?P<batch>a+)+'}\n",
        "input_in: '^(?=(a+))a*b'\n",
        "output_in: '(a|aa)+$'\n",
        "points: 100\n",
        "binary_data: true\n",
        "output_limit_length: 9\n",
        "language: PY3\n",
        "time: 1\n",
        "memory: 65536\n",
        "source: a.py\n",
        "cases: {1: AC}\n",
        "expect: AC\n",
        "skip: true\n",
        "signature_grader: {entry: a, header: b}\n",
        "hints: [unicode]\n",
        "a: b\n",
        "\n",
        " ",
        "\t",
        "#",
        "a",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "- ",
        "&a ",
        "*a ",
        "<<: *a\n",
        "1",
        "1e999",
        "é",
    ],
    pairs: &[
        ("[", "]"),
        ("{a: ", "}"),
        ("- batched:\n  ", ""),
        ("{", "}"),
        ("- ", ""),
        ("(", ")"),
        ("&a [", "]"),
    ],
};

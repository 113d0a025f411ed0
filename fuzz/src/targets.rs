//! The targets: how their inputs are made, and what reads them.

use bytes::Bytes;
use clap::ValueEnum;
use problem_package::{Entry, FileTree, Options, TreeLimits};
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use crate::input::{length, spoil, text};
use crate::requests;
use crate::words::{
    FORMULA, FPS, INIT_YML, INIT_YML_HEADS, MARKDOWN, POLYGON, PROBLEM_YAML, PROBLEM_YAML_HEADS,
    YAML,
};

/// A reader and its inputs.
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
    /// Archives with changed bytes
    Zip,
    /// Documents of GraphQL
    Guard,
    /// Messages of WebSockets
    Socket,
}

impl Target {
    pub(crate) const ALL: [Self; 10] = [
        Self::Markdown,
        Self::Formula,
        Self::Fps,
        Self::Polygon,
        Self::ProblemYaml,
        Self::Yaml,
        Self::InitYml,
        Self::Zip,
        Self::Guard,
        Self::Socket,
    ];

    /// The target's name on the command line.
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
            Self::Guard => return requests::document(random, bytes),
            Self::Socket => return requests::messages(random, bytes),
        }
        .into_bytes()
    }

    /// Reads an input like a server. Returns whether it is accepted without faults.
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
            Self::Guard => requests::passes_guard(&text),
            Self::Socket => requests::keeps_socket_open(&text),
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
        // As elements of a problem or of the set.
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

/// An archive of a small package, stored without compression, with some changed bytes.
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

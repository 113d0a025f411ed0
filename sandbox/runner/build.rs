//! Compiles the system call filters (`seccomp/*.toml`) at build time, so that a cell compiles
//! nothing when it starts. The build uses the filters for the target's processor. It compiles them
//! for all supported processors, so that a call name that one of them lacks is found on every
//! machine.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

use seccompiler::{BpfProgram, TargetArch, sock_filter};
use serde::Deserialize;
use serde_json::{Value, json};

/// The processors with filters, by the names that cargo and the kernel's tables use.
const ARCHITECTURES: [&str; 3] = ["x86_64", "aarch64", "riscv64"];

const CELL: &str = "seccomp/cell.toml";
const PROGRAM: &str = "seccomp/program.toml";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=seccomp");
    let target = variable("CARGO_CFG_TARGET_ARCH");
    let mut source = String::new();
    for architecture in ARCHITECTURES {
        let programs = [
            ("CELL", compile(CELL, architecture, true)),
            ("PROGRAM", compile(PROGRAM, architecture, true)),
            ("PROGRAM_WITHOUT_MEMORY_LIMIT", compile(PROGRAM, architecture, false)),
        ];
        for (name, program) in programs.iter().filter(|_| architecture == target) {
            write_program(name, Some(program), &mut source);
        }
    }
    if source.is_empty() {
        for name in ["CELL", "PROGRAM", "PROGRAM_WITHOUT_MEMORY_LIMIT"] {
            write_program(name, None, &mut source);
        }
    }
    let path = PathBuf::from(variable("OUT_DIR")).join("filters.rs");
    fs::write(path, source).expect("cargo made the directory to write to");
}

/// The content of one filter file. `cell.toml` explains the keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Denylist {
    unknown_from: Option<u32>,
    #[serde(default)]
    absent: Vec<Calls>,
    #[serde(default)]
    refused: Vec<Calls>,
    #[serde(default)]
    refused_if: Vec<Conditions>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    why: String,
    calls: Vec<String>,
    architectures: Option<Vec<String>>,
    only: Option<Only>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Only {
    WithoutMemoryLimit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conditions {
    why: String,
    call: String,
    argument: u8,
    is: Option<BTreeMap<String, u64>>,
    is_not: Option<BTreeMap<String, u64>>,
    has: Option<BTreeMap<String, u64>>,
    /// The index of a pointer argument: if that is null, the call is allowed.
    given: Option<u8>,
}

fn compile(path: &str, architecture: &str, memory_is_limited: bool) -> BpfProgram {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let list: Denylist = toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let select = |groups: &[Calls]| -> Vec<Value> {
        let selected = groups.iter().filter(|group| group.applies(architecture, memory_is_limited));
        selected.flat_map(|group| &group.calls).map(|call| json!({ "syscall": call })).collect()
    };
    let mut refused = select(&list.refused);
    refused.extend(list.refused_if.iter().flat_map(Conditions::rules));
    let mut program = Vec::new();
    if let Some(number) = list.unknown_from {
        program.extend(unknown_from(number));
    }
    let absent = select(&list.absent);
    if !absent.is_empty() {
        program.extend(without_end(translate(path, architecture, absent, libc::ENOSYS)));
    }
    program.extend(translate(path, architecture, refused, libc::EPERM));
    program
}

impl Calls {
    fn applies(&self, architecture: &str, memory_is_limited: bool) -> bool {
        assert!(!self.why.is_empty(), "a group of calls has a reason");
        let here = match &self.architectures {
            None => true,
            Some(names) => names.iter().any(|name| {
                assert!(ARCHITECTURES.contains(&name.as_str()), "there is no filter for {name}");
                name == architecture
            }),
        };
        here && !(memory_is_limited && self.only == Some(Only::WithoutMemoryLimit))
    }
}

impl Conditions {
    /// A call is refused if one of its rules matches. A rule matches if all its conditions hold.
    fn rules(&self) -> Vec<Value> {
        assert!(!self.why.is_empty(), "a condition has a reason");
        let condition = |operator: Value, value: u64| json!({ "index": self.argument, "type": "dword", "op": operator, "val": value });
        let is_given =
            |index: &u8| json!({ "index": index, "type": "qword", "op": "ne", "val": 0 });
        let rule = |mut conditions: Vec<Value>| {
            conditions.extend(self.given.iter().map(is_given));
            json!({ "syscall": self.call, "args": conditions })
        };
        match (&self.is, &self.is_not, &self.has) {
            (Some(values), None, None) => {
                values.values().map(|&value| rule(vec![condition(json!("eq"), value)])).collect()
            }
            (None, Some(values), None) => {
                vec![rule(values.values().map(|&value| condition(json!("ne"), value)).collect())]
            }
            (None, None, Some(bits)) => bits
                .values()
                .map(|&bit| rule(vec![condition(json!({ "masked_eq": bit }), bit)]))
                .collect(),
            _ => panic!("{}: exactly one of `is`, `is_not` and `has` must be given", self.call),
        }
    }
}

fn translate(path: &str, architecture: &str, rules: Vec<Value>, errno: i32) -> BpfProgram {
    for (index, rule) in rules.iter().enumerate() {
        let same = |other: &&Value| other["syscall"] == rule["syscall"];
        let twice = rules[..index].iter().find(same);
        assert!(
            twice.is_none_or(|first| first["args"].is_array() && rule["args"].is_array()),
            "{path}: {} is refused twice",
            rule["syscall"]
        );
    }
    let filter = json!({
        "filter": { "mismatch_action": "allow", "match_action": { "errno": errno }, "filter": rules },
    });
    let target = TargetArch::try_from(architecture).expect("the constants above are its names");
    let mut programs = seccompiler::compile_from_json(filter.to_string().as_bytes(), target)
        .unwrap_or_else(|error| panic!("{path}, {architecture}: {error}"));
    programs.remove("filter").expect("a program has its filter's name")
}

/// Removes a program's final "allow", so that another program can follow it. A program without
/// conditions only allows calls at its end.
fn without_end(mut program: BpfProgram) -> BpfProgram {
    let end = program.pop().map(|last| (last.code, last.k));
    let allow = ((libc::BPF_RET | libc::BPF_K) as u16, libc::SECCOMP_RET_ALLOW);
    assert_eq!(end, Some(allow), "a program of refusals ends by allowing the rest");
    program
}

/// The beginning of a program: fails calls with this number or a higher one, before any other
/// check.
fn unknown_from(number: u32) -> [sock_filter; 3] {
    let statement = |code: u32, jf, k| sock_filter { code: code as u16, jt: 0, jf, k };
    [
        // The call's number is the first word of a filter's input.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 1, number),
        statement(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ]
}

fn write_program(name: &str, program: Option<&BpfProgram>, source: &mut String) {
    let Some(program) = program else {
        writeln!(source, "static {name}: Option<&[sock_filter]> = None;")
            .expect("a string takes everything");
        return;
    };
    writeln!(source, "static {name}: Option<&[sock_filter]> = Some(&[")
        .expect("a string takes everything");
    for sock_filter { code, jt, jf, k } in program {
        writeln!(source, "    sock_filter {{ code: {code}, jt: {jt}, jf: {jf}, k: {k} }},")
            .expect("a string takes everything");
    }
    source.push_str("]);\n");
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name} for build scripts"))
}

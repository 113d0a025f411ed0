//! Programs that come with a problem.

use domain::problem::{PackagedProgram, Protocol};

use super::newer::newer;
use super::*;

const CUSTOM: (&str, &str) = (
    "problem.yaml",
    "name: Sum\nvalidation: custom\nvalidator_flags: a b\nlimits: {time_limit: 1}\n",
);

fn validators(package: &Package) -> &[PackagedProgram] {
    let Checker::Programs(validation) = &package.content.checker else { panic!("programs") };
    &validation.programs
}

fn names(program: &PackagedProgram) -> Vec<&str> {
    program.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn a_program_is_a_file_or_a_folder() {
    let package = package(&[
        CUSTOM,
        ("output_validators/README.md", "x"),
        ("output_validators/testlib.h", "x"),
        ("output_validators/check.cpp", "x"),
        ("output_validators/several/main.cc", "x"),
        ("output_validators/several/lib/parts.h", "x"),
        ("output_validators/several/old.c", "x"),
        ("output_validators/scripted/build", "#!/bin/sh\n"),
        ("output_validators/scripted/check.txt", "#!/usr/bin/perl\n"),
        ("data/secret/testdata.yaml", "output_validator_flags: c\n"),
    ]);
    let programs = validators(&package);
    let found: Vec<_> = programs
        .iter()
        .map(|it| (it.name.as_str(), it.language.as_ref().map(LanguageId::as_str), names(it)))
        .collect();
    assert_eq!(
        found,
        [
            ("output_validators/check.cpp", Some("cpp23"), vec!["check.cpp", "testlib.h"]),
            ("output_validators/scripted", None, vec!["build", "check.txt"]),
            ("output_validators/several", Some("cpp23"), vec!["lib/parts.h", "main.cc", "old.c"]),
        ]
    );
    assert!(programs[1].files.iter().all(|file| file.executable));
    assert!(!programs[0].files[0].executable);
    let args: Vec<_> =
        package.content.tests.iter().map(|test| test.validator_args.join(" ")).collect();
    assert_eq!(args, ["a b", "a b c"]);
    let Checker::Programs(validation) = &package.content.checker else { panic!("programs") };
    assert_eq!(
        (validation.protocol, validation.interactive, validation.passes),
        (Protocol::Kattis, false, 1)
    );
    for program in programs {
        assert!(program.files.iter().all(|file| package.blobs.contains_key(&file.content.digest)));
    }
}

#[test]
fn invalid_programs_are_reported() {
    let with = |files: &[(&str, &str)]| {
        let all = [&[CUSTOM], files].concat();
        errors(&all.iter().map(|(path, text)| (*path, Some(*text))).collect::<Vec<_>>())
    };
    assert_eq!(
        with(&[
            ("output_validators/a/x.py", ""),
            ("output_validators/a/y.cpp", ""),
            ("output_validators/b.py", "#!/usr/bin/python2\n"),
            ("output_validators/c.exe", ""),
        ]),
        [
            "warning: output_validators/a: is treated as cpp but has files in python3; expected one \
             language",
            "error: output_validators/b.py: is in Python 2, which is not available here; expected an \
             available language",
            "warning: output_validators/c.exe: is in no known language and is ignored; expected a \
             source file, or `build` or `run`",
        ]
    );
    assert_eq!(
        with(&[("output_validators/c.exe", "")]),
        [
            "warning: output_validators/c.exe: is in no known language and is ignored; expected a \
             source file, or `build` or `run`",
            "error: output_validators: contains no program; expected a program in a known \
             language",
        ]
    );
    // Input validators do not affect judging.
    assert_eq!(
        warnings(&[("input_validators/a.scala", ""), ("input_validators/b.bin", "")]),
        [
            "warning: input_validators/a.scala: is in Scala, which is not available here, and is not \
             run; expected an available language",
            "warning: input_validators/b.bin: is in no known language and is ignored; expected a \
             source file, or `build` or `run`",
        ]
    );
    let interactive = "name: A\nlimits: {time_limit: 1}\nvalidation: custom interactive\n";
    let two = with(&[
        ("problem.yaml", interactive),
        ("output_validators/a.py", ""),
        ("output_validators/b.py", ""),
    ]);
    assert!(
        two[0].contains("there are 2 programs for an interactive or multi-pass problem"),
        "{two:?}"
    );
    assert_eq!(
        warnings(&[("input_validators/a.ctd", "EOF"), ("input_validators/b.viva", "")]),
        [
            "warning: input_validators/a.ctd: is not run: it is not a program; expected a program",
            "warning: input_validators/b.viva: is not run: it is not a program; expected a program",
        ]
    );
}

#[test]
fn the_newer_format_has_one_output_validator() {
    let head =
        "problem_format_version: 2025-09\nname: Sum\nuuid: 00000000-0000-0000-0000-000000000000\n";
    let manifest = format!(
        "{head}type: [interactive, multi-pass]\n\
         limits: {{validation_time: 1000, validation_memory: 1, validation_passes: 3}}\n"
    );
    let package = newer(&[
        ("problem.yaml", &manifest),
        ("output_validator/check.cc", "{{x}}"),
        ("output_validator/check.h", ""),
    ]);
    let Checker::Programs(validation) = &package.content.checker else { panic!("programs") };
    assert_eq!((validation.interactive, validation.passes), (true, 3));
    assert_eq!((validation.limits.time_ms, validation.limits.memory_kib), (300_000, 1024));
    assert_eq!(validation.programs[0].name, "output_validator");
    assert_eq!(names(&validation.programs[0]), ["check.cc", "check.h"]);
    assert_eq!(
        lines(&package.warnings),
        ["warning: problem.yaml:5:27: `limits.validation_time` is 1000000 ms; 300000 ms is used \
          instead"]
    );
    let inner = newer(&[("output_validator/check/check.py", "")]);
    assert_eq!(validators(&inner)[0].name, "output_validator/check");
    let passes = format!("{head}limits: {{validation_passes: 3}}\n");
    let warnings = lines(&newer(&[("problem.yaml", &passes)]).warnings);
    assert!(warnings[0].contains("is given for a single-pass problem"), "{warnings:?}");
}

#[test]
fn constants_are_replaced_in_programs_and_statements() {
    let manifest = "problem_format_version: 2025-09\nname: Sum\nuuid: 00000000-0000-0000-0000-000000000000\nconstants: {n: 7, eps: 1e-6}\n";
    let package = newer(&[
        ("problem.yaml", manifest),
        ("statement/problem.en.md", "At most {{n}}, {{m}}. {{nextsample}}\n"),
        ("output_validator/check.py", "n = {{n}}; e = {{eps}}"),
        ("include/default/n.h", "{{n}}"),
        ("include/python3/n.py", "{{n}}"),
        ("submissions/wrong_answer/a.py", "print({{n}})"),
        ("data/secret/a/1.in", "{{n}}"),
    ]);
    assert_eq!(package.content.statement, "At most 7, {{m}}. \n");
    let bytes = |file: &domain::problem::ProgramFile| package.blobs[&file.content.digest].clone();
    assert_eq!(bytes(&validators(&package)[0].files[0]), "n = 7; e = 1e-6");
    let include: Vec<_> = package
        .content
        .include
        .iter()
        .map(|it| (it.language.as_ref().map(LanguageId::as_str), bytes(&it.files[0])))
        .collect();
    let seven = Bytes::from_static(b"7");
    assert_eq!(
        include,
        [(None, seven.clone()), (Some("pypy3"), seven.clone()), (Some("python3"), seven)]
    );
    assert_eq!(package.submissions[1].source(), Some("print(7)"));
    assert!(package.blobs.values().any(|bytes| bytes == "{{n}}"));
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: statement/problem.en.md: there is no constant \"m\"; expected a name in `constants`"
        ]
    );
}

#[test]
fn included_files_are_for_known_languages() {
    let package = package(&[
        ("include/cpp/grader.h", "x"),
        ("include/cpp20/grader.h", "y"),
        ("include/haskell/lib/Grader.hs", "x"),
        ("include/prolog/x.pl", "x"),
        ("include/README", "x"),
    ]);
    let found: Vec<_> = package
        .content
        .include
        .iter()
        .map(|it| {
            (
                it.language.as_ref().unwrap().as_str(),
                it.files[0].path.as_str(),
                it.files[0].content.bytes,
            )
        })
        .collect();
    let expected = [
        ("cpp", "grader.h", 1),
        ("cpp20", "grader.h", 1),
        ("cpp23", "grader.h", 1),
        ("haskell", "lib/Grader.hs", 1),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: include/README: is not in a language folder and is ignored; expected \
             include/cpp, …",
            "warning: include/prolog: is for an unavailable language",
        ]
    );
    assert!(errors(&[("include/C.x/y", Some(""))])[0].contains("is not a language id"));
}

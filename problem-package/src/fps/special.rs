//! Reads `<spj>`: a program that judges outputs.
//!
//! HUSTOJ runs it as `spj input answer output`, and any exit code except 0 rejects the output.
//! Assay runs a checker as `check input output answer` and distinguishes rejections from failures.
//! A script adapts one to the other.

use bytes::Bytes;
use domain::problem::{
    Checker, PackagedProgram, ProgramFile, Protocol, Validation, ValidationLimits,
};

use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::xml::Element;

/// A library that is not in the set.
const TESTLIB: &str = "testlib.h";

/// Build scripts for C and C++.
const BUILD_C: &str = "#!/bin/sh\nexec gcc -O2 -o spj spj.c -lm\n";
const BUILD_CPP: &str = "#!/bin/sh\nexec g++ -O2 -o spj spj.cc -lm\n";

/// The run script. Exit codes from 126 mean that the program did not start or crashed.
const RUN: &str = "#!/bin/sh\n\
    \"$(dirname \"$0\")/spj\" \"$1\" \"$3\" \"$2\"\n\
    code=$?\n\
    [ $code -lt 126 ] || exit 3\n\
    [ $code -eq 0 ] || exit 1\n";

/// The problem's own checker, if it has one.
pub(super) fn read(item: Element<'_>, blobs: &mut Blobs, report: &mut Report) -> Option<Checker> {
    if let Some(element) = item.child("tpj").filter(|element| !element.text().trim().is_empty()) {
        let message = "<tpj> is not supported";
        report.error(element.place(), message, format!("<spj>, which needs no {TESTLIB}"));
    }
    let element = item.child("spj").filter(|element| !element.text().trim().is_empty())?;
    let text = element.text();
    if text.contains(TESTLIB) {
        let message = format!("<spj> includes {TESTLIB}, which is not in the set");
        report.error(element.place(), message, "a program of one file");
    }
    let language = element.attribute("language").unwrap_or("C++");
    let (source, build) = match language.to_ascii_lowercase().as_str() {
        "c" => ("spj.c", BUILD_C),
        "c++" => ("spj.cc", BUILD_CPP),
        _ => {
            let message = format!("<spj> is in {}", quote(language));
            report.error(element.place(), message, "C or C++");
            return None;
        }
    };
    let mut file = |path: &str, text: &str, executable| ProgramFile {
        path: path.to_owned(),
        content: blobs.put(&Bytes::copy_from_slice(text.as_bytes())),
        executable,
    };
    let files =
        vec![file("build", build, true), file("run", RUN, true), file(source, &text, false)];
    Some(Checker::Programs(Validation {
        programs: vec![PackagedProgram { name: "spj".to_owned(), language: None, files }],
        protocol: Protocol::Bridged,
        interactive: false,
        passes: 1,
        limits: ValidationLimits::default(),
    }))
}

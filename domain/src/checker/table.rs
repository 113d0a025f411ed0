//! Cases for the token checker. Each is output, answer, options, and whether it is accepted.

use super::{Comparison, TokenOptions, compare};

pub(super) const PLAIN: TokenOptions = TokenOptions {
    case_sensitive: false,
    space_sensitive: false,
    float_absolute: None,
    float_relative: None,
};
pub(super) const CASE: TokenOptions = TokenOptions { case_sensitive: true, ..PLAIN };
pub(super) const SPACE: TokenOptions = TokenOptions { space_sensitive: true, ..PLAIN };
pub(super) const ABSOLUTE: TokenOptions = TokenOptions { float_absolute: Some(1e-6), ..PLAIN };
pub(super) const RELATIVE: TokenOptions = TokenOptions { float_relative: Some(1e-6), ..PLAIN };
const EITHER: TokenOptions = TokenOptions { float_absolute: Some(0.5), ..RELATIVE };
const EXACT: TokenOptions = TokenOptions { float_absolute: Some(0.0), ..PLAIN };
const QUARTER: TokenOptions = TokenOptions { float_absolute: Some(0.25), ..PLAIN };
const TENTH: TokenOptions = TokenOptions { float_relative: Some(0.125), ..PLAIN };
const CASE_FLOAT: TokenOptions = TokenOptions { case_sensitive: true, ..ABSOLUTE };
const SPACE_FLOAT: TokenOptions = TokenOptions { space_sensitive: true, ..ABSOLUTE };

type Case = (&'static [u8], &'static [u8], TokenOptions, bool);

fn check(cases: &[Case]) {
    for (output, answer, options, accepted) in cases {
        let found = compare(output, answer, options);
        assert_eq!(found == Comparison::Equal, *accepted, "{output:?} {answer:?} {found:?}");
    }
}

#[test]
fn white_space() {
    check(&[
        (b"", b"", PLAIN, true),
        (b"1 2\n", b"1 2\n", PLAIN, true),
        // With and without a final newline.
        (b"1 2", b"1 2\n", PLAIN, true),
        (b"1 2\n\n", b"1 2", PLAIN, true),
        (b"1\r\n2", b"1 2\n", PLAIN, true),
        (b"  1\t\x0b2  \n\n", b"1 2", PLAIN, true),
        (b"1\x0c2", b"1 2", PLAIN, true),
        (b" \n", b"", PLAIN, true),
        (b"", b"\n\n", PLAIN, true),
        (b"12", b"1 2", PLAIN, false),
        (b"1 2", b"12", PLAIN, false),
        // Not white space in C, so not here either.
        (b"1\xa02", b"1 2", PLAIN, false),
        (b"1\xe2\x80\x832", b"1 2", PLAIN, false),
        (b"1 2 3", b"1 2", PLAIN, false),
        (b"1", b"1 2", PLAIN, false),
        (b"", b"1", PLAIN, false),
        (b"1", b"", PLAIN, false),
        (b"2 1", b"1 2", PLAIN, false),
    ]);
}

#[test]
fn space_that_matters() {
    check(&[
        (b"1 2\n", b"1 2\n", SPACE, true),
        (b"1  2\n", b"1 2\n", SPACE, false),
        (b"1\t2\n", b"1 2\n", SPACE, false),
        (b"1 2", b"1 2\n", SPACE, false),
        (b"1 2\n\n", b"1 2\n", SPACE, false),
        (b" 1 2\n", b"1 2\n", SPACE, false),
        (b"1 2\r\n", b"1 2\n", SPACE, false),
        (b"A B\n", b"a b\n", SPACE, true),
        (b"", b"", SPACE, true),
        (b"\n", b"", SPACE, false),
        (b"1.0 2\n", b"1 2\n", SPACE_FLOAT, true),
        (b"1.0  2\n", b"1 2\n", SPACE_FLOAT, false),
    ]);
}

#[test]
fn letters() {
    check(&[
        (b"yes", b"YES", PLAIN, true),
        (b"YeS nO", b"yEs No", PLAIN, true),
        (b"yes", b"YES", CASE, false),
        (b"YES", b"YES", CASE, true),
        (b"no", b"yes", PLAIN, false),
        // Only ASCII letters have case.
        ("Å".as_bytes(), "å".as_bytes(), PLAIN, false),
        ("Å".as_bytes(), "Å".as_bytes(), PLAIN, true),
        // Not letters, but they differ by the bit that letters of different case differ by.
        (b"[", b"{", PLAIN, false),
        (b"@", b"`", PLAIN, false),
        (b"1", b"1.0", PLAIN, false),
        (b"01", b"1", PLAIN, false),
        (b"-0", b"0", PLAIN, false),
        (b"IMPOSSIBLE", b"impossible", ABSOLUTE, true),
        (b"IMPOSSIBLE", b"impossible", CASE_FLOAT, false),
    ]);
}

#[test]
fn bytes_that_are_no_text() {
    check(&[
        (b"1\x002", b"1 2", PLAIN, false),
        (b"1\x00", b"1", PLAIN, false),
        (b"\x00", b"\x00", PLAIN, true),
        (b"\xff\xfe", b"\xff\xfe\n", PLAIN, true),
        (b"\xff\xfe", b"\xff\xfd", ABSOLUTE, false),
        (b"\xc3", b"\xc3\xa5", PLAIN, false),
        // A byte order mark is part of the first token.
        (b"\xef\xbb\xbf1", b"1", PLAIN, false),
        (b"\x1b[31m1", b"1", PLAIN, false),
        (b"1\x00", b"1", ABSOLUTE, false),
    ]);
}

#[test]
fn numbers_within_a_tolerance() {
    check(&[
        (b"0.3333333", b"0.33333333333", ABSOLUTE, true),
        (b"0.333", b"0.33333333333", ABSOLUTE, false),
        (b"1e0", b"1", ABSOLUTE, true),
        (b"3.14000000e-2", b"0.0314", ABSOLUTE, true),
        (b"1E+2", b"100", ABSOLUTE, true),
        (b"+1", b"1", ABSOLUTE, true),
        (b".5", b"0.5", ABSOLUTE, true),
        (b"5.", b"5", ABSOLUTE, true),
        (b"-0", b"0", ABSOLUTE, true),
        (b"-0.0", b"0", RELATIVE, true),
        (b"000001.50", b"1.5", ABSOLUTE, true),
        // The bound itself is allowed; these bounds are exact in binary.
        (b"1.25", b"1", QUARTER, true),
        (b"0.75", b"1", QUARTER, true),
        (b"1.2500000001", b"1", QUARTER, false),
        (b"9", b"8", TENTH, true),
        (b"7", b"8", TENTH, true),
        (b"9.000001", b"8", TENTH, false),
        (b"-9", b"-8", TENTH, true),
        // The tolerance is relative to the answer, not to the output.
        (b"8", b"9", TENTH, true),
        (b"8", b"9.2", TENTH, false),
        (b"1000000.5", b"1000000", RELATIVE, true),
        (b"1000002", b"1000000", RELATIVE, false),
        (b"0.0000001", b"0", RELATIVE, false),
        (b"0.0000001", b"0", ABSOLUTE, true),
        // Either tolerance is enough.
        (b"0.4", b"0", EITHER, true),
        (b"10000000.9", b"10000000", EITHER, true),
        (b"10.9", b"10", EITHER, false),
        (b"1.0", b"1", EXACT, true),
        (b"1.0000000001", b"1", EXACT, false),
        (b"1.5 x 2.5", b"1.5000001 X 2.4999999", ABSOLUTE, true),
        (b"123456789012345678901234567890", b"123456789012345678901234567891", RELATIVE, true),
    ]);
}

#[test]
fn what_is_no_number() {
    check(&[
        (b"nan", b"1", ABSOLUTE, false),
        (b"1", b"nan", ABSOLUTE, false),
        (b"NaN", b"nan", ABSOLUTE, true),
        (b"-nan", b"0", ABSOLUTE, false),
        (b"inf", b"1e400", ABSOLUTE, false),
        (b"1e500", b"1e400", ABSOLUTE, true),
        (b"-inf", b"inf", ABSOLUTE, false),
        (b"INF", b"inf", ABSOLUTE, true),
        (b"infinity", b"inf", ABSOLUTE, false),
        (b"5", b"inf", RELATIVE, false),
        (b"1e400", b"5", RELATIVE, false),
        (b"infinity", b"1", RELATIVE, false),
        (b"0x1p0", b"1", ABSOLUTE, false),
        (b"0x10", b"16", ABSOLUTE, false),
        (b"0x1", b"0x1", ABSOLUTE, true),
        (b"1e99999999999999999999", b"1", RELATIVE, false),
        (b"1e-99999999999999999999", b"0", ABSOLUTE, true),
        (b"1e", b"1", ABSOLUTE, false),
        (b"--1", b"1", ABSOLUTE, false),
        (b"1.0x", b"1.0", ABSOLUTE, false),
        (b"1,0", b"1.0", ABSOLUTE, false),
        (b"1_000", b"1000", ABSOLUTE, false),
        (b".", b"0", ABSOLUTE, false),
        (b"", b"0", ABSOLUTE, false),
        // A number never matches a word.
        (b"1.0", b"one", ABSOLUTE, false),
        (b"one", b"1.0", ABSOLUTE, false),
    ]);
}

#[test]
fn long_lines_and_huge_outputs() {
    let line = vec![b'x'; 8 << 20];
    assert_eq!(compare(&line, &line, &PLAIN), Comparison::Equal);
    let mut other = line.clone();
    other[(8 << 20) - 1] = b'y';
    assert!(matches!(compare(&other, &line, &PLAIN), Comparison::Differs { token: 1, .. }));
    let numbers: Vec<u8> = (0..500_000).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    let spaced: Vec<u8> = (0..500_000).flat_map(|n| format!("{n} \r\n").into_bytes()).collect();
    assert_eq!(compare(&spaced, &numbers, &PLAIN), Comparison::Equal);
    let short = &numbers[..numbers.len() - 7];
    let found = compare(short, &numbers, &PLAIN);
    assert_eq!(
        found,
        Comparison::Differs { token: 500_000, expected: Some("499999".to_owned()), actual: None }
    );
    let blank = vec![b' '; 16 << 20];
    assert_eq!(compare(&blank, b"", &PLAIN), Comparison::Equal);
    assert!(matches!(compare(&blank, b"", &SPACE), Comparison::SpaceDiffers { token: 1 }));
}

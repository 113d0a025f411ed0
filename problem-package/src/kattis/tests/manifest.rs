use super::newer::newer;
use super::*;

#[test]
fn a_manifest_that_is_missing_or_no_yaml_is_an_error_with_its_place() {
    assert_eq!(
        errors(&[("problem.yaml", None)])[0],
        "error: problem.yaml: is missing; expected a problem package in the Kattis format"
    );
    let broken = errors(&[("problem.yaml", Some("name: Sum\nlimits: {memory: 1\nkeywords: a\n"))]);
    assert!(broken[0].starts_with("error: problem.yaml:3:9: is not valid YAML: "), "{broken:?}");
    assert_eq!(
        warnings(&[("problem.yaml", "# nothing\n")]),
        [
            "warning: problem.yaml: the problem has no name, so the package's name is used; expected \
          `name: …`"
        ]
    );
    let long = format!("name: {}\nlimits: {{time_limit: 1}}\n", "x".repeat(121));
    let expected = "title is out of bounds: a title has 1 to 120 characters";
    assert_eq!(
        errors(&[("problem.yaml", Some(&long))]),
        [format!("error: problem.yaml:1:7: {expected}")]
    );
}

#[test]
fn limits_are_read_in_their_units_and_held_to_the_bounds() {
    let text = "name: A\nlimits: {time_limit: 0.25, memory: 32, output: 1, code: 64}\n";
    let limits = package(&[("problem.yaml", text)]).content.limits;
    let expected =
        Limits { time_ms: 250, memory_kib: 32 * 1024, output_kib: 1024, source_bytes: 64 * 1024 };
    assert_eq!(limits, expected);

    let text = "name: A\nlimits:\n  time_limit: 3600\n  memory: 99999999\n";
    assert_eq!(
        errors(&[("problem.yaml", Some(text))]),
        [
            "error: problem.yaml:3:15: limits.timeMs is out of bounds: 10 to 60000 \
             milliseconds, not 3600000",
            "error: problem.yaml:4:11: limits.memoryKb is out of bounds: 1024 to 4194304 \
             KiB, not 102399998976",
        ]
    );
    for (seconds, found) in [("-1", "-1"), (".inf", "inf"), (".nan", "NaN"), ("[1]", "a list")] {
        let text = format!("name: A\nlimits: {{time_limit: {seconds}}}\n");
        assert_eq!(
            errors(&[("problem.yaml", Some(&text))])[0],
            format!(
                "error: problem.yaml:2:22: `limits.time_limit` is {found}; expected seconds above 0"
            )
        );
    }
}

#[test]
fn a_time_limit_may_stand_in_its_own_file_or_is_the_default() {
    let no_limit = ("problem.yaml", "name: A\n");
    let older = package(&[no_limit, (".timelimit", "3\n")]);
    assert_eq!(older.content.limits.time_ms, 3_000);
    let derived = package(&[no_limit]);
    assert_eq!((derived.content.limits.time_ms, derived.timing.given_ms), (1_000, None));
    assert_eq!(derived.content.time_limit, TimeLimitOrigin::Default);
    let set = |text| package(&[no_limit, ("domjudge-problem.ini", text)]).timing.given_ms;
    assert_eq!(set("; comment\nname=A\ntimelimit='2.5'\n"), Some(2_500));
    assert_eq!(set("timelimit = 2 ; seconds\r\n"), Some(2_000));
    assert_eq!(set("colour=1\n"), None);
    // The first of `problem.yaml`, `.timelimit` and the settings counts.
    let all = [(".timelimit", "3"), ("domjudge-problem.ini", "timelimit=4")];
    let both = package(&[no_limit, all[0], all[1]]);
    assert_eq!(both.timing.given_ms, Some(3_000));
    assert_eq!(package(&all).timing.given_ms, Some(1_000));
    assert_eq!(
        errors(&[("problem.yaml", Some("name: A\n")), (".timelimit", Some("soon"))]),
        ["error: .timelimit: the time limit is \"soon\"; expected seconds above 0"]
    );
}

#[test]
fn validator_flags_make_the_checker() {
    let options = |flags: &str| {
        let yaml = yaml(&format!("validator_flags: {flags}\n"));
        let Checker::Tokens(options) = yaml.content.checker else { panic!("tokens") };
        options
    };
    let plain = TokenOptions::default();
    let cases = [
        ("case_sensitive", TokenOptions { case_sensitive: true, ..plain }),
        ("space_change_sensitive", TokenOptions { space_sensitive: true, ..plain }),
        (
            "float_tolerance 1e-6",
            TokenOptions { float_absolute: Some(1e-6), float_relative: Some(1e-6), ..plain },
        ),
        (
            "[float_absolute_tolerance, 1e-4, float_relative_tolerance, '1e-9']",
            TokenOptions { float_absolute: Some(1e-4), float_relative: Some(1e-9), ..plain },
        ),
    ];
    for (flags, expected) in cases {
        assert_eq!(options(flags), expected, "{flags}");
    }
    assert_eq!(
        yaml_error("validator_flags: float_tolerance\n"),
        "error: problem.yaml:3:18: the validator flag float_tolerance has nothing after it; expected \
         a number such as 1e-6"
    );
    assert!(yaml_error("validator_flags: float_tolerance -1\n").contains("has \"-1\" after it"));
    assert!(yaml_error("validator_flags: fuzzy\n").contains("unknown validator flag \"fuzzy\""));
}

#[test]
fn names_keywords_and_people_are_read_in_both_forms() {
    let older = yaml("keywords: Sorting two_pointers sorting\nauthor: Ada\nsource: First\n");
    assert_eq!(older.content.tags, ["sorting".parse().unwrap(), "two-pointers".parse().unwrap()]);
    let newer = yaml(
        "keywords: [Dynamic programming]\nrights_owner: Us\n\
         credits: {authors: [Ada <ada@example.org>, {name: Grace}], testers: Alan}\n\
         source: [{name: First, url: somewhere}, Second]\n",
    );
    assert_eq!(newer.content.tags, ["dynamic-programming".parse().unwrap()]);
    assert_eq!(newer.about.authors, ["Ada <ada@example.org>", "Grace"]);
    assert_eq!(newer.about.sources, ["First (somewhere)", "Second"]);
    assert_eq!(newer.about.rights_owner.as_deref(), Some("Us"));
    let odd = lines(&yaml("keywords: ['!?']\n").warnings);
    assert!(odd[0].contains("the keyword \"!?\" cannot become a tag"), "{odd:?}");
}

#[test]
fn languages_may_be_restricted() {
    let package = package(&[
        ("problem.yaml", "name: A\nlimits: {time_limit: 1}\nlanguages: [python3, c]\n"),
        ("submissions/accepted/sum.cpp", "int main() {}\n"),
        ("assay/starter/java.java", "class Main {}\n"),
    ]);
    let languages: Vec<_> =
        package.content.languages.iter().map(|offer| offer.language.as_str()).collect();
    assert_eq!(languages, ["python3", "c"]);
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: problem.yaml: there is code for java, which is not in `languages`",
            "warning: submissions/accepted/sum.cpp: is in cpp23, which the problem does not allow",
        ]
    );
    assert!(yaml_error("languages: [C++]\n").contains("\"C++\" is not a language id"));
}

#[test]
fn every_key_of_the_oldest_version_is_read() {
    let package = yaml(
        "problem_format_version: legacy\nuuid: 2f1b6c9e-8f0a-4c55-9d3c-5b7d0c1e6a42\nauthor: Ada, Ben and Cleo\nsource: First\n\
         source_url: https://contest.example\nlicense: cc by\nvalidation: default\n\
         keywords: ''\n",
    );
    assert_eq!(package.about.authors, ["Ada", "Ben", "Cleo"]);
    assert_eq!(package.about.sources, ["First (https://contest.example)"]);
    assert_eq!(package.about.uuid.as_deref(), Some("2f1b6c9e-8f0a-4c55-9d3c-5b7d0c1e6a42"));
    assert_eq!(package.warnings, []);
    let text =
        "name: A\nlimits: {time_multiplier: 3, time_safety_margin: 1.5, time_resolution: 0.1}\n";
    let timing = super::package(&[("problem.yaml", text)]).timing;
    assert_eq!((timing.given_ms, timing.resolution_ms), (None, 100));
    assert_eq!((timing.multiplier, timing.margin), (3.0, 1.5));
}

#[test]
fn types_that_do_not_go_together_are_errors() {
    let cases = [
        ("[pass-fail, scoring]", "a problem cannot be both pass-fail and scoring"),
        ("[interactive, interactive]", "the type \"interactive\" occurs twice"),
        ("[]", "`type` is a list"),
        ("strange", "unknown type \"strange\""),
    ];
    for (kind, expected) in cases {
        let text = format!("name: Sum\nlimits: {{time_limit: 1}}\ntype: {kind}\n");
        let errors = errors(&[("problem.yaml", Some(&text))]);
        assert!(errors[0].contains(expected), "{errors:?}");
    }
    assert!(yaml_error("validation: best\n").contains("expected default, or custom"));
    assert!(yaml_error("problem_format_version: 2030-01\n").contains("expected one of legacy, "));
    let warning = warnings(&[(
        "problem.yaml",
        "name: A\nlimits: {time_limit: 1}\ngrading: {objective: min}\n",
    )]);
    assert!(warning[0].contains("`grading` is ignored: the problem is not scored"), "{warning:?}");
}

#[test]
fn languages_that_are_not_here_are_left_aside() {
    let package = yaml("languages: [python3, prolog, zig]\n");
    let languages: Vec<_> =
        package.content.languages.iter().map(|offer| offer.language.as_str()).collect();
    assert_eq!(languages, ["python3"]);
    assert_eq!(package.warnings.len(), 2);
    let text = "name: Sum\nlimits: {time_limit: 1}\nlanguages: [ada]\n";
    let errors = errors(&[("problem.yaml", Some(text))]);
    assert!(errors[1].contains("no available language is given"), "{errors:?}");
}

#[test]
fn rights_are_checked_where_the_format_asks_for_them() {
    let head =
        "problem_format_version: 2025-09\nname: A\nuuid: 00000000-0000-0000-0000-000000000000\n";
    let of = |more: &str| {
        let text = format!("{head}{more}");
        lines(&newer(&[("problem.yaml", &text)]).warnings).remove(0)
    };
    assert!(
        of("license: cc by\n").contains("4:10: no rights holder is given for the license cc by")
    );
    assert!(
        of("license: public domain\nrights_owner: Us\n").contains("5:15: `rights_owner` is given")
    );
    assert!(of("license: mine\nrights_owner: Us\n").contains("unknown license \"mine\""));
    assert!(of("embargo_until: soon\n").contains("`embargo_until` is \"soon\""));
    let text =
        format!("{head}license: cc by\ncredits: {{authors: Ada}}\nembargo_until: 2026-01-31\n");
    let package = newer(&[("problem.yaml", &text)]);
    assert_eq!(package.about.embargo_until.as_deref(), Some("2026-01-31"));
}

#[test]
fn errors_in_keys_that_do_not_affect_judging_are_warnings() {
    let keys = [
        "name: [1]",
        "author: {a: b}",
        "authors: {a: b}",
        "credits: {authors: {a: b}}",
        "source: {a: b}",
        "source_url: [x]",
        "license: {a: b}",
        "license: mine",
        "rights_owner: [x]",
        "embargo_until: [x]",
        "embargo_until: soon",
        "uuid: [x]",
        "uuid: abc",
        "version: [x]",
        "keywords: [{a: b}]",
        "keywords: ['?']",
        "allow_file_writing: perhaps",
        "assay: {difficulty: 7}",
        "assay: {hints: {a: b}}",
        "type: [pass-fail, pass-fail]",
    ];
    for key in keys {
        let text = format!("limits: {{time_limit: 1}}\n{key}\n");
        let package = package(&[("problem.yaml", &text)]);
        let warnings = lines(&package.warnings);
        assert!(!warnings.is_empty(), "{key}");
        assert_eq!(package.content.flaws(), [], "{key}");
    }
}

//! Cases that each format must refuse.

use super::{Case, good};
use tests::package::Package;

pub(super) fn cases() -> Vec<Case> {
    [yaml(), legacy(), newer(), polygon(), dmoj(), fps()].into_iter().flatten().collect()
}

/// A package with one file replaced, or removed if `text` is `None`.
fn changed(package: &str, path: &str, text: Option<&str>, expected: &'static str) -> Case {
    let whole = format!("{package}/{path}");
    let of = good(package);
    let of = match text {
        Some(text) => of.file(&whole, text),
        None => {
            assert!(of.bytes(&whole).is_some(), "{whole} is not there");
            of.without(&whole)
        }
    };
    let what = text.map_or("nothing".to_owned(), |text| format!("{text:.60?}"));
    Case { name: format!("{whole}: {what}"), archive: of.zip(), expected }
}

/// A package with a part of one file replaced.
fn edited(package: &str, path: &str, from: &str, to: &str, expected: &'static str) -> Case {
    let whole = format!("{package}/{path}");
    let of = good(package);
    let text = String::from_utf8(of.bytes(&whole).expect("the file is there").to_vec());
    let text = text.expect("the file is a text");
    assert!(text.contains(from), "{whole} has no {from:?}");
    let archive = of.file(&whole, text.replacen(from, to, 1)).zip();
    Case { name: format!("{whole}: {from:.40?} is {to:.60?}"), archive, expected }
}

/// YAML that is invalid or excessive.
fn yaml() -> Vec<Case> {
    let nested = format!("name: {}{}\n", "[".repeat(100), "]".repeat(100));
    let maps: String = (0..100).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    let long = format!("name: Sum\nkeywords: {}\n", "x".repeat(300 << 10));
    let many = format!("name: Sum\nkeywords: [{}]\n", "a, ".repeat(20_000));
    let laughs: String = (1..12).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        let below = format!("*a{}, ", level - 1).repeat(10);
        format!("{text}a{level}: &a{level} [{below}]\n")
    });
    let texts = [
        "name: Sum\nlimits: [\n",
        "name: Sum\nlimits: {\n",
        "name: 'Sum\n",
        "name: Sum\n\tlimits: 1\n",
        "name: *nothing\n",
        "name: &a [*a]\n",
        "- name: Sum\n",
        "Sum\n",
        "name: \u{0}\n",
        "name: Sum\n--- \nname: Again\n",
        "? [a, b]\n: c\nname: Sum\n",
        &nested,
        &maps,
        &long,
        &many,
        &laughs,
    ];
    let mut cases: Vec<_> = texts
        .into_iter()
        .flat_map(|text| {
            let newer = format!("problem_format_version: 2025-09\n{text}");
            ["scoresum", "scoregroups"].map(|package| {
                let text = if package == "scoregroups" { newer.as_str() } else { text };
                changed(package, "problem.yaml", Some(text), "problem.yaml")
            })
        })
        .collect();
    // In the older versions of the format the last one counts.
    let twice = "problem_format_version: 2025-09\nname: Sum\nname: Again\n";
    cases.push(changed("scoregroups", "problem.yaml", Some(twice), "occurs twice"));
    for file in ["problem.yaml", "data/testdata.yaml", "data/secret/01-small/testdata.yaml"] {
        let package = good("scoresum").file(&format!("scoresum/{file}"), b"a: \xFF\xFE\n".to_vec());
        let name = format!("{file} is not UTF-8");
        cases.push(Case { name, archive: package.zip(), expected: "UTF-8" });
    }
    cases
}

fn legacy() -> Vec<Case> {
    let yaml = |text| changed("scoresum", "problem.yaml", Some(text), "problem.yaml");
    let of_data = |text| changed("scoresum", "data/testdata.yaml", Some(text), "testdata.yaml");
    let flags = |text: &str| {
        let text = format!("name: Sum\nvalidator_flags: {text}\n");
        changed("floattolerance", "problem.yaml", Some(&text), "problem.yaml")
    };
    vec![
        yaml("name: Sum\ntype: guessing\n"),
        yaml("name: Sum\ntype: [scoring\n"),
        yaml("name: Sum\nvalidation: nonsense\n"),
        yaml("name: Sum\nvalidation: custom\n"),
        yaml("name: Sum\nlimits: {time_limit: -1}\n"),
        yaml("name: Sum\nlimits: {time_limit: 0}\n"),
        yaml("name: Sum\nlimits: {time_limit: soon}\n"),
        yaml("name: Sum\nlimits: {time_limit: 1e999}\n"),
        yaml("name: Sum\nlimits: {time_limit: .nan}\n"),
        yaml("name: Sum\nlimits: {time_limit: 99999999999999999999}\n"),
        yaml("name: Sum\nlimits: {memory: 0}\n"),
        yaml("name: Sum\nlimits: {memory: -5}\n"),
        yaml("name: Sum\nlimits: {memory: 99999999999999999999}\n"),
        yaml("name: Sum\nlimits: {output: lots}\n"),
        yaml("name: Sum\nlimits: [1, 2]\n"),
        yaml("name: Sum\nproblem_format_version: 1999-01\n"),
        of_data("on_reject: perhaps\n"),
        of_data("range: 5\n"),
        of_data("range: 10 1\n"),
        of_data("accept_score: high\n"),
        changed("scoresum", "data/testdata.yaml", Some("grading: custom\n"), "graders"),
        of_data("- a\n"),
        flags("float_tolerance"),
        flags("float_tolerance much"),
        flags("float_tolerance -1"),
        flags("float_relative_tolerance 1e999"),
        flags("float_absolute_tolerance nan"),
        changed("scoresum", ".timelimit", Some("soon\n"), ".timelimit"),
        changed("scoresum", ".timelimit", Some("-3\n"), ".timelimit"),
        changed("scoresum", "data/secret/01-small/1.ans", None, "data/secret/01-small/1"),
        changed("scoresum", "data/sample/1.ans", None, "data/sample/1"),
        changed("pyvalidator", "output_validators/pair.py", None, "output_validators"),
        changed("interactiveguess", "output_validators/guess.cpp", None, "output_validators"),
        changed(
            "interactiveguess",
            "output_validators/second.py",
            Some("print(1)\n"),
            "output_validators",
        ),
        Case {
            name: "no test at all".to_owned(),
            archive: Package::default()
                .file("sum/problem.yaml", "name: Sum\n")
                .file("sum/problem_statement/problem.en.md", "Add.\n")
                .zip(),
            expected: "data",
        },
    ]
}

fn newer() -> Vec<Case> {
    let yaml = |more: &str| {
        let text = format!(
            "problem_format_version: 2025-09\nuuid: 1fe25a2f-6c3a-54a7-8835-286777a93388\n{more}"
        );
        changed("scoregroups", "problem.yaml", Some(&text), "problem.yaml")
    };
    let group = |number: u32, text: &str| {
        let path = format!("data/secret/group{number}/test_group.yaml");
        changed("scoregroups", &path, Some(text), "test_group.yaml")
    };
    let rules = |text: &str| {
        changed("scoregroups", "submissions/submissions.yaml", Some(text), "submissions")
    };
    let stray =
        |path: &str, text: &str, expected| changed("scoregroups", path, Some(text), expected);
    vec![
        yaml("name: Sum\nlicence: cc0\n"),
        yaml("name: Sum\nvalidator_flags: case_sensitive\n"),
        yaml("name: Sum\nvalidation: custom\n"),
        yaml("name: Sum\ntype: [scoring, pass-fail]\n"),
        yaml("name: Sum\ntype: guessing\n"),
        yaml("name: Sum\ntype: submit-answer\n"),
        yaml("name: Sum\ntype: scoring\nlimits: {time: 2}\n"),
        yaml("name: Sum\ntype: scoring\nlimits: {time_limit: '2'}\n"),
        yaml("name: Sum\ntype: scoring\nlimits: {validation_passes: -1}\n"),
        yaml("name: Sum\nlanguages: [klingon\n"),
        yaml("name: Sum\nconstants: {\"a b\": 1}\n"),
        yaml("name: Sum\nconstants: [1]\n"),
        group(1, "max_score: 10\nrequire_pass: secret/group1\n"),
        group(1, "max_score: 10\nrequire_pass: secret/group9\n"),
        group(1, "max_score: 10\nrequire_pass: secret/group3\n"),
        group(1, "max_score: 10\nrequire_pass: {a: b}\n"),
        group(1, "max_score: 10\nrequired_pass: sample\n"),
        group(2, "max_score: -1\n"),
        group(2, "max_score: many\n"),
        group(2, "max_score: 1e999\n"),
        group(2, "max_score: 20\nscore_aggregation: mean\n"),
        group(2, "max_score: 20\nstatic_validation_score: 5\n"),
        group(2, "max_score: 20\nargs: {a: b}\n"),
        group(2, "on_reject: break\n"),
        rules("accepted: [\n"),
        rules("accepted: {permitted: [OK]}\n"),
        rules("accepted: {score: high}\n"),
        rules("accepted: {permited: [AC]}\n"),
        rules("- accepted\n"),
        stray("data/secret/group1/9.in", "1 2\n", "group1/9"),
        stray("data/secret/group1/9.ans", "3\n", "group1/9"),
        stray("data/secret/testdata.yaml", "range: 0 1\n", "testdata.yaml"),
        stray("data/secret/group1/1.yaml", "hints: x\n", "1.yaml"),
        stray("data/secret/group1/1.yaml", "full_feedback: perhaps\n", "1.yaml"),
        stray("data/secret/group1/1.yaml", "args: {a: b}\n", "1.yaml"),
        changed("scoregroups", "data/secret/group4/1.ans", None, "group4/1"),
    ]
}

fn polygon() -> Vec<Case> {
    let xml =
        |from: &str, to: &str, expected| edited("polygongroups", "problem.xml", from, to, expected);
    let whole = |text: &str| changed("polygongroups", "problem.xml", Some(text), "problem.xml");
    let deep = format!("<problem>{}{}</problem>", "<a>".repeat(5_000), "</a>".repeat(5_000));
    let laughs = xml_laughs("problem");
    let external = "<!DOCTYPE problem [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\
                    <problem>&x;</problem>";
    let depends_on_itself = "<group feedback-policy=\"complete\" name=\"samples\" points=\"0.0\" \
                             points-policy=\"complete-group\"><dependencies><dependency \
                             group=\"samples\"/></dependencies></group>";
    let samples = "<group feedback-policy=\"complete\" name=\"samples\" points=\"0.0\" \
                   points-policy=\"complete-group\"/>";
    vec![
        whole("<problem>"),
        whole("<problem></problem>"),
        whole("<problem revision=\"1\" revision=\"2\"></problem>"),
        whole("<problem>&nothing;</problem>"),
        whole(&deep),
        whole(&laughs),
        whole(external),
        xml("<test-count>7</test-count>", "<test-count>9</test-count>", "problem.xml"),
        xml("<test-count>7</test-count>", "<test-count>-7</test-count>", "problem.xml"),
        xml("<test-count>7</test-count>", "<test-count>many</test-count>", "problem.xml"),
        xml("<test-count>7</test-count>", "<test-count>99999999999</test-count>", "problem.xml"),
        xml("<time-limit>2000<", "<time-limit>-1<", "problem.xml"),
        xml("<time-limit>2000<", "<time-limit>soon<", "problem.xml"),
        xml("<time-limit>2000<", "<time-limit>99999999999999999999<", "problem.xml"),
        xml("<memory-limit>268435456<", "<memory-limit>none<", "problem.xml"),
        xml("<input-path-pattern>tests/%d<", "<input-path-pattern>../%d<", "../1"),
        xml("<input-path-pattern>tests/%d<", "<input-path-pattern>/etc/%d<", "/etc/1"),
        xml("<input-path-pattern>tests/%d<", "<input-path-pattern>tests/%s<", "problem.xml"),
        xml("<dependency group=\"samples\"/>", "<dependency group=\"absent\"/>", "problem.xml"),
        xml(samples, depends_on_itself, "problem.xml"),
        xml("points-policy=\"each-test\"", "points-policy=\"some\"", "problem.xml"),
        xml("points=\"50.0\" points-policy", "points=\"much\" points-policy", "problem.xml"),
        xml("input-file=\"\"", "input-file=\"in.txt\"", "problem.xml"),
        xml("files/check.cpp\" type", "files/absent.cpp\" type", "absent.cpp"),
        xml("files/check.cpp\" type", "../../check.cpp\" type", "check.cpp"),
        changed("polygongroups", "tests/3", None, "tests/3"),
        changed("polygongroups", "tests/3.a", None, "tests/3.a"),
        changed("polygongroups", "files/check.cpp", None, "files/check.cpp"),
    ]
}

fn dmoj() -> Vec<Case> {
    let whole = |text: &str| changed("dmojbatched", "init.yml", Some(text), "init.yml");
    let checker = |text: &str| {
        let cases = "test_cases:\n- {in: 1.in, out: 1.out, points: 5}\n";
        changed("dmojbatched", "init.yml", Some(&format!("checker: {text}\n{cases}")), "init.yml")
    };
    let first = "{in: 1.in, out: 1.out, points: 0}";
    let edit = |to: &str| edited("dmojbatched", "init.yml", first, to, "init.yml");
    vec![
        whole("test_cases: [\n"),
        whole("test_cases: 5\n"),
        whole("test_cases: {a: }\n"),
        whole("- in: 1.in\n"),
        whole("archive: absent.zip\ntest_cases: [{in: a, out: b, points: 1}]\n"),
        whole("archive: ../data.zip\ntest_cases: [{in: a, out: b, points: 1}]\n"),
        whole("archive: /etc/passwd\ntest_cases: [{in: a, out: b, points: 1}]\n"),
        whole("archive: 1.in\ntest_cases: [{in: a, out: b, points: 1}]\n"),
        whole("test_cases: {input_format: '(', output_format: '.*'}\n"),
        edit("{in: absent.in, out: 1.out, points: 0}"),
        edit("{in: ../../etc/passwd, out: 1.out, points: 0}"),
        edit("{in: /etc/passwd, out: 1.out, points: 0}"),
        edit("{in: 1.in, out: absent.out, points: 0}"),
        edit("{in: 1.in, out: 1.out, points: -5}"),
        edit("{in: 1.in, out: 1.out, points: many}"),
        edit("{in: [1.in], out: 1.out, points: 0}"),
        edit("{batched: [], points: 5}"),
        edit("{batched: 1.in, points: 5}"),
        edited("dmojbatched", "init.yml", "dependencies: [1, 2]", "dependencies: [9]", "init.yml"),
        edited("dmojbatched", "init.yml", "dependencies: [1, 2]", "dependencies: [3]", "init.yml"),
        edited("dmojbatched", "init.yml", "dependencies: [1, 2]", "dependencies: x", "init.yml"),
        checker("nonsense"),
        checker("[1]"),
        checker("{name: floats, args: {precision: deep}}"),
        checker("{name: bridged, args: {files: absent.cpp, lang: CPP17}}"),
        checker("{name: bridged, args: {files: ../check.cpp, lang: CPP17}}"),
        checker("{name: bridged, args: {files: 1.in, lang: KLINGON}}"),
        checker("{name: bridged, args: {files: 1.in, lang: CPP17, type: nonsense}}"),
        changed("dmojbatched", "3.in", None, "3.in"),
        changed("dmojbatched", "3.out", None, "3.out"),
        changed("dmojbridged", "data.zip", Some("PK\x03\x04nonsense"), "data.zip"),
        changed("dmojbridged", "pair.h", None, "pair.h"),
    ]
}

fn fps() -> Vec<Case> {
    const FILE: &str = "fpssingle.xml";
    let whole = |text: &str| changed("fpssingle", FILE, Some(text), FILE);
    let xml = |from: &str, to: &str| edited("fpssingle", FILE, from, to, FILE);
    let limit = "<![CDATA[1500]]>";
    vec![
        whole("<fps version=\"1.2\">"),
        whole("<fps version=\"1.2\"></fps>"),
        whole("<fps version=\"1.2\"><item></item></fps>"),
        whole(&xml_laughs("fps")),
        xml(limit, "soon"),
        xml(limit, "-1"),
        xml(limit, "99999999999999999999"),
        xml("<title>Two Summands &amp; One Sum</title>", ""),
        xml("<title>Two Summands &amp; One Sum</title>", "<title>&nothing;</title>"),
        xml("<test_output name=\"two\"><![CDATA[500000000 500000000\n]]></test_output>", ""),
        xml("<spj language=\"C++\">", "<spj language=\"Klingon\">"),
        xml("</item>", ""),
        changed("fpssingle", "other.xml", Some("<fps></fps>"), "format"),
    ]
}

/// XML with exponentially nested entities.
fn xml_laughs(root: &str) -> String {
    let entities: String = (1..12)
        .map(|level| {
            let below = format!("&a{};", level - 1).repeat(10);
            format!("<!ENTITY a{level} \"{below}\">")
        })
        .collect();
    format!("<!DOCTYPE {root} [<!ENTITY a0 \"x\">{entities}]><{root}>&a11;</{root}>")
}

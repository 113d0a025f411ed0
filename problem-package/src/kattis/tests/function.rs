//! Function problems: the signature, cases as values, and the languages that are offered.

use super::*;

const SIGNATURE: &str = "function: twoSum
params:
  - { name: nums, type: 'int[]' }
  - { name: target, type: int }
returns: int[]
equality: { unordered: [0] }
";

const TWO_SUM: &[(&str, &str)] = &[
    ("sum/problem.yaml", "name: Two sum\nlicense: cc0\nlimits: {time_limit: 1}\n"),
    ("sum/problem_statement/problem.en.md", "Find two.\n"),
    ("sum/assay/signature.yaml", SIGNATURE),
    ("sum/data/sample/1.in", "[[2, 7, 11], 9]\n"),
    ("sum/data/sample/1.ans", "[0, 1]\n"),
    (
        "sum/data/secret/cases.jsonl",
        "{\"args\": [[3, 3], 6], \"expected\": [0, 1], \"name\": \"The same\"}\n\n\
         {\"args\": [[1, 2, 3], 5], \"expected\": [1, 2]}\n",
    ),
    (
        "sum/submissions/accepted/sum.py",
        "class Solution:\n    def twoSum(self, nums, target): return []\n",
    ),
];

fn options() -> Options {
    let languages = ["cpp", "haskell", "python3"].map(|id| id.parse().unwrap()).to_vec();
    Options { languages, ..Options::default() }
}

fn read_function(changes: &[(&str, Option<&str>)]) -> Result<Package, Vec<Diagnostic>> {
    read(&changed(TWO_SUM, changes), &options())
}

fn errors(changes: &[(&str, Option<&str>)]) -> Vec<String> {
    read_function(changes).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn each_line_of_values_is_a_test() {
    let package = read_function(&[]).unwrap();
    assert_eq!(package.warnings, []);
    let content = &package.content;
    let names: Vec<_> = content.tests.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["sample/1", "secret/cases-1-the-same", "secret/cases-2"]);
    let input = &package.blobs[&content.tests[2].input.digest];
    assert_eq!(input.as_ref(), b"[[1, 2, 3], 5]");
    let signature = content.signature.as_ref().unwrap().read().unwrap();
    assert_eq!(signature.to_string(), "int[] twoSum(int[] nums, int target)");
    assert_eq!(content.samples[0].input, "[[2, 7, 11], 9]\n");
}

#[test]
fn languages_that_have_a_driver_are_offered_with_starter_code() {
    let offered = |changes: &[(&str, Option<&str>)]| {
        let package = read_function(changes).unwrap();
        let offers = package.content.languages.into_iter();
        offers.map(|it| (it.language.to_string(), it.starter_code)).collect::<Vec<_>>()
    };
    let all = offered(&[]);
    let ids: Vec<_> = all.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["cpp", "python3"]);
    assert!(all[1].1.contains("def twoSum(self, nums: List[int], target: int) -> List[int]:"));
    let own = offered(&[("assay/starter/python3.py", Some("# yours\n"))]);
    assert_eq!(own[1], ("python3".to_owned(), "# yours\n".to_owned()));
    assert_eq!(own.len(), 2);
}

#[test]
fn leetcodes_metadata_is_a_signature() {
    let metadata = r#"{ "name": "twoSum", "return": { "type": "integer[]" }, "params":
        [{ "name": "nums", "type": "integer[]" }, { "name": "target", "type": "integer" }] }"#;
    let changes = [("assay/signature.yaml", None), ("assay/metadata.json", Some(metadata))];
    let content = read_function(&changes).unwrap().content;
    let signature = content.signature.unwrap().read().unwrap();
    assert_eq!(signature.to_string(), "int[] twoSum(int[] nums, int target)");
}

#[test]
fn what_is_wrong_with_values_is_named_with_its_place() {
    let lines = "{\"args\": [[3], 6], \"expected\": [0]}\n{\"args\": [[3, \"x\"], 6], \"expected\": [0]}\n\
                 {\"args\": [[3], 6], \"expected\": 0}\n{\"args\": 1}\n";
    let found = errors(&[("data/secret/cases.jsonl", Some(lines))]);
    assert_eq!(
        found,
        [
            "error: data/secret/cases.jsonl:4:11: missing field `expected`; expected a line \
             {\"args\": …, \"expected\": …, \"name\": …}",
            "error: data/secret/cases.jsonl:2:1: args: $[0][1]: \"x\" is not a value of type int",
            "error: data/secret/cases.jsonl:3:1: expected: $: 0 is not a value of type int[]",
        ]
    );
    let found = errors(&[("data/sample/1.in", Some("[[2, 7],\n 9"))]);
    assert!(
        found[0].starts_with("error: data/sample/1.in:2:2: EOF while parsing a list"),
        "{found:?}"
    );
    let found = errors(&[("data/sample/1.ans", Some("[0, 4294967296]"))]);
    assert!(found[0].starts_with("error: data/sample/1.ans: $[1]: "), "{found:?}");
}

#[test]
fn what_is_wrong_with_a_signature_is_named() {
    for (written, expected) in [
        ("function: f\nresult: int\n", "assay/signature.yaml:2:1: unknown field"),
        (
            "function: f\nreturns: number\n",
            "assay/signature.yaml: returns: \"number\" is not a type",
        ),
        ("function: [1\n", "assay/signature.yaml:"),
    ] {
        let found = errors(&[("assay/signature.yaml", Some(written))]);
        assert!(found.iter().any(|it| it.contains(expected)), "{written}: {found:?}");
    }
    let lines_only = read_function(&[("assay/signature.yaml", None)]).unwrap_err();
    let said = lines_only.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(said.contains("cases.jsonl: is only read if there is"), "{said}");
}

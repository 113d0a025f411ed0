//! Malformed packages: some written by hand, and some derived from good packages by random changes.
//! Reading any of them must report what is wrong and where, import nothing, and leave the server
//! unchanged.

mod archives;
mod mutation;
mod refused;

use std::fs::File;
use std::path::Path;

use domain::Position;
use problem_package::{Diagnostic, FileTree, Options, Package as Read, Severity, TreeLimits};
use serde_json::{Value, json};
use tests::deployment::{Deployment, Stack, assay_command};
use tests::package::{Package, collection};

use mutation::{Random, mutated};

/// Packages of every format, with scores, groups, validators, interactors and statements in several
/// languages.
const GOOD: [&str; 18] = [
    "allmetadata",
    "buildvalidator",
    "constants",
    "customgrader",
    "dmojbatched",
    "dmojbridged",
    "dmojregex",
    "domjudgeini",
    "fpssingle",
    "fpstwo",
    "icpcversion",
    "polygonbasic",
    "polygongroups",
    "polygoninteractor",
    "scoregroups",
    "scoresum",
    "submissionsyaml",
    "symlinks",
];

/// The number of random changes of each package.
const MUTATIONS: u64 = 40;
/// One of this many refused packages is sent to a server.
const SENT_EVERY: usize = 5;

/// A package that must be refused.
struct Case {
    name: String,
    archive: Vec<u8>,
    /// One of the errors must contain this, usually the file name.
    expected: &'static str,
}

fn cases() -> Vec<Case> {
    [refused::cases(), archives::cases()].into_iter().flatten().collect()
}

fn good(name: &str) -> Package {
    Package::of_folder(&collection().join(name))
}

fn read(archive: &[u8]) -> Result<Vec<Read>, Vec<Diagnostic>> {
    let tree = FileTree::from_zip(archive, &TreeLimits::default())?;
    problem_package::read(&tree, &Options::default())
}

#[test]
fn what_must_be_refused_is_refused_with_its_place() {
    let cases = cases();
    assert!(cases.len() >= 100, "{}", cases.len());
    let wrong: Vec<_> = cases.iter().filter_map(fault).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn fault(case: &Case) -> Option<String> {
    // Shows which case hangs, if one does.
    println!("{}", case.name);
    let Err(diagnostics) = read(&case.archive) else {
        return Some(format!("{} is taken", case.name));
    };
    let errors: Vec<_> = errors(&diagnostics).map(ToString::to_string).collect();
    if errors.iter().any(|error| error.contains(case.expected)) {
        return unclear(&diagnostics).map(|line| format!("{}: {line}", case.name));
    }
    Some(format!("{} does not report {:?}: {errors:?}", case.name, case.expected))
}

#[test]
fn chance_makes_no_package_that_reading_does_not_survive() {
    let (mut taken, mut refused) = (0, 0);
    for name in GOOD {
        let package = good(name);
        assert!(read(&package.zip()).is_ok(), "{name}: {:?}", read(&package.zip()).err());
        for seed in 0..MUTATIONS {
            let mut random = Random::of(name, seed);
            let (archive, what) = mutated(&package, &mut random);
            println!("{name}, seed {seed}: {what}");
            match read(&archive) {
                Ok(packages) => {
                    taken += 1;
                    assert!(!packages.is_empty(), "{name}, seed {seed}: {what}");
                }
                Err(diagnostics) => {
                    refused += 1;
                    let unclear = unclear(&diagnostics);
                    assert!(unclear.is_none(), "{name}, seed {seed}: {what}: {unclear:?}");
                }
            }
        }
    }
    println!("{taken} were taken, {refused} refused");
    assert!(taken > 0 && refused > 0);
}

fn errors(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &Diagnostic> {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
}

/// What is unclear: there is no error, or one without a message. An error without a file must be
/// about the archive, the whole package or one of its names.
fn unclear(diagnostics: &[Diagnostic]) -> Option<String> {
    const OF_ALL: [&str; 6] = ["archive", "package", "format", "files", "links", "\""];
    if errors(diagnostics).next().is_none() {
        return Some(format!("no error: {diagnostics:?}"));
    }
    let is_clear = |it: &&Diagnostic| {
        let is_of_all = || OF_ALL.iter().any(|word| it.message.contains(word));
        !it.message.is_empty() && (!it.path.is_empty() || is_of_all())
    };
    errors(diagnostics).find(|it| !is_clear(it)).map(ToString::to_string)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_refuses_them_and_goes_on() {
    let deployment = Deployment::start(Stack::Embedded).await;
    let ada = deployment.register("ada").await;
    let imported = deployment.import(&Package::sum("sum", 1)).await;
    assert_eq!(imported["userErrors"], json!([]));
    let before = (head(&deployment).await, problems(&deployment).await);
    let cases = cases();
    let sent: Vec<_> = cases.iter().step_by(SENT_EVERY).collect();
    assert!(sent.len() >= 25, "{}", sent.len());
    for case in sent {
        println!("{}", case.name);
        refused(&deployment, case).await;
    }
    assert_eq!((head(&deployment).await, problems(&deployment).await), before);
    let right = "print(sum(map(int, input().split())))";
    let id = ada.submitted("sum", "python3", right).await;
    assert_eq!(ada.verdict(&id).await, "ACCEPTED");
}

async fn refused(deployment: &Deployment, case: &Case) {
    let admin = deployment.admin();
    let uploaded = admin.upload(case.archive.clone()).await;
    if uploaded.status != 201 {
        let answer = (uploaded.status, uploaded.code());
        assert_eq!(answer, (400, "BAD_USER_INPUT"), "{}: {uploaded:?}", case.name);
        return;
    }
    let import = "mutation($package: Sha256!) { importProblem(input: { package: $package }) {
        problems { slug } revised token userErrors { code message }
    } }";
    let variables = json!({ "package": uploaded.body["sha256"] });
    let payload = admin.data(import, variables).await["importProblem"].take();
    let errors = payload["userErrors"].as_array().unwrap();
    assert!(!errors.is_empty(), "{} is taken: {payload}", case.name);
    assert!(errors.iter().all(|error| error["code"] == "INVALID"), "{}: {errors:?}", case.name);
    let messages: Vec<_> = errors.iter().map(|it| it["message"].as_str().unwrap()).collect();
    let is_reported = messages.iter().any(|message| message.contains(case.expected));
    assert!(is_reported, "{} does not report {:?}: {messages:?}", case.name, case.expected);
    let nothing = json!({ "problems": [], "revised": false, "token": null });
    for (key, value) in nothing.as_object().unwrap() {
        assert_eq!(&payload[key], value, "{}: {payload}", case.name);
    }
}

async fn head(deployment: &Deployment) -> Position {
    deployment.stores().await.log.info().await.unwrap().head
}

async fn problems(deployment: &Deployment) -> Value {
    let count = "{ problems { totalCount } }";
    deployment.admin().data(count, json!({})).await["problems"]["totalCount"].take()
}

/// If the file were read before it is refused, it would fill the memory.
#[test]
fn a_file_that_is_too_large_is_refused_by_its_size() {
    const BYTES: u64 = 2 << 30;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, begins: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, begins).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(BYTES).unwrap();
        path
    };
    // No server listens there, and no request is made.
    let server = ["--server", "http://127.0.0.1:1", "--token", "assay_made-up"];
    for (path, expected) in [
        (file("nothing.zip", b""), "nothing.zip: has 2147483648 bytes"),
        (file("set.xml", b"<fps version=\"1.2\">"), "set.xml: has 2147483648 bytes"),
        (file("archive.zip", b"PK\x03\x04"), "the archive has"),
    ] {
        let path = path.to_str().unwrap();
        let arguments = [&["problem", "import", path][..], &server].concat();
        let output = assay_command(folder.path(), &arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{path}: {output:?}");
        assert!(said.contains(expected) && said.contains("expected at most"), "{said}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

/// The behaviour of programs shows only when they run. Only the package is blamed for it.
#[test]
fn validators_that_are_no_good_are_found_by_verifying() {
    let folder = tempfile::tempdir().unwrap();
    let accepted = "print(sum(map(int, input().split())))\n";
    let package = |slug: &str, validator: &str, source: &str| {
        let yaml = "name: Sum\nvalidation: custom\nlimits: {time_limit: 2, validation_time: 1}\n";
        let archive = Package::sum(slug, 1)
            .file(&format!("{slug}/problem.yaml"), yaml)
            .file(&format!("{slug}/output_validators/good.py"), "raise SystemExit(42)\n")
            .file(&format!("{slug}/submissions/accepted/sum.py"), accepted)
            .file(&format!("{slug}/submissions/wrong_answer/two.py"), "print(2)\n")
            .file(&format!("{slug}/{validator}"), source);
        write(folder.path(), &format!("{slug}.zip"), &archive.zip())
    };
    let flood = "import sys\nwhile True: sys.stderr.write('x' * 65536)\n";
    let cases = [
        package("broken", "output_validators/good.cpp", "int main( {\n"),
        package("looping", "output_validators/good.py", "while True: pass\n"),
        package("flooding", "output_validators/good.py", flood),
        package("crashing", "output_validators/good.py", "raise ValueError('no such thing')\n"),
        package("input-broken", "input_validators/check.cpp", "int main( {\n"),
        package("input-looping", "input_validators/check.py", "while True: pass\n"),
        package("input-rejects", "input_validators/check.py", "raise SystemExit(43)\n"),
    ];
    let json = folder.path().join("report.json");
    let arguments = ["problem", "verify", "--sandbox", "native"];
    let mut command = assay_command(folder.path(), &arguments);
    let output = command.arg("--json").arg(&json).args(&cases).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let reports = report["packages"].as_array().unwrap();
    assert_eq!(reports.len(), cases.len(), "{report}");
    for package in reports {
        let problems = package["problems"].as_array().unwrap();
        let submissions = package["submissions"].as_array().unwrap();
        assert!(problems.iter().chain(submissions).any(|it| it["agrees"] != true), "{package:#}");
        let slug = package["slug"].as_str().unwrap();
        if slug.starts_with("input-") {
            let is_reported = problems.iter().any(|it| {
                let finding = format!("{}{}", it["file"], it["message"]);
                finding.contains("check") || finding.contains("data/")
            });
            assert!(is_reported, "{package:#}");
            let of_looping = |it: &&Value| it.to_string().contains("within 1s");
            let given_up = problems.iter().filter(of_looping).count();
            assert_eq!(given_up, usize::from(slug == "input-looping"), "{package:#}");
        } else if !submissions.is_empty() {
            let is_fault = |it: &Value| it["verdict"] == "JUDGE_ERROR" && it["detail"] != "";
            assert!(submissions.iter().all(is_fault), "{package:#}");
        } else {
            assert!(problems.iter().any(|it| it.to_string().contains("good")), "{package:#}");
        }
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

//! Archives that are invalid, have false sizes, or contain paths or links that lead outside.

use tests::package::Package;

use super::Case;

/// Placeholders, replaced by names of the same length that no library writes.
const FIRST: &str = "sum/data/secret/first-placeholder";
const SECOND: &str = "sum/data/secret/other-placeholder";
/// The size of a file whose recorded size is changed afterwards, in bytes. No other number in the
/// archive equals it.
const ODD_BYTES: usize = 1_234_567;

/// Offsets of an entry's fields in the table of contents, and the values written there.
const FLAGS_AT: usize = 8;
const METHOD_AT: usize = 10;
const MODE_AT: usize = 40;
const ENCRYPTED: u8 = 1;
const UNKNOWN_METHOD: u8 = 77;
/// The upper byte of a Unix mode: a character device.
const DEVICE: u8 = 0o020_000_u16.to_be_bytes()[0];

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = [
        ("no bytes", Vec::new(), "archive"),
        ("text", b"name: Sum\n".to_vec(), "archive"),
        ("noise after the first bytes", b"PK\x03\x04nonsense".to_vec(), "archive"),
        ("no entries", Package::default().zip(), "format"),
        ("half an archive", half(&sum().zip()), "archive"),
        ("no table of contents", without_end(&sum().zip()), "archive"),
        ("names of no known format", Package::default().file("sum/a.txt", "x").zip(), "format"),
        ("one name twice", renamed(&two(), SECOND, FIRST.as_bytes()), "first-placeholder"),
        ("a name with a zero byte", renamed(&two(), FIRST, &[0; FIRST.len()]), "control"),
        ("one file too many", many_files(), "too many"),
        ("a bomb", bomb(), "too large"),
        ("a file of more bytes than claimed", claiming(10), "secret/001.in"),
        ("a file of 2 GB, as claimed", claiming(2 << 30), "secret/001.in"),
        ("a file of 4 GB, as claimed", claiming(u32::MAX - 1), "secret/001.in"),
        ("a file that is encrypted", with_field(FLAGS_AT, ENCRYPTED), "cannot be read"),
        (
            "a file packed by no known method",
            with_field(METHOD_AT, UNKNOWN_METHOD),
            "cannot be read",
        ),
        ("a device", with_field(MODE_AT + 1, DEVICE), "regular file"),
        ("bytes that do not inflate", with_broken_data(), "cannot be read"),
    ]
    .into_iter()
    .map(|(name, archive, expected)| Case { name: format!("archive: {name}"), archive, expected })
    .collect();
    cases.extend(names());
    cases.extend(links());
    cases
}

fn sum() -> Package {
    Package::sum("sum", 2)
}

/// Names outside of the package, and names that no file can have.
fn names() -> impl Iterator<Item = Case> {
    let long = format!("sum/{}", "x".repeat(300));
    let deep = format!("sum/{}x", "a/".repeat(40));
    [
        ("sum/../../../tmp/x".to_owned(), "tmp/x"),
        ("../x".to_owned(), "../x"),
        ("sum/..".to_owned(), "sum/.."),
        ("sum/./x".to_owned(), "sum/./x"),
        ("sum//x".to_owned(), "sum//x"),
        ("/tmp/x".to_owned(), "/tmp/x"),
        ("/".repeat(5) + "x", "x"),
        ("sum\\..\\x".to_owned(), "backslash"),
        ("C:\\x".to_owned(), "backslash"),
        ("sum/a\nb".to_owned(), "control"),
        ("sum/\u{1b}[31m".to_owned(), "control"),
        (long, "too long"),
        (deep, "folders"),
        ("sum/problem.yaml/x".to_owned(), "problem.yaml/x"),
        ("sum/data/secret/001.in/x".to_owned(), "001.in/x"),
    ]
    .into_iter()
    .map(|(path, expected)| {
        let archive = sum().file(&path, "x").zip();
        Case { name: format!("name: {path:.60?}"), archive, expected }
    })
}

/// Links that leave the package or have no target.
fn links() -> impl Iterator<Item = Case> {
    let chain = (0..40).fold(sum().file("sum/data/l40", "x"), |package, number| {
        package.link(&format!("sum/data/l{number}"), &format!("l{}", number + 1))
    });
    let long = "x".repeat(2_000);
    [
        ("out of the package", sum().link("sum/data/a", "../../../etc/passwd"), "data/a"),
        ("to a place of the machine", sum().link("sum/data/a", "/etc/passwd"), "data/a"),
        ("to themselves", sum().link("sum/data/a", "a"), "data/a"),
        ("in a circle", sum().link("sum/data/a", "b").link("sum/data/b", "a"), "data/a"),
        ("to nothing", sum().link("sum/data/a", "absent"), "data/a"),
        ("to nowhere", sum().link("sum/data/a", ""), "data/a"),
        ("to the folder that they are in", sum().link("sum/data/a", "../data"), "data/a"),
        ("in a long chain", chain, "data/l0"),
        ("with a long target", sum().link("sum/data/a", &long), "data/a"),
        ("with a zero byte in it", sum().link("sum/data/a", "a\0b"), "data/a"),
        ("in the place of problem.yaml", yaml_elsewhere(), "problem.yaml"),
    ]
    .into_iter()
    .map(|(name, package, expected)| Case {
        name: format!("links {name}"),
        archive: package.zip(),
        expected,
    })
}

fn yaml_elsewhere() -> Package {
    sum().without("sum/problem.yaml").link("sum/problem.yaml", "../../problem.yaml")
}

fn two() -> Vec<u8> {
    sum().file(FIRST, "1\n").file(SECOND, "2\n").zip()
}

fn half(archive: &[u8]) -> Vec<u8> {
    archive[..archive.len() / 2].to_vec()
}

/// The last record contains the position of the table of contents.
fn without_end(archive: &[u8]) -> Vec<u8> {
    const END_BYTES: usize = 22;
    archive[..archive.len() - END_BYTES].to_vec()
}

/// Replaces every occurrence of a name by another of the same length.
fn renamed(archive: &[u8], from: &str, to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    replaced(archive, from.as_bytes(), to)
}

fn replaced(archive: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut archive = archive.to_vec();
    let places = places(&archive, from);
    assert!(!places.is_empty());
    for at in places {
        archive[at..at + to.len()].copy_from_slice(to);
    }
    archive
}

fn places(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(wanted.len()).enumerate();
    windows.filter(|(_, window)| *window == wanted).map(|(at, _)| at).collect()
}

fn many_files() -> Vec<u8> {
    let count = problem_package::limits::FILES_MAX;
    let mut package = Package::default();
    package.extend((0..=count).map(|number| (format!("sum/data/{number}"), Vec::new())));
    package.zip()
}

/// A small archive that expands to very large files.
fn bomb() -> Vec<u8> {
    let nothing = vec![0; 40 << 20];
    sum()
        .file("sum/data/secret/001.in", nothing.clone())
        .file("sum/data/secret/002.in", nothing)
        .zip()
}

/// An archive that records another size for one of its files.
fn claiming(bytes: u32) -> Vec<u8> {
    let archive = sum().file("sum/data/secret/001.in", vec![b'1'; ODD_BYTES]).zip();
    let size = u32::try_from(ODD_BYTES).expect("it is small").to_le_bytes();
    replaced(&archive, &size, &bytes.to_le_bytes())
}

/// An archive with one changed byte in the first entry of the table of contents.
fn with_field(at: usize, value: u8) -> Vec<u8> {
    let mut archive = sum().zip();
    let entry = places(&archive, b"PK\x01\x02")[0];
    archive[entry + at] = value;
    archive
}

fn with_broken_data() -> Vec<u8> {
    let mut archive = sum().zip();
    let name = places(&archive, b"sum/data/secret/001.in")[0];
    let data = name + "sum/data/secret/001.in".len();
    archive[data..data + 3].fill(0xFF);
    archive
}

use super::*;

fn build(limits: TreeLimits, entries: &[(&str, Entry)]) -> Result<FileTree, Vec<Diagnostic>> {
    let mut builder = FileTree::builder(limits);
    for (path, entry) in entries {
        builder.insert(path.as_bytes(), entry.clone());
    }
    builder.finish()
}

fn tree(entries: &[(&str, Entry)]) -> Result<FileTree, Vec<Diagnostic>> {
    build(TreeLimits::default(), entries)
}

fn file(text: &str) -> Entry {
    Entry::File(Bytes::copy_from_slice(text.as_bytes()))
}

fn link(target: &str) -> Entry {
    Entry::Link { target: target.as_bytes().to_vec() }
}

fn lines(result: Result<FileTree, Vec<Diagnostic>>) -> Vec<String> {
    result.unwrap_err().iter().map(Diagnostic::to_string).collect()
}

fn paths(tree: &FileTree) -> Vec<&str> {
    tree.files().map(|(path, _)| path).collect()
}

#[test]
fn the_folder_around_everything_is_the_name() {
    let packed = tree(&[
        ("sum", Entry::Folder),
        ("sum/problem.yaml", file("")),
        ("sum/data/1.in", file("1")),
        ("__MACOSX/sum/._1.in", file("noise")),
    ])
    .unwrap();
    assert_eq!(packed.name(), Some("sum"));
    assert_eq!(paths(&packed), ["data/1.in", "problem.yaml"]);
    let loose = tree(&[("problem.yaml", file("")), ("data/1.in", file("1"))]).unwrap();
    assert_eq!(loose.name(), None);
    assert_eq!(loose.under("data").collect::<Vec<_>>(), [("1.in", &Bytes::from("1"))]);
    assert_eq!(loose.under("dat").count(), 0);
}

#[test]
fn names_are_as_people_write_them_and_hidden_ones_count_as_absent() {
    let tree = tree(&[
        ("problem.yaml", file("")),
        ("main class.java", file("")),
        ("данные/1.in", file("")),
        (".git/x", file("")),
        ("data/.git/x", file("")),
        ("data/Thumbs.db", file("")),
    ])
    .unwrap();
    assert_eq!(paths(&tree), ["main class.java", "problem.yaml", "данные/1.in"]);
    assert_eq!(tree.warnings(), []);
}

#[test]
fn a_root_that_is_named_is_taken_away() {
    for (root, name) in
        [("sum", "sum"), (".tmpX1", ".tmpX1"), ("a/A plus B", "A plus B"), ("-x", "-x")]
    {
        let mut builder = FileTree::builder(TreeLimits::default()).rooted(root);
        for path in ["", "/problem.yaml", "/sum/1.in", "/.git/config"] {
            let entry = if path.is_empty() { Entry::Folder } else { file("") };
            builder.insert(format!("{root}{path}").as_bytes(), entry);
        }
        let tree = builder.finish().unwrap();
        assert_eq!(tree.name(), Some(name));
        assert_eq!(paths(&tree), ["problem.yaml", "sum/1.in"]);
    }
    let named = tree(&[("problem.yaml", file("")), ("a", file(""))]).unwrap().or_named("x (1)");
    assert_eq!((named.name(), named.is_named_by_file()), (Some("x (1)"), true));
    let packed = tree(&[("sum/problem.yaml", file(""))]).unwrap().or_named("x (1)");
    assert_eq!((packed.name(), packed.is_named_by_file()), (Some("sum"), false));
}

#[test]
fn what_counts_as_absent_is_within_every_limit() {
    let limits =
        TreeLimits { files_max: 2, file_bytes_max: 5, total_bytes_max: 5, ..TreeLimits::default() };
    let mut builder = FileTree::builder(limits);
    for path in [".git/a", ".git/objects/b", "__MACOSX/c", "d/.DS_Store", "Thumbs.db", "-x", ".e"] {
        assert!(builder.omits(path.as_bytes()), "{path}");
        builder.insert(path.as_bytes(), file("too many bytes"));
    }
    builder.insert(b"a", file("12"));
    builder.insert(b"b", file("345"));
    assert_eq!(paths(&builder.finish().unwrap()), ["a", "b"]);
}

#[test]
fn every_bad_path_is_reported_at_once() {
    let mut builder = FileTree::builder(TreeLimits::default());
    for path in [b"../../etc/passwd".as_slice(), b"/etc/passwd", b"a\0b", b"\xff\xfe.in", b"..\\x"]
    {
        builder.insert(path, Entry::Folder);
    }
    assert_eq!(
        lines(builder.finish()),
        [
            "error: \"../../etc/passwd\" leads out of its folder; expected a path within the package",
            "error: \"/etc/passwd\" is an absolute path; expected a path within the package",
            "error: \"a\\0b\" has a control character; expected a name without control characters",
            "error: \"\u{fffd}\u{fffd}.in\" is not UTF-8; expected a path in UTF-8",
            "error: \"..\\\\x\" has a backslash; expected `/` between names",
        ]
    );
}

#[test]
fn a_name_stands_for_one_thing() {
    let twice =
        tree(&[("p/a", file("1")), ("p/a", file("2")), ("p/b", link("a")), ("p/b", file(""))]);
    assert_eq!(
        lines(twice),
        [
            "error: a: occurs twice in the package; expected one file of this name",
            "error: b: occurs twice in the package; expected one file of this name",
        ]
    );
    let both = tree(&[("a", file("1")), ("a/b", file("2"))]);
    assert_eq!(lines(both), ["error: a/b: is in \"a\", which is a file; expected a folder"]);
    let linked = tree(&[("a", link("c")), ("a/b", file("1")), ("c/b", file("2"))]);
    assert_eq!(lines(linked), ["error: a/b: is in \"a\", which is a link; expected a folder"]);
    let pipe = tree(&[("a", Entry::Special)]);
    assert_eq!(lines(pipe), ["error: a: is a device, a pipe or a socket; expected a regular file"]);
}

fn broken(tree: &FileTree) -> Vec<String> {
    tree.broken_links().iter().map(ToString::to_string).collect()
}

#[test]
fn links_within_the_package_are_followed() {
    let tree = tree(&[
        ("problem.yaml", file("")),
        ("data/secret/1.in", file("one")),
        ("data/sample/1.in", link("../secret/1.in")),
        ("data/secret/again.in", link("1.in")),
        ("copy", link("data/secret")),
    ])
    .unwrap();
    assert_eq!(
        paths(&tree),
        [
            "copy/1.in",
            "copy/again.in",
            "data/sample/1.in",
            "data/secret/1.in",
            "data/secret/again.in",
            "problem.yaml"
        ]
    );
    assert_eq!(tree.get("copy/again.in").unwrap(), "one");
}

#[test]
fn a_link_that_leads_nowhere_is_an_error_that_says_why() {
    let tree = tree(&[
        ("problem.yaml", file("")),
        ("a/file", file("")),
        ("a/absolute", link("/etc/passwd")),
        ("a/circle", link("elcric")),
        ("a/dangling", link("nothing")),
        ("a/elcric", link("circle")),
        ("a/escape", link("../../problem.yaml")),
        ("a/itself", link("../a")),
        ("a/root", link("..")),
    ])
    .unwrap();
    assert_eq!(paths(&tree), ["a/file", "problem.yaml"]);
    let report = broken(&tree);
    let expected = "; expected a link to a file or folder of the package";
    assert_eq!(
        report,
        [
            "error: a/absolute: is a link to \"/etc/passwd\", which is an absolute path; expected \
             a path within the package"
                .to_owned(),
            format!(
                "error: a/circle: is a link to \"elcric\", which leads back to itself: a/circle \
                 -> a/elcric -> a/circle{expected}"
            ),
            format!(
                "error: a/elcric: is a link to \"circle\", which leads back to itself: a/elcric \
                 -> a/circle -> a/elcric{expected}"
            ),
            format!(
                "error: a/escape: is a link to \"../../problem.yaml\", which leads out of the \
                 package{expected}"
            ),
            format!(
                "error: a/itself: is a link to \"../a\", which contains the link \
                 itself{expected}"
            ),
            format!(
                "error: a/root: is a link to \"..\", which contains the link \
                 itself{expected}"
            ),
            format!("error: a/dangling: is a link to \"nothing\", which does not exist{expected}"),
        ]
    );
}

#[test]
fn links_to_folders_cannot_multiply() {
    let nested = tree(&[("a/1", file("")), ("b/x", link("../a")), ("c", link("b"))]);
    assert_eq!(
        broken(&nested.unwrap()),
        [
            "error: c: is a link to \"b\", which leads to a folder that contains a link to a folder; \
             expected a link to a file or folder of the package"
        ]
    );
    let limits = TreeLimits { files_max: 5, ..TreeLimits::default() };
    let many =
        build(limits, &[("a/1", file("")), ("a/2", file("")), ("b", link("a")), ("c", link("a"))]);
    assert_eq!(lines(many), ["error: the links lead to too many files; expected at most 5"]);
}

#[test]
fn limits_hold_before_bytes_are_read() {
    let limits = TreeLimits {
        files_max: 3,
        file_bytes_max: 10,
        total_bytes_max: 15,
        ..TreeLimits::default()
    };
    let mut builder = FileTree::builder(limits.clone());
    assert!(!builder.admits(b"big", 2 << 30));
    assert!(builder.admits(b"a", 10));
    builder.insert(b"a", file("0123456789"));
    assert!(!builder.is_full());
    assert!(!builder.admits(b"b", 6));
    assert!(builder.is_full());
    assert!(!builder.admits(b"c", 1));
    builder.insert(b"c", file("1"));
    assert_eq!(
        lines(builder.finish()),
        [
            "error: big: has 2147483648 bytes; expected at most 10",
            "error: all files together are too large; expected at most 15 bytes",
        ]
    );
    let many =
        build(limits, &[("a", file("")), ("b", file("")), ("c", link("a")), ("d", file(""))]);
    assert_eq!(lines(many), ["error: there are too many files; expected at most 3"]);
}

#[test]
fn nothing_is_read_once_the_time_is_over() {
    let budget = Budget::default();
    let limits = TreeLimits { budget: budget.clone(), ..TreeLimits::default() };
    let mut builder = FileTree::builder(limits.clone());
    builder.insert(b"sum/init.yml", file("archive: a"));
    let tree = builder.finish().unwrap();
    assert_eq!(tree.files().count(), 1);
    assert!(crate::read(&tree, &crate::Options::default()).is_err());

    budget.cancel();
    assert_eq!((tree.files().count(), tree.under("").count()), (0, 0));
    assert!(tree.get("init.yml").is_none());
    let error =
        "error: reading the package takes too long; expected less data, or fewer and simpler texts";
    let errors = crate::read(&tree, &crate::Options::default()).unwrap_err();
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [error]);
    let mut builder = FileTree::builder(limits);
    builder.insert(b"a", file("b"));
    assert!(builder.is_full());
    assert_eq!(builder.finish().unwrap_err()[0].message, OVER_TIME);
}

#[test]
fn trees_without_exactly_one_package_are_refused_with_the_reason() {
    let cases: [(&[&str], &str); 4] = [
        (
            &["a/problem.yaml", "note.txt"],
            "the package is in \"a\", but \"note.txt\" is outside it; expected \"a\" alone",
        ),
        (
            &["a/problem.yaml", "b/c/init.yml", "x/pom.xml"],
            "there are 2 packages, as in \"a\" and \"b/c\"; expected one package",
        ),
        (&["x/pom.xml", "y"], "is in no supported format; expected problem.yaml (Kattis), "),
        (&["problem.yml", "y"], "problem.yml: is not read; expected problem.yaml"),
    ];
    for (paths, expected) in cases {
        let entries: Vec<_> = paths.iter().map(|path| (*path, file("name: A"))).collect();
        let errors = crate::read(&tree(&entries).unwrap(), &crate::Options::default()).unwrap_err();
        let last = errors.last().unwrap().to_string();
        assert!(last.starts_with(&format!("error: {expected}")), "{paths:?}: {errors:?}");
    }
}

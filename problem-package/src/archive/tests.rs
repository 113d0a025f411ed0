use std::io::Write;

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

/// An archive of these files, deflated.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The archive with every occurrence of some bytes replaced, which a zip writer would not do.
fn forge(archive: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut forged = archive.to_vec();
    let places: Vec<_> =
        archive.windows(from.len()).enumerate().filter(|(_, bytes)| *bytes == from).collect();
    assert!(!places.is_empty());
    for (place, _) in places {
        forged[place..place + to.len()].copy_from_slice(to);
    }
    forged
}

fn errors(archive: &[u8]) -> Vec<String> {
    let result = FileTree::from_zip(archive, &TreeLimits::default());
    result.unwrap_err().iter().map(Diagnostic::to_string).collect()
}

fn error(archive: &[u8]) -> String {
    let errors = errors(archive);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors.into_iter().next().unwrap()
}

#[test]
fn a_folder_in_an_archive_is_a_tree_with_a_name() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    writer.add_directory("sum/", options).unwrap();
    writer.start_file("sum/problem.yaml", options.unix_permissions(0o644)).unwrap();
    writer.write_all(b"name: Sum").unwrap();
    let stored = options.compression_method(CompressionMethod::Stored);
    writer.start_file("sum/data/secret/1.in", stored).unwrap();
    writer.write_all(b"1 2\n").unwrap();
    writer.add_symlink("sum/data/sample/1.in", "../secret/1.in", options).unwrap();
    let archive = writer.finish().unwrap().into_inner();

    let tree = FileTree::from_zip(&archive, &TreeLimits::default()).unwrap();
    assert_eq!(tree.name(), Some("sum"));
    let files: Vec<_> = tree.files().map(|(path, bytes)| (path, &bytes[..])).collect();
    assert_eq!(
        files,
        [
            ("data/sample/1.in", b"1 2\n".as_slice()),
            ("data/secret/1.in", b"1 2\n"),
            ("problem.yaml", b"name: Sum"),
        ]
    );
}

#[test]
fn what_is_no_archive_is_refused() {
    let archive = zip(&[("a", b"some bytes")]);
    for bytes in [b"".as_slice(), b"PK", b"not a zip", &archive[..archive.len() / 2]] {
        assert!(error(bytes).starts_with("error: the archive cannot be read: "));
    }
}

#[test]
fn a_zip_slip_is_refused() {
    let slips = ["../../etc/cron.d/x", "/etc/cron.d/x", "p/../../x", "..\\..\\x", "p/a\nb"];
    for slip in slips {
        let placeholder = "p".repeat(slip.len());
        let archive = forge(&zip(&[(&placeholder, b"x")]), placeholder.as_bytes(), slip.as_bytes());
        let error = error(&archive);
        assert!(error.starts_with(&format!("error: {slip:?} ")), "{error}");
    }
}

/// An archive of one empty file with an arbitrary name and extra field, which a zip writer would
/// reject.
fn raw_zip(name: &[u8], flags: u16, extra: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_le_bytes();
    let common = |version: &[u8]| {
        let mut header = version.to_vec();
        header.extend(flags.to_le_bytes());
        // Stored, dated 1 January 1980, without checksum and contents.
        header.extend([0, 0, 0, 0, 0x21, 0]);
        header.extend([0; 12]);
        header.extend(length(name));
        header.extend(length(extra));
        header
    };
    let entry = [name, extra].concat();
    let local = [b"PK\x03\x04".to_vec(), common(&[20, 0]), entry.clone()].concat();
    let central = [b"PK\x01\x02".to_vec(), common(&[20, 0, 20, 0]), vec![0; 14], entry].concat();
    let mut archive = [&*local, &*central, b"PK\x05\x06\0\0\0\0\x01\0\x01\0"].concat();
    archive.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
    archive.extend(u32::try_from(local.len()).unwrap().to_le_bytes());
    archive.extend([0, 0]);
    archive
}

#[test]
fn a_name_is_read_in_the_encoding_that_it_is_in() {
    const UTF8: u16 = 1 << 11;
    let unicode_path = |raw: &[u8], name: &str| {
        let length = u16::try_from(5 + name.len()).unwrap().to_le_bytes();
        let [id, checksum] = [b"\x75\x70".to_vec(), checksum(raw).to_le_bytes().to_vec()];
        [id, length.to_vec(), vec![1], checksum, name.as_bytes().to_vec()].concat()
    };
    let cases: [(&[u8], u16, Vec<u8>, &str); 6] = [
        (b"p/problem.yaml", 0, vec![], "problem.yaml"),
        // Archivers on Linux do not declare UTF-8.
        ("p/año.in".as_bytes(), 0, vec![], "año.in"),
        ("p/año.in".as_bytes(), UTF8, vec![], "año.in"),
        // Archivers on Windows write code page 437, and some also store the name in UTF-8.
        (b"p/a\xa4o.in", 0, vec![], "año.in"),
        (b"p/\xa4.in", 0, unicode_path(b"p/\xa4.in", "p/ñ.in"), "ñ.in"),
        (b"p/\x8d\x8e.in", 0, unicode_path(b"p/\x8d\x8e.in", "p/но.in"), "но.in"),
    ];
    for (raw, flags, extra, expected) in cases {
        let tree = FileTree::from_zip(&raw_zip(raw, flags, &extra), &TreeLimits::default());
        let tree = tree.unwrap_or_else(|errors| panic!("{expected}: {errors:?}"));
        let paths: Vec<_> = tree.files().map(|(path, _)| path).collect();
        assert_eq!((tree.name(), &*paths), (Some("p"), &[expected][..]));
    }
}

#[test]
fn the_folders_around_everything_are_the_root() {
    let cases: [(&[&str], Option<&str>, &str); 19] = [
        (&["sum/problem.yaml", "sum/data/1.in"], Some("sum"), "problem.yaml"),
        (&["problem.yaml", "data/1.in"], None, "problem.yaml"),
        (&["./problem.yaml", "./data/1.in"], None, "problem.yaml"),
        (&["./sum/problem.yaml"], Some("sum"), "problem.yaml"),
        (&["A plus B/problem.yaml"], Some("A plus B"), "problem.yaml"),
        (&["x (1)/problem.yaml"], Some("x (1)"), "problem.yaml"),
        (&["сумма/problem.yaml"], Some("сумма"), "problem.yaml"),
        (&["name-3$linux/problem.xml"], Some("name-3$linux"), "problem.xml"),
        (&["contest/sum/problem.yaml", "contest/sum/data/1.in"], Some("sum"), "problem.yaml"),
        (&["a/b/sum/problem.yaml", "a/.git/HEAD", "a/b/.idea/x"], Some("sum"), "problem.yaml"),
        (&["a/b/c/init.yml"], Some("c"), "init.yml"),
        (&["a/b/set.xml"], Some("b"), "set.xml"),
        (&[".hidden/problem.yaml"], Some(".hidden"), "problem.yaml"),
        (&["-x/problem.yaml"], Some("-x"), "problem.yaml"),
        (&["sum/problem.yaml", "__MACOSX/sum/._problem.yaml"], Some("sum"), "problem.yaml"),
        (&["sum/problem.yaml", ".DS_Store", "sum/.DS_Store"], Some("sum"), "problem.yaml"),
        (&["sum/problem.yaml", ".git/config", "Thumbs.db"], Some("sum"), "problem.yaml"),
        (&["sum/problem.yaml", "readme.md"], None, "readme.md"),
        (&["p/data/secret/1.in"], Some("p"), "data/secret/1.in"),
    ];
    for (names, name, first) in cases {
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, b"x".as_slice())).collect();
        let tree = FileTree::from_zip(&zip(&files), &TreeLimits::default()).unwrap();
        let paths: Vec<_> = tree.files().map(|(path, _)| path).collect();
        assert_eq!(tree.name(), name, "{names:?}");
        assert!(paths.contains(&first), "{names:?}: {paths:?}");
        assert!(paths.iter().all(|path| !path.contains(".git") && !path.contains("Store")));
    }
}

#[test]
fn names_in_test_data_are_kept() {
    let files: [(&str, &[u8]); 5] = [
        ("tests/1.in", b"1"),
        ("tests/.2.in", b"2"),
        ("tests/-3 (x).in", b"3"),
        ("__MACOSX/tests/._1.in", b"noise"),
        ("tests/.DS_Store", b"noise"),
    ];
    let tree = FileTree::from_data_zip(&zip(&files), &TreeLimits::default()).unwrap();
    let paths: Vec<_> = tree.files().map(|(path, _)| path).collect();
    assert_eq!(paths, ["tests/-3 (x).in", "tests/.2.in", "tests/1.in"]);
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let archive = forge(&zip(&[("p/a.in", b"1"), ("p/b.in", b"2")]), b"p/b.in", b"p/a.in");
    assert_eq!(
        error(&archive),
        "error: \"p/a.in\" occurs twice in the archive; expected one entry of this name"
    );
}

#[test]
fn a_link_out_of_the_archive_is_not_followed() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    writer.start_file("p/problem.yaml", options).unwrap();
    writer.add_symlink("p/absolute", "/etc/passwd", options).unwrap();
    writer.add_symlink("p/escape", "../../etc/passwd", options).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let tree = FileTree::from_zip(&bytes, &TreeLimits::default()).unwrap();
    let broken: Vec<_> = tree.broken_links().iter().map(ToString::to_string).collect();
    assert_eq!(broken.len(), 2, "{broken:#?}");
    assert!(
        broken[0]
            .contains("error: absolute: is a link to \"/etc/passwd\", which is an absolute path")
    );
    assert!(broken[1].contains("escape: is a link to \"../../etc/passwd\", which leads out"));

    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("p/problem.yaml", options).unwrap();
    writer.add_symlink("p/long", "x".repeat(5_000), options).unwrap();
    let errors = errors(&writer.finish().unwrap().into_inner());
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains("error: long: inflates to more than 1024 bytes"));
}

#[test]
fn a_device_is_refused() {
    let archive = zip(&[("p/a", b"")]);
    // Replace the mode of a regular file, stored in the upper half, by that of a device.
    let archive =
        forge(&archive, &(0o100_644_u32 << 16).to_le_bytes(), &(0o020_644_u32 << 16).to_le_bytes());
    assert_eq!(
        error(&archive),
        "error: a: is a device, a pipe or a socket; expected a regular file"
    );
}

#[test]
fn a_claim_of_two_gigabytes_is_refused_before_a_byte_is_inflated() {
    let claim = 2_147_483_648_u32;
    let size = 77_777_u32;
    let archive = zip(&[("p/huge.in", &vec![b'x'; size as usize])]);
    let archive = forge(&archive, &size.to_le_bytes(), &claim.to_le_bytes());
    assert_eq!(error(&archive), "error: huge.in: has 2147483648 bytes; expected at most 104857600");
}

#[test]
fn an_entry_that_inflates_to_more_than_it_claims_is_refused() {
    let size = 77_777_u32;
    let archive = zip(&[("p/liar.in", &vec![b'x'; size as usize])]);
    let smaller = forge(&archive, &size.to_le_bytes(), &1_000_u32.to_le_bytes());
    assert!(error(&smaller).starts_with("error: liar.in: "), "{}", error(&smaller));
    let larger = forge(&archive, &size.to_le_bytes(), &100_000_u32.to_le_bytes());
    assert!(error(&larger).starts_with("error: liar.in: "), "{}", error(&larger));
}

#[test]
fn a_zip_bomb_is_refused() {
    // 80 MB of zeros from 80 kB.
    let zeros = vec![0; 8_000_000];
    let names: Vec<String> = (0..10).map(|i| format!("p/{i}.in")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), zeros.as_slice())).collect();
    let bomb = zip(&files);
    assert!(bomb.len() < 100_000);
    assert_eq!(
        error(&bomb),
        "error: all files together are too large; expected at most 67108864 bytes"
    );
}

#[test]
fn a_zip_bomb_is_refused_even_if_nothing_of_it_would_be_kept() {
    let zeros = vec![0; 8_000_000];
    let names: Vec<String> = (0..10).map(|i| format!("p/{i}.in")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), zeros.as_slice())).collect();
    let bomb = zip(&files);
    let too_large = "error: all files together are too large; expected at most 67108864 bytes";

    let mut crc = checksum(&zeros).to_le_bytes();
    let damaged_from = crc;
    crc[0] ^= 1;
    let errors = errors(&forge(&bomb, &damaged_from, &crc));
    assert_eq!(errors.len(), 9, "{errors:#?}");
    assert_eq!(errors[8], too_large);
}

/// The checksum that an archive stores for these bytes.
fn checksum(bytes: &[u8]) -> u32 {
    let archive = zip(&[("a", bytes)]);
    ZipArchive::new(Cursor::new(archive)).unwrap().by_index(0).unwrap().crc32()
}

#[test]
fn repetitive_test_data_is_no_bomb() {
    let line = b"1000000000\n".repeat(500_000);
    let archive = zip(&[("p/data/secret/1.in", &line)]);
    assert!(line.len() > 200 * archive.len());
    let tree = FileTree::from_zip(&archive, &TreeLimits::default()).unwrap();
    assert_eq!(tree.get("data/secret/1.in").unwrap().len(), line.len());
}

#[test]
fn a_large_archive_and_a_long_table_of_contents_are_refused_unread() {
    let limits = TreeLimits { archive_bytes_max: 100, files_max: 2, ..TreeLimits::default() };
    let refusal = |archive: &[u8]| FileTree::from_zip(archive, &limits).unwrap_err()[0].to_string();
    assert_eq!(refusal(&[0; 101]), "error: the archive has 101 bytes; expected at most 100");
    let limits = TreeLimits { archive_bytes_max: 10_000, ..limits };
    let refusal = |archive: &[u8]| FileTree::from_zip(archive, &limits).unwrap_err()[0].to_string();
    let many = zip(&[("a", b""), ("b", b""), ("c", b"")]);
    assert_eq!(refusal(&many), "error: there are too many files; expected at most 2");
    let names: Vec<String> = (0..60).map(|number| format!(".git/{number}")).collect();
    let hidden = |count: usize| {
        let hidden = names[1..count].iter().map(String::as_str);
        let files = hidden.chain(["problem.yaml"]).map(|name| (name, b"".as_slice()));
        zip(&files.collect::<Vec<_>>())
    };
    let refused = "error: the archive has too many entries; expected at most 40";
    assert_eq!(refusal(&hidden(41)), refused);
    assert!(FileTree::from_zip(&hidden(40), &limits).is_ok());
}

#[test]
fn encryption_and_other_compressions_are_refused() {
    let archive = zip(&[("p/a", b"0123456789")]);
    // The compression method follows the version and the flags in both headers.
    let deflated = [20, 0, 0, 0, 8, 0];
    let encrypted = forge(&archive, &deflated, &[20, 0, 1, 0, 8, 0]);
    assert!(error(&encrypted).starts_with("error: a: cannot be read: "), "{}", error(&encrypted));
    let other = forge(&archive, &deflated, &[20, 0, 0, 0, 93, 0]);
    assert!(error(&other).starts_with("error: a: cannot be read: "), "{}", error(&other));
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
        prop_assert!(FileTree::from_zip(&bytes, &TreeLimits::default()).is_err());
    }

    #[test]
    fn damaged_archives_do_not_panic(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut archive = zip(&[("p/problem.yaml", b"name: Sum"), ("p/data/1.in", &[b'x'; 500])]);
        for (place, byte) in damage {
            let place = place.index(archive.len());
            archive[place] = byte;
        }
        // Both results are right, but a panic or a hang is not.
        if let Ok(tree) = FileTree::from_zip(&archive, &TreeLimits::default()) {
            prop_assert!(tree.files().count() <= 2);
        }
    }
}

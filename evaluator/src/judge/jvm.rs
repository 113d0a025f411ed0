//! Where a program for the Java virtual machine begins: in the class that has a `main`, as it was compiled. Names and
//! texts of sources do not tell: a class may lie in a package, bear another name than its file, or be Kotlin's own.

use std::io::{Cursor, Read};

use cafebabe::{
    ClassFile, MethodAccessFlags, ParseOptions, attributes::AttributeData, parse_class_with_options,
};
use zip::ZipArchive;

/// The largest class that is looked into, in bytes.
const CLASS_BYTES_MAX: u64 = 1 << 20;
/// Classes that are looked into.
const CLASSES_MAX: usize = 2_000;
/// What `kotlinc -include-runtime` puts beside a program.
const RUNTIME: [&str; 3] = ["kotlin/", "META-INF/", "org/jetbrains/"];

/// The method that a program begins in: `public static void main(String[])`.
const MAIN: (&str, &str) = ("main", "([Ljava/lang/String;)V");

/// A class that a program can begin in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    /// As the virtual machine is told it: `org.judge.Main`.
    class: String,
    /// The name of the file that it was compiled from.
    source: Option<String>,
}

/// What a compiled program offers to begin with.
#[derive(Debug, Default)]
struct Found {
    candidates: Vec<Candidate>,
    /// A class with a `main` that only later versions of Java begin in.
    almost: Option<String>,
}

/// The class that a program begins in, given its archive, the class that its author named, and the file that it is
/// expected to begin in. Or why there is none, in words for the author.
pub(super) fn entry_point(
    jar: &[u8],
    named: Option<&str>,
    main_file: &str,
) -> Result<String, String> {
    let found = look_into(jar).map_err(|error| format!("the archive cannot be read: {error}"))?;
    let signature = "public static void main(String[])";
    if let Some(named) = named {
        let known = found.candidates.iter().any(|it| it.class == named);
        return match known {
            true => Ok(named.to_owned()),
            false => Err(format!("the entry point {named} has no method {signature}")),
        };
    }
    match (choose(&found.candidates, main_file), found.almost) {
        (Some(class), _) => Ok(class),
        (None, Some(almost)) => Err(format!(
            "no class has a method {signature}; that of {almost} is not public and static with this parameter"
        )),
        (None, None) => Err(format!("no class has a method {signature}")),
    }
}

/// Of several, the one compiled from the expected file, of these the one called as the file is; else the first by name.
fn choose(candidates: &[Candidate], main_file: &str) -> Option<String> {
    let file = main_file.rsplit('/').next().unwrap_or(main_file);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let order = |it: &&Candidate| {
        let simple = it.class.rsplit('.').next().unwrap_or(&it.class);
        let (of_file, called_so) = (it.source.as_deref() == Some(file), simple == stem);
        (!of_file, !called_so, simple != "Main", simple.contains('$'), it.class.clone())
    };
    candidates.iter().min_by_key(order).map(|it| it.class.clone())
}

fn look_into(jar: &[u8]) -> Result<Found, zip::result::ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(jar))?;
    let mut found = Found::default();
    let mut classes = 0;
    for index in 0..archive.len() {
        let file = archive.by_index(index)?;
        let name = file.name_raw();
        if !name.ends_with(b".class")
            || RUNTIME.iter().any(|runtime| name.starts_with(runtime.as_bytes()))
        {
            continue;
        }
        classes += 1;
        if classes > CLASSES_MAX {
            break;
        }
        let mut bytes = Vec::new();
        file.take(CLASS_BYTES_MAX).read_to_end(&mut bytes)?;
        let options = &mut ParseOptions::default();
        // What cannot be read is no class that a program begins in.
        if let Ok(class) = parse_class_with_options(&bytes, options.parse_bytecode(false)) {
            found.add(&class);
        }
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, class: &ClassFile<'_>) {
        let mains = class.methods.iter().filter(|method| method.name == MAIN.0);
        let class_name = class.this_class.replace('/', ".");
        for method in mains {
            let wanted = MethodAccessFlags::PUBLIC | MethodAccessFlags::STATIC;
            let parameter = method.descriptor.to_string() == MAIN.1;
            if parameter && method.access_flags.contains(wanted) {
                let source = class.attributes.iter().find_map(|attribute| match &attribute.data {
                    AttributeData::SourceFile(name) => Some(name.to_string()),
                    _ => None,
                });
                self.candidates.push(Candidate { class: class_name, source });
                return;
            }
            self.almost.get_or_insert_with(|| class_name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classes with the files that they were compiled from, the main file, and the class that is chosen.
    type Case = (&'static [(&'static str, &'static str)], &'static str, Option<&'static str>);

    #[test]
    fn of_several_classes_the_expected_one_is_chosen() {
        let cases: [Case; 9] = [
            (&[], "Main.java", None),
            (&[("Foo", "Main.java")], "Main.java", Some("Foo")),
            (&[("a.b.Main", "Main.java")], "Main.java", Some("a.b.Main")),
            (&[("A", "A.java"), ("B", "B.java")], "B.java", Some("B")),
            (&[("A", "sub/A.java"), ("B", "B.java")], "x/B.java", Some("B")),
            (&[("Helper", "Main.java"), ("Main", "Main.java")], "Main.java", Some("Main")),
            (&[("A", "Q.java"), ("Main", "Q.java")], "Q.java", Some("Main")),
            (&[("Main$Inner", "Main.java"), ("Z", "Main.java")], "Main.java", Some("Z")),
            (&[("B", "B.java"), ("A", "A.java")], "Main.java", Some("A")),
        ];
        for (classes, file, expected) in cases {
            let candidates: Vec<_> = classes
                .iter()
                .map(|(class, source)| Candidate {
                    class: (*class).to_owned(),
                    source: Some((*source).to_owned()),
                })
                .collect();
            assert_eq!(choose(&candidates, file).as_deref(), expected, "{classes:?} {file}");
        }
    }

    #[test]
    fn what_is_no_archive_is_said() {
        assert!(entry_point(b"text", None, "Main.java").unwrap_err().contains("cannot be read"));
    }
}

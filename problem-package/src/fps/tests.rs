use domain::problem::Protocol;
use proptest::prelude::*;

use super::*;
use crate::limits::TreeLimits;
use crate::stored::stored;
use crate::tree::Entry;

/// A correct problem. Each test changes it.
const ITEM: &str = "<item>
<title><![CDATA[A+B]]></title>
<time_limit unit=\"s\"><![CDATA[1.5]]></time_limit>
<memory_limit unit=\"mb\">128</memory_limit>
<description><![CDATA[<p>Add.</p>]]></description>
<input></input>
<output><![CDATA[The sum.]]></output>
<sample_input><![CDATA[1 2]]></sample_input>
<sample_output><![CDATA[3]]></sample_output>
<test_input><![CDATA[2 3]]></test_input>
<test_output><![CDATA[5]]></test_output>
<source><![CDATA[<a href=\"x\">Somewhere</a> &amp; more]]></source>
<solution language=\"Python\"><![CDATA[print(sum(map(int, input().split())))]]></solution>
</item>";

fn tree(text: &str) -> FileTree {
    let mut builder = FileTree::builder(TreeLimits::default());
    builder.insert(b"set.xml", Entry::File(Bytes::copy_from_slice(text.as_bytes())));
    builder.finish().unwrap()
}

fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

fn set(items: &[&str]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<fps version=\"1.2\">\n{}\n</fps>\n",
        items.join("\n")
    )
}

fn packages(text: &str) -> Vec<Package> {
    read(&tree(text), &Options::default())
        .unwrap_or_else(|errors| panic!("{}", lines(&errors).join("\n")))
}

fn errors(text: &str) -> Vec<String> {
    lines(&read(&tree(text), &Options::default()).unwrap_err())
}

/// The problem with parts replaced.
fn with(replace: &[(&str, &str)]) -> String {
    replace.iter().fold(ITEM.to_owned(), |item, (from, to)| {
        assert!(item.contains(from), "{from}");
        item.replacen(from, to, 1)
    })
}

#[test]
fn every_problem_of_a_set_is_read() {
    let second = with(&[
        ("unit=\"s\"><![CDATA[1.5", "unit=\"ms\"><![CDATA[700"),
        ("unit=\"mb\">128", "unit=\"byte\">67108864"),
    ]);
    let text = set(&[ITEM, &second]);
    let doctype = text.replace(
        "<fps",
        "<!DOCTYPE fps PUBLIC \"-//freeproblemset//\" \"http://example.org/fps.dtd\">\n<fps",
    );
    assert_eq!(packages(&doctype).len(), 2);
    let packages = packages(&text);
    let [first, second] = packages.as_slice() else { panic!("two problems") };
    assert!(first.slug.as_str().starts_with("a-b-") && first.is_slug_derived);
    assert_eq!(second.slug.as_str(), format!("{}-2", first.slug));
    let content = &first.content;
    assert_eq!(content.title, "A+B");
    assert_eq!(content.statement, "<div>\n<p>Add.</p>\n</div>\n\n## Output\n\nThe sum.\n");
    assert_eq!((content.limits.time_ms, content.limits.memory_kib), (1_500, 128 * 1024));
    assert_eq!((second.content.limits.time_ms, second.content.limits.memory_kib), (700, 64 * 1024));
    let tests: Vec<_> =
        content.tests.iter().map(|test| (test.name.as_str(), test.sample)).collect();
    assert_eq!(tests, [("sample/1", true), ("test/1", false)]);
    assert_eq!(first.blobs[&content.tests[1].answer.digest], "5");
    assert_eq!(
        (content.samples[0].input.as_str(), content.samples[0].output.as_str()),
        ("1 2", "3")
    );
    assert_eq!(first.about.sources, ["Somewhere & more"]);
    let [solution] = first.submissions.as_slice() else { panic!("one solution") };
    assert_eq!(
        (solution.path.as_str(), solution.language.as_str()),
        ("set.xml#item=1&solution=1", "python3")
    );
    assert_eq!(solution.files[0].path, "main.py");
    assert!(first.warnings.is_empty() && content.flaws().is_empty());
}

#[test]
fn one_bad_problem_refuses_the_set_and_all_errors_are_reported() {
    let bad = with(&[
        ("<![CDATA[A+B]]>", ""),
        ("unit=\"s\"", "unit=\"days\""),
        ("<memory_limit unit=\"mb\">128</memory_limit>", ""),
        ("<test_output><![CDATA[5]]></test_output>", ""),
        (
            "<source>",
            "<spj language=\"Lua\">x</spj><img><src>a.png</src><base64>***</base64></img><img><base64/></img><source>",
        ),
    ]);
    assert_eq!(
        errors(&set(&[ITEM, &bad, &with(&[("<![CDATA[1.5]]>", "soon")])])),
        [
            "error: set.xml:17:1: the problem has no title; expected <title>",
            "error: set.xml:17:1: there are 1 <test_input> and 0 <test_output>; expected the same number of both",
            "error: set.xml:28:28: the image \"a.png\" is not base64; expected <img> with <src> and <base64>",
            "error: set.xml:28:75: an image has no <src>; expected <img> with <src> and <base64>",
            "error: set.xml:19:1: the unit of <time_limit> is \"days\"; expected one of s, ms",
            "error: set.xml:17:1: there is no <memory_limit>; expected <memory_limit unit=\"mb\">",
            "error: set.xml:28:1: <spj> is in \"Lua\"; expected C or C++",
            "error: set.xml:33:1: <time_limit> is \"soon\"; expected a number above 0",
        ]
    );
}

#[test]
fn invalid_sets_are_refused() {
    assert_eq!(
        errors("<fps/>"),
        ["error: set.xml:1:1: there is no problem; expected an <item> for each problem"]
    );
    let bomb =
        "<!DOCTYPE fps [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><fps><item>&b;</item></fps>";
    assert!(
        errors(bomb)[0].starts_with("error: set.xml:1:16: the document type declares an entity")
    );
    let item = with(&[
        ("<description><![CDATA[<p>Add.</p>]]></description>", ""),
        ("<output><![CDATA[The sum.]]></output>", ""),
    ]);
    let bare = read(&tree(&set(&[&item])), &Options::default()).unwrap().remove(0);
    let warnings: Vec<_> = bare.warnings.iter().map(ToString::to_string).collect();
    let expected = "warning: set.xml:3:1: the problem has no statement; expected <description>";
    assert!(warnings.iter().any(|warning| warning == expected), "{warnings:?}");
}

#[test]
fn a_special_judge_becomes_a_checker_with_its_order_of_arguments() {
    let spj = "<spj language=\"C++\"><![CDATA[int main() { return 0; }]]></spj><source>";
    let package = packages(&set(&[&with(&[("<source>", spj)])])).remove(0);
    let Checker::Programs(validation) = &package.content.checker else { panic!("a program") };
    assert_eq!((validation.protocol, validation.interactive), (Protocol::Bridged, false));
    let [program] = validation.programs.as_slice() else { panic!("one program") };
    assert_eq!(program.language, None);
    let files: Vec<_> =
        program.files.iter().map(|file| (file.path.as_str(), file.executable)).collect();
    assert_eq!(files, [("build", true), ("run", true), ("spj.cc", false)]);
    let run = &package.blobs[&program.files[1].content.digest];
    assert!(str::from_utf8(run).unwrap().contains("\"$1\" \"$3\" \"$2\""));
    let testlib = with(&[(
        "<source>",
        "<spj language=\"C++\">#include \"testlib.h\"</spj><tpj>x</tpj><source>",
    )]);
    assert_eq!(
        errors(&set(&[&testlib])),
        [
            "error: set.xml:14:47: <tpj> is not supported; expected <spj>, which needs no testlib.h",
            "error: set.xml:14:1: <spj> includes testlib.h, which is not in the set; expected a program of one file",
        ]
    );
    // HUSTOJ writes an empty element for problems without a special judge.
    let none = packages(&set(&[&with(&[("<source>", "<spj language=\"C++\"> </spj><source>")])]))
        .remove(0);
    assert!(matches!(none.content.checker, Checker::Tokens(_)));
}

#[test]
fn code_around_the_submission_restricts_the_languages() {
    let code = "<template language=\"C\">t</template><prepend language=\"C\">p</prepend><append language=\"C\">a</append>\
                <template language=\"Java\">j</template><append language=\"Scratch\">s</append><source>";
    let package = packages(&set(&[&with(&[("<source>", code)])])).remove(0);
    let [offer] = package.content.languages.as_slice() else { panic!("one language") };
    assert_eq!((offer.language.as_str(), offer.starter_code.as_str()), ("c", "t"));
    assert_eq!(offer.join("x"), "p\nx\na\n");
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: set.xml:14:138: <append> in \"Scratch\" is ignored; expected a language such as C++ or Python",
            "warning: set.xml:15:1: <solution> is in python3, which the problem does not allow",
        ]
    );
    let open = packages(&set(&[&with(&[(
        "<source>",
        "<template language=\"Ruby\">r</template><source>",
    )])]))
    .remove(0);
    assert_eq!(open.content.languages.len(), Options::default().languages.len() + 1);
}

#[test]
fn large_images_are_attached_and_others_are_left_out() {
    let large = STANDARD.encode(format!("GIF89a{}", "x".repeat(500_000)));
    let image = format!(
        "<img><src>/a/b c.gif</src><base64>{large}</base64></img><img><src>/p.pdf</src>\
         <base64>JVBERg==</base64></img><description><![CDATA[<img src=\"/a/b c.gif\">"
    );
    let package = packages(&set(&[&with(&[("<description><![CDATA[", &image)])])).remove(0);
    let shown = "<div>\n<img src=\"statement/1-b%20c.gif\"><p>Add.</p>\n";
    assert!(package.content.statement.starts_with(shown), "{}", package.content.statement);
    assert_eq!(package.content.attachments[0].path, "statement/1-b c.gif");
    assert_eq!(package.content.attachments.len(), 1);
}

#[test]
fn images_are_put_into_the_statement() {
    let image = "<img><src>/i.gif</src><base64>R0lG\nODlh</base64></img><description><![CDATA[<img src=\"/i.gif\">";
    let package = packages(&set(&[&with(&[("<description><![CDATA[", image)])])).remove(0);
    assert!(
        package
            .content
            .statement
            .starts_with("<div>\n<img src=\"data:image/gif;base64,R0lGODlh\"><p>Add.</p>\n")
    );
}

#[test]
fn the_packages_of_the_tests_are_read() {
    for (name, problems) in [("fpssingle", 1), ("fpstwo", 2)] {
        let packages = read(&stored(name), &Options::default()).unwrap();
        assert_eq!(packages.len(), problems, "{name}");
        assert!(packages.iter().all(|package| package.content.flaws().is_empty()));
        assert!(packages.iter().all(|package| package.warnings.is_empty()));
        assert!(packages.iter().all(|package| package.submissions.len() == 2));
    }
}

proptest! {
    #[test]
    fn arbitrary_texts_do_not_panic(
        from in "(<[a-z_/]{1,14}|\"[^\"]{0,12}\"|[0-9.]{1,4}|CDATA)",
        to in "([<>&\"'a-z0-9%/ =-]|\\PC){0,30}",
        xml in "(<fps>|<item>|<title>|<img>|<base64>|</base64>|</img>|</title>|</item>|</fps>|\\PC){0,20}",
    ) {
        for text in [&set(&[&ITEM.replacen(&from, &to, 1)]), &xml] {
            if let Ok(packages) = read(&tree(text), &Options::default()) {
                prop_assert!(packages.iter().all(|package| package.content.flaws().is_empty()));
            }
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
        let mut builder = FileTree::builder(TreeLimits::default());
        builder.insert(b"a.xml", Entry::File(bytes.into()));
        prop_assert!(read(&builder.finish().unwrap(), &Options::default()).is_err());
    }
}

use super::*;

#[test]
fn other_natural_languages_are_translations() {
    let german = [
        ("problem.yaml", "name: {de: Summe, en: Sum}\nlimits: {time_limit: 1}\n"),
        ("statement/problem.de.md", "Addiere.\n"),
    ];
    let changes: Vec<_> = german.iter().map(|(path, text)| (*path, Some(*text))).collect();
    let english = package(&german);
    assert_eq!(
        (english.content.title.as_str(), english.content.statement.as_str()),
        ("Sum", "Add.\n")
    );
    let [translation] = english.content.translations.as_slice() else { panic!("one") };
    assert_eq!((translation.language.as_str(), translation.title.as_str()), ("de", "Summe"));
    assert_eq!(
        english.blobs[&translation.statement.digest],
        "Addiere.
"
    );
    assert_eq!(english.content.natural_language, "en");
    assert_eq!(english.warnings, []);
    let options = Options { natural_language: "de".to_owned(), ..Options::default() };
    let content = read(&tree(&changes), &options).unwrap().content;
    assert_eq!((content.title.as_str(), content.statement.as_str()), ("Summe", "Addiere.\n"));
    assert_eq!(
        warnings(&[("problem.yaml", "name: {fr: Somme}\nlimits: {time_limit: 1}\n")]),
        [
            "warning: problem.yaml:1:7: `name` has no text for \"en\"; expected a name in the language \
             of the statement",
            "warning: problem.yaml: `name` has a text for \"fr\", but there is no statement in that language"
        ]
    );
}

#[test]
fn images_are_put_into_the_markdown() {
    let package = package(&[
        (
            "problem_statement/problem.en.md",
            "See ![a b](map.svg \"map.svg\") here. {{nextsample}}\n",
        ),
        ("problem_statement/map.svg", "<svg/>"),
        ("solution/solution.md", "As in ![map](map.svg).\n"),
    ]);
    let address = "data:image/svg+xml;base64,PHN2Zy8+";
    assert_eq!(package.content.statement, format!("See ![a b]({address} \"map.svg\") here. \n"));
    assert_eq!(package.content.editorial, Some(format!("As in ![map]({address}).\n")));
    let statement =
        "![](gone.png) ![](//example.org/x.png) ![](notes.txt) ![x][y]\n\n[y]: map.svg\n";
    let path = "problem_statement/problem.en.md";
    let spoilt = super::package(&[
        (path, statement),
        ("problem_statement/notes.txt", ""),
        ("problem_statement/map.svg", "<svg/>"),
    ]);
    // External images are removed.
    assert!(!spoilt.content.statement.contains("example.org"), "{}", spoilt.content.statement);
    assert_eq!(
        lines(&spoilt.warnings),
        [
            format!(
                "warning: {path}: the image \"gone.png\" is missing; expected the file \
                 problem_statement/gone.png"
            ),
            format!(
                "warning: {path}: the image \"//example.org/x.png\" is not in the package; expected a \
                 file beside the statement"
            ),
            format!(
                "warning: {path}: the image \"notes.txt\" is of a type that browsers cannot show; expected \
                 a PNG, JPEG, GIF, WebP or SVG file"
            ),
        ]
    );
}

/// A converter for tests: replaces image commands, and fails for texts with `impossible`.
fn marked(latex: &str, _: &crate::Budget) -> Result<String, String> {
    match latex.contains("impossible") {
        true => Err("it is impossible".to_owned()),
        false => Ok(latex.replace("\\includegraphics{", "![](").replace('}', ")")),
    }
}

fn with_latex(changes: &[(&str, Option<&str>)]) -> Package {
    let options = Options { latex: Some(std::sync::Arc::new(marked)), ..Options::default() };
    read(&tree(changes), &options).unwrap()
}

#[test]
fn latex_is_converted_and_shows_its_images() {
    let package = with_latex(&[
        ("problem.yaml", Some("limits: {time_limit: 1}\n")),
        ("problem_statement/problem.en.md", None),
        (
            "problem_statement/problem.tex",
            Some("\\problemname{A \\& B}\n\\illustration{1}{a}{}Add."),
        ),
        (
            "problem_statement/problem.sv.tex",
            Some("\\problemname{A och B}\n\\includegraphics{b.pdf}"),
        ),
        ("problem_statement/a.svg", Some("<svg/>")),
        ("problem_statement/b.pdf", Some("%PDF")),
    ]);
    let content = &package.content;
    assert_eq!(content.title, "A & B");
    assert_eq!(content.statement.trim(), "![](data:image/svg+xml;base64,PHN2Zy8+)\n\nAdd.");
    let [swedish] = content.translations.as_slice() else { panic!("one translation") };
    assert_eq!(swedish.title, "A och B");
    let text = &package.blobs[&swedish.statement.digest];
    assert_eq!(text.trim_ascii(), b"(image: the attached file `statement/b.pdf`)");
    let attached: Vec<_> = content.attachments.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(attached, ["statement/b.pdf"]);
    assert_eq!(
        lines(&package.warnings),
        [
            "warning: problem_statement/problem.sv.tex: the image \"b.pdf\" is of a type that browsers cannot \
          show; expected a PNG or SVG file beside it, from `pdftocairo -svg b.pdf b.svg`"
        ]
    );
}

#[test]
fn figures_of_latex_are_found_by_what_pages_can_show() {
    let statement = |tex: &str, files: &[&str]| {
        let mut changes = vec![
            ("problem_statement/problem.en.md", None),
            ("problem_statement/problem.en.tex", Some(tex)),
        ];
        let paths: Vec<_> = files.iter().map(|file| format!("problem_statement/{file}")).collect();
        changes.extend(paths.iter().map(|path| {
            (path.as_str(), Some(if path.ends_with("svg") { "<svg/>" } else { "%!PS" }))
        }));
        with_latex(&changes)
    };
    let svg = "![](data:image/svg+xml;base64,PHN2Zy8+)";
    for (tex, files, shown, warnings) in [
        ("\\includegraphics{f}", &["f.pdf", "f.svg"][..], svg, 0),
        ("\\includegraphics{f.pdf}", &["f.pdf", "f.svg"], svg, 0),
        ("\\includegraphics{f.eps}", &["f.eps", "f.svg"], svg, 0),
        ("\\includegraphics{f}", &["f.eps"], "(image: the attached file `statement/f.eps`)", 1),
        ("\\includegraphics{f}", &[], "(image)", 1),
    ] {
        let package = statement(tex, files);
        assert_eq!(package.content.statement.trim(), shown, "{tex} {files:?}");
        assert_eq!(package.warnings.len(), warnings, "{tex} {files:?}: {:?}", package.warnings);
    }
}

#[test]
fn formulas_that_are_not_shown_as_meant_are_warned_of() {
    let path = "problem_statement/problem.en.md";
    assert_eq!(
        warnings(&[(path, "Let $a_1 \\le \\text{if $x$}$.\n\nAnd $a \\xor b$.\n")]),
        [format!(
            "warning: {path}:3:1: in the formula \"a \\\\xor b\", the command \\xor is unknown and is shown \
             by its name; expected a LaTeX math command, or a `\\newcommand` that defines it"
        )]
    );
}

#[test]
fn latex_that_nothing_converts_is_shown_as_it_is() {
    let body = "\\problemname{A}\\illustration{1}{a.png}{x}impossible";
    let changes = [
        ("problem_statement/problem.en.md", None),
        ("problem_statement/problem.en.tex", Some(body)),
        ("problem_statement/a.png", Some("png")),
    ];
    let kept = "```latex\n\\includegraphics{a.png}\n\n\\emph{x}\n\nimpossible\n```\n";
    let without = read(&tree(&changes), &Options::default()).unwrap();
    for (package, reason) in
        [(without, "no LaTeX converter is available"), (with_latex(&changes), "it is impossible")]
    {
        assert_eq!(package.content.statement, kept);
        assert_eq!(package.content.attachments[0].path, "statement/a.png");
        let path = "problem_statement/problem.en.tex";
        assert_eq!(
            lines(&package.warnings),
            [format!("warning: {path}: is shown as LaTeX: {reason}")]
        );
    }
}

#[test]
fn a_statement_that_is_missing_or_empty_is_a_warning() {
    let english = "problem_statement/problem.en.md";
    let gone = "problem_statement: there is no statement; expected problem_statement/problem.en.md";
    let empty = "problem_statement/problem.en.md: is empty; expected a text in Markdown";
    let latex = "problem_statement/problem.en.tex: is empty; expected a text in LaTeX";
    type Changes<'a> = &'a [(&'a str, Option<&'a str>)];
    let cases: [(Changes<'_>, &str); 4] = [
        (&[(english, None)], gone),
        (&[(english, Some(""))], empty),
        (&[(english, Some(" \n\n"))], empty),
        (
            &[(english, None), ("problem_statement/problem.en.tex", Some("\\problemname{A}\n"))],
            latex,
        ),
    ];
    for (changes, expected) in cases {
        let package = read(&tree(changes), &Options::default()).unwrap();
        let warnings = lines(&package.warnings);
        assert_eq!(warnings[0], format!("warning: {expected}"));
        assert_eq!(package.content.title, "Sum");
        assert_eq!(package.content.flaws(), []);
    }
}

#[test]
fn a_problem_without_a_name_is_called_like_its_package() {
    let limits = "limits: {time_limit: 1}\n";
    let cases = [
        ("", "the problem has no name, so the package's name is used", "sum"),
        ("name:\n", "the problem has no name, so the package's name is used", "sum"),
        ("name: ''\n", "the problem has no name, so the package's name is used", "sum"),
        ("name: [a]\n", "`name` is a list", "sum"),
        ("name: {sv: Summa}\n", "`name` has no text for \"en\"", "Summa"),
        (
            "problem_format_version: 2025-09\nuuid: 00000000-0000-0000-0000-000000000000\n",
            "the problem has no name",
            "sum",
        ),
    ];
    for (manifest, expected, title) in cases {
        let package = package(&[("problem.yaml", &format!("{manifest}{limits}"))]);
        let warnings = lines(&package.warnings);
        assert!(warnings.iter().any(|warning| warning.contains(expected)), "{warnings:?}");
        assert_eq!(package.content.title, title, "{manifest}");
    }
}

#[test]
fn a_statement_that_is_no_text_is_attached() {
    let package = |files: &[(&str, Option<&str>)]| read(&tree(files), &Options::default()).unwrap();
    let pdf = package(&[
        ("problem_statement/problem.en.md", None),
        ("problem_statement/problem.en.pdf", Some("%PDF")),
        ("problem_statement/problem.sv.html", Some("<p>")),
        ("attachments/lib/a.py", Some("x")),
    ]);
    let content = &pdf.content;
    assert_eq!(
        content.statement,
        "The statement is in the attached file `statement/problem.en.pdf`.\n"
    );
    let attached: Vec<_> = content.attachments.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(attached, ["lib/a.py", "statement/problem.en.pdf", "statement/problem.sv.html"]);
    assert_eq!(content.translations.len(), 1);
    let beside = package(&[("problem.pdf", Some("%PDF"))]).content;
    assert_eq!((beside.statement.as_str(), beside.attachments.len()), ("Add.\n", 1));
}

#[test]
fn a_large_image_is_attached_and_shown() {
    let image = |bytes: usize| format!("GIF89a{}", "x".repeat(bytes - "GIF89a".len()));
    let large = image(crate::limits::IMAGE_BYTES_MAX + 1);
    let fits = image(crate::limits::IMAGE_BYTES_MAX);
    let too_large = image(crate::limits::ATTACHED_IMAGE_BYTES_MAX + 1);
    let path = "problem_statement/problem.en.md";
    let package = package(&[
        (path, "![a](<a.gif>) ![b](fits.gif) ![c](fits.gif) ![d](huge.gif)\n"),
        ("problem_statement/a.gif", &large),
        ("problem_statement/fits.gif", &fits),
        ("problem_statement/huge.gif", &too_large),
        ("solution/solution.md", "![a](<a.gif>)\n"),
    ]);
    let statement = &package.content.statement;
    assert!(statement.starts_with("![a](<statement/a.gif>) ![b](data:image/gif;base64,"));
    // Two of them would exceed the size limit of a statement.
    let end = ") ![c](statement/fits.gif) (image: the attached file `statement/huge.gif`)\n";
    assert!(statement.ends_with(end));
    assert_eq!(package.content.attachments.len(), 3);
    // Images of the editorial are not attached, because attachments are public.
    assert_eq!(package.content.editorial.as_deref(), Some("(image)\n"));
    assert_eq!(package.warnings.len(), 2, "{:?}", package.warnings);
}

#[test]
fn more_samples_than_there_are_cannot_be_shown() {
    let path = "problem_statement/problem.en.md";
    assert_eq!(
        warnings(&[(path, "{{nextsample}} {{nextsample}} {{remainingsamples}}x\n")]),
        [format!(
            "warning: {path}: shows 2 samples, but the package has 1; expected a sample for each"
        )]
    );
}

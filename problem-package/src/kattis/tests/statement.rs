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
        errors(&[("problem.yaml", Some("name: {fr: Somme}\nlimits: {time_limit: 1}\n"))]),
        [
            "error: problem.yaml:1:7: `name` has no text for \"en\"; expected a name in the language \
             of the statement",
            "warning: problem.yaml: `name` has a text for \"fr\", and there is no statement"
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
    assert_eq!(
        errors(&[
            (path, Some(statement)),
            ("problem_statement/notes.txt", Some("")),
            ("problem_statement/map.svg", Some("<svg/>"))
        ]),
        [
            format!(
                "error: {path}: the image \"gone.png\" is missing; expected the file \
                 problem_statement/gone.png"
            ),
            format!(
                "error: {path}: the image \"//example.org/x.png\" is not in the package; expected a \
                 file beside the statement"
            ),
            format!(
                "error: {path}: the image \"notes.txt\" is of no known type; expected a png, jpg or \
                 svg file"
            ),
            format!(
                "error: {path}: the image \"map.svg\" is not named where it is shown; expected \
                 `![text](file)`"
            ),
        ]
    );
}

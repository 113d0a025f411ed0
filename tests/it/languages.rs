//! Two crates that do not depend on each other must agree about languages.

use std::collections::BTreeMap;

use problem_package::SOURCE_EXTENSIONS;
use sandbox::Languages;

#[test]
fn packages_know_every_language_by_its_extensions() {
    let languages = Languages::builtin();
    let judged: BTreeMap<&str, &str> = languages
        .all()
        .iter()
        .flat_map(|it| it.extensions.iter().map(|extension| (extension.as_str(), it.id.as_str())))
        .collect();
    assert_eq!(BTreeMap::from_iter(SOURCE_EXTENSIONS.iter().copied()), judged);
}

//! Reports what the domain rejects, at the place in the package.

use domain::problem::RevisionContent;

use crate::diagnostic::{Place, Report};

/// Reports the content's flaws. `place` maps the domain's field names to places in the package.
pub(crate) fn report_flaws(
    content: &RevisionContent,
    place: impl Fn(&str) -> Place,
    report: &mut Report,
) {
    // A field that could not be read was already reported.
    let had_errors = report.has_errors();
    for flaw in content.flaws() {
        let is_missing = match flaw.field {
            "title" => content.title.is_empty(),
            "tests" => content.tests.is_empty(),
            _ => false,
        };
        if !(is_missing && had_errors) {
            let message = format!("{} is out of bounds: {}", flaw.field, flaw.message);
            report.error(place(flaw.field), message, "");
        }
    }
}

//! What the domain refuses, told where it stands.

use domain::problem::RevisionContent;

use crate::diagnostic::{Place, Report};

/// Reports the content's flaws at the places of the fields, as the domain names them.
pub(crate) fn report_flaws(
    content: &RevisionContent,
    place: impl Fn(&str) -> Place,
    report: &mut Report,
) {
    // What is missing because it could not be read was reported where it stands.
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

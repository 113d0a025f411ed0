//! A problem whose checker and answer file were wrong, and programs that it misjudged.

use crate::package::Package;

/// A correct program, which the wrong problem rejects.
pub const EXACT: &str = "print(sum(map(int, input().split())))";
/// A wrong program, which the wrong problem accepts.
pub const SLOPPY: &str =
    "a, b = map(int, input().split())\nprint(5 if (a, b) == (1, 1) else a + b + 0.5)";

/// The problem `sum`, with a wrong checker and a wrong answer unless `mended`.
pub fn package(mended: bool) -> Package {
    let package = Package::sum("sum", 1);
    if mended {
        return package;
    }
    let lenient =
        "name: Sum\nlimits: {time_limit: 5}\nvalidator_flags: float_absolute_tolerance 1\n";
    package.file("sum/problem.yaml", lenient).file("sum/data/secret/001.ans", "5\n")
}

//! Commands and environments that the renderer does not support, in terms of those that it does.

use super::scan;

/// Commands with their number of arguments and their replacement: `#1` stands for the first
/// argument.
const COMMANDS: [(&str, usize, &str); 98] = [
    // Fonts.
    ("Bbb", 1, "\\mathbb{#1}"),
    ("bfseries", 0, "\\bf "),
    ("boldmath", 0, "\\bf "),
    ("em", 0, "\\it "),
    ("itshape", 0, "\\it "),
    ("mathbbm", 1, "\\mathbb{#1}"),
    ("mathbfit", 1, "\\boldsymbol{#1}"),
    ("mathds", 1, "\\mathbb{#1}"),
    ("mathnormal", 1, "{#1}"),
    ("mathup", 1, "\\mathrm{#1}"),
    ("mbfit", 1, "\\boldsymbol{#1}"),
    ("normalfont", 0, "\\rm "),
    ("pmb", 1, "\\boldsymbol{#1}"),
    ("rmfamily", 0, "\\rm "),
    ("sc", 0, "\\rm "),
    ("sffamily", 0, "\\sf "),
    ("sl", 0, "\\it "),
    ("ttfamily", 0, "\\tt "),
    ("upshape", 0, "\\rm "),
    // Dots.
    ("dots", 0, "…"),
    ("dotsb", 0, "\\cdots "),
    ("dotsc", 0, "…"),
    ("dotsi", 0, "\\cdots "),
    ("dotsm", 0, "\\cdots "),
    ("dotso", 0, "…"),
    ("hdots", 0, "…"),
    ("iddots", 0, "⋰"),
    ("ldots", 0, "…"),
    ("mathellipsis", 0, "…"),
    // Symbols.
    ("Arrowvert", 0, "‖"),
    ("Mapsto", 0, "⤇"),
    ("Or", 0, "∨"),
    ("arrowvert", 0, "|"),
    ("bracevert", 0, "|"),
    ("centerdot", 0, "\\cdot "),
    ("intop", 0, "\\int\\limits "),
    ("lBrack", 0, "⟦"),
    ("lparen", 0, "("),
    ("mathcolon", 0, ":"),
    ("mathdollar", 0, "\\$"),
    ("mathparagraph", 0, "\\P "),
    ("mathsection", 0, "\\S "),
    ("mathunderscore", 0, "\\_"),
    ("nobreakspace", 0, "~"),
    ("nshortmid", 0, "\\nmid "),
    ("nshortparallel", 0, "\\nparallel "),
    ("ointop", 0, "\\oint\\limits "),
    ("rBrack", 0, "⟧"),
    ("rparen", 0, ")"),
    ("shortmid", 0, "\\mid "),
    ("shortparallel", 0, "\\parallel "),
    ("smallfrown", 0, "\\frown "),
    ("smallint", 0, "\\int "),
    ("smallsetminus", 0, "\\setminus "),
    ("smallsmile", 0, "\\smile "),
    ("thickapprox", 0, "\\approx "),
    ("thicksim", 0, "\\sim "),
    ("varinjlim", 0, "\\underrightarrow{\\lim}"),
    ("varliminf", 0, "\\underline{\\lim}"),
    ("varlimsup", 0, "\\overline{\\lim}"),
    ("varprojlim", 0, "\\underleftarrow{\\lim}"),
    ("varpropto", 0, "\\propto "),
    // Over, under and around.
    ("overarc", 1, "\\overparen{#1}"),
    ("pod", 1, "\\quad(#1)"),
    ("shortstack", 1, "\\begin{subarray}{c}#1\\end{subarray}"),
    ("sout", 1, "\\cancel{#1}"),
    ("stackunder", 2, "\\underset{#2}{#1}"),
    ("substack", 1, "\\begin{subarray}{c}#1\\end{subarray}"),
    ("widearc", 1, "\\overparen{#1}"),
    ("wideparen", 1, "\\overparen{#1}"),
    // Boxes without a border, which only show their content.
    ("bbox", 1, "{#1}"),
    ("clap", 1, "{#1}"),
    ("ensuremath", 1, "{#1}"),
    ("llap", 1, "{#1}"),
    ("mathchoice", 4, "{#2}"),
    ("mathclap", 1, "{#1}"),
    ("mathllap", 1, "{#1}"),
    ("mathrlap", 1, "{#1}"),
    ("rlap", 1, "{#1}"),
    ("smash", 1, "{#1}"),
    // Plain TeX's tables.
    ("displaylines", 1, "\\begin{gathered}#1\\end{gathered}"),
    ("eqalign", 1, "\\begin{aligned}#1\\end{aligned}"),
    // Space.
    ("Space", 3, "\\hspace{#1}"),
    ("enskip", 0, "\\enspace "),
    ("hfil", 0, "\\quad "),
    ("hfill", 0, "\\quad "),
    ("space", 0, "~"),
    // Numbers with units.
    ("SI", 2, "#1\\,\\mathrm{#2}"),
    ("num", 1, "{#1}"),
    ("qty", 2, "#1\\,\\mathrm{#2}"),
    ("si", 1, "\\mathrm{#1}"),
    ("unit", 1, "\\mathrm{#1}"),
    // Links, which formulas cannot have.
    ("cssId", 2, "{#2}"),
    ("class", 2, "{#2}"),
    ("href", 2, "{#2}"),
    ("style", 2, "{#2}"),
    // Ends of rows.
    ("cr", 0, "\\\\ "),
    ("tabularnewline", 0, "\\\\ "),
];

/// Commands that are dropped, with their number of arguments. Those with arguments may also have
/// one in brackets.
const SILENT: [(&str, usize); 44] = [
    ("Huge", 0),
    ("LARGE", 0),
    ("Large", 0),
    ("allowbreak", 0),
    ("allowdisplaybreaks", 0),
    ("bigskip", 0),
    ("centering", 0),
    ("displaylimits", 0),
    ("footnotesize", 0),
    ("goodbreak", 0),
    ("huge", 0),
    ("ignorespaces", 0),
    ("label", 1),
    ("large", 0),
    ("leavevmode", 0),
    ("long", 0),
    ("mathsurround", 0),
    ("medskip", 0),
    ("mit", 0),
    ("nobreak", 0),
    ("noindent", 0),
    ("nolinebreak", 0),
    ("nonumber", 0),
    ("nopagebreak", 0),
    ("normalsize", 0),
    ("notag", 0),
    ("null", 0),
    ("pagebreak", 0),
    ("par", 0),
    ("protect", 0),
    ("raggedright", 0),
    ("relax", 0),
    ("require", 1),
    ("rule", 2),
    ("scriptsize", 0),
    ("small", 0),
    ("smallskip", 0),
    ("strut", 0),
    ("tiny", 0),
    ("unboldmath", 0),
    ("unskip", 0),
    ("vspace", 1),
    ("xspace", 0),
    ("displaybreak", 0),
];

/// The replacement of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Environment {
    /// This environment, which takes a column specification.
    Columns(&'static str),
    /// This environment.
    Named(&'static str),
    /// `array` with these columns.
    Array(&'static str),
    /// This environment, without the argument for the number of columns.
    Counted(&'static str),
    /// A group.
    Group,
}

const ENVIRONMENTS: [(&str, Environment); 38] = [
    ("align", Environment::Named("aligned")),
    ("align*", Environment::Named("aligned")),
    ("alignat", Environment::Counted("aligned")),
    ("alignat*", Environment::Counted("aligned")),
    ("aligned", Environment::Named("aligned")),
    ("alignedat", Environment::Counted("aligned")),
    ("array", Environment::Columns("array")),
    ("bsmallmatrix", Environment::Named("bmatrix")),
    ("Bmatrix*", Environment::Named("Bmatrix")),
    ("Vmatrix*", Environment::Named("Vmatrix")),
    ("bmatrix*", Environment::Named("bmatrix")),
    ("cases*", Environment::Named("cases")),
    ("center", Environment::Group),
    ("darray", Environment::Columns("darray")),
    ("dcases*", Environment::Named("dcases")),
    ("displaymath", Environment::Group),
    ("eqnarray", Environment::Array("rcl")),
    ("eqnarray*", Environment::Array("rcl")),
    ("equation", Environment::Group),
    ("equation*", Environment::Group),
    ("flalign", Environment::Named("aligned")),
    ("flalign*", Environment::Named("aligned")),
    ("gather", Environment::Named("gathered")),
    ("gather*", Environment::Named("gathered")),
    ("gathered", Environment::Named("gathered")),
    ("math", Environment::Group),
    ("matrix*", Environment::Named("matrix")),
    ("multline", Environment::Named("gathered")),
    ("multline*", Environment::Named("gathered")),
    ("pmatrix*", Environment::Named("pmatrix")),
    ("psmallmatrix", Environment::Named("pmatrix")),
    ("smallmatrix", Environment::Named("matrix")),
    ("split", Environment::Named("aligned")),
    ("subarray", Environment::Columns("subarray")),
    ("subequations", Environment::Group),
    ("tabular", Environment::Columns("array")),
    ("vmatrix*", Environment::Named("vmatrix")),
    ("vsmallmatrix", Environment::Named("vmatrix")),
];

/// Environments that are commands with one argument in plain TeX.
const AS_COMMANDS: [&str; 4] = ["matrix", "pmatrix", "bmatrix", "cases"];

/// Common colour names that the renderer supports.
const COLOURS: [&str; 19] = [
    "black",
    "blue",
    "brown",
    "cyan",
    "darkgray",
    "gray",
    "green",
    "lightgray",
    "lime",
    "magenta",
    "olive",
    "orange",
    "pink",
    "purple",
    "red",
    "teal",
    "violet",
    "white",
    "yellow",
];

/// The number of arguments of a command, and its replacement.
pub(super) fn command(name: &str) -> Option<(usize, &'static str)> {
    let known = COMMANDS.iter().find(|(known, _, _)| *known == name)?;
    Some((known.1, known.2))
}

/// The number of arguments of a command that is dropped.
pub(super) fn silent(name: &str) -> Option<usize> {
    SILENT.iter().find(|(known, _)| *known == name).map(|(_, arguments)| *arguments)
}

/// The replacement of an environment; `None` if it needs none.
pub(super) fn environment(name: &str) -> Option<Environment> {
    ENVIRONMENTS.iter().find(|(known, _)| *known == name).map(|(_, environment)| *environment)
}

/// The name of an environment that is a command in plain TeX.
pub(super) fn environment_as_command(name: &str) -> Option<&'static str> {
    AS_COMMANDS.into_iter().find(|known| *known == name)
}

/// The argument of the renderer's `\color`, from a colour's model and its name or numbers.
pub(super) fn colour(model: Option<&str>, value: &str) -> Option<String> {
    let value = value.trim();
    match model.map(str::trim) {
        None => {
            let hex = value.strip_prefix('#').and_then(hex);
            hex.or_else(|| COLOURS.contains(&value).then(|| format!("{{{value}}}")))
        }
        Some("HTML") => hex(value),
        Some("rgb") => of_parts(value, 255.0),
        Some("RGB") => of_parts(value, 1.0),
        Some(_) => None,
    }
}

/// Parses `ff0000` or `f00`.
fn hex(digits: &str) -> Option<String> {
    if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.to_ascii_uppercase();
    match digits.len() {
        3 => {
            let doubled: String = digits.chars().flat_map(|c| [c, c]).collect();
            Some(format!("[HTML]{{{doubled}}}"))
        }
        6 => Some(format!("[HTML]{{{digits}}}")),
        _ => None,
    }
}

fn of_parts(value: &str, factor: f64) -> Option<String> {
    let parts: Option<Vec<u8>> = value
        .split(',')
        .map(|part| {
            let part = part.trim().parse::<f64>().ok()? * factor;
            (0.0..=255.0).contains(&part).then_some(part.round() as u8)
        })
        .collect();
    let [red, green, blue] = parts?[..] else { return None };
    hex(&format!("{red:02x}{green:02x}{blue:02x}"))
}

/// Reduces the columns of an `array` to what the renderer supports: `l`, `c`, `r` and lines between
/// them.
pub(super) fn columns(specification: &str) -> Result<String, String> {
    let mut columns = String::new();
    add_columns(specification, 0, &mut columns)?;
    if !columns.contains(['l', 'c', 'r']) {
        columns.push('c');
    }
    Ok(columns)
}

fn add_columns(specification: &str, depth: usize, columns: &mut String) -> Result<(), String> {
    const COLUMNS_MAX: usize = 256;
    const DEPTH_MAX: usize = 4;
    let mut rest = specification;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            'l' | 'c' | 'r' => columns.push(c),
            'L' | 'C' | 'R' => columns.push(c.to_ascii_lowercase()),
            // Two lines become one.
            '|' | ':' if !columns.ends_with(['|', ':']) => columns.push(c),
            'p' | 'm' | 'b' => {
                scan::argument(&mut rest)?;
                columns.push('l');
            }
            'X' | 'S' => columns.push('l'),
            '@' | '!' | '>' | '<' => drop(scan::argument(&mut rest)?),
            '*' => {
                let times = scan::argument(&mut rest)?.trim().parse::<usize>();
                let repeated = scan::argument(&mut rest)?;
                let times = times.ok().filter(|times| *times <= COLUMNS_MAX);
                let times = times.filter(|_| depth < DEPTH_MAX);
                let times = times.ok_or("the columns of an array cannot be counted")?;
                for _ in 0..times {
                    add_columns(repeated, depth + 1, columns)?;
                }
            }
            _ => {}
        }
        if columns.len() > COLUMNS_MAX {
            return Err(format!("an array has more than {COLUMNS_MAX} columns"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_that_the_renderer_takes() {
        for (specification, expected) in [
            ("lcr", Ok("lcr")),
            ("|c|c|", Ok("|c|c|")),
            ("||c||", Ok("|c|")),
            ("@{}l@{\\quad}r", Ok("lr")),
            ("p{3cm} c", Ok("lc")),
            ("*{3}{c|}", Ok("c|c|c|")),
            ("*{2}{*{2}{l}}", Ok("llll")),
            ("", Ok("c")),
            ("|", Ok("|c")),
            ("*{9999}{c}", Err("the columns of an array cannot be counted")),
            ("*{99}{*{99}{c}}", Err("an array has more than 256 columns")),
            ("p", Err("an argument is missing at the end")),
        ] {
            let found = columns(specification);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{specification}");
        }
    }

    #[test]
    fn colours_are_those_that_the_renderer_takes() {
        for (model, value, expected) in [
            (None, "red", Some("{red}")),
            (None, "#f0a", Some("[HTML]{FF00AA}")),
            (None, "#12ab9F", Some("[HTML]{12AB9F}")),
            (None, "no such colour", None),
            (Some("HTML"), "FF0000", Some("[HTML]{FF0000}")),
            (Some("rgb"), "1, 0.5,0", Some("[HTML]{FF8000}")),
            (Some("RGB"), "255,128,0", Some("[HTML]{FF8000}")),
            (Some("rgb"), "1,0", None),
            (Some("rgb"), "9,0,0", None),
            (Some("cmyk"), "0,0,0,0", None),
        ] {
            assert_eq!(colour(model, value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = COMMANDS.iter().map(|(name, _, _)| *name).collect();
        names.extend(SILENT.iter().map(|(name, _)| *name));
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        let mut environments: Vec<_> = ENVIRONMENTS.iter().map(|(name, _)| *name).collect();
        environments.sort_unstable();
        assert!(environments.windows(2).all(|pair| pair[0] != pair[1]), "{environments:?}");
    }
}

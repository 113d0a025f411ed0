//! Random changes of good packages, the same in each run.

use tests::package::Package;

/// Marsaglia's xorshift.
pub(super) struct Random(u64);

impl Random {
    /// A sequence that depends only on this name and number.
    pub(super) fn of(name: &str, seed: u64) -> Self {
        let start = 0x9E37_79B9_7F4A_7C15 ^ seed.wrapping_mul(0xD129_0B26_0D2C_43F5);
        let mixed = name.bytes().fold(start, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let mut random = Self(mixed.max(1));
        (0..8).for_each(|_| _ = random.next());
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number from 0 to `end` - 1.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// Replacements for values: of another type, out of range, or paths out of the package.
const VALUES: [&str; 18] = [
    "[]",
    "{}",
    "-1",
    "1e999",
    ".nan",
    "null",
    "\"\"",
    "true",
    "[[1], {a: b}]",
    "../../../etc/passwd",
    "/etc/passwd",
    "99999999999999999999999999",
    "0.0000000000000000000001",
    "*unknown",
    "!!binary aGVsbG8=",
    "'\\u0000'",
    "<![CDATA[",
    "&amp;&unknown;",
];

/// Files that are added.
const ADDED: [&str; 6] = [
    "data/secret/0.in",
    "data/secret/0.ans",
    "tests/0.a",
    "init.yml",
    "problem.xml",
    "problem.yaml",
];

/// An archive of the package with one change, and a description of the change.
pub(super) fn mutated(package: &Package, random: &mut Random) -> (Vec<u8>, String) {
    let names: Vec<String> = package.names().map(str::to_owned).collect();
    // In half of the cases, changes a file that configures others.
    let endings = [".yaml", ".yml", ".xml", ".ini", ".timelimit", ".json"];
    let configuring: Vec<_> =
        names.iter().filter(|name| endings.iter().any(|end| name.ends_with(end))).collect();
    let name = match random.below(2) {
        0 if !configuring.is_empty() => (*random.one_of(&configuring)).clone(),
        _ => random.one_of(&names).clone(),
    };
    let bytes = package.bytes(&name).unwrap_or_default().to_vec();
    let with = |bytes: Vec<u8>| package.clone().file(&name, bytes).zip();
    match random.below(9) {
        0 => (package.clone().without(&name).zip(), format!("without {name}")),
        1 => {
            let end = random.below(bytes.len());
            (with(bytes[..end].to_vec()), format!("{name} ends at {end}"))
        }
        2 => {
            let mut changed = bytes;
            for _ in 0..4 {
                let (at, byte) = (random.below(changed.len()), random.next().to_le_bytes()[0]);
                if let Some(place) = changed.get_mut(at) {
                    *place = byte;
                }
            }
            (with(changed), format!("{name} with other bytes"))
        }
        3 | 4 => {
            let (text, line) = with_other_value(&bytes, random);
            (with(text.into_bytes()), format!("{name} with {line:?}"))
        }
        5 => {
            let text = with_line_moved(&bytes, random);
            (with(text.into_bytes()), format!("{name} with a line elsewhere"))
        }
        6 => {
            let root = name.split('/').next().unwrap_or_default();
            let added = format!("{root}/{}", random.one_of(&ADDED));
            (package.clone().file(&added, bytes).zip(), format!("{name} as {added}"))
        }
        7 => {
            let mut archive = package.zip();
            let at = random.below(archive.len());
            archive[at] ^= 1 << random.below(8);
            (archive, format!("the archive with another byte at {at}"))
        }
        _ => {
            let archive = package.zip();
            let end = random.below(archive.len());
            (archive[..end].to_vec(), format!("the archive ends at {end}"))
        }
    }
}

/// Replaces what follows a colon, an equals sign or a `>` in one line.
fn with_other_value(bytes: &[u8], random: &mut Random) -> (String, String) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let valued: Vec<usize> =
        (0..lines.len()).filter(|place| lines[*place].contains([':', '=', '>'])).collect();
    let value = *random.one_of(&VALUES);
    let Some(place) = valued.get(random.below(valued.len())) else {
        return (value.to_owned(), value.to_owned());
    };
    let line = &mut lines[*place];
    let at = line.find([':', '=', '>']).unwrap_or_default() + 1;
    let rest = line.split_off(at);
    // Keeps the syntax of attributes and elements.
    let changed = match (line.ends_with('='), rest.find("</")) {
        (true, _) => format!("\"{value}\"{}", rest.splitn(3, '"').nth(2).unwrap_or_default()),
        (false, Some(end)) => format!("{value}{}", &rest[end..]),
        (false, None) => format!(" {value}"),
    };
    line.push_str(&changed);
    let changed = line.clone();
    (lines.join("\n") + "\n", changed)
}

fn with_line_moved(bytes: &[u8], random: &mut Random) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return ":".to_owned();
    }
    let line = lines.remove(random.below(lines.len()));
    lines.insert(random.below(lines.len() + 1), line);
    // In half of the cases the line occurs twice.
    if random.below(2) == 0 {
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

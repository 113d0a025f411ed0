//! Parses YAML into a tree in which every value has a position.
//!
//! Deserialising straight into a struct would stop at the first value of the wrong type. This way
//! all wrong values are reported at once, with their lines.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned};

use crate::diagnostic::{Position, Report, quote};
use crate::limits::{
    YAML_ALIASED_BYTES_MAX, YAML_ALIASES_MAX, YAML_BYTES_MAX, YAML_DEPTH_MAX, YAML_NODES_MAX,
};
use crate::text::text;

/// Bytes before a scalar in which its tag is searched for.
const TAG_BYTES_MAX: usize = 1_024;

/// The YAML version that decides the types of unquoted scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    /// YAML 1.1 as read by PyYAML, which the tools of the older formats use: `yes`, `No` and `off`
    /// are booleans, `010` is 8, and the last of two equal keys counts.
    Yaml11,
    /// YAML 1.2: `yes` is a string, `010` is 10, and duplicate keys are errors.
    Yaml12,
}

/// A value and its position.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: Value,
    /// The source text of a number or boolean, for keys that expect a string: `007`, `3.10`, `No`.
    pub(crate) written: Option<String>,
}

impl Node {
    pub(crate) fn new(position: Position, value: Value) -> Self {
        Self { position, value, written: None }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A map key and its position.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) position: Position,
    pub(crate) text: String,
}

impl Value {
    /// A description of the value for diagnostics.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "empty".to_owned(),
            Self::Bool(value) => format!("{value}"),
            Self::Integer(value) => format!("{value}"),
            Self::Float(value) => format!("{value}"),
            Self::Text(text) => quote(text),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }
}

/// Reads a YAML 1.2 file whose root is a map. An empty file has no entries. Returns `None` and
/// reports an error if the file is invalid or not a map.
pub(crate) fn read_map(path: &str, bytes: &[u8], report: &mut Report) -> Option<Vec<(Key, Node)>> {
    read_map_as(Schema::Yaml12, path, bytes, report)
}

/// Like [`read_map`], but `schema` chooses the YAML version from the entries of the file.
pub(crate) fn read_map_by(
    schema: impl Fn(&[(Key, Node)]) -> Schema,
    path: &str,
    bytes: &[u8],
    report: &mut Report,
) -> Option<Vec<(Key, Node)>> {
    let mut diagnostics = Report::default();
    let entries = read_map_as(Schema::Yaml11, path, bytes, &mut diagnostics);
    if let Some(Schema::Yaml12) = entries.as_deref().map(schema) {
        return read_map_as(Schema::Yaml12, path, bytes, report);
    }
    report.extend(&diagnostics.finish().unwrap_or_else(|diagnostics| diagnostics));
    entries
}

/// Like [`read_map`], in the given YAML version.
pub(crate) fn read_map_as(
    schema: Schema,
    path: &str,
    bytes: &[u8],
    report: &mut Report,
) -> Option<Vec<(Key, Node)>> {
    let root = parse(schema, path, bytes, report)?;
    match root.value {
        Value::Map(entries) => Some(entries),
        Value::Null => Some(Vec::new()),
        other => {
            let message = format!("the file is {}", other.describe());
            report.error((path, root.position), message, "a map of keys and values");
            None
        }
    }
}

fn parse(schema: Schema, path: &str, bytes: &[u8], report: &mut Report) -> Option<Node> {
    if bytes.len() > YAML_BYTES_MAX {
        let message = format!("has {} bytes", bytes.len());
        report.error(path, message, format!("at most {YAML_BYTES_MAX} in a YAML file"));
        return None;
    }
    let text = text(path, bytes, report)?;
    // Each replayed value may be as long as the file.
    let replayed_max = (YAML_ALIASED_BYTES_MAX / bytes.len().max(1)).min(YAML_NODES_MAX);
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: YAML_DEPTH_MAX,
            max_nodes: YAML_NODES_MAX,
            max_aliases: YAML_ALIASES_MAX,
            max_anchors: YAML_ALIASES_MAX,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: replayed_max,
            max_replay_stack_depth: YAML_DEPTH_MAX,
        },
        // Duplicate keys are handled by `Reader::entries`, depending on the version.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        legacy_octal_numbers: schema == Schema::Yaml11,
        // The readers of numbers report them.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Parsed>(text, options) {
        Ok(parsed) => Reader { schema, path, text, report }.node(parsed),
        Err(error) => {
            let at = error.location().and_then(position);
            let mut message = format!("is not valid YAML: {error}");
            // The parser's message also contains the position.
            if let Some(place) = message.rfind(" at line ") {
                message.truncate(place);
            }
            report.error((path, at), message, "");
            None
        }
    }
}

/// Types scalars, depending on the YAML version and their source text.
struct Reader<'a, 'r> {
    schema: Schema,
    path: &'a str,
    text: &'a str,
    report: &'r mut Report,
}

impl Reader<'_, '_> {
    /// Returns `None` for a duplicate key in YAML 1.2.
    fn node(&mut self, parsed: Parsed) -> Option<Node> {
        let position = position(parsed.referenced).unwrap_or(Position { line: 1, column: 1 });
        let value = match parsed.value {
            ParsedValue::List(items) => {
                Value::List(items.into_iter().map(|item| self.node(item)).collect::<Option<_>>()?)
            }
            ParsedValue::Map(entries) => Value::Map(self.entries(entries)?),
            ParsedValue::Scalar(value) => {
                let plain = self.plain(parsed.defined);
                let value = self.typed(value, plain);
                let is_text = matches!(value, Value::Text(_) | Value::Null);
                let written = plain.filter(|_| !is_text).map(str::to_owned);
                return Some(Node { position, value, written });
            }
        };
        Some(Node::new(position, value))
    }

    fn entries(&mut self, parsed: Vec<(Key, Parsed)>) -> Option<Vec<(Key, Node)>> {
        let mut entries: Vec<(Key, Node)> = Vec::with_capacity(parsed.len());
        let mut places = HashMap::with_capacity(parsed.len());
        let mut is_valid = true;
        for (key, parsed) in parsed {
            let Some(node) = self.node(parsed) else {
                is_valid = false;
                continue;
            };
            let Some(place) = places.get(&key.text) else {
                places.insert(key.text.clone(), entries.len());
                entries.push((key, node));
                continue;
            };
            let message = format!("the key {} occurs twice", quote(&key.text));
            match self.schema {
                Schema::Yaml11 => {
                    let message = format!("{message}, and the last one counts");
                    self.report.warning((self.path, key.position), message, "");
                    entries[*place] = (key, node);
                }
                Schema::Yaml12 => {
                    let message = format!("is not valid YAML: {message}");
                    self.report.error((self.path, key.position), message, "");
                    is_valid = false;
                }
            }
        }
        is_valid.then_some(entries)
    }

    /// The source text of a single-line scalar without quotes or tag.
    fn plain(&self, location: Location) -> Option<&str> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start + usize::try_from(span.byte_len()?).ok()?;
        let text = self.text.get(start..end)?.trim();
        let before = &self.text.as_bytes()[start.saturating_sub(TAG_BYTES_MAX)..start];
        let is_tagged = before
            .rsplit(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .take_while(|word| word.starts_with(b"!") || word.starts_with(b"&"))
            .any(|word| word.starts_with(b"!"));
        let is_marked =
            text.starts_with(['"', '\'', '|', '>', '!', '&', '*']) || text.contains('\n');
        (!is_tagged && !is_marked && !text.is_empty()).then_some(text)
    }

    fn typed(&self, value: Value, plain: Option<&str>) -> Value {
        let Some(plain) = plain else { return value };
        let digits = plain.strip_prefix(['+', '-']).unwrap_or(plain);
        let is_number = digits.starts_with(|c: char| c.is_ascii_digit());
        let is_whole = is_number && digits.bytes().all(|byte| byte.is_ascii_digit());
        match (self.schema, &value) {
            // Words that PyYAML reads as booleans.
            (Schema::Yaml11, Value::Text(text)) if text == plain => match truth(plain) {
                Some(truth) => Value::Bool(truth),
                None => value,
            },
            (Schema::Yaml11, Value::Integer(_)) if digits.starts_with("0o") => {
                Value::Text(plain.to_owned())
            }
            // A number with a leading 0 and an 8 or 9 is not octal.
            (Schema::Yaml11, Value::Float(_)) if is_whole && digits.starts_with('0') => {
                Value::Text(plain.to_owned())
            }
            (Schema::Yaml12, Value::Float(_)) if is_whole => match plain.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => value,
            },
            _ => value,
        }
    }
}

/// The boolean that a word means in YAML 1.1.
pub(crate) fn truth(word: &str) -> Option<bool> {
    match word {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn position(location: Location) -> Option<Position> {
    let line = u32::try_from(location.line()).ok().filter(|line| *line > 0)?;
    Some(Position { line, column: u32::try_from(location.column()).ok()? })
}

/// A value as returned by the parser.
struct Parsed {
    /// The location of the value. For an alias: of the alias itself.
    referenced: Location,
    /// The location of the value's text. For an alias: of the anchored value.
    defined: Location,
    value: ParsedValue,
}

enum ParsedValue {
    Scalar(Value),
    List(Vec<Parsed>),
    Map(Vec<(Key, Parsed)>),
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, defined, .. } =
            Spanned::<ParsedValue>::deserialize(deserializer)?;
        Ok(Self { referenced, defined, value })
    }
}

impl<'de> Deserialize<'de> for ParsedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        let position = position(spanned.referenced).unwrap_or(Position { line: 1, column: 1 });
        Ok(Self { position, text: spanned.value })
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = ParsedValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<ParsedValue, E> {
        Ok(ParsedValue::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<ParsedValue, E> {
        Ok(ParsedValue::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<ParsedValue, D::Error> {
        ParsedValue::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<ParsedValue, E> {
        Ok(ParsedValue::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<ParsedValue, E> {
        Ok(ParsedValue::Scalar(Value::Integer(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<ParsedValue, E> {
        #[allow(clippy::cast_precision_loss, reason = "no number of a package is that large")]
        let value = i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer);
        Ok(ParsedValue::Scalar(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<ParsedValue, E> {
        Ok(ParsedValue::Scalar(Value::Float(value)))
    }

    fn visit_str<E>(self, text: &str) -> Result<ParsedValue, E> {
        Ok(ParsedValue::Scalar(Value::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ParsedValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(ParsedValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ParsedValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(ParsedValue::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(Key, Node)> {
        let mut report = Report::default();
        read_map("f.yaml", text.as_bytes(), &mut report).expect("a map")
    }

    fn errors(bytes: &[u8]) -> Vec<String> {
        let mut report = Report::default();
        read_map("f.yaml", bytes, &mut report);
        report.finish().unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_value_knows_its_type_and_its_place() {
        let text = "name: Sum\nlimits:\n  memory: 32\n  time_limit: 0.5\nlist: [a, true, ~]\n";
        let entries = entries(text);
        let at = |line, column| Position { line, column };
        assert_eq!(entries[0].0, Key { position: at(1, 1), text: "name".to_owned() });
        assert_eq!(entries[0].1, Node::new(at(1, 7), Value::Text("Sum".to_owned())));
        let Value::Map(limits) = &entries[1].1.value else { panic!("limits is a map") };
        assert_eq!(limits[0].0.position, at(3, 3));
        assert_eq!(limits[0].1.value, Value::Integer(32));
        assert_eq!((limits[1].1.position, &limits[1].1.value), (at(4, 15), &Value::Float(0.5)));
        let Value::List(list) = &entries[2].1.value else { panic!("list is a list") };
        let values: Vec<_> = list.iter().map(|node| node.value.clone()).collect();
        assert_eq!(values, [Value::Text("a".to_owned()), Value::Bool(true), Value::Null]);
    }

    #[test]
    fn what_is_not_yaml_is_an_error_with_its_line() {
        let error = errors(b"name: Sum\nlimits: [1, 2\nkeywords: x\n").remove(0);
        assert!(error.starts_with("error: f.yaml:3:9: is not valid YAML: "), "{error}");
        let error = errors(b"- a\n").remove(0);
        assert_eq!(
            error,
            "error: f.yaml:1:1: the file is a list; expected a map of keys and values"
        );
        assert!(errors(b"\xff")[0].starts_with("error: f.yaml: is not UTF-8"));
        let huge = vec![b'#'; YAML_BYTES_MAX + 1];
        assert!(errors(&huge)[0].contains("at most 262144 in a YAML file"));
    }

    #[test]
    fn yaml_cannot_grow() {
        let levels: String = (1..12)
            .map(|level| {
                let before = level - 1;
                let aliases = vec![format!("*a{before}"); 10].join(", ");
                format!("a{level}: &a{level} [{aliases}]\n")
            })
            .collect();
        let wide = vec!["*a"; YAML_ALIASES_MAX + 1].join(", ");
        let long = "x".repeat(YAML_BYTES_MAX / 2);
        let copies = vec!["*a"; 1_000].join(", ");
        for bomb in [
            format!("a0: &a0 [x, x]\n{levels}"),
            format!("a: &a x\nb: [{wide}]\n"),
            format!("a: &a {long}\nb: [{copies}]\n"),
            "a: &a [*a]\n".to_owned(),
            format!("a: {}{}", "[".repeat(1000), "]".repeat(1000)),
            format!("a: [{}]", "1,".repeat(YAML_NODES_MAX)),
        ] {
            let found = errors(bomb.as_bytes());
            assert!(found[0].contains("not valid YAML"), "{found:?}");
        }
    }

    /// The value of `a`, and its string where one is expected.
    fn scalar(schema: Schema, text: &str) -> (Value, Option<String>) {
        let mut report = Report::default();
        let text = format!("a: {text}\n");
        let entries = read_map_as(schema, "f.yaml", text.as_bytes(), &mut report);
        let entries = entries.unwrap_or_else(|| panic!("{text:?}: {:?}", report.finish()));
        let node = &entries[0].1;
        let field = crate::fields::Field { path: "f.yaml", key: "a", node };
        (node.value.clone(), field.text(&mut Report::default()))
    }

    #[test]
    fn scalars_have_the_types_of_their_version_and_are_texts_as_they_are_written() {
        use Value::{Bool, Float, Integer, Null};
        let text = |text: &str| Value::Text(text.to_owned());
        // The source text, its value in YAML 1.1 and 1.2, and its string.
        let cases = [
            ("abc", text("abc"), text("abc"), Some("abc")),
            ("true", Bool(true), Bool(true), Some("true")),
            ("False", Bool(false), Bool(false), Some("False")),
            ("No", Bool(false), text("No"), Some("No")),
            ("yes", Bool(true), text("yes"), Some("yes")),
            ("ON", Bool(true), text("ON"), Some("ON")),
            ("off", Bool(false), text("off"), Some("off")),
            ("y", text("y"), text("y"), Some("y")),
            ("N", text("N"), text("N"), Some("N")),
            ("'No'", text("No"), text("No"), Some("No")),
            ("\"yes\"", text("yes"), text("yes"), Some("yes")),
            ("!!str No", text("No"), text("No"), Some("No")),
            ("!!str 007", text("007"), text("007"), Some("007")),
            ("007", Integer(7), Integer(7), Some("007")),
            ("010", Integer(8), Integer(10), Some("010")),
            ("089", text("089"), Integer(89), Some("089")),
            ("-010", Integer(-8), Integer(-10), Some("-010")),
            ("0o10", text("0o10"), Integer(8), Some("0o10")),
            ("0x1F", Integer(31), Integer(31), Some("0x1F")),
            ("+5", Integer(5), Integer(5), Some("+5")),
            ("1_000", Integer(1000), Integer(1000), Some("1_000")),
            ("3.10", Float(3.1), Float(3.1), Some("3.10")),
            ("1.0", Float(1.0), Float(1.0), Some("1.0")),
            ("1e3", Float(1000.0), Float(1000.0), Some("1e3")),
            (
                "12345678901234567890",
                Float(12345678901234567890.0),
                Float(12345678901234567890.0),
                Some("12345678901234567890"),
            ),
            (
                "123456789012345678901234567890",
                Float(1.2345678901234568e29),
                Float(1.2345678901234568e29),
                Some("123456789012345678901234567890"),
            ),
            (
                "9223372036854775807",
                Integer(i64::MAX),
                Integer(i64::MAX),
                Some("9223372036854775807"),
            ),
            ("2025-09-01", text("2025-09-01"), text("2025-09-01"), Some("2025-09-01")),
            ("2025-09", text("2025-09"), text("2025-09"), Some("2025-09")),
            ("12:30:45", text("12:30:45"), text("12:30:45"), Some("12:30:45")),
            ("~", Null, Null, None),
            ("null", Null, Null, None),
            ("", Null, Null, None),
            ("'null'", text("null"), text("null"), Some("null")),
            ("\tx", text("x"), text("x"), Some("x")),
            ("x\t", text("x"), text("x"), Some("x")),
            ("7 # seven", Integer(7), Integer(7), Some("7")),
            ("|\n  007", text("007\n"), text("007\n"), Some("007\n")),
            ("&b 007", Integer(7), Integer(7), Some("007")),
        ];
        for (written, older, newer, as_text) in cases {
            let as_text = as_text.map(str::to_owned);
            assert_eq!(
                scalar(Schema::Yaml11, written),
                (older, as_text.clone()),
                "1.1: {written:?}"
            );
            assert_eq!(scalar(Schema::Yaml12, written), (newer, as_text), "1.2: {written:?}");
        }
    }

    #[test]
    fn anchors_and_merges_are_resolved() {
        let text =
            "\u{feff}a: &a {x: No, y: 007}\nb: *a\nc: {<<: *a, y: 8}\nd: &d 3.10\ne: [*d, *d]\n";
        let entries = entries(text);
        let shown = |node: &Node| match &node.value {
            Value::Map(entries) => {
                let entries = entries.iter().map(|(key, node)| {
                    format!(
                        "{}={}",
                        key.text,
                        node.written.clone().unwrap_or_else(|| node.value.describe())
                    )
                });
                let mut entries: Vec<_> = entries.collect();
                entries.sort();
                entries.join(" ")
            }
            Value::List(nodes) => {
                nodes.iter().filter_map(|node| node.written.clone()).collect::<Vec<_>>().join(" ")
            }
            _ => node.written.clone().unwrap_or_default(),
        };
        let values: Vec<_> = entries.iter().map(|(_, node)| shown(node)).collect();
        assert_eq!(
            values,
            ["x=\"No\" y=007", "x=\"No\" y=007", "x=\"No\" y=8", "3.10", "3.10 3.10"]
        );
        // Errors about an alias are reported at the alias.
        assert_eq!(entries[1].1.position.line, 2);
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_or_it_is_an_error() {
        let text = b"a: 1\nb: 2\na: 3\n";
        let mut report = Report::default();
        let entries = read_map_as(Schema::Yaml11, "f.yaml", text, &mut report).unwrap();
        let values: Vec<_> = entries.iter().map(|(key, node)| (&*key.text, &node.value)).collect();
        assert_eq!(values, [("a", &Value::Integer(3)), ("b", &Value::Integer(2))]);
        let warning = "warning: f.yaml:3:1: the key \"a\" occurs twice, and the last one counts";
        assert_eq!(report.finish().unwrap()[0].to_string(), warning);
        assert_eq!(
            errors(text),
            ["error: f.yaml:3:1: is not valid YAML: the key \"a\" occurs twice"]
        );
    }

    #[test]
    fn a_file_may_say_by_which_version_it_is_read() {
        let read = |version: &str| {
            let text = format!("version: {version}\na: 010\n");
            let schema = |entries: &[(Key, Node)]| match &entries[0].1.value {
                Value::Text(text) if text == "new" => Schema::Yaml12,
                _ => Schema::Yaml11,
            };
            let entries = read_map_by(schema, "f.yaml", text.as_bytes(), &mut Report::default());
            entries.unwrap()[1].1.value.clone()
        };
        assert_eq!([read("new"), read("old")], [Value::Integer(10), Value::Integer(8)]);
    }

    #[test]
    fn tabs_separate_and_do_not_indent() {
        for text in ["a:\t1\n", "a: 1\t\n", "a: [1,\t2]\n", "a: 1\t# one\n"] {
            assert_eq!(entries(text).len(), 1, "{text:?}");
        }
        assert!(errors(b"a:\n\tb: 1\n")[0].contains("not valid YAML"));
    }

    #[test]
    fn an_empty_file_is_an_empty_map() {
        let mut report = Report::default();
        assert_eq!(read_map("f.yaml", b"", &mut report), Some(vec![]));
        assert_eq!(read_map("f.yaml", b"# nothing\n", &mut report), Some(vec![]));
        assert_eq!(report.finish(), Ok(vec![]));
    }
}

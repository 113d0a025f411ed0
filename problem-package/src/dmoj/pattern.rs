//! Patterns for the names of files, in the part of Python's regular expressions that such patterns need.
//!
//! They are strangers' patterns, so how long they may be matched is bounded.

/// Characters of a pattern, and of a name that is matched.
const PATTERN_CHARS_MAX: usize = 512;
const NAME_CHARS_MAX: usize = 200;
/// Groups in groups.
const DEPTH_MAX: usize = 16;
/// Parts of a pattern that are being matched at once; each is on the stack.
const OPEN_MAX: usize = 1_500;
/// Times that something may be asked for.
const COUNT_MAX: usize = 100;

/// Steps that matching all names of an archive may take.
pub(super) const STEPS_MAX: u64 = 20_000_000;

/// The groups of a pattern that count.
const NAMES: [&str; 2] = ["batch", "case"];

#[derive(Debug)]
enum Node {
    Char(char),
    Any,
    Class { negated: bool, ranges: Vec<(char, char)> },
    Start,
    End,
    Group { name: Option<usize>, either: Vec<Vec<Node>> },
    Ahead { negated: bool, either: Vec<Vec<Node>> },
    Repeat { node: Box<Node>, min: usize, max: usize, lazy: bool },
}

/// What a name says of its test.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) batch: Option<String>,
    pub(super) case: Option<String>,
}

/// A pattern; letters match whatever their case.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Vec<Node>>);

impl Pattern {
    /// Reads a pattern, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let chars: Vec<char> = text.chars().collect();
        if chars.len() > PATTERN_CHARS_MAX {
            return Err(format!("it has more than {PATTERN_CHARS_MAX} characters"));
        }
        let mut parser = Parser { chars, at: 0, depth: 0 };
        let either = parser.either()?;
        if parser.at < parser.chars.len() {
            return Err("a `)` closes nothing".to_owned());
        }
        Ok(Self(either))
    }

    /// Matches the beginning of a name. Takes steps away; without any left nothing matches.
    pub(super) fn find(&self, name: &str, steps: &mut u64) -> Option<Found> {
        let text: Vec<char> = name.chars().map(|c| c.to_ascii_lowercase()).collect();
        if text.len() > NAME_CHARS_MAX {
            return None;
        }
        let mut matcher = Matcher { text: &text, found: [None; NAMES.len()], open: 0, steps };
        let matches = self.0.iter().any(|nodes| matcher.matches(nodes, 0, &mut |_, _| true));
        let [batch, case] = matcher.found;
        // Captures are of the name as it is written.
        let original: Vec<char> = name.chars().collect();
        let text = |(start, end): (usize, usize)| original[start..end].iter().collect();
        matches.then(|| Found { batch: batch.map(text), case: case.map(text) })
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn takes(&mut self, expected: &str) -> bool {
        let takes = self.chars[self.at..].iter().copied().take(expected.len()).eq(expected.chars());
        self.at += if takes { expected.len() } else { 0 };
        takes
    }

    fn either(&mut self) -> Result<Vec<Vec<Node>>, String> {
        let mut either = vec![vec![]];
        while let Some(c) = self.peek().filter(|c| *c != ')') {
            self.at += 1;
            if c == '|' {
                either.push(vec![]);
                continue;
            }
            let node = self.node(c)?;
            let node = self.repeated(node)?;
            either.last_mut().expect("there is one at least").push(node);
        }
        Ok(either)
    }

    fn node(&mut self, c: char) -> Result<Node, String> {
        Ok(match c {
            '.' => Node::Any,
            '^' => Node::Start,
            '$' => Node::End,
            '(' => self.group()?,
            '[' => self.class()?,
            '\\' => self.escape()?,
            '*' | '+' | '?' | '{' => return Err(format!("`{c}` repeats nothing")),
            c => Node::Char(c.to_ascii_lowercase()),
        })
    }

    fn group(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("too many groups are in groups".to_owned());
        }
        let mut ahead = None;
        let mut name = None;
        if self.takes("?P<") {
            let start = self.at;
            while self.next().is_some_and(|c| c != '>') {}
            let said: String = self.chars[start..self.at.max(start + 1) - 1].iter().collect();
            name = NAMES.iter().position(|known| *known == said);
        } else if self.takes("?=") {
            ahead = Some(false);
        } else if self.takes("?!") {
            ahead = Some(true);
        } else if !self.takes("?:") && self.peek() == Some('?') {
            return Err("a group with `(?` is not known".to_owned());
        }
        let either = self.either()?;
        if self.next() != Some(')') {
            return Err("a group is not closed".to_owned());
        }
        self.depth -= 1;
        Ok(match ahead {
            Some(negated) => Node::Ahead { negated, either },
            None => Node::Group { name, either },
        })
    }

    fn escape(&mut self) -> Result<Node, String> {
        let c = self.next().ok_or("it ends with a backslash")?;
        if let Some((negated, ranges)) = named_class(c) {
            return Ok(Node::Class { negated, ranges });
        }
        if c.is_ascii_alphanumeric() {
            return Err(format!("`\\{c}` is not known"));
        }
        Ok(Node::Char(c))
    }

    fn class(&mut self) -> Result<Node, String> {
        let negated = self.takes("^");
        let mut ranges = Vec::new();
        loop {
            let c = self.next().ok_or("a `[` is not closed")?;
            if c == ']' && !ranges.is_empty() {
                return Ok(Node::Class { negated, ranges });
            }
            let mut start = c;
            if c == '\\' {
                start = self.next().ok_or("a `[` is not closed")?;
                match named_class(start) {
                    Some((false, named)) => {
                        ranges.extend(named);
                        continue;
                    }
                    Some((true, _)) => return Err(format!("`\\{start}` in `[]` is not known")),
                    None if start.is_ascii_alphanumeric() => {
                        return Err(format!("`\\{start}` is not known"));
                    }
                    None => {}
                }
            }
            let is_range =
                self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']');
            let end = if is_range {
                self.at += 1;
                self.next().ok_or("a `[` is not closed")?
            } else {
                start
            };
            ranges.push((start.to_ascii_lowercase(), end.to_ascii_lowercase()));
        }
    }

    fn repeated(&mut self, node: Node) -> Result<Node, String> {
        let (min, max) = match self.peek() {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => {
                let rest: String =
                    self.chars[self.at + 1..].iter().take_while(|c| **c != '}').collect();
                if self.at + 1 + rest.chars().count() >= self.chars.len() {
                    return Err("a `{` is not closed".to_owned());
                }
                let (min, max) = rest.split_once(',').unwrap_or((&rest, &rest));
                let number = |text: &str| text.parse().ok().filter(|number| *number <= COUNT_MAX);
                let bad = || format!("`{{{rest}}}` is no number of times, at most {COUNT_MAX}");
                let max = if max.is_empty() { usize::MAX } else { number(max).ok_or_else(bad)? };
                self.at += rest.chars().count() + 1;
                (if min.is_empty() { 0 } else { number(min).ok_or_else(bad)? }, max)
            }
            _ => return Ok(node),
        };
        self.at += 1;
        let lazy = self.takes("?");
        if matches!(self.peek(), Some('*' | '+' | '?' | '{')) {
            return Err("something is repeated twice".to_owned());
        }
        Ok(Node::Repeat { node: Box::new(node), min, max, lazy })
    }
}

/// `\d`, `\w`, `\s` and their opposites.
fn named_class(c: char) -> Option<(bool, Vec<(char, char)>)> {
    let ranges: &[(char, char)] = match c.to_ascii_lowercase() {
        'd' => &[('0', '9')],
        'w' => &[('0', '9'), ('a', 'z'), ('_', '_')],
        's' => &[(' ', ' '), ('\t', '\r')],
        _ => return None,
    };
    Some((c.is_ascii_uppercase(), ranges.to_vec()))
}

struct Matcher<'a> {
    text: &'a [char],
    found: [Option<(usize, usize)>; NAMES.len()],
    open: usize,
    steps: &'a mut u64,
}

/// What is to match after a node.
type Then<'t, 'm> = &'t mut dyn FnMut(&mut Matcher<'m>, usize) -> bool;

impl<'m> Matcher<'m> {
    fn matches(&mut self, nodes: &[Node], at: usize, then: Then<'_, 'm>) -> bool {
        if self.open == OPEN_MAX {
            *self.steps = 0;
        }
        if *self.steps == 0 {
            return false;
        }
        *self.steps -= 1;
        self.open += 1;
        let matches = match nodes.split_first() {
            Some((node, rest)) => self.begins(node, rest, at, then),
            None => then(self, at),
        };
        self.open -= 1;
        matches
    }

    fn begins(&mut self, node: &Node, rest: &[Node], at: usize, then: Then<'_, 'm>) -> bool {
        match node {
            Node::Start => at == 0 && self.matches(rest, at, then),
            Node::End => at == self.text.len() && self.matches(rest, at, then),
            Node::Group { name, either } => either.iter().any(|nodes| {
                self.matches(nodes, at, &mut |matcher, end| {
                    let before = matcher.found;
                    if let Some(name) = name {
                        matcher.found[*name] = Some((at, end));
                    }
                    let matches = matcher.matches(rest, end, then);
                    if !matches {
                        matcher.found = before;
                    }
                    matches
                })
            }),
            Node::Ahead { negated, either } => {
                let ahead = either.iter().any(|nodes| self.matches(nodes, at, &mut |_, _| true));
                ahead != *negated && self.matches(rest, at, then)
            }
            Node::Repeat { .. } => self.repeat(node, rest, at, 0, then),
            one => {
                let matches = self.text.get(at).is_some_and(|c| one.matches(*c));
                matches && self.matches(rest, at + 1, then)
            }
        }
    }

    fn repeat(
        &mut self,
        repeat: &Node,
        rest: &[Node],
        at: usize,
        count: usize,
        then: Then<'_, 'm>,
    ) -> bool {
        let Node::Repeat { node, min, max, lazy } = repeat else { return false };
        if *lazy && count >= *min && self.matches(rest, at, then) {
            return true;
        }
        let again = count < *max
            && self.matches(std::slice::from_ref(node), at, &mut |matcher, end| {
                // What matches nothing would do so for ever.
                (end > at || count < *min) && matcher.repeat(repeat, rest, end, count + 1, then)
            });
        again || !*lazy && count >= *min && self.matches(rest, at, then)
    }
}

impl Node {
    /// Whether this character matches a node that stands for one.
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Char(expected) => *expected == c,
            Self::Any => c != '\n',
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(start, end)| (*start..=*end).contains(&c)) != *negated
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::names::{INPUT, OUTPUT};
    use super::*;

    fn find(pattern: &str, name: &str) -> Option<(Option<String>, Option<String>)> {
        let found = Pattern::parse(pattern).unwrap().find(name, &mut STEPS_MAX.clone())?;
        Some((found.batch, found.case))
    }

    #[test]
    fn the_default_patterns_find_what_the_format_says() {
        let cases = [
            (INPUT, "test.1.in", None, "1"),
            (INPUT, "test-1.in", None, "1"),
            (INPUT, "test-case-1.in", None, "1"),
            (INPUT, "test-1-2.in", Some("1"), "2"),
            (INPUT, "test-batch-1-case-2.in", Some("1"), "2"),
            (INPUT, "1.2.in", Some("1"), "2"),
            (INPUT, "in1", None, "1"),
            (INPUT, "DATA10.IN", None, "10"),
            (OUTPUT, "1.2.out", Some("1"), "2"),
            (OUTPUT, "out12.txt", None, "12"),
        ];
        for (pattern, name, batch, case) in cases {
            let expected = Some((batch.map(str::to_owned), Some(case.to_owned())));
            assert_eq!(find(pattern, name), expected, "{name}");
        }
        for name in ["1.out", "readme", "a.in", "1.ans"] {
            assert_eq!(find(INPUT, name), None, "{name}");
        }
    }

    #[test]
    fn patterns_of_ones_own_are_matched() {
        let cases = [
            (r"^(?P<batch>\d+)-(?P<case>[a-z]+)\.txt$", "10-b.txt", Some((Some("10"), Some("b")))),
            (r"^(?P<batch>\d+)-(?P<case>[a-z]+)\.txt$", "10-b.txt2", None),
            (r"(?P<case>[^.]{2,3}?)x*", "abcd", Some((None, Some("ab")))),
            (r"(?:a|b)+(?P<case>[\d_-]+)(?!z)", "abba1-2", Some((None, Some("1-2")))),
            (r"x(?P<case>.*)", "ax", None),
            (r"(?P<case>(a*)*b)", "aaaa", None),
        ];
        for (pattern, name, expected) in cases {
            let expected = expected.map(|(batch, case): (Option<&str>, Option<&str>)| {
                (batch.map(str::to_owned), case.map(str::to_owned))
            });
            assert_eq!(find(pattern, name), expected, "{pattern} {name}");
        }
        for bad in [
            "(",
            ")",
            "[a",
            "*",
            "a**",
            "(?<x>a)",
            "\\",
            r"\p",
            "a{1000}",
            "a{x}",
            &"(".repeat(600),
        ] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn matching_ends() {
        let mut steps = 100_000;
        let found = Pattern::parse("((((a*)*)*)*)*b").unwrap().find(&"a".repeat(150), &mut steps);
        assert_eq!((found, steps), (None, 0));
        let mut steps = STEPS_MAX;
        assert!(
            Pattern::parse("(.|.)*$")
                .unwrap()
                .find(&"é".repeat(NAME_CHARS_MAX), &mut steps)
                .is_some()
        );
        let nothing = Pattern::parse("((((a?){100}){100}){100}){100}b").unwrap();
        assert_eq!((nothing.find("x", &mut steps), steps), (None, 0));
    }

    proptest! {
        #[test]
        fn no_pattern_is_too_strange(pattern in "[ab()?P<case>:=!|*+{}0-9,\\[\\]^$.\\\\dwS-]{0,40}", name in "[ab0-9.é]{0,20}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                let _ = pattern.find(&name, &mut 10_000);
            }
        }
    }
}

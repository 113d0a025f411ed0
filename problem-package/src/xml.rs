//! Parses untrusted XML. Entity declarations are refused, and every element has a position.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;
use roxmltree::{Document, Node, ParsingOptions};

use crate::diagnostic::{Position, Report, quote};
use crate::limits::{XML_ATTRIBUTES_MAX, XML_COLUMN_BYTES_MAX, XML_NAMESPACES_MAX, XML_NODES_MAX};

/// The text of an XML file, ready to be parsed.
#[derive(Debug)]
pub(crate) struct Xml<'a> {
    path: &'a str,
    text: Cow<'a, str>,
    /// The byte offset of each line.
    lines: Vec<usize>,
}

impl<'a> Xml<'a> {
    /// Blanks out the document type. Returns `None` and reports an error if it declares entities.
    pub(crate) fn new(path: &'a str, text: &'a str, report: &mut Report) -> Option<Self> {
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let mut xml = Self { path, text: Cow::Borrowed(text), lines };
        if let Some((start, end)) = document_type(text) {
            // Entities could expand to an unbounded amount of text.
            if let Some(at) = text[start..end].find("<!ENTITY") {
                let message = "the document type declares an entity";
                let expected = "only the entities that XML defines: &lt; &gt; &amp; &apos; &quot;";
                report.error((path, xml.position(start + at)), message, expected);
                return None;
            }
            let blank =
                |c: char| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) };
            let blanked: String = text[start..end].chars().map(blank).collect();
            xml.text = Cow::Owned([&text[..start], &blanked, &text[end..]].concat());
        }
        Some(xml)
    }

    /// Parses the elements, and reports an error if the XML is invalid.
    pub(crate) fn parse(&self, report: &mut Report) -> Option<Document<'_>> {
        if let Some((at, message, expected)) = self.too_many_attributes() {
            report.error((self.path, self.position(at)), message, expected);
            return None;
        }
        let options = ParsingOptions { nodes_limit: XML_NODES_MAX, ..ParsingOptions::default() };
        match Document::parse_with_options(&self.text, options) {
            Ok(document) => Some(document),
            Err(roxmltree::Error::NodesLimitReached) => {
                let expected = format!("at most {XML_NODES_MAX}");
                report.error(self.path, "has too many elements", expected);
                None
            }
            Err(error) => {
                let at = error.pos();
                let mut message = format!("is not valid XML: {error}");
                // The parser's message also contains the position.
                if let Some(place) = message.rfind(" at ") {
                    message.truncate(place);
                }
                let at = Position { line: at.row, column: at.col };
                report.error((self.path, at), message, "");
                None
            }
        }
    }

    /// The position and error of an element with too many attributes or namespaces, which would
    /// make parsing slow.
    fn too_many_attributes(&self) -> Option<(usize, &'static str, String)> {
        let mut reader = Reader::from_str(&self.text);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        let mut namespaces = 0;
        loop {
            let at = usize::try_from(reader.buffer_position()).ok()?;
            // The tree parser reports invalid XML.
            let (Event::Start(element) | Event::Empty(element)) = (match reader.read_event() {
                Ok(Event::Eof) | Err(_) => return None,
                Ok(event) => event,
            }) else {
                continue;
            };
            let mut attributes = 0;
            for attribute in element.attributes().with_checks(false).flatten() {
                attributes += 1;
                namespaces += usize::from(attribute.key.as_namespace_binding().is_some());
            }
            if attributes > XML_ATTRIBUTES_MAX {
                let expected = format!("at most {XML_ATTRIBUTES_MAX}");
                return Some((at, "the element has too many attributes", expected));
            }
            if namespaces > XML_NAMESPACES_MAX {
                let expected = format!("at most {XML_NAMESPACES_MAX} in the file");
                return Some((at, "there are too many declarations of namespaces", expected));
            }
        }
    }

    /// The root element. Reports an error if it has another name.
    pub(crate) fn root<'b>(
        &'b self,
        document: &'b Document<'b>,
        name: &str,
        report: &mut Report,
    ) -> Option<Element<'b>> {
        let root = Element { xml: self, node: document.root_element() };
        if root.name() == name {
            return Some(root);
        }
        let message = format!("the root is <{}>", root.name());
        report.error(root.place(), message, format!("<{name}>"));
        None
    }

    fn position(&self, at: usize) -> Option<Position> {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = *self.lines.get(line.checked_sub(1)?)?;
        if at - start > XML_COLUMN_BYTES_MAX {
            return None;
        }
        let column = self.text.get(start..at)?.chars().count() + 1;
        Some(Position { line: u32::try_from(line).ok()?, column: u32::try_from(column).ok()? })
    }
}

/// The byte range of the document type before the root element.
fn document_type(text: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    loop {
        at += text[at..].len()
            - text[at..].trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
        let rest = &text[at..];
        if rest.starts_with("<?") {
            at += rest.find("?>")? + 2;
        } else if rest.starts_with("<!--") {
            at += rest.find("-->")? + 3;
        } else if rest.starts_with("<!DOCTYPE") {
            return Some((at, at + document_type_end(rest)?));
        } else {
            return None;
        }
    }
}

/// The length of a document type in bytes: up to the `>` outside of quotes, comments and brackets.
fn document_type_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut in_brackets) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => at += text[at + 1..].find(char::from(*byte))? + 1,
            b'<' if text[at..].starts_with("<!--") => at += text[at..].find("-->")? + 2,
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            b'>' if !in_brackets => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// An element and the file it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    xml: &'a Xml<'a>,
    node: Node<'a, 'a>,
}

impl<'a> Element<'a> {
    pub(crate) fn name(&self) -> &'a str {
        self.node.tag_name().name()
    }

    /// The file and the position of the element.
    pub(crate) fn place(&self) -> (&'a str, Option<Position>) {
        (self.xml.path, self.xml.position(self.node.range().start))
    }

    pub(crate) fn elements(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let xml = self.xml;
        self.node.children().filter(Node::is_element).map(move |node| Element { xml, node })
    }

    pub(crate) fn children<'n>(
        &self,
        name: &'n str,
    ) -> impl Iterator<Item = Element<'a>> + use<'a, 'n> {
        self.elements().filter(move |child| child.name() == name)
    }

    pub(crate) fn child(&self, name: &str) -> Option<Element<'a>> {
        self.children(name).next()
    }

    /// The descendant at a path of element names.
    pub(crate) fn descend(&self, names: &[&str]) -> Option<Element<'a>> {
        names.iter().try_fold(*self, |element, name| element.child(name))
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.node.attribute(name)
    }

    /// A required attribute. Reports an error if it is missing or empty.
    pub(crate) fn required(&self, name: &str, report: &mut Report) -> Option<&'a str> {
        let value = self.attribute(name).filter(|value| !value.is_empty());
        if value.is_none() {
            let message = format!("<{}> has no `{name}`", self.name());
            report.error(self.place(), message, format!("`{name}=\"…\"`"));
        }
        value
    }

    /// The text directly inside the element, including CDATA.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        let mut texts =
            self.node.children().filter_map(|child| child.text().filter(|_| child.is_text()));
        let first = texts.next().unwrap_or_default();
        texts.fold(Cow::Borrowed(first), |text, more| text + more)
    }

    /// An attribute as a number of at least 0. Reports any other value.
    pub(crate) fn number(&self, name: &str, report: &mut Report) -> Option<f64> {
        let text = self.attribute(name)?.trim();
        if text.is_empty() {
            return None;
        }
        let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            let message = format!("`{name}` is {}", quote(text));
            report.error(self.place(), message, "a number of at least 0");
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The root's name and text, or the errors.
    fn read(text: &str) -> Result<String, Vec<String>> {
        let mut report = Report::default();
        let mut found = String::new();
        if let Some(xml) = Xml::new("a.xml", text, &mut report)
            && let Some(document) = xml.parse(&mut report)
            && let Some(root) = xml.root(&document, "fps", &mut report)
        {
            found = format!("{} {}", root.name(), root.text());
        }
        match report.finish() {
            Ok(_) => Ok(found),
            Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn a_document_type_is_passed_over() {
        let types = [
            "",
            "<!DOCTYPE fps>",
            "<!-- <!DOCTYPE [ --><!DOCTYPE fps PUBLIC \"-//a>b\" \"http://example.org/fps.dtd\" >",
            "<!DOCTYPE fps [\n<!ELEMENT fps (#PCDATA)>\n<!-- ' ]> -->\n<!ATTLIST fps a CDATA \"]>\">\n]>",
        ];
        for text in types {
            let text = format!(
                "\u{feff}<?xml version=\"1.0\"?>\n{text}\n<fps>a&lt;<![CDATA[<b>]]>c</fps>"
            );
            assert_eq!(read(&text), Ok("fps a<<b>c".to_owned()), "{text}");
        }
    }

    #[test]
    fn attributes_and_namespaces_are_few() {
        let many = |name: &str, number: usize| -> String {
            (0..number).map(|it| format!(" {name}{it}='http://x/{it}'")).collect()
        };
        let attributes = format!("<fps>\n<a{}/></fps>", many("b", XML_ATTRIBUTES_MAX + 1));
        let error = "error: a.xml:2:1: the element has too many attributes; expected at most 100";
        assert_eq!(read(&attributes), Err(vec![error.to_owned()]));
        let declarations: String =
            (0..=XML_NAMESPACES_MAX).map(|it| format!("<a xmlns:b{it}='c'/>")).collect();
        let error =
            "there are too many declarations of namespaces; expected at most 100 in the file";
        assert!(read(&format!("<fps>{declarations}</fps>")).unwrap_err()[0].ends_with(error));
        assert!(read(&format!("<fps{}/>", many("b", XML_ATTRIBUTES_MAX))).is_ok());
        assert!(read(&format!("<fps{}/>", many("xmlns:b", XML_NAMESPACES_MAX))).is_ok());
    }

    #[test]
    fn entities_cannot_grow() {
        let expected = "expected only the entities that XML defines: &lt; &gt; &amp; &apos; &quot;";
        let bomb =
            "<!DOCTYPE fps [\n <!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">\n]><fps>&b;&b;</fps>";
        let error = format!("error: a.xml:2:2: the document type declares an entity; {expected}");
        assert_eq!(read(bomb), Err(vec![error]));
        let outside = "<!DOCTYPE fps [<!ENTITY % a SYSTEM \"file:///etc/passwd\">%a;]><fps/>";
        assert!(read(outside).unwrap_err()[0].contains("declares an entity"));
        // A second document type must not slip through.
        let twice = "<!DOCTYPE fps><!DOCTYPE fps [<!ENTITY a \"b\">]><fps>&a;</fps>";
        let error = "error: a.xml:1:1: is not valid XML: XML with DTD detected".to_owned();
        assert_eq!(read(twice), Err(vec![error]));
        assert!(
            read("<fps>&nbsp;</fps>").unwrap_err()[0]
                .starts_with("error: a.xml:1:6: is not valid XML: ")
        );
    }

    #[test]
    fn depth_and_number_of_elements_are_bounded() {
        let deep = format!("<fps>{}{}</fps>", "<a>".repeat(100_000), "</a>".repeat(100_000));
        assert_eq!(read(&deep), Ok("fps ".to_owned()));
        let wide = format!("<fps>{}</fps>", "<a/>".repeat(XML_NODES_MAX as usize));
        let error =
            format!("error: a.xml: has too many elements; expected at most {XML_NODES_MAX}");
        assert_eq!(read(&wide), Err(vec![error]));
    }

    #[test]
    fn invalid_xml_is_reported_with_its_line_and_column() {
        assert_eq!(
            read("\n  <a/>"),
            Err(vec!["error: a.xml:2:3: the root is <a>; expected <fps>".to_owned()])
        );
        assert!(
            read("<fps><a></fps>").unwrap_err()[0]
                .starts_with("error: a.xml:1:9: is not valid XML: ")
        );
        assert!(read("").unwrap_err()[0].starts_with("error: a.xml:1:1: is not valid XML: "));
    }

    proptest! {
        #[test]
        fn arbitrary_texts_do_not_panic(text in "(<!DOCTYPE|<!--|-->|<\\?|\\?>|\\[|\\]|>|<fps>|</fps>|'|\"|é|\\PC|\\n){0,20}") {
            let _ = read(&text);
        }
    }
}

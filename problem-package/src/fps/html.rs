//! Texts in HTML. They are kept as HTML blocks in Markdown.

use std::collections::BTreeMap;

use crate::diagnostic::{Position, Report, quote};

/// Addresses of images by their names in the HTML.
#[derive(Debug, Default)]
pub(super) struct Images(pub(super) BTreeMap<String, String>);

/// Markdown that shows the text. A text of empty tags gives an empty string.
pub(super) fn markdown(
    text: &str,
    images: &Images,
    at: (&str, Option<Position>),
    report: &mut Report,
) -> String {
    let text = text.trim().replace("\r\n", "\n");
    if plain(&text).is_empty() && !text.contains("<img") {
        return String::new();
    }
    if !text.contains('<') {
        return format!("{text}\n");
    }
    let html = with_images(&text, images, at, report);
    // An HTML block ends at the first empty line, so empty lines are removed or replaced.
    let mut markdown = String::from("<div>\n");
    let mut in_pre = false;
    for line in html.lines() {
        let ends_in_pre = match (line.rfind("<pre"), line.rfind("</pre")) {
            (Some(opened), Some(closed)) => opened > closed,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => in_pre,
        };
        if !line.trim().is_empty() {
            markdown.push_str(line);
            markdown.push('\n');
        } else if in_pre {
            markdown.push_str("&#32;\n");
        }
        in_pre = ends_in_pre;
    }
    markdown.push_str("</div>\n");
    markdown
}

/// Replaces image names in the HTML by the addresses of the images.
fn with_images(
    html: &str,
    images: &Images,
    at: (&str, Option<Position>),
    report: &mut Report,
) -> String {
    let mut result = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find("<img") {
        let end = rest[start..].find('>').map_or(rest.len(), |end| start + end);
        let (before, after) = (&rest[..start], &rest[end..]);
        let tag = &rest[start..end];
        result.push_str(before);
        match source(tag) {
            Some(source) => match images.0.get(&tag[source.clone()]) {
                Some(address) => {
                    result.push_str(&tag[..source.start]);
                    result.push_str(address);
                    result.push_str(&tag[source.end..]);
                }
                None => {
                    let name = &tag[source];
                    if !name.starts_with("http:")
                        && !name.starts_with("https:")
                        && !name.starts_with("data:")
                    {
                        let message = format!("the image {} is missing", quote(name));
                        report.warning(at, message, "an <img> with this <src>");
                    }
                    result.push_str(tag);
                }
            },
            None => result.push_str(tag),
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

/// The byte range of the image name in a tag, quoted or not.
fn source(tag: &str) -> Option<std::ops::Range<usize>> {
    let start = tag.find("src=")? + "src=".len();
    let value = &tag[start..];
    let quoted = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let start = start + quoted.map_or(0, char::len_utf8);
    let value = &tag[start..];
    let is_end = |c: char| {
        quoted.map_or(c.is_whitespace() || c == '/' && value.ends_with('/'), |quote| c == quote)
    };
    let end = match quoted {
        Some(_) => value.find(is_end)?,
        None => value.find(char::is_whitespace).unwrap_or(value.len()),
    };
    Some(start..start + end)
}

/// The text without tags and with entities decoded.
pub(super) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    // No tag ends after the last `>`. It is searched for once, so that many `<` do not take
    // quadratic time.
    let mut closed = html.rfind('>').map_or(0, |last| last + 1);
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        // A `<` that starts no tag is a plain character.
        let begins_tag = rest[start + 1..]
            .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
        let end = if begins_tag && start < closed { rest[start..].find('>') } else { None };
        let next = end.map_or(start, |end| start + end) + 1;
        if end.is_none() {
            text.push('<');
        }
        rest = &rest[next..];
        closed = closed.saturating_sub(next);
    }
    text.push_str(rest);
    for (entity, character) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser};

    use super::*;

    fn made(text: &str, images: &[(&str, &str)]) -> (String, Vec<String>) {
        let images = images.iter().map(|(name, address)| (name.to_string(), address.to_string()));
        let mut report = Report::default();
        let markdown = markdown(text, &Images(images.collect()), ("a.xml", None), &mut report);
        (markdown, report.finish().unwrap().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn html_stays_html() {
        let text = "<p>a * b * c $x$</p>\r\n\r\n    <pre>\n\n1\n\n  2</pre>\n\n<p>_d_</p>";
        let expected = "<div>\n<p>a * b * c $x$</p>\n    <pre>\n&#32;\n1\n&#32;\n  2</pre>\n<p>_d_</p>\n</div>\n";
        assert_eq!(made(text, &[]).0, expected);
        let is_html =
            |event: &Event<'_>| matches!(event, Event::Html(_) | Event::Start(_) | Event::End(_));
        assert!(Parser::new(expected).all(|event| is_html(&event)));
        assert_eq!(made("n < 5 and more", &[]).0, "<div>\nn < 5 and more\n</div>\n");
        assert_eq!(made("just text", &[]).0, "just text\n");
        assert_eq!(made(" <p>&nbsp;</p>\n", &[]).0, "");
    }

    #[test]
    fn tags_without_an_end_are_text() {
        for (html, text) in [
            ("<b>a</b> <b", "a <b"),
            ("a < b > c <d>e", "a < b > c e"),
            ("<a<b><c", "<c"),
            ("<a>", ""),
            ("1 << 2", "1 << 2"),
            ("é<é>é</é", "é<é>é</é"),
        ] {
            assert_eq!(plain(html), text, "{html}");
        }
        let many = "<a".repeat(1 << 20);
        assert_eq!(plain(&many), many);
        assert_eq!(plain(&format!("{}>", "<1".repeat(1 << 20))).len(), (2 << 20) + 1);
    }

    #[test]
    fn images_that_come_along_are_shown() {
        let text = "<img alt='x' src=\"/a.png\"/><img src=/b.png><IMG><img src='c.png'><img src=\"http://d/e.png\">";
        let (markdown, warnings) = made(text, &[("/a.png", "data:a"), ("/b.png", "data:b")]);
        let expected = "<img alt='x' src=\"data:a\"/><img src=data:b><IMG><img src='c.png'><img src=\"http://d/e.png\">";
        assert_eq!(markdown, format!("<div>\n{expected}\n</div>\n"));
        assert_eq!(
            warnings,
            ["warning: a.xml: the image \"c.png\" is missing; expected an <img> with this <src>"]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_texts_do_not_panic(text in "(<img|<pre>|</pre>|src=|\"|'|>|<|/|\\n|é| |\\PC){0,30}") {
            let (markdown, _) = made(&text, &[("é", "data:e")]);
            plain(&text);
            prop_assert!(markdown.is_empty() || markdown.ends_with('\n'));
        }
    }
}

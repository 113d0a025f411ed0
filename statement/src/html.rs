//! Converts untrusted Markdown statements to HTML that is safe to show.

use std::borrow::Cow;
use std::collections::HashSet;

use pulldown_cmark::{Event, Parser, html};

use crate::{Display, Formulas, MARKDOWN, too_heavy};

/// The prefix of footnotes' names, which keeps them apart from other names on the page.
const NOTE_PREFIX: &str = "note-";
/// The MathML elements in the renderer's output.
const MATHML_TAGS: [&str; 29] = [
    "math",
    "semantics",
    "annotation",
    "mrow",
    "mi",
    "mn",
    "mo",
    "ms",
    "mtext",
    "mspace",
    "mfrac",
    "msqrt",
    "mroot",
    "mstyle",
    "merror",
    "mpadded",
    "mphantom",
    "menclose",
    "mmultiscripts",
    "mprescripts",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mtable",
    "mtr",
    "mtd",
];
/// The allowed attributes of MathML elements. All are harmless: they affect layout and are no
/// links.
const MATHML_ATTRIBUTES: [&str; 25] = [
    "display",
    "mathvariant",
    "stretchy",
    "fence",
    "separator",
    "lspace",
    "rspace",
    "accent",
    "accentunder",
    "linethickness",
    "columnalign",
    "rowspacing",
    "columnspacing",
    "width",
    "displaystyle",
    "scriptlevel",
    "minsize",
    "maxsize",
    "symmetric",
    "movablelimits",
    "form",
    "largeop",
    "notation",
    "height",
    "depth",
];
/// The MathML elements that may have a style.
const STYLED_TAGS: [&str; 4] = ["mrow", "mtable", "mtd", "mpadded"];
/// The allowed style properties of MathML elements: column alignment, lines and colours. They
/// cannot load anything or move an element away from its place.
const STYLE_PROPERTIES: [&str; 13] = [
    "border",
    "border-bottom",
    "border-left",
    "border-right",
    "border-top",
    "color",
    "justify-items",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
];

/// Renders Markdown, with `$…$` and `$$…$$` as MathML. Removes everything that could run or mislead
/// a reader: scripts, handlers, styles, frames, forms, and addresses other than http(s), mailto and
/// data images. Images are allowed. `address` returns the replacement for a link, such as a
/// relative link to an attachment, or `None`.
pub fn to_html(
    markdown: &str,
    address: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> String {
    if too_heavy(markdown).is_some() {
        return as_source(markdown);
    }
    let mut formulas = Formulas::default();
    let mut formula =
        |latex: &str, display| Event::InlineHtml(formulas.render(latex, display).html.into());
    let events = Parser::new_ext(markdown, MARKDOWN).map(|event| match event {
        Event::InlineMath(latex) => formula(&latex, Display::Inline),
        Event::DisplayMath(latex) => formula(&latex, Display::Block),
        other => other,
    });
    let mut unsafe_html = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut unsafe_html, events);
    sanitise(&unsafe_html, address)
}

/// The source of a statement, escaped, in a `<pre>`.
pub fn as_source(markdown: &str) -> String {
    let escaped = markdown.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<pre>{escaped}</pre>")
}

fn sanitise(
    unsafe_html: &str,
    address: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> String {
    let mut sanitiser = ammonia::Builder::default();
    for tag in STYLED_TAGS {
        sanitiser.add_tag_attributes(tag, ["style"]);
    }
    sanitiser
        .add_tags(MATHML_TAGS)
        .filter_style_properties(HashSet::from(STYLE_PROPERTIES))
        .add_generic_attributes(MATHML_ATTRIBUTES)
        .add_tag_attributes("div", ["id"])
        .id_prefix(Some(NOTE_PREFIX))
        .add_allowed_classes("div", ["footnote-definition"])
        .add_allowed_classes("sup", ["footnote-reference", "footnote-definition-label"])
        .url_schemes(HashSet::from(["http", "https", "mailto", "data"]))
        .attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("img", "src") | ("a", "href") => link(element, value, &address),
            _ => (!is_data(value)).then(|| value.into()),
        })
        .link_rel(Some("noopener noreferrer nofollow"));
    sanitiser.clean(unsafe_html).to_string()
}

/// The target of a link or image; `None` if it is not allowed.
fn link<'a>(
    element: &str,
    value: &'a str,
    address: &impl Fn(&str) -> Option<String>,
) -> Option<Cow<'a, str>> {
    if let Some(address) = address(value) {
        return Some(address.into());
    }
    if let Some(note) = value.strip_prefix('#') {
        return Some(format!("#{NOTE_PREFIX}{note}").into());
    }
    // A vector image in an `img` element runs no scripts and loads nothing.
    let is_image = ["png", "jpeg", "gif", "webp", "svg+xml"]
        .iter()
        .any(|kind| value.starts_with(&format!("data:image/{kind};base64,")));
    (!is_data(value) || element == "img" && is_image).then(|| value.into())
}

fn is_data(value: &str) -> bool {
    value.trim_start().to_ascii_lowercase().starts_with("data:")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    fn to_html(markdown: &str) -> String {
        super::to_html(markdown, |_| None)
    }

    #[test]
    fn what_takes_too_long_is_shown_as_its_source() {
        let heavy = ">".repeat(200_000) + "<b>&";
        assert!(to_html(&heavy).starts_with("<pre>&gt;&gt;"));
        assert!(to_html(&heavy).ends_with("&lt;b&gt;&amp;</pre>"));
    }

    /// Each of these texts, repeated, must be rendered in bounded time.
    #[test]
    fn hostile_texts_are_shown_in_time() {
        /// Generous, for an unoptimised build on a busy machine.
        const TIME_MAX: Duration = Duration::from_secs(10);
        let opens = [
            ">",
            "> ",
            "- ",
            "1. ",
            "> - ",
            "- > ",
            "#",
            "# a\n",
            "a\n===\n",
            "    a\n",
            "```\n",
            "~~~",
            "|",
            "|a|\n",
            "a|b\n-|-\n",
            "[",
            "![",
            "[a](",
            "[a][",
            "](",
            "[[a]",
            "[^a]",
            "[^a]: b\n",
            "[a]: b\n",
            "`",
            "``",
            "*",
            "**",
            "*a ",
            "**a ",
            "*a_ ",
            "~~a",
            "&",
            "&amp;",
            "&#",
            "\\",
            "$",
            "$$",
            "$a$",
            "$a",
            "<",
            "<a",
            "<!--",
            "<!",
            "<?",
            "<![CDATA[",
            "<http://a>",
            "<a@b>",
            "\n",
            "\t",
            "\0",
            "<div>",
            "<b>",
            "<i><b>",
            "<p>",
            "</p>",
            "<br>",
            "<a href=x>",
            "<table>",
            "<table><tr><td>",
            "<ul><li>",
            "<li>",
            "<dd>",
            "<select><option>",
            "<svg>",
            "<math>",
            "<math><mi>",
            "<form>",
            "<button>",
            "<nobr>",
            "<h1>",
            "<font>",
            "<ruby><rt>",
            "<template>",
            "<object>",
            "<plaintext>",
            "<textarea>",
            "<title>",
            "<style>",
            "<script>",
            "<noscript>",
            "<frameset>",
            "<caption>",
            "<col>",
            "<x a",
            "<a x=y ",
            "<img src=x>",
            "<input",
            "<p a",
            "<br a=b ",
            "<td",
            "</table>",
            "<p><table>",
        ];
        for open in opens {
            let text = open.repeat((64 << 10) / open.len());
            let started = Instant::now();
            to_html(&text);
            let took = started.elapsed();
            assert!(took < TIME_MAX, "{open:?} took {took:?}");
        }
    }

    #[test]
    fn nothing_runs() {
        let attacks = [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "![x](javascript:alert(1))",
            "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
            "<a href=\"data:image/svg+xml;base64,PHN2Zz4=\">x</a>",
            "<img src=\"data:text/html;base64,PHN2Zz4=\">",
            "<iframe src=\"https://example.com\"></iframe>",
            "<svg onload=alert(1)>",
            "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "<style>body{display:none}</style>",
            "<form action=\"https://example.com\"><input name=password></form>",
            "$\\href{javascript:alert(1)}{x}$",
            "$</math><script>alert(1)</script>$",
            "$\\text{</mtext></math><script>alert(1)</script>}$",
            "$\\texttt{<iframe src=x>}$",
            "$\\unicode{60}script>alert(1)</script>$",
            "<math><mrow style=\"background:url(https://example.com)\"><style>x</style></mrow></math>",
            "<math><mtd style=\"position:fixed;color:red\">x</mtd></math>",
            "<a href=\" jAvAsCrIpT:alert(1)\">x</a>",
        ];
        for attack in attacks {
            let html = to_html(attack).to_ascii_lowercase();
            let banned = [
                "<script",
                "onerror=",
                "onload=",
                "href=\"javascript",
                "src=\"javascript",
                "data:",
                "<iframe",
                "<svg",
                "<style",
                "<form",
                "<input",
                "url(",
                "position",
            ];
            for word in banned {
                assert!(!html.contains(word), "{attack} became {html}");
            }
        }
    }

    #[test]
    fn what_a_statement_needs_stays() {
        for (markdown, parts) in [
            ("# Sum\n\n**Bold**, `a < b`", &["<h1>Sum</h1>", "<strong>", "a &lt; b"][..]),
            ("| a | b |\n|---|---|\n| 1 | 2 |", &["<table>", "<th>a</th>", "<td>2</td>"]),
            ("<table><tr><td rowspan=\"2\">x</td></tr></table>", &["<td rowspan=\"2\">x"]),
            ("~~gone~~", &["<del>gone</del>"]),
            ("x $a_i \\le 10^9$ y", &["<math", "<msub><mi>a</mi><mi>i</mi></msub>"]),
            ("$$\\sum_{i=1}^n \\frac{1}{i}$$", &["<math display=\"block\">", "<mfrac>"]),
            ("$\\text{a\\_b < c}$", &["<mtext>a_b&nbsp;&lt;&nbsp;c</mtext>"]),
            ("$\\texttt{x}$", &["<mtext><code>x</code></mtext>"]),
            ("$\\foo + 1$", &["<merror><mtext>\\foo</mtext></merror>", "<mn>1</mn>"]),
            (
                "$\\begin{array}{r|l}a&b\\end{array}$",
                &["text-align:right", "border-right:0.05em solid"],
            ),
            ("$\\boxed{x}$", &["<mrow style=\"border:0.06em solid currentcolor"]),
            ("$\\textcolor{red}{x}$", &["style=\"color:#FF0000"]),
            ("$\\cancel{x}$", &["<menclose notation=\"updiagonalstrike\">"]),
            ("$\\def\\a{b}$ $\\a$", &["<mi>b</mi>"]),
            ("![fig](https://example.com/a.png)", &["<img src=\"https://example.com/a.png\""]),
            ("![x](data:image/png;base64,iVBO+/w=)", &["src=\"data:image/png;base64,iVBO+/w=\""]),
            ("<img src=\"data:image/png;base64,iVBO\">", &["src=\"data:image/png;base64,iVBO\""]),
            ("![x](data:image/svg+xml;base64,PHN2Zz4=)", &["src=\"data:image/svg+xml;base64,PHN2"]),
            (
                "a[^n]\n\n[^n]: why",
                &[
                    "<a href=\"#note-n\"",
                    "<div class=\"footnote-definition\" id=\"note-n\">",
                    "why",
                ],
            ),
        ] {
            let html = to_html(markdown);
            for part in parts {
                assert!(html.contains(part), "{part} is missing from {html}");
            }
        }
    }

    #[test]
    fn what_has_an_address_gets_it() {
        let address = |name: &str| (name == "fig.png").then(|| "/files/fig.png".to_owned());
        for (markdown, part) in [
            ("![x](fig.png)", "<img src=\"/files/fig.png\""),
            ("[x](fig.png)", "<a href=\"/files/fig.png\""),
            ("![x](other.png)", "<img src=\"other.png\""),
        ] {
            let html = super::to_html(markdown, address);
            assert!(html.contains(part), "{part} is missing from {html}");
        }
    }

    #[test]
    fn bad_latex_is_shown_as_written() {
        assert!(to_html("a $x^$ b").contains("a <code>x^</code> b"));
    }
}

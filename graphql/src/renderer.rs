//! Renders statements as HTML. Each text is rendered once, never on a thread that serves requests.

use std::fmt::Write as _;
use std::sync::Arc;

use domain::Digest;
use moka::future::Cache;
use tokio::sync::Semaphore;

use crate::addresses::Addresses;

/// Maximum size of the cache of rendered texts, in bytes. The least recently used texts go first.
const KEPT_BYTES_MAX: u64 = 64 << 20;
/// Number of texts rendered concurrently.
const AT_ONCE: usize = 2;

/// Renders statements and caches the results.
#[derive(Debug)]
pub struct Renderer {
    rendered: Cache<Digest, Arc<str>>,
    turns: Semaphore,
}

impl Default for Renderer {
    fn default() -> Self {
        let bytes = |_: &Digest, html: &Arc<str>| u32::try_from(html.len()).unwrap_or(u32::MAX);
        let rendered = Cache::builder().max_capacity(KEPT_BYTES_MAX).weigher(bytes).build();
        Self { rendered, turns: Semaphore::new(AT_ONCE) }
    }
}

impl Renderer {
    /// Renders Markdown as HTML, with the URLs of the attachments that it names.
    pub(crate) async fn html(&self, markdown: &str, attachments: &Addresses) -> Arc<str> {
        let rendering = async {
            let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
            let (text, addresses) = (markdown.to_owned(), attachments.clone());
            let address = move |name: &str| addresses.of(name).map(str::to_owned);
            let rendered =
                tokio::task::spawn_blocking(move || statement::to_html(&text, address)).await;
            Arc::from(rendered.unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "rendering failed");
                statement::as_source(markdown)
            }))
        };
        // Concurrent requests for the same text share one rendering.
        self.rendered.get_with(key(markdown, attachments), rendering).await
    }
}

/// A digest of everything that the HTML depends on.
fn key(markdown: &str, attachments: &Addresses) -> Digest {
    let mut parts = format!("{}\n{markdown}", markdown.len());
    for (name, address) in attachments.sorted() {
        let _ = write!(parts, "\n{name}\n{address}");
    }
    Digest::of(parts.as_bytes())
}

#[cfg(test)]
mod tests {
    use domain::problem::{Attachment, BlobRef};

    use super::*;

    #[tokio::test]
    async fn the_same_text_is_rendered_once() {
        let renderer = Renderer::default();
        let none = Addresses::default();
        let (one, other) = tokio::join!(renderer.html("*a*", &none), renderer.html("*a*", &none));
        assert_eq!(&*one, "<p><em>a</em></p>\n");
        assert!(Arc::ptr_eq(&one, &other));
        let content = BlobRef { digest: Digest::of(b""), bytes: 0 };
        let attached = [Attachment { path: "a.png".to_owned(), content }];
        let addresses = Addresses::new(&"sum".parse().unwrap(), &attached);
        let image = "![](a.png)";
        let (bare, linked) =
            (renderer.html(image, &none).await, renderer.html(image, &addresses).await);
        assert!(bare != linked && linked.contains("/problems/sum/attachments/a.png"), "{linked}");
    }
}

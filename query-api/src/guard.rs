//! Checks a document before anything else follows its nesting or its fragments. What the checks
//! cost grows with the document's size only, so that no document costs more than an honest one.

mod exceeded;
mod expansion;
mod introspection;
mod nesting;
#[cfg(test)]
mod tests;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Request, Response};
use graphql::{ApiError, Code, ServiceLimits};

use self::exceeded::exceeded;
use self::introspection::Introspection;

/// Maximum size of a document without its variables, in bytes.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 16 << 10;

/// Checks documents against the limits of a server and the size of its schema.
#[derive(Debug)]
pub struct Guard {
    introspection: Introspection,
    /// Maximum number of fields at the top of a document.
    top_fields_max: usize,
    /// Whether introspection is refused.
    hardened: bool,
}

impl Guard {
    /// A guard of the schema with this SDL. A hardened one refuses introspection.
    pub fn new(sdl: &str, limits: &ServiceLimits, hardened: bool) -> Self {
        Self { introspection: Introspection::of(sdl), top_fields_max: limits.aliases, hardened }
    }

    /// Checks and parses the request's document.
    ///
    /// # Errors
    /// The response, if the document exceeds a limit or does not parse.
    pub fn parse(&self, request: &Request) -> Result<ExecutableDocument, Box<Response>> {
        if request.query.len() > DOCUMENT_BYTES_MAX {
            let message = format!(
                "the document has more than {DOCUMENT_BYTES_MAX} bytes; put values into variables"
            );
            return Err(ApiError::new(Code::TooLarge, message).into());
        }
        nesting::check(&request.query)?;
        let document = parse_query(&request.query)
            .map_err(|error| graphql::with_codes(Response::from_errors(vec![error.into()])))
            .map_err(Box::new)?;
        expansion::check(&document, self.top_fields_max)?;
        if self.hardened && introspection::is_in(&document) {
            return Err(exceeded("this server does not show its schema").into());
        }
        self.introspection.check(&request.query, &document, &request.variables)?;
        Ok(document)
    }
}

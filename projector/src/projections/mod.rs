//! The projections, one a file.

mod accounts;
mod problems;
mod submissions;

use std::sync::Arc;

use crate::Projection;

/// Every projection there is.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(accounts::Accounts),
        Arc::new(problems::Problems),
        Arc::new(submissions::Submissions),
    ]
}

#[cfg(test)]
mod schemas;
#[cfg(test)]
mod tests;

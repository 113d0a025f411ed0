//! The projections, one per file.

mod accounts;
mod activity;
mod problems;
mod submissions;
mod webhooks;

use std::sync::Arc;

use crate::Projection;

/// All projections.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(accounts::Accounts),
        Arc::new(activity::Activity),
        Arc::new(problems::Problems),
        Arc::new(submissions::Submissions),
        Arc::new(webhooks::Webhooks),
    ]
}

#[cfg(test)]
mod schemas;
#[cfg(test)]
mod tests;

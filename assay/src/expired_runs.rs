//! Removes runs that have expired.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_store::{Runs, alert};
use jiff::Timestamp;
use supervision::{Fault, Reporter, Task, error_chain};
use tokio_util::sync::CancellationToken;

/// How often expired runs are removed. Nobody can read them in the meantime.
const INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Removes expired runs regularly.
#[derive(Debug)]
pub(crate) struct ExpiredRuns {
    runs: Arc<dyn Runs>,
}

impl ExpiredRuns {
    pub(crate) fn new(runs: Arc<dyn Runs>) -> Self {
        Self { runs }
    }
}

#[async_trait]
impl Task for ExpiredRuns {
    fn name(&self) -> &'static str {
        "expired runs"
    }

    async fn run(&self, reporter: &Reporter, cancelled: CancellationToken) -> Result<(), Fault> {
        loop {
            match cancelled.run_until_cancelled(self.runs.sweep(Timestamp::now())).await {
                None => return Ok(()),
                Some(Ok(removed)) => {
                    reporter.running();
                    if removed > 0 {
                        tracing::info!(removed, "removed runs that have expired");
                    }
                }
                Some(Err(error)) => {
                    reporter.retrying(error_chain(&error));
                    let alert = alert(&error);
                    let error = &error as &dyn Error;
                    tracing::warn!(alert, error, "removing expired runs failed");
                }
            }
            if cancelled.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
                return Ok(());
            }
        }
    }
}

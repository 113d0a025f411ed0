//! The time limit of reads.

use std::time::Duration;

use tokio::time::timeout;

use crate::ReadError;
use crate::reader::unavailable;

/// Time limit of one read. It is also sent to the server, which aborts the read then.
pub(super) const READ_MAX: Duration = Duration::from_secs(10);

/// Adds a time limit. The driver itself would wait forever for a silent server.
pub(super) async fn within<T>(
    read: impl Future<Output = Result<T, ReadError>>,
) -> Result<T, ReadError> {
    timeout(READ_MAX, read).await.map_err(unavailable)?
}

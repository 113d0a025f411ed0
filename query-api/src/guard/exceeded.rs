//! The error for a document that exceeds a limit.

use graphql::{ApiError, Code};

pub(super) fn exceeded(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::GraphqlValidationFailed, message)
}

//! Permissions that several mutations of accounts need.

use domain::Role;
use event_store::Scope;
use graphql::Viewer;

use crate::payload::{UserError, UserErrorCode};

/// Fails unless the token has the scope `full`, so that a stolen lesser token cannot take the
/// account over.
pub(crate) fn full(viewer: &Viewer) -> Result<(), UserError> {
    if viewer.allows(Scope::Full) {
        return Ok(());
    }
    let message = "this token does not allow this; use a session or a token of scope full";
    Err(UserError::new(UserErrorCode::Forbidden, message))
}

/// Fails unless the viewer is an administrator with the scope `full`.
pub(crate) fn administrator(viewer: &Viewer) -> Result<(), UserError> {
    if viewer.has(Role::Admin) && viewer.allows(Scope::Full) {
        return Ok(());
    }
    Err(UserError::new(UserErrorCode::Forbidden, "only administrators can do this"))
}

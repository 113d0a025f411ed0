//! Removes containers that dead processes left behind.
//!
//! A container ends when the stream to its runner ends, and the engine then removes it. A container
//! remains if its maker died between making and starting it, or if the engine was restarted. Each
//! container has a label that identifies its maker. Each process that connects to the engine
//! removes the containers whose maker it knows to be dead.

use std::collections::HashMap;

use bollard::Docker;
use bollard::query_parameters::ListContainersOptionsBuilder;

use super::container;
use super::owner::{OWNER_LABEL, Owner};

/// Removes the containers of dead processes. On failure, the next process tries again.
pub(super) async fn remove(docker: &Docker) {
    let filter = HashMap::from([("label".to_owned(), vec![OWNER_LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filter).build();
    let Ok(containers) = docker.list_containers(Some(options)).await else { return };
    for container in containers {
        let owner = container
            .labels
            .unwrap_or_default()
            .remove(OWNER_LABEL)
            .and_then(|label| Owner::parse(&label));
        let Some((id, owner)) = container.id.zip(owner) else { continue };
        if owner.is_known_dead() {
            match container::remove(docker, &id).await {
                Ok(()) => {
                    tracing::info!(container = id, "removed a container that a dead process left");
                }
                Err(error) => {
                    tracing::warn!(%error, container = id, "cannot remove a leftover container");
                }
            }
        }
    }
}

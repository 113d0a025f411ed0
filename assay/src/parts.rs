//! Reports the health of the process's other parts to the API.

use std::sync::Arc;

use evaluator::Figures;
use graphql::{Health as PartHealth, Part, Parts};
use projector::Status;
use supervision::Health;
use tokio::sync::watch;

/// The parts that this process runs beside the API.
#[derive(Debug)]
pub(crate) struct Running {
    /// `None` if the process is not an evaluator.
    pub(crate) evaluator: Option<Arc<Figures>>,
    /// Empty if the process is not a projector.
    pub(crate) projections: Vec<watch::Receiver<Status>>,
    /// The statuses of the supervised tasks.
    pub(crate) tasks: Vec<watch::Receiver<supervision::Status>>,
}

impl Parts for Running {
    fn now(&self) -> Vec<Part> {
        let evaluator = self.evaluator.iter().flat_map(|figures| {
            [judging(figures.fault())].into_iter().chain(figures.damaged_work().map(damaged_work))
        });
        let projections = self.projections.iter().map(|status| part(&status.borrow()));
        let tasks = self.tasks.iter().map(|status| task(&status.borrow()));
        evaluator.chain(projections).chain(tasks).collect()
    }
}

fn task(status: &supervision::Status) -> Part {
    let (health, fault) = of(&status.health);
    Part { name: status.name.to_owned(), health, fault }
}

/// An evaluator without room to judge is degraded: it tries again, and submissions wait.
fn judging(fault: Option<String>) -> Part {
    let health = if fault.is_some() { PartHealth::Degraded } else { PartHealth::Ok };
    Part { name: "evaluator".to_owned(), health, fault }
}

/// Damaged work is passed over, and other work is judged; but its submission waits for ever.
fn damaged_work(fault: String) -> Part {
    Part { name: "work".to_owned(), health: PartHealth::Down, fault: Some(fault) }
}

/// Reports the worse fault if both the served views and those being built have one.
fn part(status: &Status) -> Part {
    let name = format!("projection {}", status.name);
    let (served, built) = (of(&status.health), of(&status.building));
    if built.0 > served.0 {
        let building = |error| format!("building new views: {error}");
        return Part { name, health: built.0, fault: built.1.map(building) };
    }
    Part { name, health: served.0, fault: served.1 }
}

fn of(health: &Health) -> (PartHealth, Option<String>) {
    match health {
        Health::Running => (PartHealth::Ok, None),
        Health::Retrying { error } => (PartHealth::Degraded, Some(error.clone())),
        Health::Stopped { error } => (PartHealth::Down, Some(error.clone())),
    }
}

#[cfg(test)]
mod tests {
    use domain::Position;

    use super::*;

    #[test]
    fn a_machine_that_cannot_judge_is_degraded() {
        let health = |fault: Option<&str>| judging(fault.map(str::to_owned)).health;
        assert_eq!([health(None), health(Some("no room"))], [PartHealth::Ok, PartHealth::Degraded]);
    }

    #[test]
    fn a_projection_shows_the_worse_health_of_its_live_and_new_views() {
        let retrying = || Health::Retrying { error: "full".to_owned() };
        let stopped = || Health::Stopped { error: "damaged".to_owned() };
        let cases = [
            (Health::Running, Health::Running, PartHealth::Ok, None),
            (retrying(), Health::Running, PartHealth::Degraded, Some("full")),
            (stopped(), retrying(), PartHealth::Down, Some("damaged")),
            (Health::Running, stopped(), PartHealth::Down, Some("building new views: damaged")),
        ];
        for (health, building, expected, fault) in cases {
            let (name, position) = ("boxes_v1".to_owned(), Position(7));
            let part = part(&Status { name, position, health, building });
            assert_eq!(part.name, "projection boxes_v1");
            assert_eq!((part.health, part.fault.as_deref()), (expected, fault));
        }
    }
}

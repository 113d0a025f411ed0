//! The groups of the tests, and the tests found in their folders.

use std::collections::BTreeMap;

use domain::checker::TokenOptions;
use domain::grading::TestGroup;
use domain::problem::Test;

use super::settings::Settings;

/// A group and the settings of its tests.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) graded: TestGroup,
    pub(super) settings: Settings,
    pub(super) static_test: Option<StaticTest>,
}

/// Static validation of the submission's files, as a test of its group.
#[derive(Debug, Clone)]
pub(super) struct StaticTest {
    /// `None`: it is pass-fail.
    pub(super) points: Option<f64>,
    pub(super) args: Vec<String>,
}

/// The groups of all tests, the root first.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) groups: Vec<Group>,
    places: BTreeMap<String, usize>,
}

impl Groups {
    pub(super) fn push(&mut self, group: Group) {
        self.places.insert(group.graded.name.clone(), self.groups.len());
        self.groups.push(group);
    }

    pub(super) fn find(&self, name: &[&str]) -> Option<usize> {
        self.places.get(&name.join("/")).copied()
    }

    /// The innermost group of a test.
    pub(super) fn of_test(&self, name: &[&str]) -> usize {
        (0..name.len()).rev().find_map(|end| self.find(&name[..end])).unwrap_or(0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }
}

/// A test before the common checker options are known.
pub(super) struct Found {
    /// The sort key of the test.
    pub(super) order: Vec<String>,
    pub(super) test: Test,
    pub(super) tokens: TokenOptions,
}

//! Orders of lists of submissions.

use async_graphql::{Enum, InputObject};
use read_model::{Condition, Order, Scalar};

use super::OrderDirection;
use crate::ApiError;

/// What to order submissions by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SubmissionOrderField {
    /// The time at which the submission was received.
    CreatedAt,
    /// The CPU time of the slowest test, in the judgement that counts. Only submissions whose tests
    /// were run are listed.
    Time,
    /// The memory of the largest test, in the judgement that counts. Only submissions whose tests
    /// were run are listed.
    Memory,
    /// The size of the source, in bytes.
    Length,
}

/// An ordering of submissions. Every order except by `CREATED_AT` needs a problem or an author in
/// the filter, unless the viewer sees only own submissions.
#[derive(Debug, Clone, InputObject)]
pub struct SubmissionOrder {
    /// What to order by.
    field: SubmissionOrderField,
    /// Ascending or descending.
    #[graphql(default_with = "OrderDirection::Asc")]
    direction: OrderDirection,
}

impl Default for SubmissionOrder {
    fn default() -> Self {
        Self { field: SubmissionOrderField::CreatedAt, direction: OrderDirection::Desc }
    }
}

impl SubmissionOrder {
    /// The order of the views that meet these conditions. Adds the condition that a view has a
    /// value to order by.
    ///
    /// # Errors
    /// If the conditions allow more views than can be sorted in time.
    pub fn order(self, conditions: &mut Vec<Condition>) -> Result<Order, ApiError> {
        let field = match self.field {
            SubmissionOrderField::CreatedAt => "number",
            SubmissionOrderField::Time => "time_ms",
            SubmissionOrderField::Memory => "memory_kib",
            SubmissionOrderField::Length => "source_bytes",
        };
        if self.field != SubmissionOrderField::CreatedAt {
            let narrows = |condition: &Condition| {
                matches!(condition, Condition::Equals("problem" | "author", _))
            };
            if !conditions.iter().any(narrows) {
                let message = "this order needs a filter with a problem or an author";
                return Err(ApiError::bad_input(message));
            }
            conditions.push(Condition::AtLeast(field, Scalar::Integer(0)));
        }
        Ok(Order { field: Some(field), direction: self.direction.into() })
    }
}

#[cfg(test)]
mod tests {
    use read_model::Direction;

    use super::*;

    #[test]
    fn only_short_lists_are_sorted() {
        let by = |field| SubmissionOrder { field, direction: OrderDirection::Asc };
        let mut everything = vec![];
        let order = by(SubmissionOrderField::CreatedAt).order(&mut everything).unwrap();
        assert_eq!((order.field, order.direction), (Some("number"), Direction::Ascending));
        assert!(everything.is_empty());
        assert!(by(SubmissionOrderField::Length).order(&mut everything).is_err());
        let mut of_a_problem = vec![Condition::Equals("problem", Scalar::Text("sum".to_owned()))];
        let order = by(SubmissionOrderField::Time).order(&mut of_a_problem).unwrap();
        assert_eq!(order.field, Some("time_ms"));
        assert_eq!(of_a_problem.len(), 2, "submissions without a time are left out");
    }
}

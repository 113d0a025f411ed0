//! What requests cost, and what a client may spend per minute.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{Context, Pos, Response, ServerError, ValidationResult, value};
use domain::Login;

use crate::rates::{Left, Rate, TooMuch, network};
use crate::{ApiError, ClientAddress, Viewer};

/// What clients may spend. Each process counts separately.
#[derive(Debug)]
pub struct Budgets {
    rate: Rate<Spender>,
    /// Maximum cost of one request.
    cost_max: usize,
}

/// Who pays for a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Spender {
    Account(Login),
    /// A client that is not signed in. Those without an address share one budget.
    Network(Option<IpAddr>),
}

impl Budgets {
    /// Budgets of this much per minute, but at least the maximum cost of one request.
    pub fn new(cost_max: usize, cost_per_minute: u32) -> Self {
        let least = u32::try_from(cost_max).unwrap_or(u32::MAX);
        Self { rate: Rate::per_minute(cost_per_minute.max(least)), cost_max }
    }

    fn charge(&self, spender: &Spender, cost: usize, bill: Option<&Bill>) -> Result<(), ApiError> {
        let cost = u32::try_from(cost).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        let spent = self.rate.spend(spender, cost);
        let (Ok(left) | Err(TooMuch { left, .. })) = spent;
        if let Some(Bill(paid)) = bill {
            paid.get_or_init(|| Paid { cost: cost.get(), cost_max: self.cost_max, left });
        }
        spent.map(drop).map_err(|TooMuch { left, wait }| {
            let message = format!("this request costs {cost}, and {} is left", left.remaining);
            ApiError::too_many(&message, wait)
        })
    }
}

/// What a request has cost. Clones belong to the same request, which is charged once its document is
/// valid.
#[derive(Debug, Clone, Default)]
pub struct Bill(Arc<OnceLock<Paid>>);

/// The cost of a request, and what its client had left after it.
#[derive(Debug, Clone, Copy)]
pub struct Paid {
    /// The request's cost.
    pub cost: u32,
    /// Maximum cost of one request.
    pub cost_max: usize,
    /// What the client had left.
    pub left: Left,
}

impl Bill {
    /// The bill of this request.
    pub fn of<'a>(ctx: &Context<'a>) -> &'a Self {
        ctx.data_unchecked::<Self>()
    }

    /// What was paid; `None` before the request is charged.
    pub fn paid(&self) -> Option<Paid> {
        self.0.get().copied()
    }

    /// Shows the cost as `extensions.cost` of the response.
    pub fn show_in(&self, response: &mut Response) {
        let Some(Paid { cost, cost_max, .. }) = self.paid() else { return };
        let shown = value!({ "requested": cost, "limit": cost_max });
        response.extensions.insert("cost".to_owned(), shown);
    }
}

/// Charges every request, between its validation and its execution. A subscription is charged when
/// it starts.
#[derive(Debug, Clone)]
pub(crate) struct Charging(pub(crate) Arc<Budgets>);

impl ExtensionFactory for Charging {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(self.clone())
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Charging {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await;
        // A document that is not valid has cost a little.
        let cost = result.as_ref().map_or(1, |valid| valid.complexity);
        self.0.charge(&spender(ctx), cost, ctx.data_opt::<Bill>()).map_err(|error| {
            vec![async_graphql::Error::from(error).into_server_error(Pos::default())]
        })?;
        result
    }
}

fn spender(ctx: &ExtensionContext<'_>) -> Spender {
    if let Some(Some(viewer)) = ctx.data_opt::<Option<Viewer>>() {
        return Spender::Account(viewer.login.clone());
    }
    let address = ctx.data_opt::<ClientAddress>().and_then(|address| address.0);
    Spender::Network(address.map(network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spender_has_a_budget_and_sees_what_is_left() {
        let budgets = Budgets::new(50, 100);
        let ada = Spender::Account("ada".parse().unwrap());
        let bill = Bill::default();
        budgets.charge(&ada, 40, Some(&bill)).unwrap();
        let paid = bill.paid().unwrap();
        assert_eq!((paid.cost, paid.cost_max, paid.left.remaining), (40, 50, 60));
        let mut response = Response::new(async_graphql::Value::Null);
        bill.show_in(&mut response);
        assert_eq!(response.extensions["cost"], value!({ "requested": 40, "limit": 50 }));

        budgets.charge(&ada, 40, None).unwrap();
        let refused = budgets.charge(&ada, 40, Some(&Bill::default())).unwrap_err();
        assert_eq!(refused.code, crate::Code::TooMany);
        assert!(refused.retry_after.is_some_and(|seconds| seconds <= 12), "{refused:?}");
        for other in ["192.0.2.7", "192.0.2.8"] {
            let other = Spender::Network(Some(other.parse().unwrap()));
            budgets.charge(&other, 50, None).unwrap();
        }
    }

    #[test]
    fn the_most_expensive_request_is_possible_whatever_the_budget() {
        let budgets = Budgets::new(5_000, 0);
        budgets.charge(&Spender::Network(None), 5_000, None).unwrap();
        budgets.charge(&Spender::Network(None), 5_000, None).unwrap_err();
    }
}

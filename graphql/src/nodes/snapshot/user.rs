//! Past states of accounts.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use read_model::views::{AccountView, SolvedStatus};

use crate::moment::Moment;
use crate::nodes::problem::SolvedStatusEnum;
use crate::nodes::user::SolvedCount;
use crate::nodes::{Difficulty, Role, int};
use crate::scalars::DateTime;
use crate::{Api, ApiError, GlobalId, prices};

/// An account in the past. Personal data is not in the log, so it is not shown here.
#[derive(Debug, Clone)]
pub struct UserThen {
    moment: Moment,
    account: AccountView,
}

impl UserThen {
    pub(super) fn new(moment: Moment, account: AccountView) -> Self {
        Self { moment, account }
    }
}

/// An account's progress on a problem.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProblemStatusThen {
    /// The problem's slug.
    problem: String,
    /// The account's progress on the problem.
    status: SolvedStatusEnum,
}

#[Object]
impl UserThen {
    /// The account's global id.
    async fn id(&self) -> ID {
        GlobalId::User(self.account.login.clone()).into()
    }

    /// The login, as used in URLs.
    async fn login(&self) -> &str {
        self.account.login.as_str()
    }

    /// The account's roles at the time.
    async fn roles(&self) -> Vec<Role> {
        self.account.roles.iter().copied().map(Into::into).collect()
    }

    /// When the account was registered.
    async fn created_at(&self) -> DateTime {
        self.account.created_at.into()
    }

    /// The number of problems solved, by difficulty. Totals count the problems that existed then.
    #[graphql(complexity = "prices::PAST + child_complexity")]
    async fn solved(&self, ctx: &Context<'_>) -> Result<Vec<SolvedCount>> {
        let then = self.moment.then(Api::of(ctx));
        let statuses = then.statuses(&self.account.login).await.map_err(ApiError::from)?;
        let difficulties = then.difficulties().await.map_err(ApiError::from)?;
        let counts = [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard].map(|difficulty| {
            let of_this = difficulties.iter().filter(|(_, it)| **it == difficulty.into());
            let (mut solved, mut total) = (0, 0);
            for (slug, _) in of_this {
                total += 1;
                solved += usize::from(statuses.get(slug) == Some(&SolvedStatus::Solved));
            }
            SolvedCount { difficulty, solved: int(solved), total: int(total) }
        });
        Ok(counts.into())
    }

    /// Every problem the account had submitted to, ordered by slug.
    #[graphql(complexity = "prices::PAST + child_complexity")]
    async fn problems(&self, ctx: &Context<'_>) -> Result<Vec<ProblemStatusThen>> {
        let then = self.moment.then(Api::of(ctx));
        let statuses = then.statuses(&self.account.login).await.map_err(ApiError::from)?;
        let statuses = statuses.into_iter();
        Ok(statuses
            .map(|(slug, status)| ProblemStatusThen {
                problem: slug.to_string(),
                status: status.into(),
            })
            .collect())
    }
}

//! Validates documents without executing them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{ServerError, ValidationResult};

/// Put into a request, makes it end after its validation. The response is an error in any case.
#[derive(Debug, Clone, Default)]
pub struct OnlyCheck(Arc<AtomicBool>);

impl OnlyCheck {
    /// Whether the document was valid.
    pub fn has_passed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ends requests with an [`OnlyCheck`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checking;

impl ExtensionFactory for Checking {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Checking {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        match ctx.data_opt::<OnlyCheck>() {
            None => Ok(result),
            Some(OnlyCheck(has_passed)) => {
                has_passed.store(true, Ordering::Relaxed);
                Err(vec![ServerError::new("the document is valid", None)])
            }
        }
    }
}

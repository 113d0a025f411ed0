//! Languages.

use std::collections::BTreeSet;

use async_graphql::{ID, Object};
use domain::LanguageId;
use event_store::Ability;

use crate::api::CatalogueLanguage;
use crate::{Api, ApiError, GlobalId};

/// A programming language of this installation.
#[derive(Debug, Clone)]
pub struct LanguageNode(pub CatalogueLanguage);

#[Object(name = "Language")]
impl LanguageNode {
    /// The global id, such as `cpp`. It has no prefix, because people type it.
    pub async fn id(&self) -> ID {
        GlobalId::Language(self.0.id.clone()).into()
    }

    /// The display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The toolchain's version; empty if this process runs no evaluator.
    async fn version(&self) -> &str {
        &self.0.version
    }

    /// File name extensions, without the dot.
    async fn extensions(&self) -> &[String] {
        &self.0.extensions
    }

    /// The code editor's name for the language.
    async fn mode(&self) -> &str {
        &self.0.mode
    }
}

impl LanguageNode {
    /// The language with this id. A language that is no longer installed has its id as its name.
    pub fn of(api: &Api, id: &LanguageId) -> Self {
        Self(api.catalogue.get(id).cloned().unwrap_or_else(|| CatalogueLanguage {
            id: id.clone(),
            name: id.to_string(),
            version: String::new(),
            extensions: vec![],
            mode: String::new(),
        }))
    }

    /// Those of the languages that no running evaluator judges; none if no evaluator runs.
    pub(crate) async fn missing(
        api: &Api,
        languages: BTreeSet<LanguageId>,
    ) -> Result<Vec<Self>, ApiError> {
        let Some(announced) = api.queue.announced().await? else { return Ok(vec![]) };
        let is_missing = |id: &LanguageId| !announced.contains(&Ability::Judge(id.clone()));
        let missing = languages.into_iter().filter(is_missing);
        Ok(missing.map(|id| Self::of(api, &id)).collect())
    }
}

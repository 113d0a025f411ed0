//! Languages.

use async_graphql::{ID, Object};

use crate::api::CatalogueLanguage;

/// A programming language of this installation.
#[derive(Debug, Clone)]
pub struct LanguageNode(pub CatalogueLanguage);

#[Object(name = "Language")]
impl LanguageNode {
    /// What `submit` takes.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// For people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What its toolchain says it is; empty where no evaluator runs in this process.
    async fn version(&self) -> &str {
        &self.0.version
    }

    /// Without the dot.
    async fn extensions(&self) -> &[String] {
        &self.0.extensions
    }

    /// The code editor's name for it.
    async fn mode(&self) -> &str {
        &self.0.mode
    }
}

impl LanguageNode {
    /// The language with this id; one that is not installed any more keeps its id as its name.
    pub(crate) fn of(api: &crate::Api, id: &domain::LanguageId) -> Self {
        Self(api.catalogue.get(id).cloned().unwrap_or_else(|| CatalogueLanguage {
            id: id.clone(),
            name: id.to_string(),
            version: String::new(),
            extensions: vec![],
            mode: String::new(),
        }))
    }
}

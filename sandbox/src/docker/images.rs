//! The image for cells. One image has all languages, so that every ready container serves every
//! language. Its recipe is derived from the language definitions, so that this program can build it
//! on any machine.

use std::collections::BTreeSet;
use std::sync::Arc;

use bollard::models::ImageInspect;
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures::StreamExt;
use runner::layout;
use sha2::{Digest, Sha256};

pub use super::unpacking::{UnpackError, unpack};
use super::{container, engine};
use crate::{DockerConfig, Language, Languages, Precompiled, SandboxError};

/// The base image. The engine must have it or be able to pull it.
const BASE: &str = "debian:trixie-slim";

/// The label with the digest of the recipe that an image was built from.
const RECIPE_LABEL: &str = "assay.recipe";

/// The label with the ids of the languages in an image, separated by spaces.
const LANGUAGES_LABEL: &str = "assay.languages";

/// Files that no toolchain needs, such as documentation.
const LEFT_OUT: [&str; 4] =
    ["/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*"];

/// Builds the image for these languages on the engine. Passes each line of the engine's build log
/// to `progress`.
///
/// The engine caches build steps, so building again is quick.
pub async fn build(
    config: &DockerConfig,
    languages: &[Arc<Language>],
    mut progress: impl FnMut(&str),
) -> Result<(), SandboxError> {
    let docker = engine::reach(config).await?;
    let recipe = recipe(languages);
    let ids: Vec<&str> = languages.iter().map(|language| language.id.as_str()).collect();
    let labels = [(RECIPE_LABEL, digest(&recipe)), (LANGUAGES_LABEL, ids.join(" "))];
    let options = BuildImageOptionsBuilder::default()
        .t(&config.image)
        .labels(&labels.map(|(label, value)| (label.to_owned(), value)).into())
        // Packages come from the base image's mirror, which may only be reachable from the engine's
        // host network.
        .networkmode("host")
        .rm(true)
        .forcerm(true)
        .build();
    let context = container::archive(&[("Dockerfile", recipe.as_bytes(), 0o644)]);
    let mut account = docker.build_image(options, None, Some(bollard::body_full(context)));
    while let Some(step) = account.next().await {
        let step = step.map_err(engine::failed("build the image"))?;
        let said = step.stream.as_deref().unwrap_or_default();
        said.lines().filter(|line| !line.trim().is_empty()).for_each(&mut progress);
    }
    Ok(())
}

/// The Dockerfile of the image for these languages.
pub fn recipe(languages: &[Arc<Language>]) -> String {
    let packages: BTreeSet<&str> =
        languages.iter().flat_map(|language| &language.packages).map(String::as_str).collect();
    let packages: Vec<&str> = packages.into_iter().collect();
    let left_out = LEFT_OUT.map(|path| format!("path-exclude={path}"));
    let mut lines = vec![
        format!("FROM {BASE}"),
        // A build needs no sync to disk after each unpacked file.
        format!(
            "RUN printf '%s\\n' force-unsafe-io {} > /etc/dpkg/dpkg.cfg.d/assay",
            left_out.map(|line| quoted(&line)).join(" ")
        ),
        format!(
            "RUN apt-get update \\\n && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
             \\\n    {} \\\n && apt-get clean \\\n && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin",
            packages.join(" \\\n    ")
        ),
    ];
    for language in languages {
        if !language.prepare.is_empty() {
            lines.push(format!("RUN {}", language.prepare.join(" \\\n && ")));
        }
        if let Some(precompiled) = &language.precompiled {
            lines.push(format!("RUN {}", compile_ahead(language, precompiled)));
        }
    }
    lines.join("\n") + "\n"
}

fn compile_ahead(language: &Language, precompiled: &Precompiled) -> String {
    let place = format!("{}/{}/{}", layout::PRECOMPILED, language.id, precompiled.file().display());
    let fallback = format!(
        "{}/{}/{}",
        layout::PRECOMPILED,
        language.id,
        precompiled.fallback_file().display()
    );
    let command: Vec<String> = precompiled.command.iter().map(|word| quoted(word)).collect();
    [
        format!("mkdir -p \"$(dirname {place})\""),
        "cd /tmp".to_owned(),
        format!("printf %s {} > {}", quoted(&precompiled.source()), Precompiled::SOURCE),
        command.join(" "),
        format!("mv {} {place}", Precompiled::OUTPUT),
        format!("printf %s {} > {fallback}", quoted(&precompiled.fallback())),
        format!("rm {}", Precompiled::SOURCE),
    ]
    .join(" \\\n && ")
}

/// A word quoted for the shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/=-+_.,:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    // A newline inside the quotes would end the line of the Dockerfile.
    format!("'{}'", word.trim_end().replace('\'', "'\\''"))
}

fn digest(recipe: &str) -> String {
    hex::encode(Sha256::digest(recipe))
}

/// What the labels of an image say about its content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents {
    /// The languages it was built for; `None` if Assay did not build the image, which may then have
    /// any language.
    pub(super) languages: Option<Vec<String>>,
    /// Whether this program would build the same image now.
    pub(super) current: bool,
}

impl Contents {
    pub(super) fn of(image: &ImageInspect, known: &Languages) -> Self {
        let labels = image.config.as_ref().and_then(|config| config.labels.as_ref());
        let label = |name: &str| labels.and_then(|labels| labels.get(name));
        let Some(ids) = label(LANGUAGES_LABEL) else {
            return Self { languages: None, current: true };
        };
        let ids: Vec<String> = ids.split_whitespace().map(str::to_owned).collect();
        let languages: Option<Vec<_>> = ids.iter().map(|id| known.get(id).cloned()).collect();
        let expected = languages.map(|languages| digest(&recipe(&languages)));
        let current = expected.is_some() && expected.as_ref() == label(RECIPE_LABEL);
        Self { languages: Some(ids), current }
    }

    /// Whether a language is known to be missing.
    pub(super) fn lacks(&self, id: &str) -> bool {
        self.languages.as_ref().is_some_and(|ids| !ids.iter().any(|known| known == id))
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ImageConfig;

    use super::*;

    fn languages(ids: &[&str]) -> Vec<Arc<Language>> {
        let known = Languages::builtin();
        ids.iter().map(|id| Arc::clone(known.get(id).expect("it is built in"))).collect()
    }

    fn image(labels: &[(&str, String)]) -> ImageInspect {
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), value.clone()));
        let config = ImageConfig { labels: Some(labels.collect()), ..ImageConfig::default() };
        ImageInspect { config: Some(config), ..ImageInspect::default() }
    }

    #[test]
    fn a_recipe_has_each_package_once_and_what_is_compiled_ahead() {
        let recipe = recipe(&languages(&["c", "cpp", "cpp20", "go"]));
        let words: Vec<&str> = recipe.split_whitespace().collect();
        assert_eq!(words.iter().filter(|word| **word == "g++").count(), 3, "{recipe}");
        assert!(recipe.starts_with("FROM debian:trixie-slim\n"), "{recipe}");
        assert!(recipe.contains("/pch/cpp20/bits/stdc++.h.gch"), "{recipe}");
        assert!(recipe.contains("go build"), "{recipe}");
        assert!(!recipe.contains("ghc"), "{recipe}");
    }

    #[test]
    fn an_image_says_what_it_has() {
        let recipe = digest(&recipe(&languages(&["c", "lua"])));
        let labels = [(LANGUAGES_LABEL, "c lua".to_owned()), (RECIPE_LABEL, recipe)];
        let contents = Contents::of(&image(&labels), &Languages::builtin());
        assert!(contents.current && contents.lacks("rust") && !contents.lacks("lua"));
        let older = [(LANGUAGES_LABEL, "c".to_owned()), labels[1].clone()];
        assert!(!Contents::of(&image(&older), &Languages::builtin()).current);
        let theirs = Contents::of(&image(&[]), &Languages::builtin());
        assert!(theirs.current && !theirs.lacks("rust"));
    }

    #[test]
    fn words_reach_the_shell_whole() {
        assert_eq!(quoted("-std=gnu++17"), "-std=gnu++17");
        assert_eq!(quoted("#include <a>\n"), "'#include <a>'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}

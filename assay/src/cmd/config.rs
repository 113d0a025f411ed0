//! `assay config`

use figment::Figment;
use figment::value::{Dict, Value};
use serde::Serialize;

use super::print_json;
use crate::config::ConfigArgs;
use crate::table::table;
use crate::{Exit, Failure};

/// Print every setting and the source of its value
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One setting.
#[derive(Debug, Serialize)]
struct Setting {
    key: String,
    value: serde_json::Value,
    source: String,
}

pub(crate) fn run(config: &ConfigArgs, args: &Args) -> Result<Exit, Failure> {
    let figment = config.figment()?;
    let all: Dict = figment
        .extract()
        .map_err(|error| Failure::new(Exit::Usage, format!("the configuration: {error}")))?;
    let mut settings = Vec::new();
    collect(&figment, "", &all, &mut settings);
    if args.json {
        print_json(&settings)?;
        return Ok(Exit::Done);
    }
    let mut rows = table(["setting", "value", "from"]);
    for Setting { key, value, source } in settings {
        rows.add_row([key, value.to_string(), source]);
    }
    println!("{rows}");
    Ok(Exit::Done)
}

fn collect(figment: &Figment, prefix: &str, dict: &Dict, settings: &mut Vec<Setting>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) => collect(figment, &key, inner, settings),
            value => {
                let source =
                    figment.find_metadata(&key).map_or_else(
                        String::new,
                        |metadata| match &metadata.source {
                            Some(figment::Source::File(path)) => path.display().to_string(),
                            _ if metadata.name.contains("environment") => "environment".to_owned(),
                            _ if metadata.name.contains("Config") => "default".to_owned(),
                            _ => "--set".to_owned(),
                        },
                    );
                let value = serde_json::to_value(value).unwrap_or_default();
                settings.push(Setting { key, value: without_secret(value), source });
            }
        }
    }
}

/// Hides the password in a store's address.
fn without_secret(value: serde_json::Value) -> serde_json::Value {
    let Some(mut url) = value.as_str().and_then(|text| url::Url::parse(text).ok()) else {
        return value;
    };
    if url.password().is_none() || url.set_password(Some("***")).is_err() {
        return value;
    }
    url.to_string().into()
}

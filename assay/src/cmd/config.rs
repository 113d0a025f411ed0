//! `assay config`

use serde::Serialize;

use super::print_json;
use crate::config::ConfigArgs;
use crate::table::table;
use crate::{Exit, Failure};

/// The end of the names of settings that are secret.
const SECRET: &str = ".client_secret";

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
    let settings = config.settings()?;
    let settings = settings.iter().map(|(key, value, source)| {
        let value = serde_json::to_value(value).unwrap_or_default();
        let value = match key.ends_with(SECRET) {
            true => "***".into(),
            false => without_secret(value),
        };
        Setting { key: key.to_owned(), value, source: source.to_string() }
    });
    let settings: Vec<Setting> = settings.collect();
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

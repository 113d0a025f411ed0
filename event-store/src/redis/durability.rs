//! Checks whether a server keeps what it acknowledges.

use std::collections::HashMap;

use redis::{InfoDict, cmd};

use super::link::{CallError, Link, not_opened};
use crate::open_error::OpenError;

/// The first version with Functions.
const VERSION_MAJOR_MIN: u32 = 7;

/// Required settings, and what loses acknowledged events without them.
const NEEDED: [(&str, &str, &str); 3] = [
    ("appendonly", "yes", "a restart loses events"),
    ("appendfsync", "always", "a power failure loses events"),
    ("maxmemory-policy", "noeviction", "a full memory loses events"),
];

/// Refuses a server that is too old, or that may lose acknowledged events unless `relaxed`. Returns
/// a description of what an acknowledged append survives.
pub(super) async fn check(link: &Link, relaxed: bool) -> Result<String, OpenError> {
    let info: InfoDict = link.query(cmd("INFO").arg("server")).await.map_err(not_opened)?;
    let version: String = info.get("redis_version").unwrap_or_default();
    let major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major < VERSION_MAJOR_MIN {
        return Err(OpenError::Refused {
            cause: format!("the Redis server is version {version:?}, without functions"),
            cure: format!("use Redis {VERSION_MAJOR_MIN}.0 or newer, or Valkey"),
        });
    }
    let weaknesses = match weaknesses(link).await? {
        Ok(weaknesses) => weaknesses,
        Err(_) if relaxed => return Ok("unknown: the server hides its settings".to_owned()),
        Err(hidden) => {
            return Err(OpenError::Refused {
                cause: format!("the Redis server does not show its durability settings ({hidden})"),
                cure: format!(
                    "allow the user CONFIG GET, or, if the server is known to have {}, add \
                     durability=relaxed to the URL",
                    NEEDED.map(|(name, value, _)| format!("{name} {value}")).join(", ")
                ),
            });
        }
    };
    if weaknesses.is_empty() {
        return Ok("on the Redis server's disk, after a power failure too".to_owned());
    }
    let causes: Vec<String> = weaknesses.iter().map(|weakness| weakness.cause.clone()).collect();
    if relaxed {
        return Ok(format!("relaxed: {}", causes.join(", ")));
    }
    let cures: Vec<&str> = weaknesses.iter().map(|weakness| weakness.cure.as_str()).collect();
    Err(OpenError::Refused {
        cause: format!("the Redis server may lose what it acknowledged: {}", causes.join(", ")),
        cure: format!(
            "run {} and CONFIG REWRITE, or add durability=relaxed to the URL",
            cures.join(", ")
        ),
    })
}

struct Weakness {
    cause: String,
    cure: String,
}

/// The settings that weaken durability, or why the server does not show its settings.
async fn weaknesses(link: &Link) -> Result<Result<Vec<Weakness>, String>, OpenError> {
    let mut get = cmd("CONFIG");
    get.arg("GET");
    NEEDED.iter().for_each(|(name, ..)| {
        get.arg(*name);
    });
    let settings: HashMap<String, String> = match link.query(&get).await {
        Ok(settings) => settings,
        // Hosted servers often forbid CONFIG.
        Err(CallError::Refused(error)) => return Ok(Err(error.to_string())),
        Err(error) => return Err(not_opened(error)),
    };
    let wanting = NEEDED.iter().filter_map(|(name, needed, consequence)| {
        let found = settings.get(*name).map_or("not set", String::as_str);
        (found != *needed).then(|| Weakness {
            cause: format!("with {name} {found} {consequence}"),
            cure: format!("CONFIG SET {name} {needed}"),
        })
    });
    Ok(Ok(wanting.collect()))
}

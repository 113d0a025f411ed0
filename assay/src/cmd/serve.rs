//! `assay serve`

use std::collections::BTreeSet;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::server::{Role, Server};
use crate::{Exit, Failure};

/// Serve the API, judge, and build the read model
///
/// The first start makes an administrator and prints its token, once.
/// SIGTERM stops taking work, finishes or gives back what is under way, and ends.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// What this process does; everything where none is named
    #[arg(long = "role", value_enum, value_delimiter = ',', value_name = "ROLE,…")]
    roles: Vec<Role>,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let roles: BTreeSet<Role> =
        if args.roles.is_empty() { Role::ALL.into() } else { args.roles.into_iter().collect() };
    let server = Server::build(config, &roles).await?;
    if let Some((login, secret)) = &server.administrator {
        eprintln!("The administrator {login:?} was made. Its token is shown this once:");
        println!("{}", secret.0);
    }
    for reason in server.left_out() {
        eprintln!("Left out: {reason}");
    }
    if let Some(address) = server.address() {
        eprintln!("Serving GraphQL at http://{address}/graphql");
    }
    let roles: Vec<String> = roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
    let ready = || eprintln!("Ready: {}. Stop with SIGTERM or Ctrl+C.", roles.join(", "));
    let cancelled = CancellationToken::new();
    let stop = tokio::spawn(cancel_on_signal(cancelled.clone()));
    let outcome = server.run(cancelled, ready).await;
    stop.abort();
    outcome.map(|()| Exit::Done)
}

/// The first signal drains. The second is left to end the process at once.
async fn cancel_on_signal(cancelled: CancellationToken) {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::warn!("signals cannot be heard; the process can only be killed");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    eprintln!("Draining …");
    cancelled.cancel();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    eprintln!("Ending without draining; what was under way is judged again elsewhere.");
    #[expect(clippy::disallowed_methods, reason = "whoever asks twice does not want to wait")]
    std::process::exit(1);
}

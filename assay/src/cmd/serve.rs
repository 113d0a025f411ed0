//! `assay serve`

use std::collections::BTreeSet;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::server::{Role, Server};
use crate::{Exit, Failure};

/// Open files that the process asks for. More would make programs slow that close every one that
/// they might have inherited.
const DESCRIPTORS: u64 = 65_536;

/// Serve the API, judge submissions, and build the read model
///
/// The first start creates an administrator and prints its token, once. On SIGTERM the server
/// accepts no new work, finishes or returns the work in progress, and exits.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The roles of this process; by default all
    #[arg(long = "role", value_enum, value_delimiter = ',', value_name = "ROLE,…")]
    roles: Vec<Role>,
}

pub(crate) async fn run(config: &Config, args: Args) -> Result<Exit, Failure> {
    let roles: BTreeSet<Role> =
        if args.roles.is_empty() { Role::ALL.into() } else { args.roles.into_iter().collect() };
    raise_descriptor_limit();
    let server = Server::build(config, &roles).await?;
    if let Some((login, secret)) = &server.administrator {
        eprintln!("Created the administrator {login:?}. Its token is shown only once:");
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

/// Each connection takes a descriptor, and the usual limit is 1,024.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = soft.max(hard.min(DESCRIPTORS));
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Drains on the first signal. The second signal ends the process at once.
async fn cancel_on_signal(cancelled: CancellationToken) {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::warn!("signal handlers cannot be installed; the process can only be killed");
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
    eprintln!("Exiting without draining; the work in progress is judged again elsewhere.");
    #[expect(clippy::disallowed_methods, reason = "a second signal asks to stop without waiting")]
    std::process::exit(1);
}

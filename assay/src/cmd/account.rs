//! `assay account`

use clap::ValueEnum;
use command_api::accounts::{self, AccountError};
use domain::account::AccountRejection;
use domain::{Actor, Login, Role};
use event_store::{Context, Profile, Scope, Stores};
use serde_json::json;

use super::print_json;
use crate::config::Config;
use crate::stores::{is_absent, open_stores};
use crate::{Exit, Failure};

/// Create accounts and grant roles, directly in the stores
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Create an account and print a token for it
    Create(Create),
    /// Grant a role to an account
    Grant(Grant),
    /// Erase an account's email, name, password and tokens
    Erase(Erase),
}

/// Create an account and print a token for it
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Create {
    /// The account's login
    login: Login,
    /// A role to grant; may be repeated. Every account may submit programs, even without a role
    #[arg(long = "role", value_enum, value_name = "ROLE")]
    roles: Vec<RoleName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Grant a role to an account
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Grant {
    /// The account's login
    login: Login,
    /// The role
    #[arg(value_enum)]
    role: RoleName,
}

/// Erase an account's email, name, password and tokens
///
/// Nobody can sign in to the account afterwards, and its login is never assigned again. Its
/// submissions stay under the login, and the log still verifies. This cannot be undone.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Erase {
    /// The account's login
    login: Login,
    /// Confirm the erasure
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RoleName {
    /// Writes problems
    Setter,
    /// Sees every submission and may rejudge
    Judge,
    /// Reads the whole log with its proofs, and sees the state of the service
    Auditor,
    /// May do everything
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Setter => Self::Setter,
            RoleName::Judge => Self::Judge,
            RoleName::Auditor => Self::Auditor,
            RoleName::Admin => Self::Admin,
        }
    }
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    if is_absent(config) {
        eprintln!("Creating a new installation at {}", config.stores.log);
    }
    let stores = open_stores(config).await?;
    match command {
        Command::Create(args) => create(&stores, args).await,
        Command::Grant(args) => {
            let context = Context::new(Actor::system());
            let granted =
                accounts::grant(stores.log.as_ref(), &args.login, args.role.into(), &context);
            let granted = granted.await.map_err(failure)?;
            let (login, role) = (&args.login, args.role.to_possible_value());
            let role = role.expect("every role has a name");
            let role = role.get_name();
            match granted.is_empty() {
                true => println!("{login} already has the role {role}"),
                false => println!("granted the role {role} to {login}"),
            }
            Ok(Exit::Done)
        }
        Command::Erase(args) => erase(&stores, &args).await,
    }
}

async fn erase(stores: &Stores, args: &Erase) -> Result<Exit, Failure> {
    if !args.yes {
        let message = format!("erasing {} cannot be undone; confirm with --yes", args.login);
        return Err(Failure::new(Exit::Usage, message));
    }
    let context = Context::new(Actor::system());
    let (log, credentials) = (stores.log.as_ref(), stores.credentials.as_ref());
    let erased = accounts::erase(log, credentials, &args.login, &context).await.map_err(failure)?;
    let what = if erased.is_empty() { "was erased before; no data is left" } else { "is erased" };
    println!("{} {what}", args.login);
    Ok(Exit::Done)
}

async fn create(stores: &Stores, args: Create) -> Result<Exit, Failure> {
    let context = Context::new(Actor::system());
    let (log, credentials) = (stores.log.as_ref(), stores.credentials.as_ref());
    let profile = Profile { email: None, name: None, password_hash: None };
    accounts::register(log, credentials, &args.login, &profile, &context).await.map_err(failure)?;
    for role in args.roles {
        accounts::grant(log, &args.login, role.into(), &context).await.map_err(failure)?;
    }
    let scopes = vec![Scope::Full];
    let secret = accounts::issue_token(stores, &args.login, "command line", scopes, None);
    let secret = secret.await.map_err(failure)?;
    if args.json {
        print_json(&json!({ "login": args.login, "token": secret.0 }))?;
    } else {
        eprintln!("Created {}. Its token is shown only once:", args.login);
        println!("{}", secret.0);
    }
    Ok(Exit::Done)
}

fn failure(error: AccountError) -> Failure {
    let exit = match &error {
        AccountError::Rejected(
            AccountRejection::Taken
            | AccountRejection::NotFound
            | AccountRejection::Erased
            | AccountRejection::EveryAccountIsUser,
        ) => Exit::Usage,
        _ => Exit::Network,
    };
    Failure::of(exit, "the account", &error)
}

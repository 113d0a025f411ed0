//! `assay keys`

use std::path::Path;

use audit::key_file::{self, Keys};
use audit::{KeyName, SignerKey};

use crate::config::Config;
use crate::signing_key::{create, default_name, failed};
use crate::stores::open_log;
use crate::{Exit, Failure};

/// Create, show and rotate the keys that sign the log
///
/// Give the public key to everyone who checks receipts or exports. The private keys stay in the
/// file that `audit.keys` names; every projector of an installation needs the same file.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Create the first key, if there is none
    Create(Name),
    /// Print the public keys, newest first, including retired ones
    Show,
    /// Create a new key; heads are signed with the old and the new key until `assay keys retire`
    ///
    /// Restart the projector afterwards. Clients that trust the old key still accept heads with
    /// both signatures, and can get the new key from you until you retire the old one.
    Rotate,
    /// Sign only with the newest key; old public keys are kept, to check earlier heads
    Retire,
}

/// The owner of the key
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Name {
    /// The name at the start of every signed head, such as judge.example/log
    #[arg(long)]
    name: Option<String>,
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<Exit, Failure> {
    let path = &config.audit.keys;
    match command {
        Command::Create(Name { name }) => {
            let name = match name {
                Some(name) => parse(&name)?,
                None => default_name(open_log(config).await?.as_ref()).await?,
            };
            let key = create(path, name)?;
            println!("{key}");
        }
        Command::Show => print(&read(path)?),
        Command::Rotate => {
            let mut keys = read(path)?;
            let name = keys.signers[0].verifier().name().clone();
            keys.signers.insert(0, SignerKey::new(name, rand::random()));
            replace(path, &keys)?;
            print(&keys);
        }
        Command::Retire => {
            let keys = read(path)?.retire();
            replace(path, &keys)?;
            print(&keys);
        }
    }
    Ok(Exit::Done)
}

fn print(keys: &Keys) {
    keys.verifiers().iter().for_each(|key| println!("{key}"));
}

fn read(path: &Path) -> Result<Keys, Failure> {
    key_file::read(path).map_err(|error| failed(&error))
}

fn replace(path: &Path, keys: &Keys) -> Result<(), Failure> {
    key_file::replace(path, keys).map_err(|error| failed(&error))
}

fn parse(name: &str) -> Result<KeyName, Failure> {
    name.parse().map_err(|error| Failure::of(Exit::Usage, "--name", &error))
}

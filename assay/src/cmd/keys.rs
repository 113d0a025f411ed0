//! `assay keys`

use std::path::Path;

use audit::key_file::{self, Keys};
use audit::{KeyName, SignerKey, VerifierKey};
use event_store::EventLog;

use crate::config::Config;
use crate::server::open_log;
use crate::{Exit, Failure};

/// Make, show and change the keys that sign the log
///
/// Give the public key to whoever is to check receipts and exports. The private keys stay in the file that `audit.keys`
/// names; every projector of an installation needs the same.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Make the first key, where there is none
    Create(Name),
    /// Print the public keys, the newest first, retired ones too
    Show,
    /// Make a new key; until `retire`, every head is signed with the old one too
    ///
    /// Restart the projector afterwards. Whoever trusts the old key believes heads that bear both signatures, and can
    /// take the new key from you in the meantime.
    Rotate,
    /// Sign with the newest key only from now on; of the others the public halves stay, for earlier heads
    Retire,
}

/// Who the key belongs to
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Name {
    /// The name that every signed head begins with, such as judge.example/log
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

/// Makes the file with its first key.
pub(crate) fn create(path: &Path, name: KeyName) -> Result<VerifierKey, Failure> {
    let key = SignerKey::new(name, rand::random());
    key_file::create(path, &Keys::of(key.clone())).map_err(|error| failed(&error))?;
    Ok(key.verifier())
}

/// The name of a log that was given none.
pub(crate) async fn default_name(log: &dyn EventLog) -> Result<KeyName, Failure> {
    let info = log.info().await.map_err(|error| Failure::of(Exit::Network, "the log", &error))?;
    Ok(format!("assay/{}", info.log_id).parse().expect("a UUID is plain"))
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

fn failed(error: &key_file::KeyFileError) -> Failure {
    Failure::of(Exit::Usage, "the keys", error)
}

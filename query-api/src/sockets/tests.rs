use std::time::Duration;

use domain::account::{Account, AccountCommand};
use domain::{Actor, Login, Role, StreamId};
use event_store::{Context, Scope, StoreUrls, Stores, Stream as Aggregate, TokenKind, TokenRecord};
use graphql::{ApiError, AuthError, Authenticator, Code, Secret};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::time::timeout;
use uuid::Uuid;

use super::*;

const CHECK_SOON: Duration = Duration::from_millis(5);
const CHECKS: u32 = 20;

/// Stores with an account and its token.
struct World {
    stores: Stores,
    secret: Secret,
    record: TokenRecord,
    _directory: TempDir,
}

impl World {
    async fn new(lifetime: Option<SignedDuration>) -> Self {
        let directory = TempDir::new().unwrap();
        let urls = StoreUrls::embedded(directory.path());
        let stores = event_store::open(&urls).await.unwrap();
        let secret = Secret("assay_of_ada".to_owned());
        let created_at = Timestamp::now();
        let record = TokenRecord {
            id: Uuid::new_v4(),
            hash: secret.hash(),
            subject: Uuid::new_v4(),
            login: "ada".parse().unwrap(),
            kind: TokenKind::Access,
            name: "a socket's".to_owned(),
            scopes: vec![Scope::Full],
            created_at,
            last_used_at: None,
            expires_at: lifetime.map(|lifetime| created_at + lifetime),
            family: Uuid::nil(),
            rotated_at: None,
        };
        stores.credentials.put_token(&record).await.unwrap();
        let world = Self { stores, secret, record, _directory: directory };
        let login = world.record.login.clone();
        world.account(AccountCommand::Register { login, subject: world.record.subject }).await;
        world.account(AccountCommand::Grant(Role::Judge)).await;
        world
    }

    async fn account(&self, command: AccountCommand) {
        let login: Login = self.record.login.clone();
        let log = self.stores.log.as_ref();
        let mut stream = Aggregate::<Account>::load(log, StreamId::Account(login)).await.unwrap();
        let context = Context::new(Actor::system());
        stream.execute(log, vec![command], &context, None, None).await.unwrap();
    }

    /// An authenticator with an empty cache.
    fn authenticator(&self) -> Authenticator {
        let Stores { log, credentials, .. } = &self.stores;
        Authenticator::new(Arc::clone(log), Arc::clone(credentials))
    }

    /// Signs in, runs `happens`, and returns the reason why the socket closes; `None` if it stays
    /// open.
    async fn refusal(&self, happens: impl AsyncFnOnce(&Self)) -> Option<ApiError> {
        let viewer = self.authenticator().authenticate(&self.secret).await.unwrap();
        happens(self).await;
        let checks = Checks::every(CHECK_SOON);
        let check = checks.of(&self.authenticator(), self.secret.hash(), &viewer);
        timeout(CHECK_SOON * CHECKS, Check::refused(Some(check))).await.ok()
    }
}

#[tokio::test]
async fn a_socket_stays_open_and_checks_do_not_count_as_uses() {
    let world = World::new(None).await;
    let used = async |world: &World| {
        let tokens = world.stores.credentials.tokens(world.record.subject, Timestamp::now());
        tokens.await.unwrap()[0].last_used_at
    };
    let mut before = None;
    let refusal = world.refusal(async |world| before = used(world).await).await;
    assert!(refusal.is_none(), "{refusal:?}");
    assert_eq!(used(&world).await, before);
}

#[tokio::test]
async fn a_socket_closes_when_its_token_or_permissions_change() {
    let revoked = async |world: &World| {
        let record = &world.record;
        world.stores.credentials.revoke_token(record.subject, record.id).await.unwrap();
    };
    let world = World::new(None).await;
    assert_eq!(world.refusal(revoked).await.unwrap().code, Code::Unauthenticated);

    let world = World::new(Some(SignedDuration::from_millis(50))).await;
    let expired = world.refusal(async |_| ()).await.unwrap();
    assert_eq!(expired.code, Code::Unauthenticated);

    for command in [AccountCommand::Revoke(Role::Judge), AccountCommand::Grant(Role::Admin)] {
        let world = World::new(None).await;
        let changed = world.refusal(async |world| world.account(command).await).await.unwrap();
        assert_eq!(changed.code, Code::Unauthenticated);
        assert!(changed.message.contains("have changed"), "{changed}");
    }

    // Only the event, as after an interrupted erasure.
    let world = World::new(None).await;
    let erased = world.refusal(async |world| world.account(AccountCommand::Erase).await).await;
    assert_eq!(erased.unwrap().code, Code::Unauthenticated);
    let refused = world.authenticator().authenticate(&world.secret).await;
    assert!(matches!(refused, Err(AuthError::Invalid)), "{refused:?}");
}

#[tokio::test]
async fn all_sockets_of_a_token_share_one_check() {
    let world = World::new(None).await;
    let (authenticator, checks) = (world.authenticator(), Checks::every(CHECK_SOON));
    let viewer = authenticator.authenticate(&world.secret).await.unwrap();
    let of = |token: TokenHash| checks.of(&authenticator, token, &viewer);
    let (one, two) = (of(world.secret.hash()), of(world.secret.hash()));
    assert!(Arc::ptr_eq(&one, &two));
    assert!(!Arc::ptr_eq(&one, &of(TokenHash([0; 32]))));
    // Somebody with other permissions is not taken for the same.
    world.account(AccountCommand::Revoke(Role::Judge)).await;
    let now = world.authenticator().authenticate(&world.secret).await.unwrap();
    assert!(!Arc::ptr_eq(&one, &checks.of(&authenticator, world.secret.hash(), &now)));
}

//! Profiles, tokens and secrets.

use std::sync::Arc;

use domain::{Digest, Login};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::case::{Case, cases};
use crate::{Credentials, Profile, Scope, TokenHash, TokenKind, TokenRecord, open_credentials};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_profile_reads_back,
        a_profile_is_replaced,
        profiles_come_in_the_order_asked_for,
        no_subjects_have_no_profiles,
        text_of_every_script_reads_back,
        erasing_removes_the_profile_and_every_token,
        erasing_spares_others,
        erasing_what_is_not_there_is_no_error,
        an_erased_subject_can_be_kept_again,
        a_token_is_found_by_its_hash,
        every_kind_and_scope_reads_back,
        an_unknown_hash_finds_nothing,
        an_expired_token_finds_nothing,
        a_token_without_end_is_found,
        a_use_is_remembered,
        looking_at_a_token_is_no_use_of_it,
        uses_within_a_minute_are_remembered_once,
        a_token_with_the_same_hash_replaces,
        tokens_are_listed_oldest_first,
        expired_tokens_are_not_listed,
        a_revoked_token_finds_nothing,
        revoking_ends_a_session_and_its_refresh_token,
        only_ones_own_token_is_revoked,
        revoking_says_whether_there_was_one,
        a_secret_reads_back_until_it_is_replaced_or_removed,
        a_secret_is_added_once,
        secrets_are_kept_by_their_whole_name,
        a_store_with_nothing_but_a_secret_is_not_empty,
        what_was_kept_survives_reopening,
        subjects_and_names_of_secrets_are_listed_in_order,
    ]
}

pub(super) type Store = Arc<dyn Credentials>;

pub(super) async fn open(url: &str) -> Store {
    open_credentials(url).await.unwrap()
}

/// The current time with microsecond precision, as stored.
pub(super) fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap()
}

pub(super) fn profile(name: &str) -> Profile {
    Profile {
        email: Some(format!("{name}@example.org")),
        name: Some(name.to_owned()),
        password_hash: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
    }
}

pub(super) fn token(subject: Uuid, secret: &str) -> TokenRecord {
    TokenRecord {
        id: Uuid::new_v4(),
        hash: TokenHash(*Digest::of(secret.as_bytes()).as_bytes()),
        subject,
        login: "ada".parse::<Login>().unwrap(),
        kind: TokenKind::Session,
        name: "laptop".to_owned(),
        scopes: vec![Scope::Full],
        created_at: now(),
        last_used_at: None,
        expires_at: Some(now() + SignedDuration::from_hours(1)),
        family: Uuid::nil(),
        rotated_at: None,
    }
}

async fn put(store: &Store, subject: Uuid, secret: &str) -> TokenRecord {
    let token = token(subject, secret);
    store.put_token(&token).await.unwrap();
    token
}

async fn found(store: &Store, token: &TokenRecord) -> bool {
    let seen = store.token(&token.hash, now()).await.unwrap().is_some();
    assert_eq!(store.use_token(&token.hash, now()).await.unwrap().is_some(), seen);
    seen
}

async fn a_profile_reads_back(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    store.put_profile(subject, &profile("Ada")).await.unwrap();
    assert_eq!(store.profiles(&[subject]).await.unwrap(), [Some(profile("Ada"))]);
}

async fn a_profile_is_replaced(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    store.put_profile(subject, &profile("Ada")).await.unwrap();
    let bare = Profile { email: None, name: None, password_hash: None };
    store.put_profile(subject, &bare).await.unwrap();
    assert_eq!(store.profiles(&[subject]).await.unwrap(), [Some(bare)]);
}

async fn profiles_come_in_the_order_asked_for(url: String) {
    let store = open(&url).await;
    let (ada, bob, nobody) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    store.put_profile(ada, &profile("Ada")).await.unwrap();
    store.put_profile(bob, &profile("Bob")).await.unwrap();
    assert_eq!(
        store.profiles(&[bob, nobody, ada, bob]).await.unwrap(),
        [Some(profile("Bob")), None, Some(profile("Ada")), Some(profile("Bob"))]
    );
}

async fn no_subjects_have_no_profiles(url: String) {
    assert_eq!(open(&url).await.profiles(&[]).await.unwrap(), []);
}

async fn text_of_every_script_reads_back(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let name = "Zoë 数独 שלום 🦀 e\u{301} ' \" \\ $set";
    store.put_profile(subject, &profile(name)).await.unwrap();
    assert_eq!(store.profiles(&[subject]).await.unwrap(), [Some(profile(name))]);
    let named = TokenRecord { name: name.to_owned(), ..token(subject, "s") };
    store.put_token(&named).await.unwrap();
    assert_eq!(store.tokens(subject, now()).await.unwrap(), [named]);
}

async fn erasing_removes_the_profile_and_every_token(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    store.put_profile(subject, &profile("Ada")).await.unwrap();
    let tokens = [put(&store, subject, "1").await, put(&store, subject, "2").await];
    store.erase(subject).await.unwrap();
    assert_eq!(store.profiles(&[subject]).await.unwrap(), [None]);
    assert_eq!(store.tokens(subject, now()).await.unwrap(), []);
    for token in tokens {
        assert!(!found(&store, &token).await);
    }
}

async fn erasing_spares_others(url: String) {
    let store = open(&url).await;
    let (ada, bob) = (Uuid::new_v4(), Uuid::new_v4());
    store.put_profile(bob, &profile("Bob")).await.unwrap();
    let token = put(&store, bob, "1").await;
    store.erase(ada).await.unwrap();
    assert_eq!(store.profiles(&[bob]).await.unwrap(), [Some(profile("Bob"))]);
    assert!(found(&store, &token).await);
}

async fn erasing_what_is_not_there_is_no_error(url: String) {
    let store = open(&url).await;
    store.erase(Uuid::new_v4()).await.unwrap();
}

async fn an_erased_subject_can_be_kept_again(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    store.put_profile(subject, &profile("Ada")).await.unwrap();
    store.erase(subject).await.unwrap();
    store.put_profile(subject, &profile("Eve")).await.unwrap();
    assert_eq!(store.profiles(&[subject]).await.unwrap(), [Some(profile("Eve"))]);
}

async fn a_token_is_found_by_its_hash(url: String) {
    let store = open(&url).await;
    let token = put(&store, Uuid::new_v4(), "secret").await;
    put(&store, Uuid::new_v4(), "another").await;
    let at = now();
    let used = store.use_token(&token.hash, at).await.unwrap().unwrap();
    assert_eq!(used, TokenRecord { last_used_at: Some(at), ..token });
}

async fn every_kind_and_scope_reads_back(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let kinds = [TokenKind::Session, TokenKind::Refresh, TokenKind::Access];
    let scopes = [vec![], vec![Scope::Full], vec![Scope::Submit, Scope::Read]];
    for (number, (kind, scopes)) in kinds.into_iter().zip(scopes).enumerate() {
        let token = TokenRecord { kind, scopes, ..token(subject, &number.to_string()) };
        store.put_token(&token).await.unwrap();
        let at = now();
        let used = store.use_token(&token.hash, at).await.unwrap();
        assert_eq!(used, Some(TokenRecord { last_used_at: Some(at), ..token }));
    }
}

async fn an_unknown_hash_finds_nothing(url: String) {
    let store = open(&url).await;
    put(&store, Uuid::new_v4(), "secret").await;
    assert!(!found(&store, &token(Uuid::new_v4(), "guess")).await);
}

async fn an_expired_token_finds_nothing(url: String) {
    let store = open(&url).await;
    let token = put(&store, Uuid::new_v4(), "secret").await;
    let end = token.expires_at.unwrap();
    let just_before = end - SignedDuration::from_micros(1);
    assert_eq!(store.token(&token.hash, end).await.unwrap(), None);
    assert_eq!(store.use_token(&token.hash, end).await.unwrap(), None);
    assert!(store.use_token(&token.hash, just_before).await.unwrap().is_some());
}

async fn a_token_without_end_is_found(url: String) {
    let store = open(&url).await;
    let endless = TokenRecord { expires_at: None, ..token(Uuid::new_v4(), "secret") };
    store.put_token(&endless).await.unwrap();
    let in_years = now() + SignedDuration::from_hours(24 * 3650);
    assert!(store.use_token(&endless.hash, in_years).await.unwrap().is_some());
}

async fn a_use_is_remembered(url: String) {
    let store = open(&url).await;
    let token = put(&store, Uuid::new_v4(), "secret").await;
    for minutes in [0, 2, 4] {
        let at = now() + SignedDuration::from_mins(minutes);
        store.use_token(&token.hash, at).await.unwrap().unwrap();
        let listed = store.tokens(token.subject, at).await.unwrap();
        assert_eq!(listed[0].last_used_at, Some(at));
    }
}

async fn looking_at_a_token_is_no_use_of_it(url: String) {
    let store = open(&url).await;
    let token = put(&store, Uuid::new_v4(), "secret").await;
    for _ in 0..2 {
        assert_eq!(store.token(&token.hash, now()).await.unwrap(), Some(token.clone()));
    }
}

async fn uses_within_a_minute_are_remembered_once(url: String) {
    let store = open(&url).await;
    let token = put(&store, Uuid::new_v4(), "secret").await;
    let first = now();
    for seconds in [0, 1, 30, 59] {
        let at = first + SignedDuration::from_secs(seconds);
        store.use_token(&token.hash, at).await.unwrap().unwrap();
    }
    let listed = store.tokens(token.subject, first).await.unwrap();
    assert_eq!(listed[0].last_used_at, Some(first));
}

async fn a_token_with_the_same_hash_replaces(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let old = put(&store, subject, "secret").await;
    let new = TokenRecord { name: "phone".to_owned(), ..old };
    store.put_token(&new).await.unwrap();
    assert_eq!(store.tokens(subject, now()).await.unwrap(), [new]);
}

async fn tokens_are_listed_oldest_first(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let began = now();
    for age_s in [20, 50, 10, 40, 30] {
        let created_at = began - SignedDuration::from_secs(age_s);
        let aged = TokenRecord { created_at, ..token(subject, &age_s.to_string()) };
        store.put_token(&aged).await.unwrap();
    }
    put(&store, Uuid::new_v4(), "another's").await;
    let listed = store.tokens(subject, began).await.unwrap();
    let ages = listed.iter().map(|token| began.duration_since(token.created_at).as_secs());
    assert!(ages.eq([50, 40, 30, 20, 10]));
}

async fn expired_tokens_are_not_listed(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let endless = TokenRecord { expires_at: None, ..token(subject, "1") };
    store.put_token(&endless).await.unwrap();
    let ending = put(&store, subject, "2").await;
    let listed = store.tokens(subject, ending.expires_at.unwrap()).await.unwrap();
    assert_eq!(listed, [endless]);
}

async fn a_revoked_token_finds_nothing(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let (gone, kept) = (put(&store, subject, "1").await, put(&store, subject, "2").await);
    assert!(store.revoke_token(subject, gone.id).await.unwrap());
    assert!(!found(&store, &gone).await);
    assert!(found(&store, &kept).await);
}

async fn revoking_ends_a_session_and_its_refresh_token(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let session = put(&store, subject, "session").await;
    let kind = TokenKind::Refresh;
    let refresh = TokenRecord { id: session.id, kind, ..token(subject, "refresh") };
    store.put_token(&refresh).await.unwrap();
    assert!(store.revoke_token(subject, session.id).await.unwrap());
    assert!(!found(&store, &session).await);
    assert!(!found(&store, &refresh).await);
}

async fn only_ones_own_token_is_revoked(url: String) {
    let store = open(&url).await;
    let token = put(&store, Uuid::new_v4(), "secret").await;
    assert!(!store.revoke_token(Uuid::new_v4(), token.id).await.unwrap());
    assert!(found(&store, &token).await);
}

async fn revoking_says_whether_there_was_one(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let token = put(&store, subject, "secret").await;
    assert!(!store.revoke_token(subject, Uuid::new_v4()).await.unwrap());
    assert!(store.revoke_token(subject, token.id).await.unwrap());
    assert!(!store.revoke_token(subject, token.id).await.unwrap());
}

async fn a_secret_reads_back_until_it_is_replaced_or_removed(url: String) {
    let store = open(&url).await;
    let name = "webhook:1";
    assert_eq!(store.secret(name).await.unwrap(), None);
    store.put_secret(name, "whsec_1/+=").await.unwrap();
    assert_eq!(store.secret(name).await.unwrap().as_deref(), Some("whsec_1/+="));
    store.put_secret(name, "whsec_2").await.unwrap();
    assert_eq!(store.secret(name).await.unwrap().as_deref(), Some("whsec_2"));
    for _ in 0..2 {
        store.remove_secret(name).await.unwrap();
        assert_eq!(store.secret(name).await.unwrap(), None);
    }
}

async fn a_secret_is_added_once(url: String) {
    let store = open(&url).await;
    let name = "webhook:1";
    assert!(store.add_secret(name, "whsec_1").await.unwrap());
    assert!(!store.add_secret(name, "whsec_2").await.unwrap());
    assert_eq!(store.secret(name).await.unwrap().as_deref(), Some("whsec_1"));
    store.remove_secret(name).await.unwrap();
    let added = (0..8).map(|number| {
        let store = store.clone();
        async move { store.add_secret(name, &format!("whsec_{number}")).await.unwrap() }
    });
    let added = futures::future::join_all(added).await;
    assert_eq!(added.iter().filter(|added| **added).count(), 1, "{added:?}");
}

async fn secrets_are_kept_by_their_whole_name(url: String) {
    let store = open(&url).await;
    for name in ["webhook:1", "webhook:12", "WEBHOOK:1"] {
        store.put_secret(name, name).await.unwrap();
    }
    store.remove_secret("webhook:1").await.unwrap();
    assert_eq!(store.secret("webhook:12").await.unwrap().as_deref(), Some("webhook:12"));
    assert_eq!(store.secret("WEBHOOK:1").await.unwrap().as_deref(), Some("WEBHOOK:1"));
}

async fn a_store_with_nothing_but_a_secret_is_not_empty(url: String) {
    let store = open(&url).await;
    assert!(store.is_empty().await.unwrap());
    store.put_secret("webhook:1", "whsec_1").await.unwrap();
    assert!(!store.is_empty().await.unwrap());
    store.remove_secret("webhook:1").await.unwrap();
    assert!(store.is_empty().await.unwrap());
}

async fn what_was_kept_survives_reopening(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    store.put_profile(subject, &profile("Ada")).await.unwrap();
    let token = put(&store, subject, "secret").await;
    store.put_secret("webhook:1", "whsec_1").await.unwrap();
    drop(store);
    let store = open(&url).await;
    assert_eq!(store.secret("webhook:1").await.unwrap().as_deref(), Some("whsec_1"));
    assert_eq!(store.profiles(&[subject]).await.unwrap(), [Some(profile("Ada"))]);
    assert_eq!(store.tokens(subject, now()).await.unwrap(), [token]);
}

async fn subjects_and_names_of_secrets_are_listed_in_order(url: String) {
    let store = open(&url).await;
    let mut subjects: Vec<Uuid> = (0..7).map(|_| Uuid::new_v4()).collect();
    let mut names: Vec<String> = (0..7).map(|number| format!("webhook:{number}")).collect();
    for (subject, name) in subjects.iter().zip(&names).rev() {
        store.put_profile(*subject, &profile("ada")).await.unwrap();
        store.put_secret(name, "a secret").await.unwrap();
    }
    subjects.sort_unstable_by_key(Uuid::to_string);
    names.sort_unstable();
    let (mut found, mut found_names) = (Vec::new(), Vec::new());
    loop {
        let page = store.subjects(found.last().copied(), 3).await.unwrap();
        let last: Option<String> = found_names.last().cloned();
        let named = store.secret_names(last.as_deref(), 3).await.unwrap();
        if page.is_empty() && named.is_empty() {
            break;
        }
        found.extend(page);
        found_names.extend(named);
    }
    assert_eq!((found, found_names), (subjects, names));
}

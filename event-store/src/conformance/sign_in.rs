//! Refresh tokens, tickets, identities, and changes of profiles.

use domain::{Digest, Login};
use futures::future::join_all;
use jiff::SignedDuration;
use uuid::Uuid;

use super::case::{Case, cases};
use super::credentials::{Store, now, open, profile, token};
use crate::{Identity, Profile, Rotation, Ticket, TicketKind, TokenHash, TokenKind, TokenRecord};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_profile_changes_only_from_what_it_was,
        a_profile_without_values_changes_too,
        an_erased_profile_is_not_changed,
        subjects_are_found_by_their_email,
        a_refresh_token_is_exchanged_once,
        one_of_several_concurrent_exchanges_is_the_first,
        an_exchange_ends_the_session_and_nothing_else,
        an_expired_refresh_token_is_not_exchanged,
        other_tokens_are_not_exchanged,
        revoking_a_session_leaves_the_exchanged_tokens_of_its_sign_in,
        revoking_a_family_ends_every_token_of_it,
        tokens_are_revoked_by_kind_except_those_of_one_sign_in,
        a_ticket_is_taken_once,
        one_of_several_concurrent_takers_gets_the_ticket,
        a_ticket_is_of_one_kind,
        an_expired_ticket_is_not_there,
        tickets_are_listed_and_removed_by_kind,
        tickets_of_a_subject_are_removed,
        an_identity_signs_in_to_one_account,
        one_of_several_concurrent_claims_of_an_identity_succeeds,
        only_ones_own_identity_is_released,
        erasing_removes_tickets_and_identities,
        tickets_and_identities_survive_reopening,
    ]
}

fn hash(secret: &str) -> TokenHash {
    TokenHash(*Digest::of(secret.as_bytes()).as_bytes())
}

/// A sign-in: a session and its refresh token.
async fn sign_in(store: &Store, subject: Uuid, family: Uuid, name: &str) -> [TokenRecord; 2] {
    let id = Uuid::new_v4();
    let session = TokenRecord { id, family, ..token(subject, name) };
    let kind = TokenKind::Refresh;
    let refresh = TokenRecord { id, family, kind, ..token(subject, &format!("refresh {name}")) };
    store.put_token(&session).await.unwrap();
    store.put_token(&refresh).await.unwrap();
    [session, refresh]
}

async fn is_live(store: &Store, token: &TokenRecord) -> bool {
    store.token(&token.hash, now()).await.unwrap().is_some()
}

fn ticket(kind: TicketKind, secret: &str) -> Ticket {
    Ticket {
        hash: hash(secret),
        id: Uuid::new_v4(),
        kind,
        subject: None,
        data: "{\"note\":\"Zoë's $set\"}".to_owned(),
        created_at: now(),
        expires_at: now() + SignedDuration::from_hours(1),
    }
}

fn identity(subject: Uuid, external_id: &str) -> Identity {
    Identity {
        id: Uuid::new_v4(),
        provider: "school".to_owned(),
        issuer: "https://id.example.org".to_owned(),
        external_id: external_id.to_owned(),
        subject,
        login: "ada".parse::<Login>().unwrap(),
        created_at: now(),
    }
}

async fn a_profile_changes_only_from_what_it_was(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    store.put_profile(subject, &profile("Ada")).await.unwrap();
    let changed = |from, to| {
        let store = &store;
        async move { store.change_profile(subject, &profile(from), &profile(to)).await.unwrap() }
    };
    assert!(!changed("Bob", "Eve").await);
    assert!(changed("Ada", "Eve").await);
    assert!(!changed("Ada", "Bob").await);
    assert!(changed("Eve", "Eve").await);
    assert_eq!(store.profiles(&[subject]).await.unwrap(), [Some(profile("Eve"))]);
}

async fn a_profile_without_values_changes_too(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let bare = Profile { email: None, name: None, password_hash: None };
    store.put_profile(subject, &bare).await.unwrap();
    assert!(store.change_profile(subject, &bare, &profile("Ada")).await.unwrap());
    assert!(!store.change_profile(subject, &bare, &profile("Bob")).await.unwrap());
    assert!(store.change_profile(subject, &profile("Ada"), &bare).await.unwrap());
}

async fn an_erased_profile_is_not_changed(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    store.put_profile(subject, &profile("Ada")).await.unwrap();
    store.erase(subject).await.unwrap();
    assert!(!store.change_profile(subject, &profile("Ada"), &profile("Eve")).await.unwrap());
    assert_eq!(store.profiles(&[subject]).await.unwrap(), [None]);
}

async fn subjects_are_found_by_their_email(url: String) {
    let store = open(&url).await;
    let mut ada = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    for subject in ada {
        store.put_profile(subject, &profile("ada")).await.unwrap();
    }
    store.put_profile(Uuid::new_v4(), &profile("bob")).await.unwrap();
    ada.sort_unstable_by_key(Uuid::to_string);
    assert_eq!(store.subjects_with_email("ada@example.org", 9).await.unwrap(), ada);
    assert_eq!(store.subjects_with_email("ada@example.org", 2).await.unwrap(), ada[..2]);
    assert!(store.subjects_with_email("eve@example.org", 9).await.unwrap().is_empty());
}

async fn a_refresh_token_is_exchanged_once(url: String) {
    let store = open(&url).await;
    let [_, refresh] = sign_in(&store, Uuid::new_v4(), Uuid::new_v4(), "1").await;
    let at = now();
    let rotated = TokenRecord { rotated_at: Some(at), ..refresh };
    let exchanged = store.rotate_refresh_token(&rotated.hash, at).await.unwrap();
    assert_eq!(exchanged, Some(Rotation::First(rotated.clone())));
    let later = at + SignedDuration::from_secs(60);
    let again = store.rotate_refresh_token(&rotated.hash, later).await.unwrap();
    assert_eq!(again, Some(Rotation::Again(rotated)));
    assert_eq!(store.rotate_refresh_token(&hash("guess"), at).await.unwrap(), None);
}

async fn one_of_several_concurrent_exchanges_is_the_first(url: String) {
    let store = open(&url).await;
    let [_, refresh] = sign_in(&store, Uuid::new_v4(), Uuid::new_v4(), "1").await;
    let at = now();
    let exchanges = (0..8).map(|_| store.rotate_refresh_token(&refresh.hash, at));
    let outcomes = join_all(exchanges).await;
    let first = outcomes.iter().filter(|it| matches!(it, Ok(Some(Rotation::First(_)))));
    let again = outcomes.iter().filter(|it| matches!(it, Ok(Some(Rotation::Again(_)))));
    assert_eq!((first.count(), again.count()), (1, 7));
}

async fn an_exchange_ends_the_session_and_nothing_else(url: String) {
    let store = open(&url).await;
    let subject = Uuid::new_v4();
    let [session, refresh] = sign_in(&store, subject, Uuid::new_v4(), "1").await;
    let [other, _] = sign_in(&store, subject, Uuid::new_v4(), "2").await;
    store.rotate_refresh_token(&refresh.hash, now()).await.unwrap();
    assert!(!is_live(&store, &session).await);
    assert!(is_live(&store, &refresh).await && is_live(&store, &other).await);
}

async fn an_expired_refresh_token_is_not_exchanged(url: String) {
    let store = open(&url).await;
    let [_, refresh] = sign_in(&store, Uuid::new_v4(), Uuid::new_v4(), "1").await;
    let end = refresh.expires_at.unwrap();
    assert_eq!(store.rotate_refresh_token(&refresh.hash, end).await.unwrap(), None);
}

async fn other_tokens_are_not_exchanged(url: String) {
    let store = open(&url).await;
    let [session, _] = sign_in(&store, Uuid::new_v4(), Uuid::new_v4(), "1").await;
    assert_eq!(store.rotate_refresh_token(&session.hash, now()).await.unwrap(), None);
    assert!(is_live(&store, &session).await);
}

async fn revoking_a_session_leaves_the_exchanged_tokens_of_its_sign_in(url: String) {
    let store = open(&url).await;
    let (subject, family) = (Uuid::new_v4(), Uuid::new_v4());
    let [_, exchanged] = sign_in(&store, subject, family, "1").await;
    store.rotate_refresh_token(&exchanged.hash, now()).await.unwrap();
    let [session, refresh] = sign_in(&store, subject, family, "2").await;
    assert!(store.revoke_token(subject, session.id).await.unwrap());
    assert!(!store.revoke_token(subject, exchanged.id).await.unwrap());
    assert!(!is_live(&store, &session).await && !is_live(&store, &refresh).await);
    assert!(is_live(&store, &exchanged).await);
}

async fn revoking_a_family_ends_every_token_of_it(url: String) {
    let store = open(&url).await;
    let (subject, family) = (Uuid::new_v4(), Uuid::new_v4());
    let [_, exchanged] = sign_in(&store, subject, family, "1").await;
    store.rotate_refresh_token(&exchanged.hash, now()).await.unwrap();
    let [session, refresh] = sign_in(&store, subject, family, "2").await;
    let [other, _] = sign_in(&store, subject, Uuid::new_v4(), "3").await;
    store.revoke_family(Uuid::new_v4(), family).await.unwrap();
    assert!(is_live(&store, &session).await);
    store.revoke_family(subject, family).await.unwrap();
    for ended in [exchanged, session, refresh] {
        assert!(!is_live(&store, &ended).await);
    }
    assert!(is_live(&store, &other).await);
}

async fn tokens_are_revoked_by_kind_except_those_of_one_sign_in(url: String) {
    let store = open(&url).await;
    let (subject, family) = (Uuid::new_v4(), Uuid::new_v4());
    let kept = sign_in(&store, subject, family, "1").await;
    let ended = sign_in(&store, subject, Uuid::new_v4(), "2").await;
    let access =
        TokenRecord { kind: TokenKind::Access, family: Uuid::new_v4(), ..token(subject, "access") };
    store.put_token(&access).await.unwrap();
    let others = sign_in(&store, Uuid::new_v4(), Uuid::new_v4(), "another's").await;
    let sessions = [TokenKind::Session, TokenKind::Refresh];
    store.revoke_tokens(subject, &sessions, Some(family)).await.unwrap();
    for token in kept.iter().chain([&access]).chain(&others) {
        assert!(is_live(&store, token).await);
    }
    for token in &ended {
        assert!(!is_live(&store, token).await);
    }
    store.revoke_tokens(subject, &[TokenKind::Access, TokenKind::Session], None).await.unwrap();
    assert!(!is_live(&store, &access).await && !is_live(&store, &kept[0]).await);
    assert!(is_live(&store, &kept[1]).await);
}

async fn a_ticket_is_taken_once(url: String) {
    let store = open(&url).await;
    let subject = Some(Uuid::new_v4());
    for put in [
        ticket(TicketKind::Invitation, "1"),
        Ticket { subject, ..ticket(TicketKind::PasswordReset, "2") },
        ticket(TicketKind::ProviderRequest, "3"),
        ticket(TicketKind::SignInCode, "4"),
    ] {
        store.put_ticket(&put).await.unwrap();
        assert_eq!(store.ticket(put.kind, &put.hash, now()).await.unwrap(), Some(put.clone()));
        let taken = store.take_ticket(put.kind, &put.hash, now()).await.unwrap();
        assert_eq!(taken, Some(put.clone()));
        assert_eq!(store.take_ticket(put.kind, &put.hash, now()).await.unwrap(), None);
        assert_eq!(store.ticket(put.kind, &put.hash, now()).await.unwrap(), None);
    }
}

async fn one_of_several_concurrent_takers_gets_the_ticket(url: String) {
    let store = open(&url).await;
    let put = ticket(TicketKind::Invitation, "1");
    store.put_ticket(&put).await.unwrap();
    let takes = join_all((0..8).map(|_| store.take_ticket(put.kind, &put.hash, now()))).await;
    assert_eq!(takes.iter().filter(|it| matches!(it, Ok(Some(_)))).count(), 1);
    assert_eq!(takes.iter().filter(|it| matches!(it, Ok(None))).count(), 7);
}

async fn a_ticket_is_of_one_kind(url: String) {
    let store = open(&url).await;
    let put = ticket(TicketKind::Invitation, "1");
    store.put_ticket(&put).await.unwrap();
    let other = TicketKind::PasswordReset;
    assert_eq!(store.ticket(other, &put.hash, now()).await.unwrap(), None);
    assert_eq!(store.take_ticket(other, &put.hash, now()).await.unwrap(), None);
    assert!(!store.remove_ticket(other, put.id).await.unwrap());
    assert_eq!(store.count_tickets(other, now()).await.unwrap(), 0);
    assert_eq!(store.count_tickets(put.kind, now()).await.unwrap(), 1);
}

async fn an_expired_ticket_is_not_there(url: String) {
    let store = open(&url).await;
    let put = ticket(TicketKind::Invitation, "1");
    store.put_ticket(&put).await.unwrap();
    let end = put.expires_at;
    assert_eq!(store.ticket(put.kind, &put.hash, end).await.unwrap(), None);
    assert_eq!(store.take_ticket(put.kind, &put.hash, end).await.unwrap(), None);
    assert_eq!(store.tickets(put.kind, end, 9).await.unwrap(), []);
    assert_eq!(store.count_tickets(put.kind, end).await.unwrap(), 0);
    let just_before = end - SignedDuration::from_micros(1);
    assert_eq!(store.count_tickets(put.kind, just_before).await.unwrap(), 1);
}

async fn tickets_are_listed_and_removed_by_kind(url: String) {
    let store = open(&url).await;
    let began = now();
    let mut put = Vec::new();
    for age_s in [10, 30, 20] {
        let created_at = began - SignedDuration::from_secs(age_s);
        let one = Ticket { created_at, ..ticket(TicketKind::Invitation, &age_s.to_string()) };
        store.put_ticket(&one).await.unwrap();
        put.push(one);
    }
    store.put_ticket(&ticket(TicketKind::SignInCode, "other")).await.unwrap();
    put.sort_by_key(|ticket| ticket.created_at);
    let kind = TicketKind::Invitation;
    assert_eq!(store.tickets(kind, began, 9).await.unwrap(), put);
    assert_eq!(store.tickets(kind, began, 2).await.unwrap(), put[..2]);
    assert!(store.remove_ticket(kind, put[0].id).await.unwrap());
    assert!(!store.remove_ticket(kind, put[0].id).await.unwrap());
    assert_eq!(store.tickets(kind, began, 9).await.unwrap(), put[1..]);
}

async fn tickets_of_a_subject_are_removed(url: String) {
    let store = open(&url).await;
    let (ada, bob) = (Uuid::new_v4(), Uuid::new_v4());
    let of = |subject, kind, secret| Ticket { subject: Some(subject), ..ticket(kind, secret) };
    let ended = of(ada, TicketKind::PasswordReset, "1");
    let kept = [of(ada, TicketKind::SignInCode, "2"), of(bob, TicketKind::PasswordReset, "3")];
    for put in kept.iter().chain([&ended]) {
        store.put_ticket(put).await.unwrap();
    }
    store.remove_tickets_of(TicketKind::PasswordReset, ada).await.unwrap();
    assert_eq!(store.ticket(ended.kind, &ended.hash, now()).await.unwrap(), None);
    for put in kept {
        assert!(store.ticket(put.kind, &put.hash, now()).await.unwrap().is_some());
    }
}

async fn an_identity_signs_in_to_one_account(url: String) {
    let store = open(&url).await;
    let (ada, bob) = (Uuid::new_v4(), Uuid::new_v4());
    let (first, second) = (identity(ada, "1"), identity(ada, "2"));
    assert!(store.claim_identity(&first).await.unwrap());
    assert!(!store.claim_identity(&identity(bob, "1")).await.unwrap());
    assert!(!store.claim_identity(&first).await.unwrap());
    assert!(store.claim_identity(&second).await.unwrap());
    let elsewhere = Identity { issuer: "https://other.example".to_owned(), ..identity(bob, "1") };
    assert!(store.claim_identity(&elsewhere).await.unwrap());
    assert_eq!(store.identity(&first.issuer, "1").await.unwrap(), Some(first.clone()));
    assert_eq!(store.identity(&elsewhere.issuer, "1").await.unwrap(), Some(elsewhere));
    assert_eq!(store.identity(&first.issuer, "3").await.unwrap(), None);
    assert_eq!(store.identities(ada).await.unwrap(), [first, second]);
}

async fn one_of_several_concurrent_claims_of_an_identity_succeeds(url: String) {
    let store = open(&url).await;
    let identities: Vec<Identity> = (0..8).map(|_| identity(Uuid::new_v4(), "1")).collect();
    let claims = join_all(identities.iter().map(|it| store.claim_identity(it))).await;
    assert_eq!(claims.iter().filter(|it| matches!(it, Ok(true))).count(), 1);
    assert_eq!(claims.iter().filter(|it| matches!(it, Ok(false))).count(), 7);
}

async fn only_ones_own_identity_is_released(url: String) {
    let store = open(&url).await;
    let ada = Uuid::new_v4();
    let claimed = identity(ada, "1");
    store.claim_identity(&claimed).await.unwrap();
    assert!(!store.release_identity(Uuid::new_v4(), claimed.id).await.unwrap());
    assert!(store.release_identity(ada, claimed.id).await.unwrap());
    assert!(!store.release_identity(ada, claimed.id).await.unwrap());
    assert!(store.claim_identity(&identity(Uuid::new_v4(), "1")).await.unwrap());
}

async fn erasing_removes_tickets_and_identities(url: String) {
    let store = open(&url).await;
    let (ada, bob) = (Uuid::new_v4(), Uuid::new_v4());
    let reset = Ticket { subject: Some(ada), ..ticket(TicketKind::PasswordReset, "1") };
    store.put_ticket(&reset).await.unwrap();
    store.claim_identity(&identity(ada, "1")).await.unwrap();
    store.claim_identity(&identity(bob, "2")).await.unwrap();
    store.erase(ada).await.unwrap();
    assert_eq!(store.ticket(reset.kind, &reset.hash, now()).await.unwrap(), None);
    assert_eq!(store.identities(ada).await.unwrap(), []);
    assert_eq!(store.identities(bob).await.unwrap().len(), 1);
}

async fn tickets_and_identities_survive_reopening(url: String) {
    let store = open(&url).await;
    assert!(store.is_empty().await.unwrap());
    let put = ticket(TicketKind::Invitation, "1");
    store.put_ticket(&put).await.unwrap();
    assert!(!store.is_empty().await.unwrap());
    let claimed = identity(Uuid::new_v4(), "1");
    store.claim_identity(&claimed).await.unwrap();
    drop(store);
    let store = open(&url).await;
    assert_eq!(store.ticket(put.kind, &put.hash, now()).await.unwrap(), Some(put.clone()));
    assert!(store.remove_ticket(put.kind, put.id).await.unwrap());
    assert!(!store.is_empty().await.unwrap());
    assert_eq!(store.identities(claimed.subject).await.unwrap(), [claimed]);
}

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{RejudgeId, SubmissionId, TrialId};

fn create(kinds: &[&str]) -> WebhookCommand {
    WebhookCommand::Create(WebhookCreated {
        webhook: Uuid::nil().into(),
        by: "jo".parse().unwrap(),
        url: "https://example.org/hook".to_owned(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        after: Position(10),
    })
}

fn advance(through: u64, redelivered: &[u64]) -> WebhookCommand {
    let redelivered = redelivered.iter().copied().map(Position).collect();
    WebhookCommand::Advance(WebhookAdvanced { through: Position(through), redelivered })
}

fn give_up(position: u64) -> WebhookCommand {
    WebhookCommand::GiveUp(DeliveryGivenUp {
        event: EventId(Uuid::from_u128(position.into())),
        position: Position(position),
        attempts: 3,
        reason: "it answered 500".to_owned(),
    })
}

fn retry(position: u64) -> WebhookCommand {
    WebhookCommand::Retry { by: "jo".parse().unwrap(), position: Position(position) }
}

fn rewind(from: u64) -> WebhookCommand {
    let (by, through) = ("jo".parse().unwrap(), Position::START);
    WebhookCommand::Rewind { by, from: Position(from), through }
}

fn disable() -> WebhookCommand {
    WebhookCommand::Disable { position: Position(11) }
}

fn remove() -> WebhookCommand {
    WebhookCommand::Remove { by: "jo".parse().unwrap() }
}

fn given(commands: &[WebhookCommand]) -> Webhook {
    let mut webhook = Webhook::default();
    for command in commands {
        for event in webhook.decide(command.clone()).unwrap() {
            webhook.evolve(&event);
        }
    }
    webhook
}

fn created() -> WebhookCommand {
    create(&["JudgingFinished"])
}

fn dead(webhook: &Webhook) -> Vec<u64> {
    webhook.dead.keys().map(|position| position.0).collect()
}

#[test]
fn a_webhook_takes_known_kinds_of_events_except_its_own() {
    use WebhookRejection as No;
    let decide =
        |kinds: &[&str]| Webhook::default().decide(create(kinds)).map(|events| events.len());
    assert_eq!(decide(&["JudgingFinished", "AccountRegistered"]), Ok(1));
    assert_eq!(decide(&[]), Err(No::NoKinds));
    let unknown = ["judgingFinished", "Nothing", "*", "", "TrialStarted"];
    for unknown in unknown.iter().chain(&OWN_KINDS) {
        let refused = decide(&["JudgingFinished", unknown]);
        assert_eq!(refused, Err(No::UnknownKind((*unknown).to_owned())));
    }
    let own = |kind: &&str| OWN_KINDS.contains(kind);
    let known = Event::SCHEMAS.iter().filter(|(kind, _)| own(kind)).count();
    assert_eq!(known, OWN_KINDS.len(), "an event of webhooks has another name");
    let mut long = created();
    if let WebhookCommand::Create(created) = &mut long {
        created.url = format!("https://example.org/{}", "x".repeat(URL_CHARS_MAX));
    }
    assert_eq!(Webhook::default().decide(long), Err(No::UrlTooLong));
}

#[test]
fn a_webhook_wants_the_kinds_it_names_and_no_trials() {
    let (submission, rejudge) = (SubmissionId::from(Uuid::nil()), RejudgeId::from(Uuid::max()));
    let judged = StreamId::Submission(submission);
    let tried = StreamId::Trial(TrialId { rejudge, submission });
    let webhook = given(&[created()]);
    assert!(webhook.wants(&judged, "JudgingFinished"));
    assert!(!webhook.wants(&judged, "JudgingStarted"));
    assert!(!webhook.wants(&tried, "JudgingFinished"));
    assert!(!given(&[]).wants(&judged, "JudgingFinished"));
}

#[test]
fn every_command_in_every_phase() {
    use WebhookRejection as No;
    let (none, active) = (given(&[]), given(&[created(), give_up(11)]));
    let disabled = given(&[created(), give_up(11), disable()]);
    let removed = given(&[created(), give_up(11), remove()]);
    let cases = [
        (
            created(),
            [
                Ok("WebhookCreated"),
                Err(No::AlreadyCreated),
                Err(No::AlreadyCreated),
                Err(No::AlreadyCreated),
            ],
        ),
        (
            advance(12, &[]),
            [Err(No::NotFound), Ok("WebhookAdvanced"), Err(No::Disabled), Err(No::Removed)],
        ),
        (
            give_up(12),
            [Err(No::NotFound), Ok("DeliveryGivenUp"), Err(No::Disabled), Err(No::Removed)],
        ),
        (
            retry(11),
            [Err(No::NotFound), Ok("DeliveryRetried"), Err(No::Disabled), Err(No::Removed)],
        ),
        (
            rewind(5),
            [Err(No::NotFound), Ok("WebhookRewound"), Ok("WebhookRewound"), Err(No::Removed)],
        ),
        (disable(), [Err(No::NotFound), Ok("WebhookDisabled"), Ok(""), Err(No::Removed)]),
        (remove(), [Err(No::NotFound), Ok("WebhookRemoved"), Ok("WebhookRemoved"), Ok("")]),
    ];
    for (command, expected) in cases {
        let decided = [&none, &active, &disabled, &removed].map(|webhook| {
            let events = webhook.decide(command.clone())?;
            Ok(events.first().map_or("", Event::kind))
        });
        assert_eq!(decided, expected, "{command:?}");
    }
}

#[test]
fn a_dead_letter_is_tried_again_and_delivered_or_dead_once_more() {
    let mut webhook = given(&[created(), advance(12, &[]), give_up(13), give_up(15)]);
    assert_eq!((webhook.through, dead(&webhook)), (Position(15), vec![13, 15]));
    assert_eq!(webhook.decide(retry(14)), Err(WebhookRejection::NotDead(Position(14))));
    for position in [13, 15] {
        let events = webhook.decide(retry(position)).unwrap();
        webhook.evolve(&events[0]);
        assert_eq!(webhook.decide(retry(position)), Ok(vec![]));
    }
    for command in [advance(15, &[13]), give_up(15)] {
        let events = webhook.decide(command).unwrap();
        webhook.evolve(&events[0]);
    }
    assert_eq!((webhook.through, dead(&webhook)), (Position(15), vec![15]));
    assert!(webhook.retried.is_empty());
    assert_eq!(webhook.decide(advance(15, &[])), Ok(vec![]));
}

#[test]
fn it_delivers_again_from_where_it_has_been() {
    let history = [created(), give_up(11), give_up(20), retry(20), disable()];
    let webhook = given(&history);
    let ahead = Err(WebhookRejection::Ahead { through: Position(20) });
    assert_eq!(webhook.decide(rewind(0)), ahead);
    assert_eq!(webhook.decide(rewind(22)), ahead);
    let enabled = given(&[&history[..], &[rewind(21)]].concat());
    assert_eq!((enabled.phase, enabled.through), (WebhookPhase::Active, Position(20)));
    assert_eq!((dead(&enabled), enabled.retried.len()), (vec![11, 20], 1));
    // Events that are delivered again are no longer dead letters. A rewind may go back to before
    // the webhook was created.
    let again = given(&[&history[..], &[rewind(12)]].concat());
    assert_eq!((again.through, dead(&again), again.retried.len()), (Position(11), vec![11], 0));
    assert_eq!(given(&[&history[..], &[rewind(1)]].concat()).through, Position::START);
}

#[test]
fn only_the_newest_dead_letters_are_remembered() {
    let count = DEAD_LETTERS_MAX as u64 + 3;
    let commands: Vec<_> = (0..count).map(|number| give_up(11 + number)).collect();
    let webhook = given(&[&[created()], &commands[..]].concat());
    assert_eq!(dead(&webhook), (14..11 + count).collect::<Vec<_>>());
}

proptest! {
    /// In any sequence of commands, no dead letter is ahead of the webhook, only dead letters are
    /// retried, and only rewinding moves the position back.
    #[test]
    fn any_history_is_a_legal_state(steps in prop::collection::vec((0u8..6, 0u64..40), 0..60)) {
        let mut webhook = given(&[created()]);
        for (kind, number) in steps {
            let next = webhook.through.0 + 1 + number % 3;
            let command = match kind {
                0 => advance(next, &webhook.retried.first().map_or(vec![], |it| vec![it.0])),
                1 => give_up(next),
                2 => retry(number),
                3 => rewind(number),
                4 => disable(),
                _ => advance(number, &[]),
            };
            let before = webhook.clone();
            for event in webhook.decide(command).unwrap_or_default() {
                webhook.evolve(&event);
                let rewound = matches!(event, Event::WebhookRewound(_));
                prop_assert!(rewound || webhook.through >= before.through);
            }
            prop_assert!(webhook.dead.keys().all(|position| *position <= webhook.through));
            prop_assert!(webhook.retried.iter().all(|position| webhook.dead.contains_key(position)));
        }
    }
}

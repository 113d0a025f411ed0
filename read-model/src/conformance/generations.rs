//! One generation is read while the next is built, and readers do not notice the switch.

use futures::future::join_all;
use serde_json::json;

use super::case::{Case, cases};
use super::opening::open;
use super::samples::{BOXES, PROJECTION, at, filled, got, keys_of, number, opened, ordered, put};
use crate::{
    Collection, CommitError, Direction, Generation, Generations, Micros, PageRequest, Views,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        generations_do_not_see_each_other,
        readers_find_nothing_while_nothing_is_live,
        readers_read_what_is_live_from_the_flip_on,
        what_is_behind_does_not_become_live,
        what_was_live_takes_no_commits,
        what_was_live_and_empty_takes_no_first_commit,
        what_was_dropped_or_never_asked_for_takes_no_first_commit,
        a_change_from_elsewhere_is_superseded_and_changes_nothing,
        of_many_changes_exactly_one_wins,
        a_page_is_continued_in_the_next_generation,
        what_is_dropped_is_gone_and_nothing_else,
        what_is_forgotten_is_read_as_if_it_had_never_been,
        erasing_removes_every_generation,
        readers_never_go_back_while_generations_are_exchanged,
    ]
}

const NEXT: Generation = Generation(1);

fn weight(weight: u64) -> serde_json::Value {
    json!({ "weight": weight })
}

/// The first generation is live at position 1 with one document. There are no others.
async fn live(url: &str) -> (Views, Generations) {
    let views = filled(url, vec![("a", weight(1))]).await;
    let generations = Generations::first(&[BOXES], true);
    views.generations.change(PROJECTION, None, &generations).await.unwrap();
    (views, generations)
}

/// The next generation is built beside it, at `position`, with that number as the document's
/// weight.
async fn building(url: &str, position: u64) -> (Views, Generations) {
    let (views, from) = live(url).await;
    let building = from.rebuilding().unwrap();
    views.generations.change(PROJECTION, Some(&from), &building).await.unwrap();
    let next = views.at(NEXT);
    next.writer.prepare(&[BOXES]).await.unwrap();
    let change = vec![put("a", weight(position))];
    next.writer.commit(PROJECTION, None, &at(position), change).await.unwrap();
    (views, building)
}

async fn flip(views: &Views, from: &Generations) -> Result<Generations, CommitError> {
    let to = from.flipped(Micros(7)).unwrap();
    views.generations.change(PROJECTION, Some(from), &to).await.map(|()| to)
}

/// Opens a new reader.
async fn fresh(url: &str) -> Views {
    open(url, "live").await.unwrap()
}

async fn generations_do_not_see_each_other(url: String) {
    let (views, generations) = building(&url, 5).await;
    assert_eq!(got(&views, &["a"]).await, [Some(weight(1))]);
    assert_eq!(got(&views.at(NEXT), &["a"]).await, [Some(weight(5))]);
    let first = views.at(Generation::FIRST);
    assert_eq!(got(&first, &["a"]).await, [Some(weight(1))]);
    for (views, position) in [(&views, 1), (&first, 1), (&views.at(NEXT), 5)] {
        assert_eq!(views.reader.checkpoints().await.unwrap()[PROJECTION], at(position));
        assert_eq!(views.writer.checkpoint(PROJECTION).await.unwrap(), Some(at(position)));
    }
    assert_eq!(views.generations.all().await.unwrap()[PROJECTION], generations);
}

async fn readers_find_nothing_while_nothing_is_live(url: String) {
    let views = opened(&url).await;
    assert!(views.generations.all().await.unwrap().is_empty());
    let building = Generations::first(&[BOXES], false);
    views.generations.change(PROJECTION, None, &building).await.unwrap();
    views.writer.commit(PROJECTION, None, &at(3), vec![put("a", weight(3))]).await.unwrap();
    let views = fresh(&url).await;
    assert_eq!(got(&views, &["a"]).await, [None]);
    assert_eq!(views.reader.count(&BOXES, &[]).await.unwrap(), 0);
    assert!(views.reader.page(&BOXES, &PageRequest::all(9)).await.unwrap().items.is_empty());
    assert!(views.reader.checkpoints().await.unwrap().is_empty());
    flip(&views, &building).await.unwrap();
    let views = fresh(&url).await;
    assert_eq!(got(&views, &["a"]).await, [Some(weight(3))]);
    assert_eq!(views.reader.checkpoints().await.unwrap()[PROJECTION], at(3));
}

async fn readers_read_what_is_live_from_the_flip_on(url: String) {
    let (views, generations) = building(&url, 1).await;
    let (old, other) = (fresh(&url).await, Collection { name: "lids", ..BOXES });
    assert_eq!(got(&old, &["a"]).await, [Some(weight(1))]);
    let next = views.at(NEXT);
    next.writer.commit(PROJECTION, Some(&at(1)), &at(2), vec![put("a", weight(2))]).await.unwrap();
    flip(&views, &generations).await.unwrap();
    assert_eq!(got(&fresh(&url).await, &["a"]).await, [Some(weight(2))]);
    // An existing reader may take a moment to notice.
    let noticed = async {
        while got(&old, &["a"]).await != [Some(weight(2))] {
            tokio::task::yield_now().await;
        }
    };
    noticed.await;
    assert_eq!(old.reader.checkpoints().await.unwrap()[PROJECTION], at(2));
    assert_eq!(old.reader.get(&other, &["a".to_owned()]).await.unwrap(), [None]);
}

async fn what_is_behind_does_not_become_live(url: String) {
    let (views, generations) = building(&url, 5).await;
    views.writer.commit(PROJECTION, Some(&at(1)), &at(6), vec![]).await.unwrap();
    let flipped = flip(&views, &generations).await;
    assert!(matches!(flipped, Err(CommitError::Behind)), "{flipped:?}");
    assert_eq!(views.generations.all().await.unwrap()[PROJECTION], generations);
    views.writer.commit(PROJECTION, Some(&at(6)), &at(7), vec![]).await.unwrap();
    let next = views.at(NEXT);
    next.writer.commit(PROJECTION, Some(&at(5)), &at(7), vec![]).await.unwrap();
    flip(&views, &generations).await.unwrap();
}

async fn what_was_live_takes_no_commits(url: String) {
    let (views, generations) = building(&url, 5).await;
    flip(&views, &generations).await.unwrap();
    let late = vec![put("a", weight(9))];
    let result = views.writer.commit(PROJECTION, Some(&at(1)), &at(9), late).await;
    assert!(matches!(result, Err(CommitError::Superseded)), "{result:?}");
    let first = views.at(Generation::FIRST);
    assert_eq!(got(&first, &["a"]).await, [Some(weight(1))]);
    assert_eq!(first.reader.checkpoints().await.unwrap()[PROJECTION], at(1));
    let next = views.at(NEXT);
    next.writer.commit(PROJECTION, Some(&at(5)), &at(9), vec![]).await.unwrap();
}

async fn what_was_live_and_empty_takes_no_first_commit(url: String) {
    let views = opened(&url).await;
    let empty = Generations::first(&[BOXES], true);
    views.generations.change(PROJECTION, None, &empty).await.unwrap();
    let building = empty.rebuilding().unwrap();
    views.generations.change(PROJECTION, Some(&empty), &building).await.unwrap();
    flip(&views, &building).await.unwrap();
    let result = views.writer.commit(PROJECTION, None, &at(1), vec![]).await;
    assert!(matches!(result, Err(CommitError::Superseded)), "{result:?}");
}

/// As from a process that was suspended during the switch.
async fn what_was_dropped_or_never_asked_for_takes_no_first_commit(url: String) {
    let (views, generations) = building(&url, 5).await;
    let flipped = flip(&views, &generations).await.unwrap();
    let first = Generation::FIRST;
    views.generations.remove(PROJECTION, &flipped.collections, first).await.unwrap();
    let without = flipped.without(first);
    views.generations.change(PROJECTION, Some(&flipped), &without).await.unwrap();
    for gone in [first, Generation(2)] {
        let gone = views.at(gone);
        let late = vec![put("a", weight(9))];
        let result = gone.writer.commit(PROJECTION, None, &at(9), late).await;
        assert!(matches!(result, Err(CommitError::Superseded)), "{result:?}");
        assert_eq!(got(&gone, &["a"]).await, [None]);
        assert_eq!(gone.writer.checkpoint(PROJECTION).await.unwrap(), None);
    }
    let next = views.at(NEXT);
    next.writer.commit(PROJECTION, Some(&at(5)), &at(6), vec![]).await.unwrap();
}

async fn a_change_from_elsewhere_is_superseded_and_changes_nothing(url: String) {
    let (views, generations) = live(&url).await;
    let wanted = generations.rebuilding().unwrap();
    let elsewhere = Generations { retries: 9, ..generations.clone() };
    for from in [None, Some(&wanted), Some(&elsewhere)] {
        let result = views.generations.change(PROJECTION, from, &wanted).await;
        assert!(matches!(result, Err(CommitError::Superseded)), "{result:?}");
        assert_eq!(views.generations.all().await.unwrap()[PROJECTION], generations);
    }
}

async fn of_many_changes_exactly_one_wins(url: String) {
    let (views, generations) = live(&url).await;
    let changes = (1..=8).map(|retries| {
        let (views, from) = (&views, &generations);
        async move {
            let to = Generations { retries, ..from.clone() };
            views.generations.change(PROJECTION, Some(from), &to).await
        }
    });
    let results = join_all(changes).await;
    assert_eq!(results.iter().filter(|it| it.is_ok()).count(), 1, "{results:?}");
}

async fn a_page_is_continued_in_the_next_generation(url: String) {
    let (views, generations) = building(&url, 5).await;
    let next = views.at(NEXT);
    let boxes = || (0..9).map(|number| put(&format!("box {number}"), weight(number % 4))).collect();
    views.writer.commit(PROJECTION, Some(&at(1)), &at(5), boxes()).await.unwrap();
    next.writer.commit(PROJECTION, Some(&at(5)), &at(5), boxes()).await.unwrap();
    let mut request = ordered(Some("weight"), Direction::Descending, 4);
    request.conditions = vec![crate::Condition::Below("weight", number(4))];
    let whole = keys_of(&views, &PageRequest { limit: 100, ..request.clone() }).await.0;
    let page = views.reader.page(&BOXES, &request).await.unwrap();
    let mut met: Vec<_> = page.items.iter().map(|(place, _)| place.key.clone()).collect();
    flip(&views, &generations).await.unwrap();
    request.after = page.items.last().map(|(place, _)| place.clone());
    request.limit = 100;
    met.extend(keys_of(&fresh(&url).await, &request).await.0);
    // The additional document of the next generation is too heavy for the condition.
    assert_eq!(met, whole.into_iter().filter(|key| met.contains(key)).collect::<Vec<_>>());
    assert_eq!(met.iter().filter(|key| key.starts_with("box")).count(), 9);
}

async fn what_is_dropped_is_gone_and_nothing_else(url: String) {
    let (views, generations) = building(&url, 5).await;
    let flipped = flip(&views, &generations).await.unwrap();
    for _ in 0..2 {
        let first = Generation::FIRST;
        views.generations.remove(PROJECTION, &flipped.collections, first).await.unwrap();
        let first = views.at(first);
        assert_eq!(got(&first, &["a"]).await, [None]);
        assert!(first.reader.checkpoints().await.unwrap().is_empty());
    }
    let without = flipped.without(Generation::FIRST);
    views.generations.change(PROJECTION, Some(&flipped), &without).await.unwrap();
    assert_eq!(got(&fresh(&url).await, &["a"]).await, [Some(weight(5))]);
    let next = views.at(NEXT);
    next.writer.commit(PROJECTION, Some(&at(5)), &at(6), vec![put("b", weight(6))]).await.unwrap();
    assert_eq!(got(&next, &["b"]).await, [Some(weight(6))]);
}

async fn what_is_forgotten_is_read_as_if_it_had_never_been(url: String) {
    let (views, generations) = live(&url).await;
    let collections = &generations.collections;
    views.generations.remove(PROJECTION, collections, Generation::FIRST).await.unwrap();
    for _ in 0..2 {
        views.generations.forget(PROJECTION).await.unwrap();
    }
    assert!(views.generations.all().await.unwrap().is_empty());
    let views = opened(&url).await;
    views.writer.commit(PROJECTION, None, &at(1), vec![put("a", weight(4))]).await.unwrap();
    assert_eq!(got(&views, &["a"]).await, [Some(weight(4))]);
}

async fn erasing_removes_every_generation(url: String) {
    let (views, _) = building(&url, 5).await;
    views.writer.erase().await.unwrap();
    assert!(views.generations.all().await.unwrap().is_empty());
    assert_eq!(got(&views.at(NEXT), &["a"]).await, [None]);
    assert_eq!(views.at(NEXT).writer.checkpoint(PROJECTION).await.unwrap(), None);
}

/// A checkpoint's documents are always readable, even while generations are switched and old ones
/// still commit.
async fn readers_never_go_back_while_generations_are_exchanged(url: String) {
    const FLIPS: u32 = 5;
    const COMMITS: u32 = 20;
    let (views, mut generations) = live(&url).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let reading = async {
        let reader = fresh(&url).await;
        let mut reads = 0_u64;
        while !*stopped.borrow() {
            let reached = reader.reader.checkpoints().await.unwrap()[PROJECTION].position.0;
            let found = got(&reader, &["a"]).await;
            let weight = found[0].as_ref().expect("it is always there")["weight"].as_u64().unwrap();
            assert!(weight >= reached, "{weight} at {reached}");
            reads += 1;
        }
        assert!(reads > u64::from(FLIPS), "{reads} reads");
    };
    let writing = async {
        for _ in 0..FLIPS {
            let (old, built) = (generations.live.unwrap(), generations.rebuilding().unwrap());
            views.generations.change(PROJECTION, Some(&generations), &built).await.unwrap();
            let (old, next) = (views.at(old), views.at(built.building.unwrap()));
            let following = async {
                for _ in 0..COMMITS {
                    let from = old.writer.checkpoint(PROJECTION).await.unwrap().unwrap();
                    let to = from.position.0 + 1;
                    let (change, to) = (vec![put("a", weight(to))], at(to));
                    match old.writer.commit(PROJECTION, Some(&from), &to, change).await {
                        Ok(()) => {}
                        Err(CommitError::Superseded) => break,
                        Err(error) => panic!("{error:?}"),
                    }
                }
            };
            let building = async {
                loop {
                    let live = old.writer.checkpoint(PROJECTION).await.unwrap().unwrap();
                    let from = next.writer.checkpoint(PROJECTION).await.unwrap();
                    // A little ahead, like a process that reads the log later.
                    let to = live.position.0 + 2;
                    let change = vec![put("a", weight(to))];
                    next.writer.commit(PROJECTION, from.as_ref(), &at(to), change).await.unwrap();
                    match flip(&views, &built).await {
                        Ok(flipped) => break flipped,
                        Err(CommitError::Behind) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            };
            let ((), flipped) = futures::join!(following, building);
            generations = flipped;
        }
        stop.send_replace(true);
    };
    futures::join!(reading, writing);
}

//! Which problems lists contain, and what counts them.

use domain::problem::{
    CollaboratorAdded, ProblemArchived, ProblemRestored, ProblemVisibilityChanged, Visibility,
};

use super::*;

impl Story {
    fn on(&mut self, slug: &str, event: impl Into<Event>) {
        self.append(StreamId::Problem(slug.parse().unwrap()), event);
    }

    fn tagged(&self, tag: &str) -> i64 {
        self.get::<TagView>(tag).map_or(0, |tag| tag.problems)
    }

    fn problem(&self, slug: &str) -> ProblemView {
        self.get(slug).unwrap()
    }
}

fn visible(visibility: Visibility) -> ProblemVisibilityChanged {
    ProblemVisibilityChanged { visibility }
}

#[test]
fn only_listed_problems_count_for_their_tags() {
    let mut story = Story::new();
    story.revise("a", 1, &["math"]);
    story.revise("b", 1, &["math", "graphs"]);
    assert_eq!((story.tagged("math"), story.tagged("graphs")), (2, 1));
    story.on("b", visible(Visibility::Hidden));
    assert_eq!((story.tagged("math"), story.tagged("graphs")), (1, 0));
    // A revision of a hidden problem counts nothing, and keeps the visibility.
    story.revise("b", 2, &["math", "trees"]);
    assert_eq!((story.tagged("math"), story.tagged("trees")), (1, 0));
    assert_eq!(story.problem("b").listing, "HIDDEN");
    story.on("b", visible(Visibility::Public));
    assert_eq!((story.tagged("math"), story.tagged("trees")), (2, 1));
    story.on("b", ProblemArchived {});
    assert_eq!((story.tagged("math"), story.tagged("trees")), (1, 0));
    assert_eq!(story.problem("b").listing, ProblemView::ARCHIVED);
    story.on("b", ProblemRestored {});
    assert_eq!((story.tagged("math"), story.tagged("trees")), (2, 1));
}

#[test]
fn a_problem_knows_since_when_it_is_listed() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    let at = |position: i64| Some(Micros(position * 1_000_000));
    assert_eq!(story.problem("a").listed_since, at(1));
    story.revise("a", 2, &[]);
    assert_eq!(story.problem("a").listed_since, at(1), "a revision changes nothing");
    story.on("a", visible(Visibility::Draft));
    assert_eq!(story.problem("a").listed_since, None);
    story.on("a", visible(Visibility::Public));
    assert_eq!(story.problem("a").listed_since, at(4));
}

#[test]
fn a_new_draft_is_never_listed() {
    let mut story = Story::new();
    let content =
        RevisionContent { tags: vec!["math".parse().unwrap()], ..RevisionContent::default() };
    let (digest, visibility) = (content.digest(), Some(Visibility::Draft));
    story.on("a", ProblemRevised { revision: 1, digest, content, visibility });
    let draft = story.problem("a");
    assert_eq!((draft.listing.as_str(), draft.listed_since), ("DRAFT", None));
    assert_eq!(story.tagged("math"), 0);
}

#[test]
fn the_owner_is_the_account_that_made_the_first_revision() {
    let mut story = Story::new();
    story.revise("a", 1, &[]);
    assert_eq!(story.problem("a").access.owner, None, "the operator made it");
    let content = RevisionContent { title: "Two Sum".to_owned(), ..RevisionContent::default() };
    let digest = content.digest();
    let revised = ProblemRevised { revision: 1, digest, content, visibility: None };
    let mut first = recorded(2, StreamId::Problem("b".parse().unwrap()), revised.into());
    first.metadata = Metadata::new(Actor::account(&"olga".parse().unwrap()), Uuid::nil());
    story.position = 2;
    story.apply_event(first);
    story.on("b", CollaboratorAdded { login: "cleo".parse().unwrap() });
    let problem = story.problem("b");
    let people: Vec<&str> = problem.people.iter().map(|it| it.as_str()).collect();
    assert_eq!(people, ["olga", "cleo"]);
    assert_eq!(problem.words, ["b", "sum", "two"]);
}

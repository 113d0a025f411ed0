//! The walk over the tree: what is known, what is still to be judged, what it comes to.

use std::collections::BTreeMap;

use super::{
    CustomGrades, Grade, Grading, GroupGrade, GroupOutcome, Objective, Rule, TestResult, Worth,
    rules,
};
use crate::Verdict;
use crate::problem::OnFailure;

/// A test's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slot {
    /// Its group's place in [`Grading::groups`].
    pub group: u32,
    /// What it is worth, where it says so itself.
    pub points: Option<f64>,
}

/// How the tests of one revision are graded.
#[derive(Debug, Clone, PartialEq)]
pub struct Rubric {
    grading: Grading,
    tests: Vec<Slot>,
    /// Of each group, in judging order.
    children: Vec<Vec<Child>>,
    /// Of each test.
    worth: Vec<Worth>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    /// By number, from 1.
    Test(u32),
    Group(u32),
}

/// Where a test stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestState {
    /// It has a result.
    Judged,
    /// It can be judged now.
    Ready,
    /// Whether it is to be judged depends on tests before it.
    Waiting,
    /// It need not be judged any more.
    Skipped,
}

/// A grader of the package's has to be run.
#[derive(Debug, Clone, PartialEq)]
pub struct GraderCall {
    /// The group's place.
    pub group: u32,
    /// The grader's arguments.
    pub flags: Vec<String>,
    /// The results of the group's children, in order.
    pub results: Vec<GroupGrade>,
}

/// What is known of a submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Of each test, in order.
    pub states: Vec<TestState>,
    /// What it came to, once everything that is needed is known.
    pub grade: Option<Grade>,
    /// What has to be run before more can be known.
    pub grader: Option<GraderCall>,
}

impl Rubric {
    /// How these tests, in order, are graded.
    ///
    /// # Panics
    /// When [`Grading::flaws`] has something against them.
    pub fn new(grading: Grading, tests: Vec<Slot>) -> Self {
        let mut first: Vec<Option<u32>> = vec![None; grading.groups.len()];
        let mut own_points = vec![0.0; grading.groups.len()];
        let mut without = vec![0_usize; grading.groups.len()];
        for (number, slot) in (1..).zip(&tests) {
            own_points[slot.group as usize] += slot.points.unwrap_or(0.0);
            without[slot.group as usize] += usize::from(slot.points.is_none());
            let mut place = Some(slot.group);
            while let Some(group) = place {
                first[group as usize].get_or_insert(number);
                place = grading.groups[group as usize].parent;
            }
        }
        // A group stands where its first test does; one without tests does not count.
        let mut ordered: Vec<Vec<(u32, Child)>> = vec![vec![]; grading.groups.len()];
        for (number, slot) in (1..).zip(&tests) {
            ordered[slot.group as usize].push((number, Child::Test(number)));
        }
        for (place, group) in (0..).zip(&grading.groups) {
            if let (Some(parent), Some(first)) = (group.parent, first[place as usize]) {
                ordered[parent as usize].push((first, Child::Group(place)));
            }
        }
        let children = ordered
            .into_iter()
            .map(|mut children| {
                children.sort_by_key(|(first, _)| *first);
                children.into_iter().map(|(_, child)| child).collect()
            })
            .collect();
        let worth = tests
            .iter()
            .map(|slot| {
                let group = slot.group as usize;
                let rule = &grading.groups[group].rule;
                rule.worth(slot.points, own_points[group], without[group])
            })
            .collect();
        Self { grading, tests, children, worth }
    }

    /// How many tests there are.
    pub fn tests(&self) -> u32 {
        u32::try_from(self.tests.len()).unwrap_or(u32::MAX)
    }

    /// What a test is worth, by its number.
    pub fn worth(&self, number: u32) -> Option<Worth> {
        self.worth.get((number as usize).checked_sub(1)?).copied()
    }

    /// What is wrong with the score that a validator gave to a test.
    pub fn objection(&self, number: u32, result: TestResult) -> Option<String> {
        self.grading.objective?;
        let slot = self.tests.get((number as usize).checked_sub(1)?)?;
        let rule = &self.grading.groups[slot.group as usize].rule;
        rule.objection(result, self.worth[number as usize - 1].accepted)
    }

    /// What is known from these results, by test number.
    pub fn survey(&self, results: &BTreeMap<u32, TestResult>, custom: &CustomGrades) -> Survey {
        let mut walk = Walk {
            rubric: self,
            results,
            custom,
            states: vec![TestState::Skipped; self.tests.len()],
            grades: vec![None; self.grading.groups.len()],
            not_run: vec![false; self.grading.groups.len()],
            grader: None,
        };
        let root = walk.group(0, false);
        let Walk { states, mut grades, not_run, grader, .. } = walk;
        for (grade, not_run) in grades.iter_mut().zip(not_run) {
            *grade = grade.filter(|_| !not_run);
        }
        let grade = root.map(|root| self.grade(root, &grades, results));
        Survey { states, grade, grader }
    }

    /// What a submission comes to if every test without a result gets this verdict. `None` where that depends on
    /// scores, or on a grader of the package's that has not been run.
    pub fn completed(
        &self,
        results: &BTreeMap<u32, TestResult>,
        custom: &CustomGrades,
        verdict: Verdict,
    ) -> Option<Grade> {
        if self.grading.objective.is_some() {
            return self.survey(results, custom).grade;
        }
        let result = |number| results.get(&number).copied();
        let missing = TestResult { verdict, score: None };
        let all = (1..=self.tests()).map(|number| (number, result(number).unwrap_or(missing)));
        self.survey(&all.collect(), custom).grade
    }

    fn grade(
        &self,
        root: GroupGrade,
        grades: &[Option<GroupGrade>],
        results: &BTreeMap<u32, TestResult>,
    ) -> Grade {
        let groups = self.grading.groups.iter().zip(grades).skip(1);
        let groups =
            groups.filter(|(_, grade)| grade.is_some() || self.grading.objective.is_some());
        let scored = self.grading.objective;
        let outcome = |group: &super::TestGroup, grade: Option<GroupGrade>| GroupOutcome {
            name: group.name.clone(),
            verdict: grade.map(|grade| grade.verdict),
            score: scored.map(|_| grade.map_or(0.0, |grade| group.rule.shown(grade.score))),
        };
        let mut out_of_range = Vec::new();
        if scored.is_some() {
            for (group, grade) in self.grading.groups.iter().zip(grades) {
                let counts = |verdict| verdict == Verdict::Accepted || self.counts_points();
                if let Some(GroupGrade { verdict, score }) = grade
                    && counts(*verdict)
                    && group.rule.is_out_of_range(*score)
                {
                    let name = if group.name.is_empty() { "the root" } else { &group.name };
                    let score = group.rule.shown(*score);
                    out_of_range.push(format!("{name} scored {score}, which is out of its range"));
                }
            }
        }
        let rule = &self.grading.groups[self.scoring_group() as usize].rule;
        let score = rule.shown(root.score);
        let verdict = match scored {
            Some(objective) if root.verdict == Verdict::Accepted || self.counts_points() => {
                let best = self.best(objective).map(|best| rule.shown(best));
                // A group that was not run has no test that failed.
                let rejected = Some(root.verdict).filter(|verdict| *verdict != Verdict::Accepted);
                let failure = self.first_failure(results).or(rejected);
                rules::of_score(score, objective, best, failure)
            }
            _ => root.verdict,
        };
        // A score that goes with a rejection is ignored.
        let counts = matches!(verdict, Verdict::Accepted | Verdict::Partial);
        Grade {
            verdict,
            root: root.verdict,
            score: scored.map(|_| if counts { score } else { 0.0 }),
            groups: groups.map(|(group, grade)| outcome(group, *grade)).collect(),
            out_of_range,
            points_decide: self.counts_points(),
        }
    }

    /// Whether points alone decide, as in the newer format.
    fn counts_points(&self) -> bool {
        let scoring = self.scoring_group();
        matches!(self.grading.groups[scoring as usize].rule, Rule::Aggregate { .. })
    }

    /// The group whose score is the submission's.
    fn scoring_group(&self) -> u32 {
        match (&self.grading.groups[0].rule, self.children[0].last()) {
            (Rule::Grader { ignore_sample: true, .. }, Some(Child::Group(last))) => *last,
            _ => 0,
        }
    }

    fn best(&self, objective: Objective) -> Option<f64> {
        let of = |place: u32| self.grading.groups[place as usize].rule.bound(objective);
        of(0).or_else(|| of(self.scoring_group()))
    }

    /// The first rejected test among those that count.
    fn first_failure(&self, results: &BTreeMap<u32, TestResult>) -> Option<Verdict> {
        let scoring = self.scoring_group();
        let counts = |number: u32| {
            let mut place = Some(self.tests[number as usize - 1].group);
            while let Some(group) = place {
                if group == scoring {
                    return true;
                }
                place = self.grading.groups[group as usize].parent;
            }
            false
        };
        results
            .iter()
            .filter(|(number, _)| counts(**number))
            .map(|(_, result)| result.verdict)
            .find(|verdict| *verdict != Verdict::Accepted)
    }
}

struct Walk<'a> {
    rubric: &'a Rubric,
    results: &'a BTreeMap<u32, TestResult>,
    custom: &'a CustomGrades,
    states: Vec<TestState>,
    grades: Vec<Option<GroupGrade>>,
    /// Groups that depend on one that was not accepted.
    not_run: Vec<bool>,
    grader: Option<GraderCall>,
}

impl Walk<'_> {
    /// What a group came to; `None` while something is missing. Tests of one that is blocked cannot
    /// begin yet.
    fn group(&mut self, place: u32, blocked: bool) -> Option<GroupGrade> {
        let rubric = self.rubric;
        let group = &rubric.grading.groups[place as usize];
        let stops = group.on_reject == OnFailure::Stop;
        let (mut grades, mut open, mut stopped) = (Vec::new(), false, false);
        for child in &rubric.children[place as usize] {
            if stopped {
                continue;
            }
            let blocked = blocked || stops && open;
            let grade = match *child {
                Child::Test(number) => self.test(number, blocked),
                Child::Group(inner) => self.inner(inner, blocked),
            };
            match grade {
                Some(grade) => {
                    stopped = stops && !open && grade.verdict != Verdict::Accepted;
                    grades.push(grade);
                }
                None => open = true,
            }
        }
        if open {
            return None;
        }
        let grade = self.rule(place, &group.rule, grades)?;
        self.grades[place as usize] = Some(grade);
        Some(grade)
    }

    fn test(&mut self, number: u32, blocked: bool) -> Option<GroupGrade> {
        let index = number as usize - 1;
        let Some(result) = self.results.get(&number) else {
            self.states[index] = if blocked { TestState::Waiting } else { TestState::Ready };
            return None;
        };
        self.states[index] = TestState::Judged;
        // One without a score that it should have is our own failure, and told as such.
        let score = self.rubric.worth[index].score(*result).unwrap_or(0.0);
        Some(GroupGrade { verdict: result.verdict, score })
    }

    /// A group within another, which may depend on others.
    fn inner(&mut self, place: u32, blocked: bool) -> Option<GroupGrade> {
        let required = &self.rubric.grading.groups[place as usize].require_pass;
        let mut blocked = blocked;
        for &other in required {
            match self.grades[other as usize] {
                Some(GroupGrade { verdict: Verdict::Accepted, .. }) => {}
                // It is not run, and counts as rejected.
                Some(GroupGrade { verdict, .. }) => {
                    let grade = GroupGrade { verdict, score: 0.0 };
                    self.grades[place as usize] = Some(grade);
                    self.not_run[place as usize] = true;
                    return Some(grade);
                }
                None => blocked = true,
            }
        }
        self.group(place, blocked)
    }

    fn rule(&mut self, place: u32, rule: &Rule, grades: Vec<GroupGrade>) -> Option<GroupGrade> {
        Some(match rule {
            Rule::Grader { verdict, score, ignore_sample, accept_if_any_accepted, .. } => {
                let counted = match (ignore_sample, grades.last()) {
                    (true, Some(last)) => std::slice::from_ref(last),
                    _ => &grades,
                };
                let verdict = verdict.of(counted, *accept_if_any_accepted);
                // With points alone deciding, a rejected test does not take the others' away.
                let keeps = verdict == Verdict::Accepted || *ignore_sample;
                let score = if keeps { score.of(counted) } else { 0.0 };
                GroupGrade { verdict, score }
            }
            Rule::Aggregate { aggregation, max_score } => aggregation.of(&grades, *max_score),
            Rule::Custom { flags, .. } => match self.custom.get(&place) {
                Some(grade) if grade.verdict == Verdict::Accepted => *grade,
                Some(grade) => GroupGrade { score: 0.0, ..*grade },
                None => {
                    let flags = flags.clone();
                    self.grader.get_or_insert(GraderCall { group: place, flags, results: grades });
                    return None;
                }
            },
        })
    }
}

//! The walk over the tree of groups: the state of each test, and the grade once it is known.

use std::collections::BTreeMap;

use super::{
    CustomGrades, Grade, Grading, GroupGrade, GroupOutcome, Objective, OnFailure, Rule, Slot,
    TestResult, Worth, rules,
};
use crate::Verdict;

/// How the tests of one revision are graded.
#[derive(Debug, Clone, PartialEq)]
pub struct Rubric {
    grading: Grading,
    tests: Vec<Slot>,
    /// The children of each group, in judging order.
    children: Vec<Vec<Child>>,
    /// The scores of each test.
    worth: Vec<Worth>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Child {
    /// A test, by its number from 1.
    Test(u32),
    /// A group, by its index.
    Group(u32),
}

/// Whether a test has a result, or needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestState {
    /// It has a result.
    Judged,
    /// It can be judged now.
    Ready,
    /// Whether it must be judged depends on the results of other tests.
    Waiting,
    /// It need not be judged.
    Skipped,
}

/// A call of the package's own grader that is needed to continue.
#[derive(Debug, Clone, PartialEq)]
pub struct GraderCall {
    /// The group's index in [`Grading::groups`].
    pub group: u32,
    /// The grader's arguments.
    pub flags: Vec<String>,
    /// The results of the group's children, in judging order.
    pub results: Vec<GroupGrade>,
}

/// The progress of judging a submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The state of each test, in judging order.
    pub states: Vec<TestState>,
    /// The submission's grade, once every needed result is known.
    pub grade: Option<Grade>,
    /// The call of a grader that is needed to continue, if any.
    pub grader: Option<GraderCall>,
}

impl Rubric {
    /// Prepares the grading of these tests, given in judging order.
    ///
    /// # Panics
    /// When [`Grading::flaws`] is not empty for them.
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
        // A group is judged in the place of its first test. A group without tests does not count.
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

    /// Number of tests.
    pub fn tests(&self) -> u32 {
        u32::try_from(self.tests.len()).unwrap_or(u32::MAX)
    }

    /// The scores of a test, by its number from 1.
    pub fn worth(&self, number: u32) -> Option<Worth> {
        self.worth.get((number as usize).checked_sub(1)?).copied()
    }

    /// What is wrong with a validator's score of the test with this number; `None` if nothing is.
    pub fn objection(&self, number: u32, result: TestResult) -> Option<String> {
        self.grading.objective?;
        let slot = self.tests.get((number as usize).checked_sub(1)?)?;
        let rule = &self.grading.groups[slot.group as usize].rule;
        rule.objection(result, self.worth[number as usize - 1].accepted)
    }

    /// The progress of judging with these results, by test number.
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

    /// The grade if every test without a result gets this verdict. `None` if that depends on
    /// scores, or on the package's own grader, which has not run.
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
                // If no test failed, a group that was not judged may have rejected the root.
                let rejected = Some(root.verdict).filter(|verdict| *verdict != Verdict::Accepted);
                let failure = self.first_failure(results).or(rejected);
                rules::of_score(score, objective, best, failure)
            }
            _ => root.verdict,
        };
        // A rejected submission scores 0.
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

    /// Whether the score alone decides the verdict, as in the newer Kattis format.
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

    /// The verdict of the first rejected test that counts for the score.
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
    /// Groups that are not judged because they require a group that was not accepted.
    not_run: Vec<bool>,
    grader: Option<GraderCall>,
}

impl Walk<'_> {
    /// The result of a group; `None` while results are missing. Tests in a blocked group cannot
    /// start yet.
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
        // `objection` reports a score that is missing but required.
        let score = self.rubric.worth[index].score(*result).unwrap_or(0.0);
        Some(GroupGrade { verdict: result.verdict, score })
    }

    /// The result of a group that is not the root and may require other groups.
    fn inner(&mut self, place: u32, blocked: bool) -> Option<GroupGrade> {
        let required = &self.rubric.grading.groups[place as usize].require_pass;
        let mut blocked = blocked;
        for &other in required {
            match self.grades[other as usize] {
                Some(GroupGrade { verdict: Verdict::Accepted, .. }) => {}
                // The group is not judged, and gets the verdict of the required group.
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
                // With `ignore_sample` a rejected child keeps its score; it may decide the verdict.
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

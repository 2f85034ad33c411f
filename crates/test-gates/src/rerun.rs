//! Runs suspicious tests again on both sides, to tell what the change broke from what fails now and then anyway.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures::future::try_join;
use protocol::{
    AcceptanceTests, AgentContext, AgentError, Rerun, RunState, Silent, TestClass, TestComparison,
    TestOutcome, TestRun, TreeId, Workspace,
};
use test_run::ids::target_of;
use test_run::{ByPlace, Settings, Targets, TestTree};

/// Tests that are run again. A change after which more than that fail is no matter of chance.
const TESTS_MAX: usize = 20;
/// Rounds after which a test that never differs from its own side is believed. One that fails half of the time looks
/// like that in one of four to the power of these: less than once in a thousand times.
const ROUNDS_TO_BE_SURE: u32 = 5;
/// The same where only the base is run again, because the test is good with the change, and somebody claims that it came
/// out otherwise: one of two to the power of these.
const ROUNDS_AGAINST_A_CLAIM: u32 = 2 * ROUNDS_TO_BE_SURE;
/// Whether a test flips by itself, from its outcomes on both sides.
///
/// It must have flipped on the base. With the change it must have flipped as well, or be green: what failed now and
/// then and is green now was not fixed. A test that is red with the change each time is not excused by a base on
/// which it flips: reruns leave out the tests around it, and one that needs them is red alone, on the base too.
/// And one that flips only with the change, in as many tries and in the same company, was made to flip by it.
pub(crate) fn is_flaky(on_base: &[TestOutcome], with_change: &[TestOutcome]) -> bool {
    flips(on_base) && (flips(with_change) || with_change.iter().all(|it| is_good(*it)))
}

fn flips(outcomes: &[TestOutcome]) -> bool {
    outcomes.iter().any(|it| is_good(*it)) && outcomes.iter().any(|it| it.is_red())
}

fn is_good(outcome: TestOutcome) -> bool {
    outcome.is_green() || outcome == TestOutcome::Xpassed
}

/// Whether another round could still change what is known of a test.
fn is_open(rerun: &Rerun, is_claimed_otherwise: bool, rounds: u32, rounds_max: u32) -> bool {
    if rounds_max <= rounds || is_flaky(&rerun.on_base, &rerun.with_change) {
        return false;
    }
    // A round in which it had no outcome, because it hung or took its process along, won't get better.
    let missed = rerun.on_base.len() <= rounds as usize
        || is_broken(rerun) && rerun.with_change.len() <= rounds as usize;
    let flipped = flips(&rerun.on_base) || flips(&rerun.with_change);
    let to_be_sure = if is_claimed_otherwise && !is_broken(rerun) {
        ROUNDS_AGAINST_A_CLAIM
    } else {
        ROUNDS_TO_BE_SURE
    };
    !missed && (flipped || rounds < to_be_sure)
}

/// Whether it seems to have been broken, and not to have been fixed.
fn is_broken(rerun: &Rerun) -> bool {
    rerun.with_change.first().is_some_and(|it| it.is_red())
}

/// Tests whose comparison may come from chance: green on the base and red with the change, or the other way round, or
/// not what an earlier run claims. Acceptance tests are not among them, nor is what did not run on both sides.
fn suspects(
    base: &TestRun,
    comparison: &[TestComparison],
    claimed: &[TestComparison],
    acceptance: Option<&AcceptanceTests>,
) -> Vec<Rerun> {
    let on_base: HashSet<&str> = base.collected.iter().map(String::as_str).collect();
    let wanted = acceptance.map_or(&[][..], |it| &it.on_base);
    let wanted: HashSet<&str> = wanted.iter().map(|it| it.id.as_str()).collect();
    let that = |is_suspicious: &dyn Fn(&TestComparison) -> bool| -> Vec<Rerun> {
        let fits = |it: &&TestComparison| {
            let id = it.id.as_str();
            is_suspicious(it) && on_base.contains(id) && !wanted.contains(id)
        };
        let found = comparison.iter().filter(fits).filter_map(|it| {
            Some(Rerun {
                id: it.id.clone(),
                on_base: vec![it.base?],
                with_change: vec![it.patch?],
                excuse: String::new(),
            })
        });
        found.collect()
    };
    let mut broken = that(&|it| matches!(it.class, TestClass::Regressed | TestClass::NewRed));
    // What is skipped now, or expected to fail, doesn't fail by chance.
    broken.retain(is_broken);
    let fixed = that(&|it| it.class == TestClass::Fixed);
    let otherwise = claimed_otherwise(comparison, claimed);
    let differing = that(&|it| otherwise.contains(it.id.as_str()));
    let mut all: Vec<Rerun> = Vec::new();
    for group in [broken, fixed, differing] {
        if group.len() <= TESTS_MAX {
            let known: HashSet<String> = all.iter().map(|it| it.id.clone()).collect();
            all.extend(group.into_iter().filter(|it| !known.contains(&it.id)));
        }
    }
    all
}

/// Tests of which an earlier run claims other outcomes.
fn claimed_otherwise<'a>(
    comparison: &'a [TestComparison],
    claimed: &[TestComparison],
) -> HashSet<&'a str> {
    let claimed: HashMap<&str, _> = claimed
        .iter()
        .map(|it| (it.id.as_str(), (it.base, it.patch)))
        .collect();
    let differs = |it: &&TestComparison| {
        let claim = claimed.get(it.id.as_str());
        claim.is_some_and(|claim| *claim != (it.base, it.patch))
    };
    let differing = comparison.iter().filter(differs);
    differing.map(|it| it.id.as_str()).collect()
}

/// Runs them again, round by round, until each is decided.
pub(crate) async fn run(
    cx: &AgentContext<'_>,
    state: &RunState,
    base: Option<&TestRun>,
    comparison: &[TestComparison],
    claimed: &[TestComparison],
    by_place: &ByPlace,
) -> Result<Vec<Rerun>, AgentError> {
    let acceptance = state.acceptance_tests();
    let Some(base) = base else {
        return Ok(Vec::new());
    };
    let suspects = suspects(base, comparison, claimed, acceptance);
    if suspects.is_empty() {
        return Ok(suspects);
    }
    cx.once("run suspicious tests again", false, async {
        let settings = Settings::read(cx.base).await?;
        let mut again = Again {
            cx,
            settings,
            state,
            by_place,
            claimed_otherwise: claimed_otherwise(comparison, claimed),
            work: cx.work.snapshot().await?,
            wall_ms_left: cx.limits.suite_seconds_max * 1000,
        };
        again.rounds(suspects).await
    })
    .await
}

/// Puts what the reruns showed into the comparison.
pub(crate) fn apply(reruns: &[Rerun], comparison: &mut [TestComparison]) {
    let flaky = reruns
        .iter()
        .filter(|it| is_flaky(&it.on_base, &it.with_change));
    let flaky: HashSet<&str> = flaky.map(|it| it.id.as_str()).collect();
    for it in comparison {
        if flaky.contains(it.id.as_str()) {
            it.class = TestClass::Flaky;
        }
    }
}

/// What came of some tests on one side.
#[derive(Default)]
struct Round {
    outcomes: HashMap<String, TestOutcome>,
    wall_ms: u64,
}

struct Again<'a> {
    cx: &'a AgentContext<'a>,
    settings: Settings,
    state: &'a RunState,
    by_place: &'a ByPlace,
    claimed_otherwise: HashSet<&'a str>,
    /// The tree with the change.
    work: TreeId,
    /// What is left of the time that all reruns together have.
    wall_ms_left: u64,
}

impl Again<'_> {
    async fn rounds(&mut self, mut tests: Vec<Rerun>) -> Result<Vec<Rerun>, AgentError> {
        let rounds_max = self.cx.limits.reruns_max;
        for round in 0..rounds_max {
            let open = |it: &&mut Rerun| {
                let otherwise = self.claimed_otherwise.contains(it.id.as_str());
                is_open(it, otherwise, round, rounds_max)
            };
            let mut open: Vec<&mut Rerun> = tests.iter_mut().filter(open).collect();
            let all: Vec<&str> = open.iter().map(|it| it.id.as_str()).collect();
            // Both sides run the same tests, because a test may fail for the company it keeps.
            let ids = match open.iter().any(|it| is_broken(it)) {
                true => all.clone(),
                false => Vec::new(),
            };
            let base = &self.cx.base.base().tree;
            let (with_change, on_base) = try_join(
                self.outcomes(self.cx.work, &self.work, &ids, round),
                self.outcomes(self.cx.base, base, &all, round),
            )
            .await?;
            let wall_ms = with_change.wall_ms.max(on_base.wall_ms);
            self.wall_ms_left = self.wall_ms_left.saturating_sub(wall_ms);
            let (with_change, on_base) = (with_change.outcomes, on_base.outcomes);
            for it in &mut open {
                it.on_base.extend(on_base.get(&it.id));
                if is_broken(it) {
                    it.with_change.extend(with_change.get(&it.id));
                }
            }
        }
        Ok(tests)
    }

    /// Time of the next process.
    fn seconds_left(&self) -> u64 {
        (self.wall_ms_left / 1000).min(self.cx.limits.test_run_seconds_max)
    }

    /// One process with nothing but these tests, in a checkout of its own: what a test leaves behind is no flip.
    async fn outcomes(
        &self,
        side: &dyn Workspace,
        tree: &TreeId,
        ids: &[&str],
        round: u32,
    ) -> Result<Round, AgentError> {
        let seconds_max = self.seconds_left();
        if ids.is_empty() || seconds_max == 0 {
            return Ok(Round::default());
        }
        let tree = if tree == &self.work {
            TestTree::of_change(self.cx, self.state, tree).await?
        } else {
            TestTree::of(side, tree, &self.settings).await?
        };
        let targets: BTreeSet<String> = ids.iter().map(|it| target_of(it).to_owned()).collect();
        let targets: Vec<String> = targets.into_iter().collect();
        let targets = Targets::Files(&targets);
        // The first run was the deal 0; each round has one of its own, the same for both sides.
        let deal = round + 1;
        let mut run = tree
            .run_dealt(targets, &[], seconds_max, &Silent, deal)
            .await?;
        self.by_place.rename(&mut run);
        let outcomes = run.results.into_iter().map(|it| (it.id, it.outcome));
        Ok(Round {
            outcomes: outcomes.collect(),
            wall_ms: run.wall_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use TestOutcome::{Failed, Passed, Skipped};

    fn outcomes(text: &str) -> Vec<TestOutcome> {
        let outcome = |it| match it {
            '+' => Passed,
            '-' => Failed,
            '~' => Skipped,
            other => panic!("no outcome {other}"),
        };
        text.chars().map(outcome).collect()
    }

    fn rerun(on_base: &str, with_change: &str) -> Rerun {
        Rerun {
            id: "t.py::a".to_owned(),
            on_base: outcomes(on_base),
            with_change: outcomes(with_change),
            excuse: String::new(),
        }
    }

    #[test]
    fn only_what_flips_on_the_base_is_flaky_and_only_if_it_is_not_red_each_time_now() {
        let check = |base: &str, change: &str, want: bool| {
            let it = rerun(base, change);
            assert_eq!(
                is_flaky(&it.on_base, &it.with_change),
                want,
                "{base} {change}"
            );
        };
        check("+-", "-+", true);
        check("++++", "-+", false);
        check("+---", "----", false);
        check("+", "-", false);
        // Seemed to be fixed.
        check("-+", "+", true);
        check("----", "+", false);
        // A skip is neither.
        check("+~", "-+", false);
        check("-~", "+", false);
        check("+-", "-~", false);
    }

    #[test]
    fn rounds_end_as_soon_as_nothing_more_can_be_learnt() {
        let check = |base: &str, change: &str, want: bool| {
            let it = rerun(base, change);
            let rounds = base.len() as u32 - 1;
            assert_eq!(is_open(&it, false, rounds, 10), want, "{base} {change}");
        };
        check("+", "-", true);
        check("+++++", "-----", true);
        check("++++++", "------", false);
        check("++++++", "-----+", true);
        check("+-----", "------", true);
        check("+-", "-+", false);
        check("-", "+", true);
        check("-+", "+", false);
        check("------", "+", false);
        check("+++++++++++", "-++++++++++", false);
        // It had no outcome in the last round.
        assert!(!is_open(&rerun("++", "-"), false, 1, 10));
        assert!(!is_open(&rerun("+", "--"), false, 1, 10));
    }

    /// The chance that a test with these chances to fail is held against the change, having come out like this at
    /// first. Every way that the rounds can go is weighed.
    fn rejected(
        first: &Rerun,
        is_claimed_otherwise: bool,
        rounds_max: u32,
        fails: [f64; 2],
    ) -> f64 {
        fn go(it: &Rerun, otherwise: bool, rounds: u32, rounds_max: u32, fails: [f64; 2]) -> f64 {
            if !is_open(it, otherwise, rounds, rounds_max) {
                return if is_flaky(&it.on_base, &it.with_change) {
                    0.0
                } else {
                    1.0
                };
            }
            let mut sum = 0.0;
            for (base, change) in [(false, false), (false, true), (true, false), (true, true)] {
                let chance = |red: bool, fails: f64| if red { fails } else { 1.0 - fails };
                let weight = chance(base, fails[0]) * chance(change, fails[1]);
                if 0.0 < weight {
                    let outcome = |red: bool| if red { Failed } else { Passed };
                    let mut next = it.clone();
                    next.on_base.push(outcome(base));
                    if is_broken(it) {
                        next.with_change.push(outcome(change));
                    }
                    sum += weight * go(&next, otherwise, rounds + 1, rounds_max, fails);
                }
            }
            sum
        }
        go(first, is_claimed_otherwise, 0, rounds_max, fails)
    }

    #[test]
    fn a_test_that_fails_half_of_the_time_is_hardly_ever_held_against_a_change() {
        let broken = rerun("+", "-");
        let half = rejected(&broken, false, 10, [0.5, 0.5]);
        assert!(half < 0.004, "{half}");
        // And what the change did break always is, however lucky the rounds.
        for with_change in [0.3, 1.0] {
            assert_eq!(rejected(&broken, false, 10, [0.0, with_change]), 1.0);
        }
        assert_eq!(rejected(&broken, false, 10, [0.5, 1.0]), 1.0);
    }

    #[test]
    fn a_test_that_fails_half_of_the_time_hardly_ever_makes_a_claim_look_like_a_lie() {
        for (base, change) in [("+", "+"), ("+", "-"), ("-", "+"), ("-", "-")] {
            let first = rerun(base, change);
            let half = rejected(&first, true, 10, [0.5, 0.5]);
            assert!(half < 0.004, "{base} {change}: {half}");
        }
        // A lie stays one, whichever side it is about.
        assert_eq!(rejected(&rerun("+", "-"), true, 10, [0.0, 1.0]), 1.0);
        assert_eq!(rejected(&rerun("-", "-"), true, 10, [1.0, 1.0]), 1.0);
        assert_eq!(rejected(&rerun("-", "+"), true, 10, [1.0, 0.0]), 1.0);
        assert_eq!(rejected(&rerun("+", "+"), true, 10, [0.0, 0.0]), 1.0);
    }

    proptest! {
        #[test]
        fn a_base_that_never_flips_excuses_nothing_and_rounds_come_to_an_end(
            base in "[+-]{1,12}",
            change in "[+-]{1,12}",
            rounds_max in 0_u32..12,
        ) {
            let it = rerun(&base, &change);
            let flaky = is_flaky(&it.on_base, &it.with_change);
            prop_assert!(!flaky || flips(&it.on_base));
            prop_assert!(!flaky || it.with_change.contains(&Passed));
            prop_assert!(!is_open(&it, true, rounds_max, rounds_max));
            prop_assert!(!flaky || !is_open(&it, true, 0, rounds_max));
            // More outcomes of the same kind never take a word back.
            let again = rerun(&format!("{base}{base}"), &format!("{change}{change}"));
            prop_assert_eq!(is_flaky(&again.on_base, &again.with_change), flaky);
        }
    }
}

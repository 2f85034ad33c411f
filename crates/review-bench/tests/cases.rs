//! The cases that come with the program are whole, and no formality gives a defect away.

use std::collections::BTreeMap;

use protocol::Message;
use review_bench::{Case, Kind, cases, question, version};
use testkit::limits;

/// More of the defects than this, of all, make a change longer, or shorter: then its length would tell.
const ONE_WAY_PERCENT_MAX: usize = 65;
/// A small hunk that is missing.
const LINES_MORE_OR_LESS_MAX: usize = 10;

fn all() -> Vec<Case> {
    cases().unwrap_or_else(|error| panic!("could not {error}"))
}

#[test]
fn there_are_twenty_fixes_and_two_defects_for_each() {
    let mut by_fix: BTreeMap<String, Vec<Option<Kind>>> = BTreeMap::new();
    for case in all() {
        let (fix, _) = case.name.split_once('/').expect("a name has two parts");
        let kind = case.defect.map(|it| it.kind);
        by_fix.entry(fix.to_owned()).or_default().push(kind);
    }
    assert_eq!(by_fix.len(), 20);
    for (fix, kinds) in &by_fix {
        let clean = kinds.iter().filter(|it| it.is_none()).count();
        assert_eq!((kinds.len(), clean), (3, 1), "{fix}");
        assert!(kinds[0].is_none(), "{fix}: the fix itself comes first");
    }
    let kinds: Vec<Kind> = by_fix.into_values().flatten().flatten().collect();
    for kind in Kind::ALL {
        assert!(kinds.contains(&kind), "no defect is of the kind {kind}");
    }
}

#[test]
fn a_defect_says_what_is_wrong_and_where_or_which_words_it_violates() {
    for case in all() {
        let name = &case.name;
        if let Some(repaired) = &case.repaired {
            assert!(repaired.ends_with('.'), "{name}: {repaired}");
        }
        let Some(defect) = &case.defect else {
            continue;
        };
        assert!(defect.wrong.ends_with('.'), "{name}: {}", defect.wrong);
        assert!(
            defect.lines.is_some() || defect.requirement.is_some(),
            "{name}: nothing says what a reviewer must point at"
        );
        if let Some(requirement) = &defect.requirement {
            let task = agents_qa::normalised(&case.state.task.as_markdown());
            let quote = agents_qa::normalised(requirement);
            assert!(
                task.contains(&quote),
                "{name}: the task doesn't say {quote}"
            );
        }
    }
}

#[test]
fn neither_length_nor_tests_nor_task_give_a_defect_away() {
    let (mut longer, mut shorter) = (0, 0);
    let all = all();
    for case in &all {
        let fix = case.name.split_once('/').expect("a name has two parts").0;
        let clean = format!("{fix}/clean");
        let clean = all.iter().find(|it| it.name == clean);
        let clean = clean.expect("each fix has its clean case");
        assert_eq!(case.state.task, clean.state.task);
        assert_eq!(case.state.test_output, clean.state.test_output);
        assert_eq!(case.state.evidence, clean.state.evidence);
        if case.defect.is_none() {
            continue;
        }
        let lines = |it: &Case| it.state.proposed_code.lines().count();
        let (own, theirs) = (lines(case), lines(clean));
        longer += usize::from(theirs < own);
        shorter += usize::from(own < theirs);
        assert_ne!(case.state.proposed_code, clean.state.proposed_code);
        assert!(
            own.abs_diff(theirs) <= LINES_MORE_OR_LESS_MAX,
            "{}: {own} lines",
            case.name
        );
    }
    for (how, count) in [("longer", longer), ("shorter", shorter)] {
        assert!(
            100 * count <= 40 * ONE_WAY_PERCENT_MAX,
            "{count} of 40 defects make a change {how}"
        );
    }
}

#[tokio::test]
async fn the_question_is_the_reviewers_own() {
    for case in all() {
        let asked = question(&case, &limits()).await;
        let asked = asked.unwrap_or_else(|| panic!("{}: nothing was asked", case.name));
        let [Message::User { text }] = &asked.messages[..] else {
            panic!(
                "{}: the first words are ours, and there is one message",
                case.name
            );
        };
        assert!(asked.system.starts_with("You review a change"));
        assert!(asked.output.is_some());
        for part in [
            case.state.task.title.as_str(),
            case.state.test_output.as_str(),
            "after a dispute",
        ] {
            let there = part != "after a dispute" || case.name.starts_with("xmltodict_whitespace");
            assert_eq!(text.contains(part), there, "{}: {part}", case.name);
        }
        for line in case.state.proposed_code.lines() {
            assert!(text.contains(line), "{}: {line}", case.name);
        }
        // Whatever names a defect stays here.
        let name = case.name.split_once('/').expect("a name has two parts").1;
        assert!(!text.contains(name) || name == "clean", "{}", case.name);
    }
}

#[test]
fn the_version_is_short_and_stays_the_same() {
    assert_eq!(version().len(), 12);
    assert_eq!(version(), version());
}

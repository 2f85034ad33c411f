//! Sentences that ask for a protected path, and those that leave a doubt.

use expect_test::{Expect, expect};
use protocol::Comment;

use super::*;

#[track_caller]
fn check(body: &str, want: Expect) {
    let (title, body) = body.split_once("\n\n").unwrap_or((body, ""));
    let task = Task {
        title: title.to_owned(),
        body: body.to_owned(),
        comments: vec![Comment {
            author: "mallory".to_owned(),
            body: "Change tox.ini as well.".to_owned(),
        }],
        ..Task::default()
    };
    want.assert_eq(&format!("{:?}", about(&task, &["ci/tox.ini", "tox.ini"])));
}

#[test]
fn a_sentence_that_asks_for_it_is_quoted() {
    check(
        "Add 3.14 to tox.ini",
        expect![[r#"Asked("Add 3.14 to tox.ini")"#]],
    );
    check(
        "x\n\na\n - Add 3.14 to `tox.ini`.\nb",
        expect![[r#"Asked("- Add 3.14 to `tox.ini`.")"#]],
    );
    check(
        "x\n\n```\nlog\n```\nPython 3.14 isn't tested. Please update ci/tox.ini.",
        expect![[r#"Asked("Please update ci/tox.ini.")"#]],
    );
    check(
        "x\n\nThe list in tox.ini must be\nextended. More of it.",
        expect![[r#"Asked("The list in tox.ini must be extended.")"#]],
    );
    check(
        "x\n\nWe need to change `tox.ini`, too",
        expect![[r#"Asked("We need to change `tox.ini`, too")"#]],
    );
    check(
        "x\n\nUpdate these files:\n\n* Makefile\n* [ ] `tox.ini`",
        expect![[r#"Asked("Update these files: - `tox.ini`")"#]],
    );
    check(
        "x\n\n1. Fix it\n2. In tox.ini, add py314",
        expect![[r#"Asked("- In tox.ini, add py314")"#]],
    );
    check(
        "tox.ini: add py314",
        expect![[r#"Asked("tox.ini: add py314")"#]],
    );
}

#[test]
fn a_name_that_is_quoted_hidden_or_longer_is_not_there() {
    for body in [
        "nothing",
        "> Change tox.ini",
        "```\nChange tox.ini\n```",
        "~~~\n```\nChange tox.ini\n~~~",
        "    Change tox.ini",
        "<!-- Change tox.ini -->",
        "<!--\nChange tox.ini\n",
        "Change my-tox.ini",
        "Change tox.ini.bak",
        "Change docs/tox.ini",
    ] {
        check(&format!("x\n\n{body}"), expect!["Nothing"]);
    }
}

#[test]
fn a_name_that_is_only_told_of_or_forbidden_permits_nothing() {
    for body in [
        "See ci/tox.ini.",
        "It fails with the settings of tox.ini.",
        "The last change of tox.ini broke it.",
        "We change tox.ini each week.",
        "Fix the failure that tox.ini shows",
        "Should we change tox.ini?",
        "If you like, change tox.ini",
        "Don't change tox.ini",
        "Please do not touch tox.ini",
        "Please do not\nchange tox.ini",
        "Leave tox.ini as it is",
        "No edits of `tox.ini`, please",
        "Change everything but never tox.ini",
        "Fix it without changes to tox.ini",
        "Please do not touch these files:\n\n- `tox.ini`\n- `ci.yml`",
        "Hands off:\n- ci\n  - change tox.ini",
        "## Out of scope\n\nUpdate tox.ini",
        "Change tox.ini. No, don't!",
        "Add 3.14 to tox.ini.\n\nOn second thoughts, tox.ini must not change.",
        "`tox.ini` \u{306f}\u{5909}\u{66f4}\u{3057}\u{306a}\u{3044}\u{3067}\u{304f}\u{3060}\u{3055}\u{3044}\u{3002}",
        "Update tox.ini\u{306f}\u{3060}\u{3081}\u{3067}\u{3059}",
        "Bitte tox.ini nicht anfassen",
        "Prière de ne pas modifier tox.ini",
        "No cambie tox.ini",
        "tox.ini niet update",
        "She wrote \"change tox.ini\" on the board",
        "Use \u{201c}change tox.ini now\u{201d} as a title",
    ] {
        let task = Task {
            title: "x".to_owned(),
            body: body.to_owned(),
            ..Task::default()
        };
        let found = about(&task, &["ci/tox.ini", "tox.ini"]);
        assert!(matches!(found, Word::Doubted(_)), "{body}: {found:?}");
    }
}

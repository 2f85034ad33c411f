//! Which wishes an issue's events hold. No I/O, so that the rules can be read and tried in one place.

use forge::{Actor, Happened, IssueEvent};

use crate::rules::{Command, Rules};

/// A wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uttered {
    /// What the tracker calls the event that it is.
    pub(crate) id: String,
    pub(crate) actor: Actor,
    pub(crate) command: Command,
    /// Whether the text that it is about was changed since.
    pub(crate) is_stale: bool,
    /// The question of ours that it answers.
    pub(crate) answers: Option<String>,
}

/// How an issue or a ticket stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    /// Its labels now.
    pub(crate) labels: &'a [String],
    /// The status that asks for a run, when it stands there now.
    pub(crate) status: Option<&'a str>,
    /// The account that speaks for us.
    pub(crate) own_account: &'a str,
    /// From when on what was said counts, as the tracker writes moments.
    pub(crate) since: &'a str,
}

/// The wishes among the events of an issue, the oldest first. Comments of before `since` are history: they were written for whoever
/// read them then. A label and a status count as long as they are there. Whoever speaks below a question of ours, and asks for nothing by a
/// command, answers it.
pub(crate) fn of(events: &[IssueEvent], standing: &Standing<'_>, rules: &Rules) -> Vec<Uttered> {
    let Standing {
        labels,
        status,
        own_account,
        since,
    } = *standing;
    let last = |is_it: &dyn Fn(&Happened) -> bool| {
        let mut newest = events.iter().rev();
        newest.find(|it| is_it(&it.what)).map(|it| it.id.as_str())
    };
    let is_label = |it: &Happened| *it == Happened::Labeled(rules.label.clone());
    let is_move = |it: &Happened| match (it, status) {
        (Happened::Moved(to), Some(status)) => to.eq_ignore_ascii_case(status),
        _ => false,
    };
    let last_label = last(&is_label).filter(|_| labels.contains(&rules.label));
    let last_move = last(&is_move);
    let last_edit = events
        .iter()
        .filter(|it| it.what == Happened::Edited)
        .map(|it| it.at.as_str())
        .max();
    let mut question: Option<&str> = None;
    let mut found = Vec::new();
    for event in events {
        let is_ours = event.actor.login == own_account;
        let is_new = since <= event.at.as_str();
        let mut answers = None;
        let command = match &event.what {
            Happened::Asked => {
                // Whoever copies the mark of a question asks nothing in our name.
                if is_ours || own_account.is_empty() && event.actor.is_bot {
                    question = Some(&event.id);
                }
                None
            }
            // Taken off and put on again is a new wish; what it was put on for before isn't one any more.
            what if is_label(what) => (last_label == Some(&event.id)).then_some(Command::Run),
            what if is_move(what) => (last_move == Some(&event.id)).then_some(Command::Run),
            Happened::Assigned(login) if login == own_account && is_new => Some(Command::Run),
            Happened::Commented(line) if is_new => {
                let command = Command::of_line(line);
                if command.is_none() && !line.starts_with('/') {
                    answers = question.map(str::to_owned);
                }
                command.or(answers.as_ref().map(|_| Command::Answer))
            }
            _ => None,
        };
        // What the bot itself does is no wish.
        let Some(command) = command.filter(|_| !is_ours) else {
            continue;
        };
        if answers.is_none() && command.is_work() {
            question = None;
        }
        found.push(Uttered {
            id: event.id.clone(),
            actor: event.actor.clone(),
            command,
            is_stale: last_edit.is_some_and(|it| event.at.as_str() < it),
            answers,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn event(id: &str, login: &str, at: &str, what: Happened) -> IssueEvent {
        IssueEvent {
            id: id.to_owned(),
            actor: Actor {
                login: login.to_owned(),
                is_bot: false,
            },
            at: at.to_owned(),
            what,
        }
    }

    fn check(events: &[IssueEvent], labels: &[&str], want: Expect) {
        check_at(events, labels, None, want);
    }

    fn check_at(events: &[IssueEvent], labels: &[&str], status: Option<&str>, want: Expect) {
        let rules = Rules {
            label: "pipeline".to_owned(),
            off_label: "pipeline:off".to_owned(),
            bots: Vec::new(),
        };
        let labels: Vec<String> = labels.iter().map(|it| (*it).to_owned()).collect();
        let standing = Standing {
            labels: &labels,
            status,
            own_account: "bot",
            since: "2026-05-02",
        };
        let told: Vec<String> = of(events, &standing, &rules)
            .iter()
            .map(|it| {
                let stale = if it.is_stale { ", before an edit" } else { "" };
                let answers = it.answers.as_ref().map(|it| format!(" to {it}"));
                let answers = answers.unwrap_or_default();
                let (id, login, word) = (&it.id, &it.actor.login, it.command.word());
                format!("{id} by {login}: {word}{answers}{stale}")
            })
            .collect();
        want.assert_eq(&told.join("\n"));
    }

    fn labeled(id: &str, at: &str, label: &str) -> IssueEvent {
        event(id, "ada", at, Happened::Labeled(label.to_owned()))
    }

    fn commented(id: &str, login: &str, at: &str, line: &str) -> IssueEvent {
        event(id, login, at, Happened::Commented(line.to_owned()))
    }

    #[test]
    fn a_label_counts_while_it_is_on_and_each_time_it_is_put_on() {
        let events = [
            labeled("1", "2026-05-01", "pipeline"),
            labeled("2", "2026-05-03", "pipeline"),
            labeled("3", "2026-05-03", "bug"),
        ];
        check(&events, &["pipeline"], expect!["2 by ada: run"]);
        check(&events, &["bug"], expect![""]);
        check(&events[..1], &["pipeline"], expect!["1 by ada: run"]);
    }

    #[test]
    fn a_comment_is_a_wish_by_its_first_word_alone() {
        check(
            &[
                commented("1", "ada", "2026-05-03", "/pipeline"),
                commented("2", "ada", "2026-05-03", "/pipeline  stop now"),
                commented("3", "ada", "2026-05-03", "/pipelines run"),
                commented("4", "ada", "2026-05-03", "/pipeline delete everything"),
                commented("5", "ada", "2026-05-01", "/pipeline run"),
                commented("6", "bot", "2026-05-03", "/pipeline run"),
                commented("7", "ada", "2026-05-03", "/PIPELINE run"),
            ],
            &[],
            expect![[r#"
                1 by ada: run
                2 by ada: stop"#]],
        );
    }

    #[test]
    fn a_status_counts_while_the_ticket_stands_there() {
        let moved =
            |id: &str, at: &str, to: &str| event(id, "ada", at, Happened::Moved(to.to_owned()));
        let events = [
            moved("1", "2026-05-01", "Ready"),
            moved("2", "2026-05-02", "Open"),
            moved("3", "2026-05-03", "Ready"),
        ];
        check_at(&events, &[], Some("ready"), expect!["3 by ada: run"]);
        check_at(&events, &[], None, expect![""]);
    }

    #[test]
    fn what_was_asked_for_before_an_edit_is_stale() {
        let edited = event("2", "eve", "2026-05-04", Happened::Edited);
        check(
            &[
                commented("1", "ada", "2026-05-03", "/pipeline run"),
                edited,
                commented("3", "ada", "2026-05-05", "/pipeline run"),
            ],
            &[],
            expect![[r#"
                1 by ada: run, before an edit
                3 by ada: run"#]],
        );
    }

    #[test]
    fn what_is_said_below_a_question_of_ours_answers_it() {
        let asked = |id: &str, login: &str, at: &str| event(id, login, at, Happened::Asked);
        check(
            &[
                commented("1", "ada", "2026-05-03", "It is slow."),
                asked("2", "eve", "2026-05-03"),
                commented("3", "ada", "2026-05-03", "Really."),
                asked("4", "bot", "2026-05-04"),
                commented("5", "eve", "2026-05-05", "No idea"),
                commented("6", "bot", "2026-05-05", "Working on it"),
                commented("7", "ada", "2026-05-06", "The second one"),
                commented("8", "ada", "2026-05-06", "/pipeline stop"),
                commented("9", "ada", "2026-05-07", "/pipeline run"),
                commented("10", "ada", "2026-05-08", "Thanks"),
            ],
            &[],
            expect![[r#"
                5 by eve: answer to 4
                7 by ada: answer to 4
                8 by ada: stop
                9 by ada: run"#]],
        );
    }

    #[test]
    fn an_assignment_to_the_bot_is_one() {
        let assigned = |id: &str, whom: &str, at: &str| {
            event(id, "ada", at, Happened::Assigned(whom.to_owned()))
        };
        check(
            &[
                assigned("1", "bot", "2026-05-03"),
                assigned("2", "ada", "2026-05-03"),
                assigned("3", "bot", "2026-05-01"),
            ],
            &[],
            expect!["1 by ada: run"],
        );
    }
}

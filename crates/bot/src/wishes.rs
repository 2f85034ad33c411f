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
    /// When, as the tracker writes it.
    pub(crate) at: String,
}

/// The wishes among the events of an issue, the oldest first. Comments of before `since` are history: they were written for whoever
/// read them then. A label counts as long as it is on the issue.
pub(crate) fn of(
    events: &[IssueEvent],
    labels: &[String],
    own_account: &str,
    since: &str,
    rules: &Rules,
) -> Vec<Uttered> {
    let is_on = labels.contains(&rules.label);
    let last_label = events
        .iter()
        .rev()
        .find(|it| it.what == Happened::Labeled(rules.label.clone()));
    let wishes = events.iter().filter_map(|event| {
        let command = match &event.what {
            // Taken off and put on again is a new wish; what it was put on for before isn't one any more.
            Happened::Labeled(label) if *label == rules.label => {
                (is_on && last_label.is_some_and(|it| it.id == event.id)).then_some(Command::Run)?
            }
            Happened::Assigned(login) if login == own_account && since <= event.at.as_str() => {
                Command::Run
            }
            Happened::Commented(line) if since <= event.at.as_str() => Command::of_line(line)?,
            _ => return None,
        };
        // What the bot itself does is no wish.
        (event.actor.login != own_account).then(|| Uttered {
            id: event.id.clone(),
            actor: event.actor.clone(),
            command,
            at: event.at.clone(),
        })
    });
    wishes.collect()
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
        let rules = Rules {
            label: "pipeline".to_owned(),
            off_label: "pipeline:off".to_owned(),
            bots: Vec::new(),
        };
        let labels: Vec<String> = labels.iter().map(|it| (*it).to_owned()).collect();
        let found = of(events, &labels, "bot", "2026-05-02", &rules);
        let told: Vec<String> = found
            .iter()
            .map(|it| format!("{} by {}: {}", it.id, it.actor.login, it.command.word()))
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

//! One event, as a job is told it that the tracker itself starts: which wish it is about.

use forge::{Happened, IssueEvent};
use serde_json::Value;

use crate::rules::Rules;

/// What a job was started for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The issue, as in `owner/repo#7`.
    pub lane: String,
    pub(crate) which: Which,
}

/// Which of an issue's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The comment with this number.
    Comment(u64),
    /// The last label or assignment.
    Last,
}

impl Event {
    /// What GitHub's event of this name says with this payload, as Actions hand it over in `GITHUB_EVENT_NAME` and the file
    /// `GITHUB_EVENT_PATH`; none when nobody wishes for anything by it. Who wishes for what is asked from the tracker, not read here.
    pub fn of(name: &str, payload: &Value, rules: &Rules) -> Option<Event> {
        let issue = &payload["issue"];
        if !issue["pull_request"].is_null() {
            return None;
        }
        let repository = payload["repository"]["full_name"].as_str()?;
        let lane = format!("{repository}#{}", issue["number"].as_u64()?);
        let which = match (name, payload["action"].as_str()?) {
            ("issue_comment", "created") => Which::Comment(payload["comment"]["id"].as_u64()?),
            ("issues", "labeled") if payload["label"]["name"] == rules.label.as_str() => {
                Which::Last
            }
            ("issues", "assigned") => Which::Last,
            _ => return None,
        };
        Some(Event { lane, which })
    }

    /// The one among an issue's events that the job was started for.
    pub(crate) fn wanted(&self, events: &[IssueEvent]) -> Option<String> {
        match self.which {
            Which::Comment(number) => Some(format!("comment-{number}")),
            Which::Last => {
                let mut labels = events.iter().rev().filter(|it| it.id.starts_with("event-"));
                let last = labels.find(|it| it.what != Happened::Edited);
                last.map(|it| it.id.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_could_be_a_wish_is_an_event() {
        let rules = Rules {
            label: "pipeline".to_owned(),
            off_label: "pipeline:off".to_owned(),
            bots: Vec::new(),
        };
        let of = |name: &str, more: Value| {
            let mut payload = json!({
                "repository": {"full_name": "o/r"},
                "issue": {"number": 7},
            });
            for (key, value) in more.as_object().into_iter().flatten() {
                payload[key] = value.clone();
            }
            Event::of(name, &payload, &rules).map(|it| (it.lane, it.which))
        };
        let comment = json!({"action": "created", "comment": {"id": 5}});
        let lane = "o/r#7".to_owned();
        assert_eq!(
            of("issue_comment", comment.clone()),
            Some((lane.clone(), Which::Comment(5)))
        );
        let labeled = |label: &str| json!({"action": "labeled", "label": {"name": label}});
        assert_eq!(of("issues", labeled("pipeline")), Some((lane, Which::Last)));
        assert_eq!(of("issues", labeled("bug")), None);
        assert_eq!(of("issues", json!({"action": "edited"})), None);
        assert_eq!(of("issue_comment", json!({"action": "deleted"})), None);
        assert_eq!(of("push", comment), None);
        let on_request = json!({"action": "created", "comment": {"id": 5}, "issue": {"number": 7, "pull_request": {"url": "x"}}});
        assert_eq!(of("issue_comment", on_request), None);
    }
}

//! What to do about a run that ended without a change: in a sentence, with the command that does it.

use llm::{Catalog, DEFAULT_CREW, Role};
use protocol::{Agent, ModelId, Reason, RunId, RunState, Status};
use runs::Settings;

use crate::ended::Ended;

/// Drafts that are proposed beyond those that were made.
const MORE_DRAFTS: u8 = 2;
/// The most that a run takes.
const DRAFTS_MAX: u8 = 20;
/// What stands for a model where none can be proposed.
const SOME_MODEL: &str = "VENDOR:MODEL";

/// What to do about a run that ended without a change.
pub(crate) fn what_next(reason: Reason, ended: &Ended<'_>) -> String {
    let Ended {
        run,
        settings,
        state,
        explanation,
        ..
    } = ended;
    let broken = Seat::named_in(explanation, settings);
    // A clause about another model for a role; scripts have none to propose.
    let other = |seat: Option<Seat>, before: &str, command: &str, after: &str| {
        let flags = with_another(settings, seat.unwrap_or(Seat::Coder(0)));
        let clause = flags.map(|it| format!("{before}`pipeline {command} {run} {it}`{after}"));
        clause.unwrap_or_default()
    };
    match reason {
        Reason::NoCode => format!(
            "Say in the task what should be different afterwards, and where, and run it again{}. `pipeline log {run}` shows \
             what the models did.",
            other(None, "; or let another model draft: ", "fork", "")
        ),
        Reason::RedraftsExhausted => redrafts_exhausted(run, state),
        Reason::NoProgress => format!(
            "The models are stuck: read the last feedback with `pipeline show {run}`, then put what they miss into the \
             task{}.",
            other(None, "; or let another model make the last draft: ", "fork", "")
        ),
        Reason::BudgetExhausted => budget_exhausted(run, state.status, settings),
        Reason::BlockedEnvironment => "Make the command above work in a fresh checkout (a missing system package, a Python version), \
             or say how in `[tool.pipeline]` of pyproject.toml; then run it again."
            .to_owned(),
        Reason::NeedsInput => "Say what should change, or mend what was given; then run it again.".to_owned(),
        Reason::Cancelled => format!("Nothing is lost: `pipeline resume {run}` goes on where it stopped."),
        Reason::VendorUnavailable => format!(
            "Check the key, the model's name and the vendor's status; then `pipeline resume {run}` goes on without paying \
             twice.{}",
            other(broken, " Another model goes on with ", "resume", ".")
        ),
        Reason::ModelDeclined => format!(
            "`pipeline log {run}` shows which role it was. Say the task in other words and run it again{}.",
            other(broken, "; or give that role another model: ", "fork", "")
        ),
        Reason::ReviewFiltered | Reason::ReviewUnreadable => format!(
            "The draft and its tests are kept: `pipeline diff {run}`.{} With `--reviewer none` a change is at most \
             `unverified`.",
            other(Some(Seat::Reviewer), " Let another model review it: ", "fork", ".")
        ),
        Reason::AgentBroke if state.status == Status::Failed => format!(
            "Going on would end the same way. `pipeline log {run}` shows what happened, `pipeline diff {run}` the last \
             draft{}.",
            other(broken, "; another model tries it with ", "fork", "")
        ),
        Reason::AgentBroke => format!(
            "When the cause is gone, `pipeline resume {run}` goes on where it stopped; `pipeline log {run}` shows what happened."
        ),
    }
}

fn redrafts_exhausted(run: &RunId, state: &RunState) -> String {
    let more = state.iteration.saturating_add(MORE_DRAFTS).min(DRAFTS_MAX);
    let kept = format!("The last draft is kept: `pipeline diff {run}`.");
    if more <= state.iteration {
        return format!("Read why in the report; then make the task more precise. {kept}");
    }
    format!(
        "Read why in the report; then make the task more precise, or allow more drafts after the last one: \
         `pipeline fork {run} --max-iterations {more}`. {kept}"
    )
}

fn budget_exhausted(run: &RunId, status: Status, settings: &Settings) -> String {
    let command = match status {
        // Before there was a way on, a spent budget was an end.
        Status::Failed => "fork",
        _ => "resume",
    };
    let twice = |it: u64| it.saturating_mul(2);
    let mut flags = Vec::new();
    if let Some(microusd) = settings.money_microusd_max {
        let cents = twice(microusd).div_ceil(10_000);
        flags.push(format!("--budget {}.{:02}", cents / 100, cents % 100));
    }
    if let Some(tokens) = settings.tokens_max {
        flags.push(format!("--token-budget {}", twice(tokens)));
    }
    let flags = match flags.is_empty() {
        true => "--token-budget N".to_owned(),
        false => flags.join(" "),
    };
    format!(
        "The work so far is kept (`pipeline diff {run}`), and nothing is paid for twice: `pipeline {command} {run} {flags}` goes \
         on with twice as much."
    )
}

/// A role that a model fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    /// By its place in the order.
    Coder(usize),
    Author,
    Reviewer,
}

impl Seat {
    /// Whose name an explanation begins with.
    fn named_in(explanation: &str, settings: &Settings) -> Option<Seat> {
        let name = explanation.split_whitespace().next()?;
        let coders = 0..settings.coders.len();
        if let Some(place) = coders
            .into_iter()
            .find(|it| runs::crew::coder_name(*it) == name)
        {
            return Some(Seat::Coder(place));
        }
        if agents_test::TestAuthor::new().name() == name {
            return Some(Seat::Author);
        }
        (agents_qa::Reviewer::new().name() == name).then_some(Seat::Reviewer)
    }
}

/// The options that give a role another model and leave the others as they are; none where scripts speak.
fn with_another(settings: &Settings, seat: Seat) -> Option<String> {
    if !settings.source.asks_vendors() {
        return None;
    }
    let last = settings.coders.len().saturating_sub(1);
    let vendor = |it: Option<&ModelId>| it.map(|it| it.vendor.clone());
    let reviewer = vendor(settings.reviewer.as_ref());
    Some(match seat {
        Seat::Coder(place) => {
            let judged = reviewer.filter(|_| place == last);
            let now = vendor(settings.coders.get(place));
            let coders = settings.coders.iter().enumerate().map(|(at, coder)| {
                let model = match at == place {
                    true => proposed(Role::Draft, &[now.clone(), judged.clone()]),
                    false => coder.to_string(),
                };
                format!("--coder {model}")
            });
            coders.collect::<Vec<_>>().join(" ")
        }
        Seat::Author => {
            let now = vendor(settings.test_author.as_ref());
            format!("--test-author {}", proposed(Role::Author, &[now]))
        }
        Seat::Reviewer => {
            let judged = vendor(settings.coders.last());
            format!("--reviewer {}", proposed(Role::Review, &[reviewer, judged]))
        }
    })
}

/// A model of the catalog that is of none of these vendors: the role's own default, if it can be.
fn proposed(role: Role, not_of: &[Option<String>]) -> String {
    let Some(crew) = Catalog::bundled().crew(DEFAULT_CREW) else {
        return SOME_MODEL.to_owned();
    };
    let others = Role::ALL.into_iter().filter(|it| *it != role);
    let models = [role].into_iter().chain(others);
    let mut models = models.map(|it| crew.pick(it).model());
    let model = models.find(|it| !not_of.contains(&Some(it.vendor.clone())));
    model.map_or(SOME_MODEL.to_owned(), |it| it.to_string())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::Task;

    use super::*;
    use runs::ModelSource;

    fn settings() -> Settings {
        let id = |vendor: &str| ModelId::new(vendor, "m");
        let mut settings = Settings::demo(std::path::Path::new("r"), None, false);
        settings.source = ModelSource::Vendors { record: None };
        settings.coders = vec![id("openai"), id("anthropic")];
        settings.test_author = Some(id("anthropic"));
        settings.reviewer = Some(id("gemini"));
        settings
    }

    #[track_caller]
    fn check(status: Status, reason: Reason, explanation: &str, settings: &Settings, want: Expect) {
        let mut state = RunState::new(Task::from_text("t"));
        state.status = status;
        state.reason = Some(reason);
        state.iteration = 3;
        let run = RunId("RUN".to_owned());
        want.assert_eq(&what_next(
            reason,
            &Ended {
                run: &run,
                settings,
                state: &state,
                explanation,
                bundle: std::path::Path::new("b"),
                delivered: &[],
                files: None,
                held_back: false,
            },
        ));
    }

    #[test]
    fn a_spent_budget_is_doubled() {
        let mut capped = settings();
        capped.money_microusd_max = Some(1_255_001);
        check(
            Status::Running,
            Reason::BudgetExhausted,
            "",
            &capped,
            expect![
                "The work so far is kept (`pipeline diff RUN`), and nothing is paid for twice: `pipeline resume RUN --budget 2.52` goes on with twice as much."
            ],
        );
        capped.tokens_max = Some(5000);
        check(
            Status::Failed,
            Reason::BudgetExhausted,
            "",
            &capped,
            expect![
                "The work so far is kept (`pipeline diff RUN`), and nothing is paid for twice: `pipeline fork RUN --budget 2.52 --token-budget 10000` goes on with twice as much."
            ],
        );
    }

    #[test]
    fn another_model_is_one_that_the_rules_allow() {
        let check = |reason, explanation, want| {
            check(Status::Failed, reason, explanation, &settings(), want);
        };
        check(
            Reason::NoProgress,
            "",
            expect![
                "The models are stuck: read the last feedback with `pipeline show RUN`, then put what they miss into the task; or let another model make the last draft: `pipeline fork RUN --coder anthropic:claude-sonnet-5-5 --coder anthropic:m`."
            ],
        );
        check(
            Reason::ModelDeclined,
            "refiner stopped",
            expect![
                "`pipeline log RUN` shows which role it was. Say the task in other words and run it again; or give that role another model: `pipeline fork RUN --coder openai:m --coder openai:gpt-6.1-sol`."
            ],
        );
        check(
            Reason::ModelDeclined,
            "test-author stopped",
            expect![
                "`pipeline log RUN` shows which role it was. Say the task in other words and run it again; or give that role another model: `pipeline fork RUN --test-author openai:gpt-6.1-sol`."
            ],
        );
        check(
            Reason::ReviewUnreadable,
            "",
            expect![
                "The draft and its tests are kept: `pipeline diff RUN`. Let another model review it: `pipeline fork RUN --reviewer openai:gpt-6.1-sol`. With `--reviewer none` a change is at most `unverified`."
            ],
        );
        check(
            Reason::RedraftsExhausted,
            "",
            expect![
                "Read why in the report; then make the task more precise, or allow more drafts after the last one: `pipeline fork RUN --max-iterations 5`. The last draft is kept: `pipeline diff RUN`."
            ],
        );
    }

    #[test]
    fn where_scripts_speak_no_model_is_proposed() {
        let demo = Settings::demo(std::path::Path::new("r"), None, false);
        check(
            Status::Failed,
            Reason::NoCode,
            "",
            &demo,
            expect![
                "Say in the task what should be different afterwards, and where, and run it again. `pipeline log RUN` shows what the models did."
            ],
        );
        check(
            Status::Running,
            Reason::VendorUnavailable,
            "reviewer could not",
            &demo,
            expect![
                "Check the key, the model's name and the vendor's status; then `pipeline resume RUN` goes on without paying twice."
            ],
        );
    }
}

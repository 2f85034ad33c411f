//! Small pieces of text for people: sizes, times, hashes, and text of strangers made safe to print.

use std::path::Path;
use std::time::Duration;

use delivery::words::counted;
use protocol::{
    Base, Canaries, Destination, Evidence, HunkVerdict, Reason, RunEvent, Status, Task,
    TestOutcome, Tier,
};
use store::RunSummary;

/// A green or a red mark; plain text, because colour says nothing in a log.
pub(crate) fn mark(good: bool) -> &'static str {
    if good { "✓" } else { "✗" }
}

/// The first characters of a hash, as git shows them.
pub(crate) fn short_hash(hash: &str) -> &str {
    hash.get(..10).unwrap_or(hash)
}

/// A path as one word for the shell.
pub(crate) fn shell_path(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:@+,=%".contains(it);
    if text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Items with commas, or a word for none.
pub(crate) fn list_or(items: &[String], none: &str) -> String {
    if items.is_empty() {
        none.to_owned()
    } else {
        items.join(", ")
    }
}

/// An amount of bytes, as in `1.4 GiB`.
#[expect(
    clippy::cast_precision_loss,
    reason = "one digit behind the point is shown"
)]
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return delivery::words::counted(usize::try_from(bytes).unwrap_or(0), "byte");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        unit = larger;
    }
    format!("{amount:.1} {unit}")
}

/// A time as a person says it.
pub(crate) fn duration(time: Duration) -> String {
    delivery::words::duration(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// A number of tokens.
pub(crate) fn tokens(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} tokens"),
        1_000..1_000_000 => format!("{:.1} k tokens", count as f64 / 1e3),
        _ => format!("{:.2} M tokens", count as f64 / 1e6),
    }
}

/// A status in a word.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Completed => "completed",
        Status::Failed => "failed",
    }
}

/// A tier in a word.
pub(crate) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Unverified => "unverified",
        Tier::RegressionSafe => "regression-safe",
        Tier::Proven => "proven",
    }
}

/// A reason in a few words.
pub(crate) fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NoCode => "no code",
        Reason::RedraftsExhausted => "redrafts exhausted",
        Reason::NoProgress => "no progress",
        Reason::BudgetExhausted => "budget exhausted",
        Reason::BlockedEnvironment => "blocked environment",
        Reason::NeedsInput => "needs input",
        Reason::Cancelled => "cancelled",
        Reason::AgentBroke => "an agent broke",
        Reason::VendorUnavailable => "vendor unavailable",
        Reason::ModelDeclined => "a model declined",
        Reason::ReviewFiltered => "review filtered",
        Reason::ReviewUnreadable => "review unreadable",
    }
}

/// What is asked for, and what it starts from.
pub(crate) fn opening(task: &Task, base: &Base, chars_max: usize) -> [String; 2] {
    let title = one_line(&task.title, chars_max.saturating_sub(12));
    let base = match base.repository.as_str() {
        "" => "an empty repository".to_owned(),
        repository => format!("{} at {}", visible(repository), short_hash(&base.commit)),
    };
    [
        format!("task        {title}"),
        format!("base        {base}"),
    ]
}

/// How a run of the list stands.
pub(crate) fn standing(run: &RunSummary) -> String {
    match (run.status, run.reason, run.tier) {
        (Status::Completed, _, Some(it)) => format!("completed, {}", tier(it)),
        (Status::Failed, Some(it), _) => format!("failed: {}", reason(it)),
        (Status::Running, Some(it), _) => format!("stopped: {}", reason(it)),
        (Status::Running, None, _) if run.holder.is_none() => "stopped".to_owned(),
        (Status::Running, None, _) => match run.stage {
            Some(stage) => format!("running: {stage}"),
            None => "running".to_owned(),
        },
        (other, _, _) => status(other).to_owned(),
    }
}

/// Text of strangers with control, zero-width and direction-changing characters shown as escapes.
pub(crate) fn visible(text: &str) -> String {
    protocol::visible(text).replace(['\n', '\t'], " ")
}

/// The first line of a text of strangers, cut.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    cut(
        &visible(text.trim().lines().next().unwrap_or_default()),
        chars_max,
    )
}

/// A line, cut.
pub(crate) fn cut(line: &str, chars_max: usize) -> String {
    if line.chars().count() <= chars_max {
        return line.to_owned();
    }
    let kept: String = line.chars().take(chars_max.saturating_sub(1)).collect();
    kept + "…"
}

/// A text behind its head, on as many lines as it needs; the later ones are indented. A word is never cut.
pub(crate) fn wrapped(head: &str, indent: usize, text: &str, chars_max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = head.to_owned();
    let mut is_bare = true;
    for word in text.split(' ') {
        let more = word.chars().count() + usize::from(!is_bare);
        if !is_bare && chars_max < line.chars().count() + more {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_bare = true;
        }
        if !is_bare {
            line.push(' ');
        }
        line += word;
        is_bare = false;
    }
    lines.push(line);
    lines
}

/// A text of strangers below something else, its first lines only.
pub(crate) fn indented(text: &str, lines_max: usize, chars_max: usize) -> String {
    const MARGIN: &str = "    ";
    let lines: Vec<&str> = text.trim().lines().collect();
    let mut shown: Vec<String> = lines
        .iter()
        .take(lines_max)
        .map(|line| cut(&format!("{MARGIN}{}", visible(line)), chars_max))
        .collect();
    if lines_max < lines.len() {
        shown.push(format!(
            "{MARGIN}… {} more lines in the report",
            lines.len() - lines_max
        ));
    }
    shown.join("\n")
}

/// One piece of evidence in a line.
pub(crate) fn about(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Draft { summary, .. } => one_line(summary, 100),
        Evidence::Format {
            tool,
            changed,
            new_findings,
            unformatted,
        } => format!(
            "{tool}: {} formatted, {}{}",
            counted(changed.len(), "file"),
            counted(new_findings.len(), "new finding"),
            match unformatted.first() {
                None => String::new(),
                Some(file) => format!(
                    "; {} left as it is: {}",
                    file.path,
                    one_line(&file.why, 100)
                ),
            }
        ),
        Evidence::Baseline(run) => format!(
            "the base's own suite: {}, {} failing{}",
            counted(run.results.len(), "test"),
            run.results.iter().filter(|it| it.outcome.is_red()).count(),
            if run.cached {
                " (known from an earlier run)"
            } else {
                ""
            }
        ),
        Evidence::AcceptanceTests(tests) => format!(
            "{} in {}, {} red on the base",
            counted(tests.on_base.len(), "acceptance test"),
            counted(tests.files.len(), "file"),
            tests.red_on_base.len()
        ),
        Evidence::Tests { run, .. } => format!(
            "{}, {} passed, {} failing",
            counted(run.results.len(), "test"),
            run.results
                .iter()
                .filter(|it| it.outcome == TestOutcome::Passed)
                .count(),
            run.results.iter().filter(|it| it.outcome.is_red()).count()
        ),
        Evidence::Review(review) => one_line(&review.summary, 100),
        Evidence::Guidance { agent, files } => {
            let paths: Vec<&str> = files.iter().map(|it| &*it.path).collect();
            format!(
                "{agent} was shown {} as data",
                one_line(&paths.join(", "), 100)
            )
        }
        Evidence::ReviewerFigure(figure) => {
            format!(
                "a figure of {}: {} blocked",
                one_line(&figure.model, 80),
                figure.caught
            )
        }
        Evidence::Missing { what, why } => {
            format!("no {what}: {}", one_line(why, 100))
        }
        Evidence::Patch(facts) => format!("a patch of {}", counted(facts.files as usize, "file")),
        Evidence::Dispute(dispute) => format!(
            "{} disputes {}: {}",
            dispute.agent,
            one_line(&dispute.test, 80),
            one_line(&dispute.words, 100)
        ),
        Evidence::Integrity(facts) => match &facts.canaries {
            Canaries::Held { tests } => {
                format!(
                    "{} did what they must",
                    counted(*tests as usize, "canary test")
                )
            }
            Canaries::Broken { found } => format!(
                "{} did not do what they must",
                counted(found.len(), "canary test")
            ),
            Canaries::Silent { why } => {
                format!("canary tests say nothing here: {}", one_line(why, 100))
            }
        },
        Evidence::Bite(bite) => format!(
            "{} reverted one by one, {} noticed by a test",
            counted(bite.hunks.len(), "hunk"),
            bite.hunks
                .iter()
                .filter(|it| matches!(it.verdict, HunkVerdict::Exercised { .. }))
                .count()
        ),
    }
}

/// An event in one line.
pub(crate) fn event(event: &RunEvent) -> String {
    match event {
        RunEvent::Opened { task, base, .. } => format!(
            "opened: {} (base {})",
            one_line(&task.title, 80),
            short_hash(&base.commit)
        ),
        RunEvent::Reopened { fork, replaced, .. } => {
            let what = match fork {
                Some(fork) => format!("forked from {} after its event {}", fork.run, fork.at),
                None => "gone on with under other terms".to_owned(),
            };
            match replaced.is_empty() {
                true => what,
                false => format!("{what}, with others as {}", replaced.join(", ")),
            }
        }
        RunEvent::SetUp { environment, .. } => {
            format!("set up: Python {}", environment.python_version)
        }
        RunEvent::Started {
            stage,
            iteration,
            agent,
        } => format!("{stage}: {agent} began draft {iteration}"),
        RunEvent::Replied { agent, reply, .. } => {
            let tools: Vec<&str> = reply.tool_calls.iter().map(|it| it.tool.as_str()).collect();
            format!(
                "  {agent}: reply of {}{}{}",
                tokens(reply.usage.total()),
                if reply.text.trim().is_empty() {
                    String::new()
                } else {
                    format!(": {}", one_line(&reply.text, 80))
                },
                if tools.is_empty() {
                    String::new()
                } else {
                    format!(", wants {}", one_line(&tools.join(", "), 80))
                }
            )
        }
        RunEvent::Unanswered {
            agent, unanswered, ..
        } => format!(
            "  {agent}: no reply for up to {}: {}",
            tokens(unanswered.usage.total()),
            one_line(&unanswered.why, 80)
        ),
        RunEvent::Stepped { agent, step, .. } => {
            format!("  {agent}: {}", one_line(step, 90))
        }
        RunEvent::Prepared { agent, prepared } => {
            let found: Vec<String> = prepared.evidence.iter().map(about).collect();
            format!(
                "  {agent} is prepared{}{}",
                if found.is_empty() { "" } else { ": " },
                found.join("; ")
            )
        }
        RunEvent::Reported {
            stage,
            agent,
            report,
            ..
        } => format!(
            "{stage}: {agent} {}: {}",
            if report.verdict.feedback().is_none() {
                "passed it"
            } else {
                "sent it back"
            },
            one_line(&report.summary, 100)
        ),
        RunEvent::Interrupted { explanation, .. } => {
            format!("interrupted: {}", one_line(explanation, 100))
        }
        RunEvent::Delivering { to } => format!("delivering: {}", destination(to)),
        RunEvent::Delivered { to, reference } => {
            let place = destination(to);
            match place.contains(reference.as_str()) {
                true => format!("delivered: {place}"),
                false => format!("delivered: {place}: {}", one_line(reference, 200)),
            }
        }
        RunEvent::Finished {
            status,
            explanation,
            ..
        } => format!(
            "finished: {}: {}",
            self::status(*status),
            one_line(explanation, 100)
        ),
    }
}

/// Where something is delivered, in a few words.
pub(crate) fn destination(to: &Destination) -> String {
    match to {
        Destination::Patch { file } => format!("patch {}", one_line(file, 200)),
        Destination::Branch { repository } => format!("branch in {}", one_line(repository, 200)),
        Destination::Files { folder } => format!("files in {}", one_line(folder, 200)),
        Destination::Push { repository, branch } => {
            format!("branch {branch} of {}", one_line(repository, 200))
        }
        Destination::PullRequest { repository, head } => {
            format!("pull request of {head} in {repository}")
        }
        Destination::Check { repository, commit } => {
            format!("check at {} of {repository}", short_hash(commit))
        }
        Destination::TicketLink { ticket, .. } => format!("link from {}", one_line(ticket, 200)),
        Destination::TicketMove { ticket, to } => {
            format!("move of {} by {}", one_line(ticket, 200), one_line(to, 200))
        }
        Destination::Answers { on } => format!("answers to the review of {on}"),
        Destination::Comment { on } => format!("comment on {on}"),
    }
}

//! What the gates measured and what the run was, as values for the page.

use protocol::{
    Amendment, Canaries, Evidence, HunkVerdict, Integrity, ReviewVerdict, Severity, Status,
    TaskSource, TestOrigin, Tier, Trick,
};
use serde_json::{Value, json};

use super::cut;
use super::paint::{Line, Painter};
use crate::record::Record;
use crate::report;
use crate::words;

/// The status, the tier and the facts below the title.
pub(super) fn head(record: &Record) -> Value {
    let total = record.total();
    let took = record.last_ms.saturating_sub(record.opened_ms);
    let completed = record.state.status == Status::Completed;
    let tier = record.state.tier.filter(|_| completed);
    json!({
        "status": report::status_in_words(record),
        "mark": match record.state.status {
            Status::Completed => "good",
            Status::Failed => "bad",
            Status::Running => "odd",
        },
        "tier": tier.map(|it| match it {
            Tier::Proven => "proven",
            Tier::RegressionSafe => "regression-safe",
            Tier::Unverified => "unverified",
        }),
        "tier_mark": if tier == Some(Tier::Proven) { "good" } else { "odd" },
        "tier_words": tier.map(|_| plain(&report::tier_in_words(record))),
        "nobody_was_asked": record.nobody_was_asked,
        "reason": record.reason_in_words(),
        "explanation": record.explanation,
        "run": record.run.0,
        "repository": record.base.repository,
        "commit": record.base.commit,
        "uncommitted": record.base.uncommitted,
        "drafts": format!("{} of at most {}", record.state.iteration, record.limits.iterations_max),
        "from": words::moment(record.opened_ms),
        "to": words::moment(record.last_ms),
        "took": words::duration(took),
        "calls": words::counted(total.calls as usize, "call"),
        "spent": report::spent(&total),
        "forked": record.forked.as_ref().map(|it| json!({
            "run": it.run.0,
            "at": it.at,
            "inherited": report::in_calls(&it.inherited),
            "own": report::in_calls(&it.own),
        })),
        "handovers": record.handovers.iter().map(|it| json!({
            "seq": it.seq,
            "agent": it.agent,
            "change": report::change_of(it, ToString::to_string),
        })).collect::<Vec<_>>(),
    })
}

/// Without the marks of Markdown.
fn plain(text: &str) -> String {
    text.replace("**", "")
}

pub(super) fn source(record: &Record) -> Option<String> {
    match &record.task.source {
        TaskSource::Text => None,
        TaskSource::File { name } => Some(format!("the file {name}")),
        TaskSource::Github { url, .. } => Some(format!("the issue {url}")),
        TaskSource::Jira { url, .. } => Some(format!("the ticket {url}")),
    }
}

/// Files of guidance that agents were shown.
pub(super) fn guidance(record: &Record) -> Vec<Value> {
    let found = record.guidance().into_iter().map(|(guide, agents)| {
        json!({
            "path": guide.path,
            "shown": words::guide_shown(guide.shown),
            "agents": agents.join(", "),
        })
    });
    found.collect()
}

pub(super) fn amendment(record: &Record, painter: &mut Painter) -> Option<Value> {
    let Amendment {
        dispute,
        granted,
        answer,
        files,
    } = record.amendment()?;
    let files: Vec<Value> = files
        .iter()
        .map(|it| {
            json!({
                "path": it.path,
                "existed": it.existed,
                "old_sha256": it.old_sha256,
                "new_sha256": it.new_sha256,
                "old": code(painter, &it.path, &it.old_text),
                "new": code(painter, &it.path, &it.new_text),
            })
        })
        .collect();
    Some(json!({"dispute": dispute, "granted": granted, "answer": cut(answer), "files": files}))
}

fn code(painter: &mut Painter, path: &str, text: &str) -> Vec<Line> {
    painter.lines(path, &cut(text))
}

pub(super) fn acceptance(record: &Record, painter: &mut Painter) -> Option<Value> {
    let tests = record.state.acceptance_tests()?;
    let files: Vec<Value> = tests
        .files
        .iter()
        .map(|it| json!({"path": it.path, "sha256": it.sha256, "lines": code(painter, &it.path, &it.text)}))
        .collect();
    Some(json!({
        "by_user": tests.origin == TestOrigin::User,
        "files": files,
        "tests": tests.on_base.len(),
        "red": tests.red_on_base,
        "note": tests.note,
    }))
}

pub(super) fn integrity(record: &Record) -> Option<Value> {
    let found: &Integrity = record.integrity()?;
    let (mark, canaries) = match &found.canaries {
        Canaries::Held { tests } => (
            "good",
            format!(
                "{}, whose outcome is known beforehand, came out as they must",
                words::counted(*tests as usize, "canary test")
            ),
        ),
        Canaries::Broken { found } => (
            "bad",
            format!(
                "Canary tests did not come out as they must, so the runner's word counts for nothing: {}",
                found.join(", ")
            ),
        ),
        Canaries::Silent { why } => ("odd", format!("Canary tests say nothing here: {why}")),
    };
    let tricks = |of: &[Trick]| -> Vec<Value> {
        of.iter()
            .map(|it| json!({"rule": it.rule, "path": it.path, "line": it.line, "words": it.words}))
            .collect()
    };
    Some(json!({
        "mark": mark,
        "canaries": canaries,
        "tests_on_base": words::counted(found.tests_on_base, "test"),
        "missing": found.missing,
        "marked": found.marked,
        "tricks": tricks(&found.tricks),
        "signs": tricks(&found.signs),
    }))
}

pub(super) fn hunks(record: &Record) -> Option<Value> {
    let bite = record.bite()?;
    let hunks: Vec<Value> = bite
        .hunks
        .iter()
        .map(|it| {
            let (mark, word) = match &it.verdict {
                HunkVerdict::Exercised { by } => {
                    ("good", format!("its absence is noticed by {by}"))
                }
                HunkVerdict::Unexercised => ("odd", "no test exercises it".to_owned()),
                HunkVerdict::Untried { why } => ("idle", format!("not tried: {why}")),
            };
            json!({"path": it.path, "header": it.header, "mark": mark, "word": word})
        })
        .collect();
    Some(json!({"hunks": hunks, "took": words::duration(bite.wall_ms)}))
}

pub(super) fn formats(record: &Record) -> Vec<&Evidence> {
    let is_format = |it: &&Evidence| matches!(it, Evidence::Format { .. });
    record.state.evidence.iter().filter(is_format).collect()
}

pub(super) fn review(record: &Record) -> Option<Value> {
    let review = record.state.review()?;
    let findings: Vec<Value> = review
        .findings
        .iter()
        .map(|it| {
            json!({
                "blocking": it.severity == Severity::Blocking,
                "place": if it.file.is_empty() { None } else { Some(format!("{}:{}", it.file, it.line)) },
                "requirement": it.requirement,
                "message": it.message,
            })
        })
        .collect();
    Some(json!({
        "passed": record.state.qa_passed,
        "own_word": match review.verdict {
            ReviewVerdict::Pass => "pass",
            ReviewVerdict::Fail => "fail",
        },
        "summary": cut(&review.summary),
        "findings": findings,
        "figure": record.state.reviewer_figure().map(|it| json!({
            "model": it.model,
            "effort": it.effort,
            "caught": it.caught.to_string(),
            "false_blocks": it.false_blocks.to_string(),
            "day": it.day,
            "cases": it.cases,
        })),
    }))
}

pub(super) fn walls(record: &Record) -> Option<Value> {
    let (environment, confinement) = record.set_up.as_ref()?;
    Some(json!({
        "layers": confinement.layers.join(", "),
        "gaps": confinement.gaps,
        "python": environment.python_version,
        "sources": environment.sources.join(", "),
        "notes": environment.notes,
    }))
}

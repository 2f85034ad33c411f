//! What is about to be asked of whom, and what it can cost, before anything is.

use llm::{Role, Service, TypicalRole};
use protocol::{ModelRequest, TokenUsage};
use review_bench::{Case, question, version};

use super::answers::Answers;
use crate::home::Home;
use crate::{briefing, rehearsal, settings, words};

/// Bytes of English or code that make one token, as vendors say. For an estimate; no account relies on it.
const BYTES_PER_TOKEN: u64 = 4;
/// Where the values stand behind the labels.
const INDENT: usize = 12;

/// The lines for a person.
pub(crate) async fn lines(
    answers: &Answers,
    cases: &[Case],
    home: &Home,
    width: usize,
) -> Vec<String> {
    let defects = cases.iter().filter(|it| it.defect.is_some()).count();
    let what = format!(
        "{} with a defect, {} without (version {})",
        delivery::words::counted(defects, "change"),
        cases.len() - defects,
        version()
    );
    let mut lines = words::wrapped("cases       ", INDENT, &what, width);
    if !answers.are_paid() {
        let who = words::visible(&answers.asked.model.to_string());
        lines.push(format!("reviewer    {who}"));
        return lines;
    }
    let kept = answers.kept.as_ref();
    let history = kept.map(|it| it.history(&answers.asked.model));
    let briefing = rehearsal::briefing(home, &answers.settings, &history.unwrap_or_default());
    lines.extend(briefing.without_a_typical_task().lines(width));
    let mut usages = Vec::new();
    for case in cases {
        if let Some(request) = question(case, &home.config.limits).await {
            usages.push(usage(&request));
        }
    }
    let price = settings::prices(&home.config);
    let price = price.of(&answers.asked.model, home.surroundings.today);
    let cost = price.map(|price| {
        let costs = usages.iter().map(|it| price.of(it, service(answers)));
        costs.fold(0, u64::saturating_add)
    });
    let input: u64 = usages.iter().map(|it| it.input_tokens).sum();
    let asks = format!(
        "{}, about {} together{}; once more where an answer can't be used",
        delivery::words::counted(usages.len(), "question"),
        words::tokens(input),
        match cost {
            Some(cost) => format!(
                ", about {} with the answers, by an estimate",
                briefing::cents(cost)
            ),
            None => String::new(),
        }
    );
    lines.extend(words::wrapped("asks        ", INDENT, &asks, width));
    if let Some(kept) = kept {
        let there = kept.answers(&answers.asked.model);
        if 0 < there {
            let what = format!(
                "{} of an earlier bench in {}, not asked for again",
                delivery::words::counted(there, "answer"),
                words::shell_path(kept.folder())
            );
            lines.extend(words::wrapped("kept        ", INDENT, &what, width));
        }
    }
    lines
}

/// What a question takes and a typical answer gives.
fn usage(request: &ModelRequest) -> TokenUsage {
    let schema = request.output.as_ref().map(|it| it.schema.to_string());
    let messages = serde_json::to_string(&request.messages).unwrap_or_default();
    let bytes = request.system.len() + messages.len() + schema.unwrap_or_default().len();
    let typical = TypicalRole::ALL.iter().find(|it| it.role == Role::Review);
    TokenUsage {
        input_tokens: (bytes as u64).div_ceil(BYTES_PER_TOKEN),
        output_tokens: typical.map_or(0, |it| it.reply_tokens),
        ..TokenUsage::default()
    }
}

fn service(answers: &Answers) -> Service {
    match answers.settings.flex {
        true => Service::Flex,
        false => Service::Standard,
    }
}

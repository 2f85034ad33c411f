//! Says what a run that is reopened begins with, and what is different from here on.

use delivery::words::counted;
use protocol::{Entry, Kept, ModelId, ModelReply, RunEvent, Seat, Stage, Terms};
use runs::Settings;

use crate::progress::Progress;
use crate::words;

/// Says what a run begins with and what is different from here on. The last event of `future` makes it so.
pub(crate) fn tell(progress: &Progress, future: &[Entry], settings: &Settings) {
    let Some((last, past)) = future.split_last() else {
        return;
    };
    let RunEvent::Reopened {
        fork,
        crew,
        replaced,
        ..
    } = &last.event
    else {
        return;
    };
    if fork.is_some() {
        let spent = runs::spent(past);
        let replies: Vec<&ModelReply> = past.iter().filter_map(reply).collect();
        let known = replies.iter().all(|it| it.cost_microusd.is_some());
        progress.say(&format!(
            "inherited   {}, {}, {}",
            counted(replies.len(), "request"),
            words::tokens(spent.tokens),
            delivery::words::money(known.then_some(spent.microusd))
        ));
    }
    let before = Terms::of(past).map_or(&[][..], |it| it.crew);
    for agent in replaced {
        let named = |crew: &[Seat]| {
            let seat = crew.iter().find(|it| it.agent == *agent);
            let model = seat.and_then(|it| it.model.as_ref());
            model.map_or("nobody".to_owned(), ModelId::to_string)
        };
        progress.say(&match (named(crew), named(before)) {
            (now, before) if now == before => {
                format!("other       {agent} has another script from here on")
            }
            (now, before) => {
                format!("other       {agent} is {now} from here on, and was {before}")
            }
        });
    }
    for (agent, what) in begun_anew(future, past) {
        progress.say(&format!("note        {agent} {what}"));
    }
    let remarks = [
        tests_that_stay(past, crew, replaced),
        uncounted(past, settings),
    ];
    for words in remarks.into_iter().flatten() {
        progress.say(&format!("note        {words}"));
    }
}

fn reply(entry: &Entry) -> Option<&ModelReply> {
    match &entry.event {
        RunEvent::Replied { reply, .. } => Some(reply),
        _ => None,
    }
}

/// That a cap in money can't count what has no price.
fn uncounted(past: &[Entry], settings: &Settings) -> Option<String> {
    settings.money_microusd_max?;
    let unpriced = |it: &&ModelReply| it.cost_microusd.is_none();
    let count = past.iter().filter_map(reply).filter(unpriced).count();
    (0 < count).then(|| {
        format!(
            "what {} before cost isn't known, so the budget counts that as nothing",
            counted(count, "request")
        )
    })
}

/// Who begins anew what it was in the middle of, and what was paid for that.
fn begun_anew(future: &[Entry], past: &[Entry]) -> Vec<(String, String)> {
    let (before, after) = (Kept::of(past), Kept::of(future));
    let aside = |it: &&Entry| before.counts(it.seq) && !after.counts(it.seq);
    let mut agents: Vec<(String, u8, usize)> = Vec::new();
    for entry in past.iter().filter(aside) {
        let (agent, draft, replies) = match &entry.event {
            RunEvent::Replied {
                agent, iteration, ..
            } => (agent, *iteration, 1),
            RunEvent::Stepped {
                agent, iteration, ..
            }
            | RunEvent::Started {
                agent, iteration, ..
            }
            | RunEvent::Reported {
                agent, iteration, ..
            } => (agent, *iteration, 0),
            RunEvent::Prepared { agent, prepared } if !prepared.evidence.is_empty() => {
                (agent, 0, 0)
            }
            _ => continue,
        };
        match agents.iter_mut().find(|it| (&it.0, it.1) == (agent, draft)) {
            Some(known) => known.2 += replies,
            None => agents.push((agent.clone(), draft, replies)),
        }
    }
    let told = |(agent, draft, replies): (String, u8, usize)| {
        let what = match draft {
            0 => "prepares anew".to_owned(),
            draft => format!("begins draft {draft} anew"),
        };
        let paid = match replies {
            0 => String::new(),
            replies => format!(
                "; {} that it took for that until here stay paid for",
                counted(replies, "request")
            ),
        };
        (agent, what + &paid)
    };
    agents.into_iter().map(told).collect()
}

/// That acceptance tests stay as they are although their author is another one.
fn tests_that_stay(past: &[Entry], crew: &[Seat], replaced: &[String]) -> Option<String> {
    let is_author = |it: &&Seat| it.stage == Stage::Testing && it.model.is_some();
    let author = crew.iter().find(is_author)?;
    let kept = Kept::of(past);
    let went_by = past.iter().any(|it| {
        let heard = matches!(&it.event, RunEvent::Reported { agent, .. } if *agent == author.agent);
        heard && kept.counts(it.seq)
    });
    (replaced.contains(&author.agent) && went_by).then(|| {
        format!(
            "the acceptance tests stay as they were written: drafts have been judged by them already, and {} is only asked \
             when a test is disputed",
            author.agent
        )
    })
}

//! The course through the cases: several at the same time, until all are graded or somebody stops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::{StreamExt, stream};
use protocol::{AgentError, Bill, Limits, Model, ModelError, Silent};
use review_bench::{Case, Outcome, question, show};

use super::answers::Opened;
use super::kept::Kept;
use crate::exit::Exit;
use crate::failure::Failure;

/// What came of the cases.
pub(crate) struct Course {
    /// Those that were graded, in their own order.
    pub(crate) graded: Vec<(Case, Outcome)>,
    /// Why the others were not.
    pub(crate) stopped: Option<Stopped>,
}

/// Why a bench ended before its end.
pub(crate) enum Stopped {
    /// Somebody asked for it.
    Asked,
    /// A model could not be asked about this case.
    Broken(String, AgentError),
    /// Nobody can answer, or nothing can be kept.
    Failed(Failure),
}

/// Asks about every case. Once something is wrong no further case is begun, and answers under way are waited for, because
/// they are paid for.
pub(crate) async fn go(
    cases: Vec<Case>,
    answers: &Opened,
    kept: Option<&Kept>,
    limits: &Limits,
    jobs: usize,
    tell: impl Fn(&Case, Outcome, usize),
) -> Course {
    let stop = Arc::new(AtomicBool::new(false));
    let listening = tokio::spawn(obey_signals(stop.clone()));
    let (stop, tell) = (&*stop, &tell);
    let done = &AtomicUsize::new(0);
    let asked = stream::iter(cases.into_iter().enumerate())
        .map(|(place, case)| async move {
            if stop.load(Ordering::Relaxed) {
                return (place, Err(Stopped::Asked));
            }
            let outcome = ask(&case, answers, kept, limits).await;
            match outcome {
                Ok(outcome) => tell(&case, outcome, 1 + done.fetch_add(1, Ordering::Relaxed)),
                Err(_) => stop.store(true, Ordering::Relaxed),
            }
            (place, outcome.map(|it| (case, it)))
        })
        .buffer_unordered(jobs);
    let mut came: Vec<_> = asked.collect().await;
    listening.abort();
    came.sort_by_key(|(place, _)| *place);
    let mut graded = Vec::new();
    let mut stopped = None;
    for (_, came) in came {
        match (came, &stopped) {
            (Ok(case), _) => graded.push(case),
            // What went wrong says more than that the others were not begun.
            (Err(why), None | Some(Stopped::Asked)) => stopped = Some(why),
            (Err(_), Some(_)) => {}
        }
    }
    Course { graded, stopped }
}

/// Asks about one case. Whatever comes of it, what it cost is written down.
async fn ask(
    case: &Case,
    answers: &Opened,
    kept: Option<&Kept>,
    limits: &Limits,
) -> Result<Outcome, Stopped> {
    let model = answers.about(case).map_err(Stopped::Failed)?;
    let Some((kept, paid)) = kept.zip(answers.paid()) else {
        return asked(case, &*model, limits).await;
    };
    kept.mark(&case.name).map_err(Stopped::Failed)?;
    let outcome = asked(case, &*model, limits).await;
    kept.unmark(&case.name, &unanswered(paid))
        .map_err(Stopped::Failed)?;
    outcome
}

async fn asked(case: &Case, model: &dyn Model, limits: &Limits) -> Result<Outcome, Stopped> {
    let outcome = show(case, model, limits, &Silent).await;
    outcome.map_err(|it| Stopped::Broken(case.name.clone(), it))
}

fn unanswered(paid: &Arc<dyn Model>) -> Vec<protocol::Unanswered> {
    paid.bill().map(Bill::take_unanswered).unwrap_or_default()
}

/// Books the worst case of what was under way when an earlier life of the bench was killed.
pub(crate) async fn book_lost(
    all: &[Case],
    answers: &Opened,
    kept: &Kept,
    limits: &Limits,
) -> Result<(), Failure> {
    let Some(paid) = answers.paid() else {
        return Ok(());
    };
    for name in &kept.lost {
        let case = all.iter().find(|it| it.name == *name);
        if let Some(case) = case
            && let Some(request) = question(case, limits).await
            && let Some(bill) = answers.about(case)?.bill()
        {
            bill.book_lost(&request);
        }
        kept.unmark(name, &unanswered(paid))?;
    }
    Ok(())
}

impl Stopped {
    /// What a user is told; `paid` is what was spent so far, where anything is kept.
    pub(crate) fn failure(self, graded: usize, of: usize, paid: Option<&str>) -> Failure {
        let mut kept = format!("{graded} of {of} cases are answered");
        if let Some(paid) = paid {
            kept += &format!(
                " for {paid} so far, and nothing of that is lost: the same command goes on with the others"
            );
        }
        match self {
            Stopped::Failed(failure) => failure,
            Stopped::Asked => Failure::plain(
                Exit::Cancelled,
                format!("finish the bench: somebody stopped it first ({kept})"),
            ),
            Stopped::Broken(case, error) => {
                let exit = exit_of(&error);
                let first = match (exit, &error) {
                    (Exit::Budget, _) => {
                        "Raise --budget or --token-budget, or ask one at a time (--jobs 1): "
                    }
                    (Exit::Vendor, _) => {
                        "Check the key, the model's name and the vendor's status: "
                    }
                    (_, AgentError::Model(ModelError::ScriptEnded { .. })) => {
                        "Add a reply: whose answer can't be used is asked once more. "
                    }
                    (_, AgentError::Model(ModelError::Diverged { .. })) => {
                        "Ask without --replay: no kept answer is about this. "
                    }
                    _ => "",
                };
                Failure::new(exit, format!("ask about the case {case}"), error)
                    .advise(format!("{first}{kept}."))
            }
        }
    }
}

fn exit_of(error: &AgentError) -> Exit {
    let AgentError::Model(error) = error else {
        return Exit::Broken;
    };
    match error {
        ModelError::BudgetExhausted { .. } => Exit::Budget,
        ModelError::ScriptEnded { .. } | ModelError::Diverged { .. } => Exit::Usage,
        ModelError::NoModel | ModelError::Unrecorded { .. } => Exit::Broken,
        _ => Exit::Vendor,
    }
}

/// The first Ctrl-C begins no further case, the second ends at once.
async fn obey_signals(stop: Arc<AtomicBool>) {
    let Ok(mut terminated) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        return;
    };
    loop {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => if interrupted.is_err() { return },
            _ = terminated.recv() => {}
        }
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Cancelled.code().into());
        }
        crate::out::remark(
            "stopping; answers under way are waited for, because they are paid for (Ctrl-C again ends at once)",
        );
    }
}

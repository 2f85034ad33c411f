//! Whether a change was reviewed by another vendor's model than the one that wrote it last, by who really answered.
//!
//! Models of one vendor share their blind spots. Crews are chosen so that the reviewer is of another vendor than the last
//! coder; a model that stood in for either can undo that.

use std::collections::BTreeSet;

use protocol::{Evidence, ModelId, Report, RunState, Seat, Stage};

/// The last coder, and the vendors whose models answered for it, in whichever draft: a draft goes on from the last one.
pub(crate) fn last_coder<'c>(
    crew: &'c [Seat],
    state: &RunState,
) -> Option<(&'c str, BTreeSet<String>)> {
    let mut coders = crew.iter().rev().filter(|it| it.stage == Stage::Drafting);
    let (seat, own) = coders.find_map(|it| Some((it, it.model.as_ref()?)))?;
    let stand_ins = state.stand_ins.get(&seat.agent).map_or(&[][..], |it| it);
    let mut vendors: BTreeSet<String> =
        stand_ins.iter().map(|it| it.model.vendor.clone()).collect();
    let calls = state.usage.get(&seat.agent).map_or(0, |it| it.calls);
    if stand_ins.iter().map(|it| it.calls).sum::<u32>() < calls {
        vendors.insert(own.vendor.clone());
    }
    Some((&seat.agent, vendors))
}

/// Makes a review's report say what it is worth by who answered.
pub(crate) fn judge(
    report: &mut Report,
    crew: &[Seat],
    reviewer: &str,
    reviewed_by: &BTreeSet<ModelId>,
    state: &RunState,
) {
    let answered = |model: &str| reviewed_by.iter().any(|it| it.to_string() == model);
    // How often one model is right says nothing of the one that stood in for it.
    report
        .evidence
        .retain(|it| !matches!(it, Evidence::ReviewerFigure(figure) if !answered(&figure.model)));
    if report.verdict.feedback().is_none() {
        report
            .evidence
            .extend(missing(crew, reviewer, reviewed_by, state));
    }
}

/// What a review that was passed lacks, if anything. Only where a model stood in for somebody: which models were chosen
/// is whoever's choice it was.
fn missing(
    crew: &[Seat],
    reviewer: &str,
    reviewed_by: &BTreeSet<ModelId>,
    state: &RunState,
) -> Option<Evidence> {
    let (coder, coded) = last_coder(crew, state)?;
    let own = crew.iter().find(|it| it.agent == reviewer)?.model.as_ref();
    let stood_in =
        state.stand_ins.contains_key(coder) || reviewed_by.iter().any(|it| Some(it) != own);
    let both = reviewed_by.iter().find(|it| coded.contains(&it.vendor));
    let vendor = &both.filter(|_| stood_in)?.vendor;
    Some(Evidence::Missing {
        what: Evidence::INDEPENDENT_REVIEW.to_owned(),
        why: format!(
            "models of {vendor} answered for {coder} and for {reviewer}, because another vendor was down"
        ),
    })
}

//! Stands in for a coder: leaves behind the tree that the journal says it left.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use protocol::{
    Agent, AgentContext, AgentError, Entry, Evidence, Report, RunEvent, RunState, Stage, TreeId,
};

use super::counted;
use crate::crew::Crew;

/// The crew with a stand-in in the place of everybody who drafts with a model.
pub(super) fn for_coders(crew: &Crew, claimed: &[Entry], first: u8) -> Crew {
    crew.standing_in(|stage, name, has_model| {
        let drafts = stage == Stage::Drafting && has_model;
        drafts.then(|| Arc::new(StandIn::of(name, claimed, first)) as Arc<dyn Agent>)
    })
}

struct StandIn {
    name: String,
    /// By draft.
    left: HashMap<u8, (Report, TreeId)>,
}

impl StandIn {
    fn of(name: &str, claimed: &[Entry], first: u8) -> StandIn {
        let left = counted(claimed).filter_map(|entry| match &entry.event {
            RunEvent::Reported {
                stage: Stage::Drafting,
                iteration,
                agent,
                report,
                tree,
                ..
            } if agent == name && first <= *iteration => {
                Some((*iteration, (of_a_coder(report), tree.clone())))
            }
            _ => None,
        });
        StandIn {
            name: name.to_owned(),
            left: left.collect(),
        }
    }
}

/// What a coder may say. Anything else in its report was never its to say, and will be missed in the comparison.
fn of_a_coder(report: &Report) -> Report {
    let words = |it: &Evidence| matches!(it, Evidence::Draft { .. } | Evidence::Dispute(_));
    Report {
        verdict: report.verdict.clone(),
        summary: report.summary.clone(),
        evidence: report
            .evidence
            .iter()
            .filter(|it| words(it))
            .cloned()
            .collect(),
    }
}

#[async_trait]
impl Agent for StandIn {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let (report, tree) = self
            .left
            .get(&state.iteration)
            .ok_or_else(|| AgentError::Tool {
                program: self.name.clone(),
                why: format!("the journal holds no draft {} of it", state.iteration),
            })?;
        cx.work.restore(tree).await?;
        Ok(report.clone())
    }
}

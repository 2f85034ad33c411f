//! Shows a case to the pipeline's own reviewer.

use std::sync::{Mutex, PoisonError};

use agents_qa::Reviewer;
use async_trait::async_trait;
use protocol::{
    Agent, AgentContext, AgentError, Limits, Log, Model, ModelError, ModelId, ModelReply,
    ModelRequest, Report, Silent, StopReason,
};

use crate::cases::Case;
use crate::grade::{Outcome, grade, without_report};
use crate::nothing::Nothing;

/// Asks a model about a case, the way a run asks its reviewer, and says what the answer was worth.
///
/// # Errors
///
/// When the model can't be asked. That it gives nothing that can be read is an outcome.
pub async fn show(
    case: &Case,
    model: &dyn Model,
    limits: &Limits,
    log: &dyn Log,
) -> Result<Outcome, AgentError> {
    let heard = Heard::new(model);
    match report(case, &heard, limits, log).await {
        Ok(report) => Ok(grade(case, &report)),
        Err(error) => match without_report(&error, heard.last_stop()) {
            Some(why) => Ok(Outcome::NoVerdict(why)),
            None => Err(error),
        },
    }
}

/// The first request about a case, without asking anybody; none when the reviewer needs no model to judge it.
pub async fn question(case: &Case, limits: &Limits) -> Option<ModelRequest> {
    let nobody = Nobody(ModelId::new("nobody", "nobody"));
    let heard = Heard::new(&nobody);
    // Nobody answers, so there is no report; the request was made all the same.
    let _ = report(case, &heard, limits, &Silent).await;
    heard.first_request()
}

async fn report(
    case: &Case,
    model: &dyn Model,
    limits: &Limits,
    log: &dyn Log,
) -> Result<Report, AgentError> {
    let nothing = Nothing::new();
    let cx = AgentContext {
        model,
        work: &nothing,
        base: &nothing,
        steps: &nothing,
        limits,
        log,
    };
    Reviewer::new().run(&cx, &case.state).await
}

/// A model whose first request and last reply are remembered.
struct Heard<'a> {
    model: &'a dyn Model,
    said: Mutex<(Option<ModelRequest>, Option<StopReason>)>,
}

impl<'a> Heard<'a> {
    fn new(model: &'a dyn Model) -> Heard<'a> {
        Heard {
            model,
            said: Mutex::default(),
        }
    }

    fn first_request(self) -> Option<ModelRequest> {
        let said = self.said.into_inner();
        said.unwrap_or_else(PoisonError::into_inner).0
    }

    fn last_stop(&self) -> Option<StopReason> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

#[async_trait]
impl Model for Heard<'_> {
    fn id(&self) -> &ModelId {
        self.model.id()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.0.get_or_insert_with(|| request.clone());
        }
        let reply = self.model.ask(request).await?;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.1 = Some(reply.stop);
        Ok(reply)
    }
}

/// Answers nothing.
struct Nobody(ModelId);

#[async_trait]
impl Model for Nobody {
    fn id(&self) -> &ModelId {
        &self.0
    }

    async fn ask(&self, _: &ModelRequest) -> Result<ModelReply, ModelError> {
        Err(ModelError::NoModel)
    }
}

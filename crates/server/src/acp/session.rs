//! Sessions of an editor: a folder each, and the run that works for it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    ContentBlock, EmbeddedResourceResource, PermissionOption, PermissionOptionKind, PromptRequest,
    PromptResponse, RequestPermissionOutcome, RequestPermissionRequest, SessionId, StopReason,
    ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields, ToolKind,
};
use agent_client_protocol::{Client, Error};
use futures::StreamExt;
use protocol::RunId;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::updates::{Updates, WHOLE};
use crate::api::NewRun;
use crate::asking;
use crate::callers::{new_secret, owner};
use crate::follow::{Followed, follow};
use crate::problem::Problem;
use crate::shared::Shared;

const ALLOW: &str = "allow";
/// Longest text of a prompt, in bytes; a task is bounded further on.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// What an editor has open.
pub(super) struct Sessions {
    shared: Arc<Shared>,
    open: Mutex<HashMap<SessionId, Session>>,
}

#[derive(Default)]
struct Session {
    folder: PathBuf,
    /// Whether it is being worked for.
    is_busy: bool,
    /// The run that works for it.
    run: Option<RunId>,
    /// Whether what it asked for last was called off.
    is_cancelled: bool,
}

impl Sessions {
    pub(super) fn new(shared: Arc<Shared>) -> Sessions {
        Sessions {
            shared,
            open: Mutex::default(),
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one on a folder.
    pub(super) fn open(&self, folder: PathBuf) -> SessionId {
        let id = SessionId::new(new_secret().expose_secret());
        let session = Session {
            folder,
            ..Session::default()
        };
        self.all().insert(id.clone(), session);
        id
    }

    /// Calls off what a session asked for.
    pub(super) fn cancel(&self, session: &SessionId) {
        let run = self.all().get_mut(session).and_then(|it| {
            it.is_cancelled = true;
            it.run.clone()
        });
        if let Some(run) = run {
            self.shared.working.stop(&run);
        }
    }

    fn is_cancelled(&self, session: &SessionId) -> bool {
        self.all().get(session).is_some_and(|it| it.is_cancelled)
    }

    /// Lets a run work on what a person asked for, and tells the editor of it until its end.
    pub(super) async fn prompt(
        &self,
        asked: PromptRequest,
        editor: &ConnectionTo<Client>,
    ) -> Result<PromptResponse, Error> {
        let id = asked.session_id.clone();
        let folder = {
            let mut all = self.all();
            let session = all.get_mut(&id);
            let session =
                session.ok_or_else(|| Error::invalid_params().data("there is no such session"))?;
            if session.is_busy {
                return Err(Error::invalid_params().data("a run works for this session already"));
            }
            session.is_busy = true;
            session.is_cancelled = false;
            session.folder.clone()
        };
        let updates = Updates::new(&self.shared, editor, &id);
        let asked = NewRun {
            repo: Some(folder.display().to_string()),
            include_dirty: true,
            task: Some(text_of(&asked.prompt)),
            commit: true,
            ..NewRun::default()
        };
        let worked = self.work(&id, asked, &updates, editor).await;
        if let Some(session) = self.all().get_mut(&id) {
            session.is_busy = false;
            session.run = None;
        }
        match worked {
            Ok(reason) => Ok(PromptResponse::new(reason)),
            // A person reads it where they asked.
            Err(problem) => {
                updates.say(&problem.in_words())?;
                Ok(PromptResponse::new(StopReason::EndTurn))
            }
        }
    }

    async fn work(
        &self,
        id: &SessionId,
        asked: NewRun,
        updates: &Updates<'_>,
        editor: &ConnectionTo<Client>,
    ) -> Result<StopReason, Problem> {
        let shared = &self.shared;
        let estimate = shared.requests.estimate(&asked).map_err(Problem::told)?;
        if !shared.choices.scripted && !may_spend(id, &estimate, editor).await {
            updates
                .say("Nothing was begun, and nothing is paid.")
                .map_err(gone)?;
            return Ok(match self.is_cancelled(id) {
                true => StopReason::Cancelled,
                false => StopReason::EndTurn,
            });
        }
        let run = asking::begin_once(shared, &owner(), asked).await?;
        {
            let mut all = self.all();
            if let Some(session) = all.get_mut(id) {
                session.run = Some(run.clone());
            }
        }
        // Called off while its repository was opened.
        if self.is_cancelled(id) {
            shared.working.stop(&run);
        }
        self.follow(&run, updates).await?;
        Ok(match self.is_cancelled(id) {
            true => StopReason::Cancelled,
            false => StopReason::EndTurn,
        })
    }

    async fn follow(&self, run: &RunId, updates: &Updates<'_>) -> Result<(), Problem> {
        let shared = &self.shared;
        updates.begin(run).map_err(gone)?;
        let followed = follow(&shared.working, run, 0);
        futures::pin_mut!(followed);
        while let Some(it) = followed.next().await {
            let doing = "follow the run";
            match it.map_err(|error| Problem::of_store(&*shared.requests, doing, error))? {
                Followed::Event(entry) => updates.event(&entry.event).map_err(gone)?,
                Followed::End(summary) => {
                    let of_run = |error| Problem::of_run(&*shared.requests, error);
                    let past = shared
                        .working
                        .runs
                        .past(run, "show")
                        .await
                        .map_err(of_run)?;
                    let texts = shared
                        .working
                        .runs
                        .changed_texts(&past)
                        .await
                        .map_err(of_run)?;
                    let detail = shared.detail(*summary).await?;
                    updates.end(&detail, texts).map_err(gone)?;
                }
            }
        }
        Ok(())
    }
}

/// The editor is no longer there.
fn gone(error: Error) -> Problem {
    crate::shared::broken(error)
}

/// What a person wrote, with what they attached.
fn text_of(prompt: &[ContentBlock]) -> String {
    let mut text = String::new();
    for block in prompt {
        match block {
            ContentBlock::Text(it) => text += &it.text,
            ContentBlock::ResourceLink(it) => text += &format!("\n(see {})", it.uri),
            ContentBlock::Resource(it) => {
                if let EmbeddedResourceResource::TextResourceContents(it) = &it.resource {
                    text += &format!("\n\n{}:\n\n{}\n", it.uri, it.text);
                }
            }
            _ => {}
        }
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    text.truncate(end);
    text
}

/// Whether the person lets a run spend money, told who would work and what it may cost.
async fn may_spend(id: &SessionId, estimate: &Value, editor: &ConnectionTo<Client>) -> bool {
    let money = |it: &Value| delivery::words::money(it.as_u64());
    let crew = estimate["crew"].as_array().map(Vec::as_slice);
    let models: Vec<&str> = crew
        .unwrap_or_default()
        .iter()
        .filter_map(|it| it["model"].as_str())
        .collect();
    let cap = match &estimate["money_microusd_max"] {
        Value::Null => "There is no cap".to_owned(),
        cap => format!("The cap is {}", money(cap)),
    };
    let title = format!(
        "Let {} work on this? {cap}; a typical task costs about {}.",
        models.join(", "),
        money(&estimate["typical_microusd"])
    );
    let fields = ToolCallUpdateFields::new()
        .title(title)
        .kind(ToolKind::Execute)
        .status(ToolCallStatus::Pending);
    let options = vec![
        PermissionOption::new(ALLOW, "Start the run", PermissionOptionKind::AllowOnce),
        PermissionOption::new("reject", "Don't", PermissionOptionKind::RejectOnce),
    ];
    let request =
        RequestPermissionRequest::new(id.clone(), ToolCallUpdate::new(WHOLE, fields), options);
    let answered = editor.send_request(request).block_task().await;
    matches!(
        answered.map(|it| it.outcome),
        Ok(RequestPermissionOutcome::Selected(it)) if &*it.option_id.0 == ALLOW
    )
}

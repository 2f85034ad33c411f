//! Editors ask by the Agent Client Protocol, on standard input and output: a prompt becomes a run on the open folder, whose plan,
//! stages and change are told as the protocol's updates. Before money is spent, the person is asked.
//!
//! The folder itself is never written to: the change is a branch beside what is checked out, and the editor shows it.

mod session;
mod updates;

use std::sync::Arc;

use agent_client_protocol::v1::schema::{
    AgentCapabilities, CancelNotification, Implementation, InitializeRequest, InitializeResponse,
    NewSessionRequest, NewSessionResponse, PromptCapabilities, PromptRequest,
};
use agent_client_protocol::{Agent, Stdio as StandardStreams};

use crate::shared::Shared;
use session::Sessions;

/// Answers until the editor ends.
pub(crate) async fn stdio(shared: &Arc<Shared>) {
    let sessions = Arc::new(Sessions::new(shared.clone()));
    let version = shared.choices.version.clone();
    let (opening, prompting, cancelling) = (sessions.clone(), sessions.clone(), sessions);
    let answered = Agent
        .v1()
        .name("pipeline")
        .on_receive_request(
            async move |asked: InitializeRequest, responder, _| {
                let prompts = PromptCapabilities::new().embedded_context(true);
                responder.respond(
                    InitializeResponse::new(asked.protocol_version)
                        .agent_capabilities(AgentCapabilities::new().prompt_capabilities(prompts))
                        .agent_info(Implementation::new("pipeline", version.clone())),
                )
            },
            agent_client_protocol::on_receive_request!(),
        )
        .on_receive_request(
            async move |asked: NewSessionRequest, responder, _| {
                responder.respond(NewSessionResponse::new(opening.open(asked.cwd)))
            },
            agent_client_protocol::on_receive_request!(),
        )
        .on_receive_request(
            async move |asked: PromptRequest, responder, editor| {
                let (sessions, talking) = (prompting.clone(), editor.clone());
                // A run takes minutes, and the editor goes on talking.
                editor.spawn(async move {
                    let answered = sessions.prompt(asked, &talking).await;
                    responder.respond_with_result(answered)
                })
            },
            agent_client_protocol::on_receive_request!(),
        )
        .on_receive_notification(
            async move |asked: CancelNotification, _| {
                cancelling.cancel(&asked.session_id);
                Ok(())
            },
            agent_client_protocol::on_receive_notification!(),
        )
        .connect_to(StandardStreams::new())
        .await;
    if let Err(error) = answered {
        tracing::warn!(%error, "the editor ended");
    }
}

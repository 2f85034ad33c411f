//! A model that is a script: it says this, then this, and fails loudly when asked for more.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::{Model, ModelError, ModelId, ModelReply, ModelRequest, ScriptedReply};

use crate::error::LlmError;
use crate::folder::read_folder;
use crate::request_text::readable;

/// The vendor of models that are scripts. Their ids say so wherever a run is shown, and they cost nothing.
pub const SCRIPTED: &str = "scripted";

/// A model whose replies were written beforehand.
#[derive(Debug)]
pub struct ScriptedModel {
    id: ModelId,
    replies: Vec<ScriptedReply>,
    /// Replies that were given before this process began.
    given: usize,
    asked: Mutex<Vec<ModelRequest>>,
}

impl ScriptedModel {
    /// A script from replies at hand.
    pub fn new(id: ModelId, replies: impl IntoIterator<Item = ScriptedReply>) -> ScriptedModel {
        ScriptedModel {
            id,
            replies: replies.into_iter().collect(),
            given: 0,
            asked: Mutex::default(),
        }
    }

    /// A script that only says words.
    pub fn says<'a>(id: ModelId, texts: impl IntoIterator<Item = &'a str>) -> ScriptedModel {
        ScriptedModel::new(id, texts.into_iter().map(ScriptedReply::text))
    }

    /// A script from the names and texts of its files, `01.toml`, `02.toml` and so on.
    pub fn from_texts(
        id: ModelId,
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Result<ScriptedModel, LlmError> {
        match ScriptedReply::in_order(files) {
            Ok(replies) => Ok(ScriptedModel::new(id, replies)),
            Err(source) => Err(LlmError::Script {
                model: id.to_string(),
                source,
            }),
        }
    }

    /// A script from a folder of such files.
    pub fn from_folder(id: ModelId, folder: &Path) -> Result<ScriptedModel, LlmError> {
        let files = read_folder(folder, "toml")?;
        let named = |(path, text): (PathBuf, String)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), text)
        };
        ScriptedModel::from_texts(id, files.into_iter().map(named))
    }

    /// The same script, gone on with after its first `given` replies, as a resumed run does.
    #[must_use]
    pub fn after(mut self, given: usize) -> ScriptedModel {
        self.given = given;
        self
    }

    /// The requests so far, oldest first, those that were refused included.
    pub fn asked(&self) -> Vec<ModelRequest> {
        self.requests().clone()
    }

    /// Replies that nobody has asked for yet.
    pub fn left(&self) -> usize {
        self.replies
            .len()
            .saturating_sub(self.given + self.requests().len())
    }

    fn requests(&self) -> MutexGuard<'_, Vec<ModelRequest>> {
        // A list that is only pushed to is whole even if a holder of the lock panicked.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Model for ScriptedModel {
    fn id(&self) -> &ModelId {
        &self.id
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let mut requests = self.requests();
        requests.push(request.clone());
        let turn = self.given + requests.len();
        let Some(reply) = self.replies.get(turn - 1) else {
            return Err(ModelError::ScriptEnded {
                model: self.id.to_string(),
                asked: turn,
                replies: self.replies.len(),
            });
        };
        match reply.missing_in(&readable(request)) {
            Some(missing) => Err(ModelError::Diverged {
                model: self.id.to_string(),
                difference: format!("request {turn} should contain {missing:?} and doesn't"),
            }),
            None => Ok(reply.to_reply(turn)),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::Message;

    use super::*;

    fn model(files: &[(&str, &str)]) -> Result<ScriptedModel, LlmError> {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        ScriptedModel::from_texts(ModelId::new(SCRIPTED, "gpt"), files)
    }

    async fn check(files: &[(&str, &str)], questions: &[&str], want: Expect) {
        let model = model(files).unwrap();
        let mut got = String::new();
        for question in questions {
            let request = ModelRequest {
                messages: vec![Message::user(*question)],
                ..ModelRequest::default()
            };
            got += &match model.ask(&request).await {
                Ok(reply) => format!("{:?} {:?}\n", reply.text, reply.tool_calls.len()),
                Err(error) => format!("error: {error}\n"),
            };
        }
        assert_eq!(model.asked().len(), questions.len());
        want.assert_eq(&got);
    }

    #[tokio::test]
    async fn a_script_goes_on_after_what_it_said_in_an_earlier_life() {
        let script = ScriptedModel::says(ModelId::new(SCRIPTED, "gpt"), ["one", "two"]).after(1);
        assert_eq!(script.left(), 1);
        let reply = script.ask(&ModelRequest::default()).await.unwrap();
        assert_eq!((reply.text.as_str(), script.left()), ("two", 0));
        script.ask(&ModelRequest::default()).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_script_says_this_then_this_and_no_more() {
        check(
            &[("02.toml", "text = 'two'"), ("01.toml", "text = 'one'")],
            &["a", "b", "c"],
            expect![[r#"
                "one" 0
                "two" 0
                error: answer request 3 of scripted:gpt: its script ends after reply 2
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn a_reply_to_another_question_is_not_given() {
        check(
            &[(
                "01.toml",
                "expect = ['off by one']\n[[call]]\ntool = 'finish'",
            )],
            &["the weather"],
            expect![[r#"
                error: replay scripted:gpt: request 1 should contain "off by one" and doesn't
            "#]],
        )
        .await;
    }

    #[test]
    fn a_script_is_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("01.toml"), "text = 'one'").unwrap();
        std::fs::write(folder.path().join("notes.md"), "for people").unwrap();
        let id = ModelId::new(SCRIPTED, "gpt");
        let model = ScriptedModel::from_folder(id.clone(), folder.path()).unwrap();
        assert_eq!(model.left(), 1);
        let missing = ScriptedModel::from_folder(id, &folder.path().join("no")).unwrap_err();
        assert!(missing.to_string().starts_with("use the folder `"));
    }
}

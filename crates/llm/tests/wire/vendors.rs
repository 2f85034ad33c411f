//! The four interfaces under test, each with a fake behind it.

use std::sync::{Arc, Mutex};

use llm::{
    Budget, Connecting, Day, Ledger, OpenAiApi, Patience, Prices, Service, Spent, Traffic, Vendors,
    connect,
};
use protocol::{
    Log, Message, Model, ModelId, ModelReply, ModelRequest, Note, OutputSchema, Silent, ToolSpec,
};
use serde_json::json;
use testkit::vendor::{Answer, FakeVendor, Script, Speaks};

/// Long enough to be looked for in every text, and not a key of anybody.
pub(crate) const KEY: &str = "fake-key-3f9c2b7e41d0";

/// Waits so short that a test with every retry in it is over at once.
pub(crate) const IMPATIENT: Patience = Patience {
    tries_max: 3,
    first_wait_ms: 1,
    wait_ms_max: 2_000,
    waits_ms_max: 10_000,
    connect_ms_max: 5_000,
    answer_ms_max: 30_000,
};

/// A model for the drafts, asked with little patience.
pub(crate) fn connecting(log: Arc<dyn Log>) -> Connecting {
    Connecting {
        role: "draft".to_owned(),
        patience: IMPATIENT,
        service: Service::Standard,
        cache_key: "pipeline-test".to_owned(),
        log,
        ledger: Ledger::open(
            Budget::default(),
            Prices::default(),
            Day::at(std::time::UNIX_EPOCH),
            Spent::default(),
        ),
        traffic: Traffic::new(),
    }
}

/// One of the interfaces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interface {
    Responses,
    Chat,
    Anthropic,
    Gemini,
}

pub(crate) const ALL: [Interface; 4] = [
    Interface::Responses,
    Interface::Chat,
    Interface::Anthropic,
    Interface::Gemini,
];

impl Interface {
    pub(crate) fn model(self) -> ModelId {
        match self {
            Interface::Responses | Interface::Chat => ModelId::new("openai", "gpt-6.1-sol"),
            Interface::Anthropic => ModelId::new("anthropic", "claude-sonnet-5-5"),
            Interface::Gemini => ModelId::new("gemini", "gemini-3.8-flash"),
        }
    }

    pub(crate) fn speaks(self) -> Speaks {
        match self {
            Interface::Responses | Interface::Chat => Speaks::OpenAi,
            Interface::Anthropic => Speaks::Anthropic,
            Interface::Gemini => Speaks::Gemini,
        }
    }

    /// The field of the body that holds the conversation.
    pub(crate) fn conversation_field(self) -> &'static str {
        match self {
            Interface::Responses => "input",
            Interface::Chat | Interface::Anthropic => "messages",
            Interface::Gemini => "contents",
        }
    }

    pub(crate) fn vendors(self, base_url: &str, key: &str) -> Vendors {
        let vendor = self.model().vendor;
        Vendors {
            keys: [(vendor.clone(), key.into())].into(),
            base_urls: [(vendor, base_url.to_owned())].into(),
            openai_api: Some(match self {
                Interface::Responses => OpenAiApi::Responses,
                _ => OpenAiApi::ChatCompletions,
            }),
        }
    }

    pub(crate) fn connect(self, base_url: &str, log: Arc<dyn Log>) -> Arc<dyn Model> {
        let vendors = self.vendors(base_url, KEY);
        connect(&self.model(), &vendors, connecting(log)).expect("the vendor is configured")
    }

    /// A fake with this script, and a model that asks it.
    pub(crate) async fn with(self, script: Script) -> (FakeVendor, Arc<dyn Model>) {
        let fake = FakeVendor::start(self.speaks(), KEY, script)
            .await
            .expect("loopback has a free port");
        let model = self.connect(fake.base_url(), Arc::new(Silent));
        (fake, model)
    }

    /// Asks a fake that answers this way.
    pub(crate) async fn ask(
        self,
        answers: impl IntoIterator<Item = Answer>,
        request: &ModelRequest,
    ) -> (FakeVendor, Result<ModelReply, protocol::ModelError>) {
        let (fake, model) = self.with(Script::in_order(answers)).await;
        let reply = model.ask(request).await;
        (fake, reply)
    }
}

/// Keeps notes for the test to read.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Vec<Note>>);

impl Notes {
    pub(crate) fn taken(&self) -> Vec<Note> {
        self.0.lock().unwrap().clone()
    }
}

impl Log for Notes {
    fn note(&self, note: Note) {
        self.0.lock().unwrap().push(note);
    }
}

/// The first request of a coder's visit.
pub(crate) fn request() -> ModelRequest {
    ModelRequest {
        system: "You change Python code.".to_owned(),
        messages: vec![Message::user("Fix the bound.")],
        tools: vec![read_file()],
        output: None,
        reply_tokens_max: 4096,
        effort: None,
    }
}

/// A tool with an argument that may be left out.
pub(crate) fn read_file() -> ToolSpec {
    ToolSpec {
        name: "read_file".to_owned(),
        description: "Shows a file.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"path": {"type": "string"}, "start_line": {"type": "integer"}},
            "required": ["path"],
            "additionalProperties": false,
        }),
    }
}

/// A reviewer's verdict.
pub(crate) fn verdict() -> OutputSchema {
    OutputSchema {
        name: "review".to_owned(),
        schema: json!({
            "type": "object",
            "properties": {"verdict": {"type": "string", "enum": ["pass", "fail"]}},
            "required": ["verdict"],
            "additionalProperties": false,
        }),
    }
}

/// The messages that follow a reply whose tools were used.
pub(crate) fn answered(reply: ModelReply, answer: &str, is_error: bool) -> Vec<Message> {
    let answers: Vec<Message> = reply
        .tool_calls
        .iter()
        .map(|call| Message::ToolAnswer {
            call_id: call.id.clone(),
            tool: call.tool.clone(),
            text: answer.to_owned(),
            is_error,
        })
        .collect();
    let mut messages = vec![Message::Assistant { reply }];
    messages.extend(answers);
    messages
}

//! Servers that speak Chat Completions in their own way: each keeps its own rule, and a long talk comes through it.

use std::sync::Arc;

use expect_test::expect;
use llm::{OpenAiApi, Vendors, connect};
use protocol::{Model, ModelError, ModelId, ModelRequest, Note, ScriptedReply};
use serde_json::{Value, json};
use testkit::vendor::{Answer, FakeVendor, Fault, Received, Script, Speaks};

use crate::vendors::{Interface, KEY, Notes, answered, connecting, request};

/// Turns of a long talk.
const TURNS: usize = 20;

async fn server(model: &str, script: Script) -> (FakeVendor, Arc<dyn Model>, Arc<Notes>) {
    let fake = FakeVendor::start(Speaks::OpenAi, KEY, script)
        .await
        .unwrap();
    let notes: Arc<Notes> = Arc::default();
    let vendors = Interface::Chat.vendors(fake.base_url(), KEY);
    let id = ModelId::new("openai", model);
    let model = connect(&id, &vendors, connecting(notes.clone())).unwrap();
    (fake, model, notes)
}

/// Talks for many turns with a tool each; gives back the last request.
async fn talk(model: &dyn Model) -> Result<ModelRequest, ModelError> {
    let mut asked = request();
    for turn in 0..TURNS {
        let reply = model.ask(&asked).await?;
        assert!(!reply.tool_calls.is_empty(), "turn {turn}");
        asked.messages.extend(answered(reply, "x = 1\n", false));
    }
    Ok(asked)
}

/// An answer with a call, whose message has these further fields.
fn with_call(turn: usize, more: &Value) -> Value {
    let mut message = json!({
        "role": "assistant", "content": null,
        "tool_calls": [{
            "id": format!("call-{turn}"), "type": "function",
            "function": {"name": "read_file", "arguments": "{\"path\":\"a.py\"}"},
        }],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        message[name] = value.clone();
    }
    json!({
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 100 + turn, "completion_tokens": 9},
    })
}

fn refused(words: &str) -> Answer {
    Answer::Fault(Fault::Status {
        status: 400,
        headers: Vec::new(),
        body: Some(
            json!({"error": {"message": words, "type": "BadRequestError", "code": 400}})
                .to_string(),
        ),
    })
}

fn replies(received: &Received) -> Vec<&Value> {
    let messages = received.body["messages"].as_array().into_iter().flatten();
    messages.filter(|it| it["role"] == "assistant").collect()
}

/// DeepSeek, and servers that reason like it, want the thoughts of a turn with tools back.
#[tokio::test]
async fn thoughts_go_back_where_they_are_demanded() {
    let script = Script::with(|received| {
        let missing = replies(received)
            .into_iter()
            .any(|it| !it["reasoning_content"].is_string());
        match missing {
            true => refused("Missing `reasoning_content` field in the assistant message"),
            false => {
                let thoughts = json!({"reasoning_content": format!("Thought {}.", received.turn)});
                Answer::Json(with_call(received.turn, &thoughts))
            }
        }
    });
    let (fake, model, _) = server("deepseek-reasoner", script).await;
    talk(&*model).await.unwrap();
    assert_eq!(fake.received().len(), TURNS);
}

/// vLLM refuses a prompt and a longest reply that together pass its window.
#[tokio::test]
async fn a_reply_that_does_not_fit_is_asked_for_shorter_once() {
    let script = Script::with(|received| {
        let (window, prompt) = (8192_u64, 5000 + 20 * received.turn as u64);
        let longest = received.body["max_tokens"].as_u64().unwrap_or_default();
        match window < prompt + longest {
            true => refused(&format!(
                "'max_tokens' or 'max_completion_tokens' is too large: {longest}. This model's maximum context length is {window} tokens and your request has {prompt} input tokens ({longest} > {window} - {prompt})."
            )),
            false => Answer::Json(with_call(received.turn, &json!({}))),
        }
    });
    let (fake, model, _) = server("qwen3-coder", script).await;
    talk(&*model).await.unwrap();
    assert_eq!(fake.received().len(), 2 * TURNS);

    let script = Script::with(|_| {
        refused(
            "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens (8000 in the messages, 1000 in the completion).",
        )
    });
    let (fake, model, _) = server("qwen3-coder", script).await;
    let error = model.ask(&request()).await.unwrap_err();
    assert!(matches!(error, ModelError::ContextFull { .. }), "{error:?}");
    assert_eq!(fake.received().len(), 1);
}

/// Ollama keeps the last tokens that fit, and says nothing.
#[tokio::test]
async fn a_prompt_that_was_cut_in_silence_is_told() {
    let script = Script::with(|received| {
        let mut answer = with_call(received.turn, &json!({}));
        answer["usage"]["prompt_tokens"] = json!((received.raw.len() / 4).min(4096));
        Answer::Json(answer)
    });
    let (_fake, model, notes) = server("qwen3:8b", script).await;
    let mut asked = request();
    asked.system = "You change Python code. ".repeat(100);
    model.ask(&asked).await.unwrap();
    assert_eq!(notes.taken(), Vec::new(), "a prompt that fits");
    asked.system = "You change Python code. ".repeat(2000);
    for _ in 0..2 {
        model.ask(&asked).await.unwrap();
    }
    let [Note::Warning { text }] = &notes.taken()[..] else {
        panic!("{:?}", notes.taken());
    };
    let (_, told) = text.split_once(" counted ").unwrap();
    expect!["4096 tokens in a request of 48014 bytes: it may have cut off its beginning (raise its context length, `num_ctx` with Ollama)"].assert_eq(told);
}

/// OpenRouter puts a fault of the server behind it into an answer of status 200.
#[tokio::test]
async fn a_fault_inside_an_answer_is_a_fault() {
    let errors = [
        json!({"error": {"code": 502, "message": "Provider returned error"}}),
        json!({"choices": [{"finish_reason": "error", "error": {"code": 429, "message": "Slow down"},
            "message": {"role": "assistant", "content": "Half a"}}]}),
    ];
    let script = Script::in_order(errors.iter().map(|it| Answer::Json(it.clone())).chain(
        (0..TURNS).map(|turn| {
            Answer::Json(with_call(
                turn,
                &json!({"reasoning_details": [{"data": "x"}]}),
            ))
        }),
    ));
    let (fake, model, notes) = server("anthropic/claude", script).await;
    talk(&*model).await.unwrap();
    assert_eq!(fake.received().len(), TURNS + 2);
    assert_eq!(notes.taken().len(), 2);

    let refused = json!({"error": {"code": 402, "message": "Insufficient credits"}});
    let (fake, model, _) = server(
        "anthropic/claude",
        Script::with(move |_| Answer::Json(refused.clone())),
    )
    .await;
    let error = model.ask(&request()).await.unwrap_err();
    assert!(
        matches!(error, ModelError::Refused { status: 402, .. }),
        "{error:?}"
    );
    assert_eq!(fake.received().len(), 1);
}

#[test]
fn azure_is_known_by_its_host_and_its_path() {
    let vendors = |url: &str| Vendors {
        keys: [("openai".to_owned(), KEY.into())].into(),
        base_urls: [("openai".to_owned(), url.to_owned())].into(),
        openai_api: None::<OpenAiApi>,
    };
    let id = ModelId::new("openai", "my-deployment");
    for url in [
        "https://team.openai.azure.com/openai/v1/",
        "https://team.openai.azure.com/openai/v1",
        "https://team.services.ai.azure.com/openai/v1/",
    ] {
        let silent = Arc::new(protocol::Silent);
        let model = connect(&id, &vendors(url), connecting(silent)).unwrap();
        assert_eq!(model.id(), &id, "{url}");
    }
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named() {
    let missing = |words: &str| {
        let body = json!({"error": {"message": words}}).to_string();
        Script::with(move |_| {
            Answer::Fault(Fault::Status {
                status: 404,
                headers: Vec::new(),
                body: Some(body.clone()),
            })
        })
    };
    for (words, want) in [
        (
            "not found",
            "not found (is `nobody` the model's name there?)",
        ),
        (
            "the model `nobody` does not exist",
            "the model `nobody` does not exist",
        ),
    ] {
        let (_fake, model, _) = server("nobody", missing(words)).await;
        let Err(ModelError::Refused { message, .. }) = model.ask(&request()).await else {
            panic!("it is refused");
        };
        assert_eq!(message, want);
    }
}

/// Five answers that were cut, then a good one: what was billed stays within the cap, and all of it is reported.
#[tokio::test]
async fn answers_that_were_cut_are_paid_from_the_budget() {
    use llm::{Budget, Day, Ledger, Prices, Spent};
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let script =
        Script::with(
            move |_| match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0..5 => Answer::Fault(Fault::Truncated),
                _ => Answer::Reply(ScriptedReply::text("Here.")),
            },
        );
    let fake = FakeVendor::start(Speaks::Anthropic, KEY, script)
        .await
        .unwrap();
    let budget = Budget {
        tokens_max: Some(30_000),
        microusd_max: None,
    };
    let ledger = Ledger::open(
        budget,
        Prices::default(),
        Day::at(std::time::UNIX_EPOCH),
        Spent::default(),
    );
    let silent = connecting(Arc::new(protocol::Silent));
    let connecting = llm::Connecting {
        patience: llm::Patience {
            tries_max: 6,
            ..silent.patience
        },
        ledger: ledger.clone(),
        ..silent
    };
    let vendors = Interface::Anthropic.vendors(fake.base_url(), KEY);
    let model = connect(&Interface::Anthropic.model(), &vendors, connecting).unwrap();
    let mut asked = request();
    asked.reply_tokens_max = 8000;
    let error = model.ask(&asked).await.unwrap_err();
    assert!(
        matches!(error, ModelError::BudgetExhausted { .. }),
        "{error:?}"
    );
    // Each try may have taken all that it could.
    let sent = u64::try_from(fake.received().len()).unwrap();
    assert_eq!(sent, 3);
    let unanswered = model.bill().unwrap().take_unanswered();
    let reported: u64 = unanswered.iter().map(|it| it.usage.total()).sum();
    assert_eq!(reported, ledger.spent().tokens);
    assert!(sent * 8000 < reported && reported <= 30_000, "{reported}");
}

#[test]
fn two_runs_have_two_names_for_their_cache() {
    assert_ne!(llm::new_cache_key(), llm::new_cache_key());
}

//! Whatever a reply holds comes back as it was: thoughts in their places, parallel calls, fields nobody knows.

use std::collections::BTreeSet;

use llm::{Guard, Recording, Replay};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use protocol::ModelReply;
use serde_json::{Value, json};
use testkit::vendor::{Answer, Script};

use crate::vendors::{ALL, Interface, answered, request};

/// Replies that are tried with each interface.
const REPLIES: u32 = 200;

/// A piece of a reply, before it is put into a vendor's form.
#[derive(Clone, Debug)]
enum Piece {
    Thought(String),
    Sealed(String),
    Text(String),
    Call(String),
    Unknown(Value),
}

fn words() -> impl Strategy<Value = String> {
    "[a-zà-ü ,.\"\\\\\n]{1,24}"
}

/// A field that no vendor documents.
fn unknown() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|it| json!(it)),
        any::<i32>().prop_map(|it| json!(it)),
        (-1e9..1e9_f64).prop_map(|it| json!(it)),
        words().prop_map(|it| json!(it)),
        prop::collection::vec(words(), 0..3).prop_map(|it| json!({"list": it})),
    ]
}

fn pieces() -> impl Strategy<Value = (Vec<Piece>, Value)> {
    let piece = prop_oneof![
        2 => words().prop_map(Piece::Thought),
        1 => "[A-Za-z0-9+/=]{8,40}".prop_map(Piece::Sealed),
        2 => words().prop_map(Piece::Text),
        3 => words().prop_map(Piece::Call),
        1 => unknown().prop_map(Piece::Unknown),
    ];
    (prop::collection::vec(piece, 1..9), unknown())
}

/// The array that this interface would send for these pieces, with a call or a text in it.
fn content(interface: Interface, number: u32, pieces: &[Piece], extra: &Value) -> Value {
    let id = |at: usize| format!("id-{number}-{at}");
    let mut pieces = pieces.to_vec();
    if !pieces
        .iter()
        .any(|it| matches!(it, Piece::Text(_) | Piece::Call(_)))
    {
        pieces.push(Piece::Call("a.py".to_owned()));
    }
    let blocks = pieces.iter().enumerate().map(|(at, piece)| match interface {
        Interface::Anthropic => match piece {
            Piece::Thought(text) => {
                json!({"type": "thinking", "thinking": text, "signature": id(at), "new_field": extra})
            }
            Piece::Sealed(data) => json!({"type": "redacted_thinking", "data": data}),
            Piece::Text(text) => json!({"type": "text", "text": text, "citations": extra}),
            Piece::Call(path) => json!({
                "type": "tool_use", "id": id(at), "name": "read_file", "input": {"path": path},
                "caller": {"type": "direct"},
            }),
            Piece::Unknown(it) => json!({"type": "holiday_greeting", "id": id(at), "mood": it}),
        },
        Interface::Gemini => match piece {
            Piece::Thought(text) => json!({"text": text, "thought": true}),
            Piece::Sealed(data) => json!({"text": "x", "thoughtSignature": data}),
            Piece::Text(text) => json!({"text": text, "partMetadata": extra}),
            Piece::Call(path) => json!({
                "functionCall": {"id": id(at), "name": "read_file", "args": {"path": path}},
                "thoughtSignature": id(at),
            }),
            Piece::Unknown(it) => json!({"holidayGreeting": {"mood": it}}),
        },
        _ => match piece {
            Piece::Thought(text) => json!({
                "type": "reasoning", "id": id(at), "summary": [{"type": "summary_text", "text": text}],
                "encrypted_content": "sealed", "status": "completed",
            }),
            Piece::Sealed(data) => json!({
                "type": "reasoning", "id": id(at), "summary": [], "encrypted_content": data, "new_field": extra,
            }),
            Piece::Text(text) => json!({
                "type": "message", "id": id(at), "role": "assistant", "status": "completed", "phase": "commentary",
                "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
            }),
            Piece::Call(path) => json!({
                "type": "function_call", "id": format!("fc-{}", id(at)), "call_id": id(at), "name": "read_file",
                "arguments": format!("{{ \"path\":{}}}", json!(path)), "status": "completed",
            }),
            Piece::Unknown(it) => json!({"type": "holiday_greeting", "id": id(at), "mood": it}),
        },
    });
    match interface {
        Interface::Chat => chat_message(number, &pieces, extra),
        _ => blocks.collect(),
    }
}

/// Chat Completions has one message, whose fields the servers fill as they like.
fn chat_message(number: u32, pieces: &[Piece], extra: &Value) -> Value {
    let mut message =
        json!({"role": "assistant", "content": null, "refusal": null, "new_field": extra});
    let mut calls = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Thought(text) => message["reasoning_content"] = json!(text),
            Piece::Sealed(data) => message["reasoning_details"] = json!([{"data": data}]),
            Piece::Text(text) => message["content"] = json!(text),
            Piece::Call(path) => calls.push(json!({
                "id": format!("id-{number}-{at}"), "type": "function", "index": at,
                "function": {"name": "read_file", "arguments": format!("{{ \"path\":{}}}", json!(path))},
            })),
            Piece::Unknown(it) => message["holiday_greeting"] = it.clone(),
        }
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    message
}

/// The answer around a content.
fn answer(interface: Interface, content: &Value) -> Value {
    let calls = content.to_string().contains("read_file");
    match interface {
        Interface::Anthropic => json!({
            "type": "message", "role": "assistant", "content": content,
            "stop_reason": if calls { "tool_use" } else { "end_turn" },
            "usage": {"input_tokens": 9, "output_tokens": 9},
        }),
        Interface::Gemini => json!({
            "candidates": [{"content": {"role": "model", "parts": content}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9},
        }),
        Interface::Responses => json!({
            "status": "completed", "output": content, "usage": {"input_tokens": 9, "output_tokens": 9},
        }),
        Interface::Chat => json!({
            "choices": [{"index": 0, "message": content, "finish_reason": if calls { "tool_calls" } else { "stop" }}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 9},
        }),
    }
}

/// What the request holds of the content: its turn, or the items from the same place on.
fn sent_back(interface: Interface, body: &Value, content: &Value) -> Value {
    let conversation = &body[interface.conversation_field()];
    match interface {
        Interface::Anthropic => conversation[1]["content"].clone(),
        Interface::Gemini => conversation[1]["parts"].clone(),
        Interface::Chat => conversation[2].clone(),
        Interface::Responses => {
            let length = content.as_array().map_or(0, Vec::len);
            let items = conversation.as_array().into_iter().flatten();
            items.skip(1).take(length).cloned().collect()
        }
    }
}

#[tokio::test]
async fn every_reply_goes_back_as_it_came() {
    for interface in ALL {
        let mut runner = TestRunner::deterministic();
        let generated = (0..REPLIES).map(|number| {
            let (pieces, extra) = pieces().new_tree(&mut runner).unwrap().current();
            content(interface, number, &pieces, &extra)
        });
        let contents: Vec<Value> = generated.collect();
        let answers: Vec<Answer> = contents
            .iter()
            .flat_map(|it| [Answer::Json(answer(interface, it)), Answer::text("Done.")])
            .collect();
        let (fake, model) = interface.with(Script::in_order(answers)).await;
        let folder = tempfile::tempdir().unwrap();
        let model = Recording::open(folder.path(), Guard::default())
            .unwrap()
            .around(model);
        let mut differing = BTreeSet::new();
        for (number, content) in contents.iter().enumerate() {
            let mut asked = request();
            // Told apart, so that the recording has a reply for each.
            asked.system = format!("Reply {number}.");
            let reply = model.ask(&asked).await.unwrap();
            // As after a restart: the reply has been to the journal and back.
            let kept = serde_json::to_string(&reply).unwrap();
            let reply: ModelReply = serde_json::from_str(&kept).unwrap();
            asked
                .messages
                .extend(answered(reply.clone(), "x = 1\n", false));
            if reply.tool_calls.is_empty() {
                asked.messages.push(protocol::Message::user("Go on."));
            }
            let last = match model.ask(&asked).await {
                Ok(last) => last,
                Err(error) => {
                    let received = fake.received();
                    let sent = &received[received.len() - 1].raw;
                    panic!("{interface:?}: {error}\n{content}\n{sent}")
                }
            };
            assert_eq!(last.text, "Done.", "{interface:?} {content}");
            let received = fake.received();
            let body = &received[received.len() - 1].body;
            if sent_back(interface, body, content) != *content {
                differing.insert(format!(
                    "{content}\n{}",
                    sent_back(interface, body, content)
                ));
            }
        }
        assert_eq!(differing, BTreeSet::new(), "{interface:?}");
        assert_eq!(fake.refused(), Vec::<String>::new(), "{interface:?}");

        // A recording holds it as well.
        let replay = Replay::open(folder.path())
            .unwrap()
            .model(interface.model());
        let mut asked = request();
        asked.system = "Reply 0.".to_owned();
        let reply = replay.ask(&asked).await.unwrap();
        assert_eq!(
            reply.native.unwrap()["content"],
            contents[0],
            "{interface:?}"
        );
    }
}

/// A fake that took anything would show nothing.
#[tokio::test]
async fn the_fakes_refuse_what_was_moved_edited_or_left_out() {
    for interface in ALL {
        let pieces = [
            Piece::Thought("First I look.".to_owned()),
            Piece::Call("a.py".to_owned()),
            Piece::Thought("And there.".to_owned()),
            Piece::Call("b.py".to_owned()),
        ];
        let content = content(interface, 1, &pieces, &Value::Null);
        let spoiled: [fn(&mut Value); 3] = [moved, edited, left_out];
        for spoil in spoiled {
            let script = Script::in_order([
                Answer::Json(answer(interface, &content)),
                Answer::text("Done."),
            ]);
            let (fake, model) = interface.with(script).await;
            let mut asked = request();
            let mut reply = model.ask(&asked).await.unwrap();
            spoil(&mut reply.native.as_mut().unwrap()["content"]);
            asked.messages.extend(answered(reply, "x = 1\n", false));
            let error = model.ask(&asked).await.unwrap_err().to_string();
            assert!(error.contains("status 400"), "{interface:?} {error}");
            assert_eq!(fake.refused().len(), 1, "{interface:?}");
        }
    }
}

fn moved(content: &mut Value) {
    match content {
        Value::Array(items) => items.swap(0, 1),
        message => message["tool_calls"].as_array_mut().unwrap().swap(0, 1),
    }
}

fn edited(content: &mut Value) {
    let text = content
        .to_string()
        .replace("First I look.", "First I looked.");
    let text = text.replace("And there.", "And here.");
    *content = serde_json::from_str(&text).unwrap();
}

fn left_out(content: &mut Value) {
    match content {
        Value::Array(items) => {
            items.remove(0);
        }
        message => {
            message.as_object_mut().unwrap().remove("reasoning_content");
        }
    }
}

//! Talks of several turns: each request begins with all of the one before, and thoughts go back as they came.

use protocol::{Message, ModelReply, ScriptedReply};
use serde_json::{Value, json};
use testkit::vendor::{Answer, Script};

use crate::vendors::{ALL, Interface, answered, request};

/// Three turns with tools, then words.
fn script() -> Script {
    let look =
        |path: &str| ScriptedReply::text("Looking.").call("read_file", json!({"path": path}));
    let two = look("b.py").call("read_file", json!({"path": "c.py"}));
    Script::in_order([
        Answer::Reply(look("a.py")),
        Answer::Reply(two),
        Answer::Reply(look("d.py")),
        Answer::text("Done."),
    ])
}

#[tokio::test]
async fn each_request_begins_with_the_whole_one_before() {
    for interface in ALL {
        let (fake, model) = interface.with(script()).await;
        let mut asked = request();
        for _ in 0..3 {
            let reply = model.ask(&asked).await.unwrap();
            // As after a restart: the reply has been to the journal and back.
            let kept = serde_json::to_string(&reply).unwrap();
            let reply: ModelReply = serde_json::from_str(&kept).unwrap();
            asked.messages.extend(answered(reply, "x = 1\n", false));
        }
        let last = model.ask(&asked).await.unwrap();
        assert_eq!(last.text, "Done.", "{interface:?}");
        assert_eq!(fake.refused(), Vec::<String>::new(), "{interface:?}");
        let received = fake.received();
        for pair in received.windows(2) {
            let [before, after] = pair else {
                unreachable!("windows of two")
            };
            let messages = |it: &Value| {
                let list = it[interface.conversation_field()].to_string();
                list.trim_end_matches(']').to_owned()
            };
            let (before_text, after_text) = (messages(&before.body), messages(&after.body));
            assert!(
                after_text.starts_with(&before_text) && before_text.len() < after_text.len(),
                "{interface:?}\n{before_text}\n{after_text}"
            );
            for field in [
                "system",
                "instructions",
                "systemInstruction",
                "tools",
                "prompt_cache_key",
            ] {
                assert_eq!(
                    before.body[field], after.body[field],
                    "{interface:?} {field}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_prefix_is_marked_for_the_cache_where_marks_are_needed() {
    let (fake, reply) = Interface::Anthropic
        .ask([Answer::text("x")], &request())
        .await;
    reply.unwrap();
    let body = &fake.received()[0].body;
    assert_eq!(body["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(
        body["system"][0]["cache_control"],
        json!({"type": "ephemeral"})
    );
}

#[tokio::test]
async fn sealed_thoughts_go_back_as_they_came() {
    let seals = [
        (Interface::Responses, "sealed-thoughts-1"),
        (Interface::Anthropic, "signature-1"),
        (Interface::Gemini, "signature-1"),
    ];
    for (interface, seal) in seals {
        let (fake, model) = interface.with(script()).await;
        let mut asked = request();
        let reply = model.ask(&asked).await.unwrap();
        asked.messages.extend(answered(reply, "x = 1\n", false));
        model.ask(&asked).await.unwrap();
        assert!(fake.received()[1].raw.contains(seal), "{interface:?}");
    }
}

#[tokio::test]
async fn blocks_nobody_knows_are_kept_and_go_back_as_they_came() {
    let content = json!([
        {"type": "redacted_thinking", "data": "SEALED"},
        {"type": "holiday_greeting", "mood": "merry"},
        {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a.py"}},
    ]);
    let body = json!({"type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}, "new_field": [1]});
    let script = Script::in_order([Answer::Json(body), Answer::text("Done.")]);
    let (fake, model) = Interface::Anthropic.with(script).await;
    let mut asked = request();
    let reply = model.ask(&asked).await.unwrap();
    asked.messages.extend(answered(reply, "x = 1\n", false));
    model.ask(&asked).await.unwrap();
    assert_eq!(fake.received()[1].body["messages"][1]["content"], content);
}

#[tokio::test]
async fn a_reply_of_another_vendor_goes_without_its_seals() {
    for (from, to) in [
        (Interface::Anthropic, Interface::Gemini),
        (Interface::Gemini, Interface::Responses),
        (Interface::Responses, Interface::Anthropic),
    ] {
        let (_first, model) = from.with(script()).await;
        let mut asked = request();
        let reply = model.ask(&asked).await.unwrap();
        asked.messages.extend(answered(reply, "x = 1\n", false));
        let (second, reply) = to.ask([Answer::text("Done.")], &asked).await;
        reply.unwrap();
        let raw = &second.received()[0].raw;
        assert!(raw.contains("a.py"), "{from:?} to {to:?}");
        assert!(
            !raw.contains("sealed-thoughts") && !raw.contains("signature-1"),
            "{from:?} to {to:?}"
        );
    }
}

#[tokio::test]
async fn an_empty_reply_is_not_sent_back() {
    for interface in ALL {
        let mut asked = request();
        let reply = ModelReply::default();
        asked.messages.push(Message::Assistant { reply });
        asked.messages.push(Message::user("Say something."));
        let (fake, reply) = interface.ask([Answer::text("Here.")], &asked).await;
        assert_eq!(reply.unwrap().text, "Here.", "{interface:?}");
        assert_eq!(fake.refused(), Vec::<String>::new(), "{interface:?}");
    }
}

#[tokio::test]
async fn a_failed_tool_says_so() {
    let call = ScriptedReply::default().call("read_file", json!({"path": "a.py"}));
    for interface in ALL {
        let script = Script::in_order([Answer::Reply(call.clone()), Answer::text("Done.")]);
        let (fake, model) = interface.with(script).await;
        let mut asked = request();
        let reply = model.ask(&asked).await.unwrap();
        asked.messages.extend(answered(reply, "no such file", true));
        model.ask(&asked).await.unwrap();
        let raw = &fake.received()[1].raw;
        match interface {
            Interface::Anthropic => assert!(raw.contains("\"is_error\":true")),
            Interface::Gemini => assert!(raw.contains("{\"error\":\"no such file\"}"), "{raw}"),
            _ => assert!(raw.contains("error: no such file"), "{interface:?}"),
        }
    }
}

#[tokio::test]
async fn a_call_that_came_broken_goes_back_in_a_form_that_is_taken() {
    let broken = ScriptedReply::default().call("read_file", json!("{\"path\": \"a.p"));
    // The other two never send arguments as text.
    for interface in [Interface::Responses, Interface::Chat] {
        let script = Script::in_order([Answer::Reply(broken.clone()), Answer::text("Done.")]);
        let (fake, model) = interface.with(script).await;
        let mut asked = request();
        let reply = model.ask(&asked).await.unwrap();
        let arguments = &reply.tool_calls[0].arguments;
        assert_eq!(*arguments, json!("{\"path\": \"a.p"), "{interface:?}");
        asked
            .messages
            .extend(answered(reply, "this is no JSON", true));
        model.ask(&asked).await.unwrap();
        let sent = &fake.received()[1].raw;
        // OpenAI takes back what it sent; servers with templates parse it first.
        assert_eq!(
            sent.contains("unreadable"),
            matches!(interface, Interface::Chat),
            "{interface:?} {sent}"
        );
    }
}

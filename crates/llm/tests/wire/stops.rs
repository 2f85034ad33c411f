//! Every documented reason to stop, from the vendor's own body, and what isn't documented.

use std::collections::BTreeMap;

use expect_test::expect;
use protocol::ModelError;
use serde_json::{Value, json};
use testkit::vendor::Answer;

use crate::vendors::{Interface, request};

/// An answer with words and a call that ends for this reason.
fn answer(interface: Interface, word: &str) -> Value {
    match interface {
        Interface::Anthropic => json!({
            "type": "message", "role": "assistant", "stop_reason": word,
            "content": [{"type": "text", "text": "x"}, {"type": "tool_use", "id": "t", "name": "read_file", "input": {}}],
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }),
        Interface::Gemini => json!({
            "candidates": [{"finishReason": word, "content": {"role": "model", "parts": [{"text": "x"}]}}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
        }),
        Interface::Chat => json!({
            "choices": [{"finish_reason": word, "message": {"role": "assistant", "content": "x"}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        }),
        Interface::Responses => json!({
            "status": "incomplete", "incomplete_details": {"reason": word},
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}],
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }),
    }
}

/// The words of a vendor by what they mean.
async fn meanings(interface: Interface, words: &[&str]) -> String {
    let mut meanings: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for word in words {
        let (_fake, reply) = interface
            .ask(vec![Answer::Json(answer(interface, word)); 3], &request())
            .await;
        let meaning = match reply {
            Ok(reply) => format!("{:?}", reply.stop),
            Err(ModelError::Unreadable { message, .. }) => format!("unreadable: {message}"),
            Err(other) => format!("{other:?}"),
        };
        meanings.entry(meaning).or_default().push(word);
    }
    let line =
        |(meaning, words): (&String, &Vec<&str>)| format!("{meaning}: {}\n", words.join(" "));
    meanings.iter().map(line).collect()
}

#[tokio::test]
async fn every_documented_reason_has_a_meaning_and_no_other_has_one() {
    let words = [
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "compaction",
        "",
    ];
    expect![[r#"
        ContextFull: model_context_window_exceeded
        Declined: refusal
        Done: end_turn stop_sequence tool_use
        Paused: pause_turn
        TokensMax: max_tokens
        unreadable: it doesn't say why the model stopped: 
        unreadable: it stopped for a reason that isn't documented: "compaction": compaction
    "#]]
    .assert_eq(&meanings(Interface::Anthropic, &words).await);
    let words = [
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_OTHER",
        "NO_IMAGE",
        "IMAGE_RECITATION",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "CONTINUATION",
        "MODEL_ARMOR",
        "FINISH_REASON_UNSPECIFIED",
        "NEW_REASON",
    ];
    expect![[r#"
        Done: STOP
        Filtered: SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION ESCALATION PUP_LIMITED_DISABLED MODEL_ARMOR
        Malformed: OTHER MALFORMED_FUNCTION_CALL IMAGE_OTHER NO_IMAGE UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE MALFORMED_RESPONSE FINISH_REASON_UNSPECIFIED
        TokensMax: MAX_TOKENS CONTINUATION
        unreadable: it stopped for a reason that isn't documented: "NEW_REASON": NEW_REASON
    "#]].assert_eq(&meanings(Interface::Gemini, &words).await);
    let words = [
        "max_output_tokens",
        "content_filter",
        "max_messages",
        "steered",
        "new",
    ];
    expect![[r#"
        Filtered: content_filter
        TokensMax: max_output_tokens max_messages steered
        unreadable: it stopped for a reason that isn't documented: "new": new
    "#]]
    .assert_eq(&meanings(Interface::Responses, &words).await);
    let words = [
        "stop",
        "length",
        "tool_calls",
        "content_filter",
        "function_call",
        "error",
        "insufficient_system_resource",
        "new",
    ];
    expect![[r#"
        Done: stop tool_calls function_call
        Filtered: content_filter
        Malformed: error insufficient_system_resource
        TokensMax: length
        unreadable: it stopped for a reason that isn't documented: "new": new
    "#]]
    .assert_eq(&meanings(Interface::Chat, &words).await);
}

/// The words of an error without the address, which has another port each time.
fn message(error: &ModelError) -> String {
    match error {
        ModelError::Unreadable { message, .. } => format!("unreadable: {message}"),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_says_its_category() {
    let mut body = answer(Interface::Anthropic, "refusal");
    body["stop_details"] =
        json!({"type": "refusal", "category": "cyber", "explanation": "Not this."});
    let (_fake, reply) = Interface::Anthropic
        .ask([Answer::Json(body)], &request())
        .await;
    assert_eq!(
        reply.unwrap().stop_told(),
        "declined (refusal: cyber: Not this.)"
    );
}

#[tokio::test]
async fn statuses_of_responses_that_are_no_answers() {
    let mut shown = String::new();
    for body in [
        json!({"status": "failed", "output": [], "error": {"code": "server_error", "message": "Oh."}}),
        json!({"status": "failed", "output": [], "error": {"code": "invalid_prompt", "message": "No."}}),
        json!({"status": "failed", "output": [], "error": {"code": "bio_policy", "message": "No."}}),
        json!({"status": "in_progress", "output": []}),
        json!({"status": "cancelled", "output": []}),
        json!({"status": "queued", "output": []}),
        json!({"output": []}),
        json!({"status": "incomplete", "output": []}),
    ] {
        let answers = vec![Answer::Json(body); 3];
        let (fake, reply) = Interface::Responses.ask(answers, &request()).await;
        let told = match reply {
            Ok(reply) => format!("{:?} ({})", reply.stop, reply.stop_details),
            Err(error) => message(&error),
        };
        shown += &format!("{} asked: {told}\n", fake.received().len());
    }
    expect![[r#"
        3 asked: unreadable: server_error: Oh.
        1 asked: unreadable: invalid_prompt: No.
        1 asked: Filtered (bio_policy: No.)
        3 asked: unreadable: it came with "in_progress"
        3 asked: unreadable: it came with "cancelled"
        3 asked: unreadable: it came with "queued"
        3 asked: unreadable: it came with "no status"
        3 asked: unreadable: it doesn't say why the model stopped
    "#]]
    .assert_eq(&shown);
}

#[tokio::test]
async fn two_calls_of_one_name_are_no_reply() {
    let twice = json!([
        {"type": "tool_use", "id": "t", "name": "read_file", "input": {"path": "a"}},
        {"type": "tool_use", "id": "t", "name": "read_file", "input": {"path": "b"}},
    ]);
    let mut body = answer(Interface::Anthropic, "tool_use");
    body["content"] = twice;
    let (_fake, reply) = Interface::Anthropic
        .ask(vec![Answer::Json(body); 3], &request())
        .await;
    expect![[r#"unreadable: two of its calls have the name "t""#]]
        .assert_eq(&message(&reply.unwrap_err()));
}

#[tokio::test]
async fn the_final_answer_counts_and_commentary_does_not() {
    let message = |phase: &str, text: &str| {
        json!({"type": "message", "role": "assistant", "phase": phase,
            "content": [{"type": "output_text", "text": text}]})
    };
    let body = json!({
        "status": "completed", "usage": {"input_tokens": 1, "output_tokens": 1},
        "output": [message("commentary", "Looking."), message("final_answer", "{\"verdict\": \"pass\"}")],
    });
    let (_fake, reply) = Interface::Responses
        .ask([Answer::Json(body)], &request())
        .await;
    assert_eq!(reply.unwrap().text, "{\"verdict\": \"pass\"}");
}

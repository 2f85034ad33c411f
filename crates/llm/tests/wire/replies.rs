//! Replies, read from each vendor's form.

use protocol::{ModelReply, ScriptedReply, StopReason, TokenUsage};
use serde_json::json;
use testkit::vendor::Answer;

use crate::vendors::{ALL, Interface, request};

#[tokio::test]
async fn words_calls_and_stops_mean_the_same_from_every_vendor() {
    let replies = [
        (ScriptedReply::text("Words."), "Done \"Words.\" []"),
        (
            ScriptedReply::default()
                .call("read_file", json!({"path": "a", "start_line": 2}))
                .call("read_file", json!({"path": "b"})),
            r#"Done "" [read_file {"path":"a","start_line":2}, read_file {"path":"b"}]"#,
        ),
        (
            ScriptedReply {
                stop: StopReason::TokensMax,
                ..ScriptedReply::text("Half a")
            },
            "TokensMax \"Half a\" []",
        ),
        (
            ScriptedReply {
                stop: StopReason::Declined,
                ..ScriptedReply::text("I won't.")
            },
            "Declined \"I won't.\" []",
        ),
        (
            ScriptedReply {
                output: Some(json!({"verdict": "pass"})),
                ..ScriptedReply::default()
            },
            r#"Done "{\"verdict\":\"pass\"}" []"#,
        ),
    ];
    for interface in ALL {
        for (scripted, want) in &replies {
            let (_fake, reply) = interface
                .ask([Answer::Reply(scripted.clone())], &request())
                .await;
            assert_eq!(shown(&reply.unwrap()), *want, "{interface:?}");
        }
    }
}

fn shown(reply: &ModelReply) -> String {
    let calls: Vec<String> = reply
        .tool_calls
        .iter()
        .map(|it| format!("{} {}", it.tool, it.arguments))
        .collect();
    format!("{:?} {:?} [{}]", reply.stop, reply.text, calls.join(", "))
}

#[tokio::test]
async fn tokens_are_told_apart_by_class() {
    let usage = TokenUsage {
        input_tokens: 10,
        cached_tokens: 90,
        cache_write_tokens: 7,
        output_tokens: 12,
        ..TokenUsage::default()
    };
    for interface in ALL {
        let scripted = ScriptedReply {
            usage,
            ..ScriptedReply::text("Words.")
        };
        let (_fake, reply) = interface.ask([Answer::Reply(scripted)], &request()).await;
        // Only two of the interfaces tell what was written to the cache; the others count it as fresh.
        let want = match interface {
            Interface::Anthropic | Interface::Responses => usage,
            Interface::Chat | Interface::Gemini => TokenUsage {
                input_tokens: 17,
                cache_write_tokens: 0,
                ..usage
            },
        };
        assert_eq!(reply.unwrap().usage, want, "{interface:?}");
    }
}

#[tokio::test]
async fn thinking_counts_as_output() {
    let check = async |interface: Interface, body: serde_json::Value| {
        let (_fake, reply) = interface.ask([Answer::Json(body)], &request()).await;
        assert_eq!(reply.unwrap().usage.output_tokens, 8, "{interface:?}");
    };
    check(
        Interface::Gemini,
        json!({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 5, "thoughtsTokenCount": 3}}),
    )
    .await;
    check(
        Interface::Responses,
        json!({"id": "r", "status": "completed", "model": "m", "output": [],
            "usage": {"input_tokens": 1, "output_tokens": 8, "output_tokens_details": {"reasoning_tokens": 3}}}),
    )
    .await;
}

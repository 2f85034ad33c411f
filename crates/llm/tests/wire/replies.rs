//! Replies, read from each vendor's form.

use expect_test::expect;
use protocol::{ModelReply, ScriptedReply, StopReason, TokenUsage};
use serde_json::json;
use testkit::vendor::Answer;

use crate::vendors::{ALL, Interface, request};

#[tokio::test]
async fn words_calls_and_stops_mean_the_same_from_every_vendor() {
    let stopped = |stop, text: &str| ScriptedReply {
        stop,
        ..ScriptedReply::text(text)
    };
    let replies = [
        ScriptedReply::text("Words."),
        ScriptedReply::default()
            .call("read_file", json!({"path": "a", "start_line": 2}))
            .call("read_file", json!({"path": "b"})),
        stopped(StopReason::TokensMax, "Half a"),
        stopped(StopReason::Declined, "I won't."),
        stopped(StopReason::Filtered, "I mus"),
        ScriptedReply {
            output: Some(json!({"verdict": "pass"})),
            ..ScriptedReply::default()
        },
    ];
    let mut table = String::new();
    for interface in ALL {
        table += &format!("{interface:?}\n");
        for scripted in &replies {
            let (_fake, reply) = interface
                .ask([Answer::Reply(scripted.clone())], &request())
                .await;
            table += &format!("  {}\n", shown(&reply.unwrap()));
        }
    }
    expect![[r#"
        Responses
          Done "" "Words." []
          Done "" "" [read_file {"path":"a","start_line":2}, read_file {"path":"b"}]
          TokensMax "max_output_tokens" "Half a" []
          Declined "refusal: I won't." "" []
          Filtered "content_filter" "I mus" []
          Done "" "{\"verdict\":\"pass\"}" []
        Chat
          Done "" "Words." []
          Done "" "" [read_file {"path":"a","start_line":2}, read_file {"path":"b"}]
          TokensMax "length" "Half a" []
          Declined "refusal: I won't." "" []
          Filtered "content_filter" "I mus" []
          Done "" "{\"verdict\":\"pass\"}" []
        Anthropic
          Done "" "Words." []
          Done "" "" [read_file {"path":"a","start_line":2}, read_file {"path":"b"}]
          TokensMax "max_tokens" "Half a" []
          Declined "refusal" "I won't." []
          Declined "refusal" "I mus" []
          Done "" "{\"verdict\":\"pass\"}" []
        Gemini
          Done "" "Words." []
          Done "" "" [read_file {"path":"a","start_line":2}, read_file {"path":"b"}]
          TokensMax "MAX_TOKENS" "Half a" []
          Filtered "SAFETY" "I won't." []
          Filtered "SAFETY" "I mus" []
          Done "" "{\"verdict\":\"pass\"}" []
    "#]]
    .assert_eq(&table);
}

fn shown(reply: &ModelReply) -> String {
    let calls: Vec<String> = reply
        .tool_calls
        .iter()
        .map(|it| format!("{} {}", it.tool, it.arguments))
        .collect();
    let calls = calls.join(", ");
    format!(
        "{:?} {:?} {:?} [{calls}]",
        reply.stop, reply.stop_details, reply.text
    )
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

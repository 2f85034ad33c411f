//! Every known fault of a vendor, made by a fake and met by a real client: `fixtures/cases/llm_faults.jsonl`.

use std::collections::BTreeMap;
use std::sync::Arc;

use expect_test::{Expect, expect};
use futures::future::join_all;
use llm::Patience;
use protocol::{ModelError, ModelReply, Note, ScriptedReply, StopReason};
use serde_json::{Value, json};
use testkit::vendor::{Answer, FakeVendor, Fault, Script};

use crate::vendors::{ALL, IMPATIENT, Interface, KEY, Notes, connecting, request};

/// How the rows are met, by their ids. A row that isn't here fails the test below, so new rows get a thought.
const STREAMS_ONLY: &[&str] = &["529-stream-late", "stall"];
const OF_OTHER_CRATES: &[&str] = &["one-provider-down", "cancel"];

fn body(kind: &str, text: &str) -> Answer {
    Answer::Fault(Fault::Body {
        kind: kind.to_owned(),
        text: text.to_owned(),
    })
}

fn spent() -> Answer {
    let words = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "monthly limit reached",
        "details": {"error_code": "enforced_spend_limit_reached"}}});
    Answer::Fault(Fault::Status {
        status: 429,
        headers: Vec::new(),
        body: Some(words.to_string()),
    })
}

fn wait(name: &str, value: &str) -> Vec<Answer> {
    vec![Answer::status_with(429, name, value), Answer::text("fine")]
}

fn anthropic(content: Value) -> Vec<Answer> {
    vec![Answer::Json(
        json!({"type": "message", "role": "assistant", "content": content,
        "stop_reason": "end_turn", "usage": null}),
    )]
}

fn gemini(body: Value) -> Vec<Answer> {
    vec![Answer::Json(body)]
}

/// The smallest answer of each interface, with fields that nobody knows.
fn with_extra_fields(interface: Interface) -> Vec<Answer> {
    let extra = json!({"new": [{"a": 1}], "other": null});
    vec![Answer::Json(match interface {
        Interface::Responses => {
            json!({"id": "r", "status": "completed", "model": "m", "x": extra, "output": [
            {"type": "message", "role": "assistant", "x": extra, "content": [{"type": "output_text", "text": "fine", "x": extra}]},
            {"type": "web_thought", "x": extra}]})
        }
        Interface::Chat => {
            json!({"id": "c", "x": extra, "choices": [{"index": 0, "x": extra, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "fine", "x": extra}}]})
        }
        Interface::Anthropic => {
            json!({"type": "message", "role": "assistant", "x": extra, "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "fine", "citations": [], "x": extra}]})
        }
        Interface::Gemini => json!({"x": extra, "candidates": [{"finishReason": "STOP", "x": extra,
            "content": {"role": "model", "x": extra, "parts": [{"text": "fine", "x": extra}]}}]}),
    })]
}

/// The same with a usage that is null.
fn with_null_usage(interface: Interface) -> Vec<Answer> {
    let mut answers = with_extra_fields(interface);
    for answer in &mut answers {
        if let Answer::Json(body) = answer {
            let field = match interface {
                Interface::Gemini => "usageMetadata",
                _ => "usage",
            };
            body[field] = Value::Null;
        }
    }
    answers
}

/// The answers that make the fault of a row; nothing for rows that are met elsewhere.
fn answers(id: &str, interface: Interface) -> Option<Vec<Answer>> {
    let always = |it: Answer| vec![it.clone(), it.clone(), it];
    Some(match id {
        "openai-429" => wait("retry-after", "1"),
        "429-date" => wait("retry-after", "Sat, 21 Nov 2015 12:00:00 GMT"),
        "429-ms" => wait("retry-after-ms", "200"),
        "429-huge" => wait("retry-after", "86400"),
        "429-bad" => vec![
            Answer::status_with(429, "retry-after", "soon"),
            Answer::status_with(429, "retry-after", "-5"),
            Answer::text("fine"),
        ],
        "429-spend" => vec![spent(), Answer::text("never asked for")],
        "429-always" => always(Answer::status(429)),
        "503" => always(Answer::status(503)),
        "503-empty" => vec![
            Answer::Fault(Fault::Status {
                status: 503,
                headers: Vec::new(),
                body: Some(String::new()),
            }),
            Answer::text("fine"),
        ],
        "200-empty" => always(body("application/json", "")),
        "200-truncated-json" => always(body(
            "application/json",
            r#"{"id": "resp_1", "output": [{"ty"#,
        )),
        "reset-before" => vec![Answer::Fault(Fault::Reset), Answer::text("fine")],
        "403" => vec![Answer::status(403), Answer::text("never asked for")],
        "408" => vec![Answer::status(408), Answer::text("fine")],
        "301" => vec![Answer::status_with(
            301,
            "location",
            "http://127.0.0.1:9/v1/messages",
        )],
        "len" | "incomplete" => vec![Answer::Reply(ScriptedReply {
            stop: StopReason::TokensMax,
            ..ScriptedReply::text("def f(")
        })],
        "blocked-prompt" => gemini(json!({"promptFeedback": {"blockReason": "SAFETY"}})),
        "RECITATION" => gemini(json!({"candidates": [{"finishReason": "RECITATION", "index": 0}]})),
        "only-thinking" => {
            anthropic(json!([{"type": "thinking", "thinking": "hm", "signature": "s"}]))
        }
        "unknown-block" => {
            anthropic(json!([{"type": "greeting", "x": 1}, {"type": "text", "text": "fine"}]))
        }
        "extra-fields" => with_extra_fields(interface),
        "null-usage" => with_null_usage(interface),
        "role-missing" => gemini(
            json!({"candidates": [{"content": {"parts": [{"text": "fine"}]}, "finishReason": "STOP"}]}),
        ),
        "finish-null" => gemini(
            json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "fine"}]}, "finishReason": null}]}),
        ),
        "tool-bad-json" => vec![Answer::Reply(
            ScriptedReply::default().call("read_file", json!("{\"path\": \"a.p")),
        )],
        "early-hints" => vec![Answer::Fault(Fault::EarlyHints)],
        "flaky" => vec![Answer::status(429), Answer::text("fine")],
        other if STREAMS_ONLY.contains(&other) || OF_OTHER_CRATES.contains(&other) => return None,
        other => panic!("the row `{other}` is new: say how it is made and what must follow"),
    })
}

fn interfaces(provider: &str) -> Vec<Interface> {
    match provider {
        "openai" => vec![Interface::Responses, Interface::Chat],
        "anthropic" => vec![Interface::Anthropic],
        "gemini" => vec![Interface::Gemini],
        _ => ALL.to_vec(),
    }
}

fn shown(reply: &Result<ModelReply, ModelError>, requests: usize) -> String {
    let requests = match requests {
        1 => "1 request".to_owned(),
        more => format!("{more} requests"),
    };
    match reply {
        Ok(reply) => {
            let calls: Vec<String> = reply
                .tool_calls
                .iter()
                .map(|it| format!("{} {}", it.tool, it.arguments))
                .collect();
            format!(
                "{requests}: {:?} {:?} {}",
                reply.stop,
                reply.text,
                calls.join(", ")
            )
        }
        Err(error) => format!("{requests}: error: {error}"),
    }
}

/// What becomes of a row at an interface, with the names of vendors and addresses made alike.
async fn meet(id: &str, interface: Interface) -> Option<(String, Interface)> {
    let (fake, reply) = interface.ask(answers(id, interface)?, &request()).await;
    let result = shown(&reply, fake.received().len());
    let address = fake.base_url().trim_end_matches("v1beta/");
    let address = address.trim_end_matches("v1/").trim_end_matches('/');
    let result = result.replace(address, "http://FAKE");
    let names = ["OpenAI", "Anthropic", "Gemini", "the server at http://FAKE"];
    let alike = |text: String, vendor: &&str| text.replace(vendor, "VENDOR");
    // When to come back is told by the clock.
    let result = match result.split_once(" (come back after ") {
        Some((before, _)) => format!("{before} (come back after …)"),
        None => result,
    };
    Some((names.iter().fold(result, alike), interface))
}

#[tokio::test]
async fn every_row_is_met() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/cases/llm_faults.jsonl"
    );
    let rows = std::fs::read_to_string(path).unwrap();
    // All rows at once, because some vendors ask for a second of patience.
    let met = rows.lines().map(async |row| {
        let row: Value = serde_json::from_str(row).unwrap();
        let id = row["id"].as_str().unwrap().to_owned();
        let interfaces = interfaces(row["provider"].as_str().unwrap());
        let results = join_all(interfaces.into_iter().map(|it| meet(&id, it))).await;
        // One line for all interfaces that do the same.
        let mut seen: BTreeMap<String, Vec<Interface>> = BTreeMap::new();
        for (result, interface) in results.into_iter().flatten() {
            seen.entry(result).or_default().push(interface);
        }
        let alike = seen.len() == 1;
        let line = |(result, who): (String, Vec<Interface>)| match alike {
            true => format!("{id}: {}\n", result.trim_end()),
            false => format!("{id} {who:?}: {}\n", result.trim_end()),
        };
        seen.into_iter().map(line).collect::<String>()
    });
    let got = join_all(met).await.concat();
    expect![[r#"
        openai-429: 2 requests: Done "fine"
        429-date: 2 requests: Done "fine"
        429-ms: 2 requests: Done "fine"
        429-huge: 1 request: error: get an answer from VENDOR after 1 tries: status 429: a fault of the fake (it asks for a wait of 86400 s, and we wait 2 s at most) (come back after …)
        429-bad: 3 requests: Done "fine"
        429-spend: 1 request: error: get an answer from VENDOR: it refused with status 429: monthly limit reached
        429-always: 3 requests: error: get an answer from VENDOR after 3 tries: status 429: a fault of the fake (come back in some minutes)
        503: 3 requests: error: get an answer from VENDOR after 3 tries: status 503: a fault of the fake (come back in some minutes)
        503-empty: 2 requests: Done "fine"
        200-empty: 3 requests: error: read VENDOR's answer: it is empty
        200-truncated-json: 3 requests: error: read VENDOR's answer: it is not whole: EOF while parsing a string at line 1 column 32
        reset-before: 2 requests: Done "fine"
        403 [Anthropic]: 1 request: error: get an answer from VENDOR: it refused with status 403: a fault of the fake (check ANTHROPIC_API_KEY)
        403 [Gemini]: 1 request: error: get an answer from VENDOR: it refused with status 403: a fault of the fake (check GOOGLE_API_KEY or GEMINI_API_KEY)
        403 [Responses, Chat]: 1 request: error: get an answer from VENDOR: it refused with status 403: a fault of the fake (check OPENAI_API_KEY)
        408: 2 requests: Done "fine"
        301: 1 request: error: get an answer from VENDOR: it refused with status 301: it points to http://127.0.0.1:9/v1/messages, and redirects are not followed (check the base URL)
        len: 1 request: TokensMax "def f("
        blocked-prompt: 1 request: Filtered ""
        RECITATION: 1 request: Filtered ""
        incomplete: 1 request: TokensMax "def f("
        only-thinking: 1 request: Done ""
        unknown-block: 1 request: Done "fine"
        extra-fields: 1 request: Done "fine"
        null-usage: 1 request: Done "fine"
        role-missing: 1 request: Done "fine"
        finish-null: 2 requests: error: get an answer from VENDOR: it refused with status 422: the fake's script has no reply for request 2 (1 replies in all)
        tool-bad-json: 1 request: Done "" read_file "{\"path\": \"a.p"
        early-hints: 1 request: Done "A reply."
        flaky: 2 requests: Done "fine"
    "#]].assert_eq(&got);
}

#[tokio::test]
async fn a_vendor_that_counts_no_tokens_is_reckoned_with_all_the_same() {
    for interface in ALL {
        let (_fake, reply) = interface.ask(with_null_usage(interface), &request()).await;
        let usage = reply.unwrap().usage;
        assert!(
            50 < usage.input_tokens && 0 < usage.output_tokens,
            "{interface:?} {usage:?}"
        );
    }
}

/// Statuses of vendors on hard days, to every interface.
async fn check_status(status: u16, want: Expect) {
    let mut got = Vec::new();
    for interface in ALL {
        let answers = vec![Answer::status(status); 3];
        let (fake, reply) = interface.ask(answers, &request()).await;
        let kind = match reply.unwrap_err() {
            ModelError::Refused { .. } => "refused",
            ModelError::Busy { .. } => "busy",
            other => panic!("{other:?}"),
        };
        got.push(format!("{kind} after {}", fake.received().len()));
    }
    got.dedup();
    want.assert_eq(&got.join(", "));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    for status in [408, 409, 429, 500, 502, 503, 504, 529] {
        check_status(status, expect!["busy after 3"]).await;
    }
    for status in [400, 401, 402, 403, 404, 413, 422, 501] {
        check_status(status, expect!["refused after 1"]).await;
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_answer_and_is_tried_again() {
    for interface in ALL {
        let (fake, reply) = interface
            .ask(
                [Answer::Fault(Fault::Truncated), Answer::text("whole")],
                &request(),
            )
            .await;
        assert_eq!(reply.unwrap().text, "whole", "{interface:?}");
        assert_eq!(fake.received().len(), 2);
        let always = vec![Answer::Fault(Fault::Truncated); 3];
        let (_fake, reply) = interface.ask(always, &request()).await;
        assert!(
            matches!(reply, Err(ModelError::Unreadable { .. })),
            "{interface:?} {reply:?}"
        );
    }
}

#[tokio::test]
async fn an_error_inside_an_answer_of_status_200_is_an_error() {
    let overloaded =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let failed = json!({"id": "r", "status": "failed", "model": "m", "output": [],
        "error": {"code": "server_error", "message": "Overloaded"}});
    for (interface, body) in [
        (Interface::Anthropic, overloaded.clone()),
        (Interface::Responses, failed),
        (Interface::Chat, overloaded),
        (
            Interface::Gemini,
            json!({"error": {"code": 503, "message": "Overloaded"}}),
        ),
    ] {
        let (_fake, reply) = interface.ask(vec![Answer::Json(body); 3], &request()).await;
        let error = reply.unwrap_err();
        assert!(
            matches!(error, ModelError::Unreadable { .. }),
            "{interface:?} {error:?}"
        );
        assert!(
            error.to_string().contains("Overloaded"),
            "{interface:?} {error}"
        );
    }
}

#[tokio::test]
async fn nonsense_of_any_kind_is_an_error_and_never_a_reply() {
    let bodies = [
        json!(null),
        json!([]),
        json!("text"),
        json!(7),
        json!({}),
        json!({"output": "text", "choices": {}, "content": 5, "candidates": "x"}),
        json!({"choices": [], "candidates": [], "output": null, "content": null}),
    ];
    for interface in ALL {
        for body in &bodies {
            let (_fake, reply) = interface
                .ask(vec![Answer::Json(body.clone()); 3], &request())
                .await;
            let ours = matches!(reply, Err(ModelError::Unreadable { .. }));
            assert!(ours, "{interface:?} {body} {reply:?}");
        }
    }
}

#[tokio::test]
async fn words_of_errors_are_cut_and_their_tricks_shown() {
    let words = format!("a\u{202e}b{}", "x".repeat(5000));
    let fault = Answer::Fault(Fault::Status {
        status: 400,
        headers: Vec::new(),
        body: Some(words),
    });
    let (_fake, reply) = Interface::Gemini.ask([fault], &request()).await;
    let shown = reply.unwrap_err().to_string();
    assert!(
        shown.contains("a\\u{202e}b") && shown.len() < 700,
        "{shown}"
    );
}

#[tokio::test]
async fn a_vendor_that_is_silent_or_away_is_unreachable() {
    let slow = || Answer::Fault(Fault::Slow { wait_ms: 60_000 });
    let script = Script::with(move |_| slow());
    let fake = FakeVendor::start(Interface::Anthropic.speaks(), KEY, script)
        .await
        .unwrap();
    let hurried = Patience {
        answer_ms_max: 100,
        ..IMPATIENT
    };
    let vendors = Interface::Anthropic.vendors(fake.base_url(), KEY);
    let notes: Arc<Notes> = Arc::default();
    let connecting = llm::Connecting {
        patience: hurried,
        ..connecting(notes.clone())
    };
    let model = llm::connect(&Interface::Anthropic.model(), &vendors, connecting).unwrap();
    let error = model.ask(&request()).await.unwrap_err();
    assert!(
        matches!(error, ModelError::Unreachable { tries: 2, .. }),
        "{error:?}"
    );
    assert_eq!(fake.received().len(), 2);

    let address = fake.base_url().to_owned();
    drop(fake);
    // The listener closes when its task has ended, which dropping only asks for.
    tokio::task::yield_now().await;
    let model = Interface::Anthropic.connect(&address, notes.clone());
    let error = model.ask(&request()).await.unwrap_err();
    let origin = address.trim_end_matches("/v1/");
    assert!(
        error
            .to_string()
            .starts_with(&format!("reach Anthropic at {origin} after 3 tries")),
        "{error}"
    );
}

#[tokio::test]
async fn a_retry_is_told_to_whoever_watches() {
    let notes: Arc<Notes> = Arc::default();
    let script = Script::in_order(wait("retry-after-ms", "40"));
    let fake = FakeVendor::start(Interface::Gemini.speaks(), KEY, script)
        .await
        .unwrap();
    let model = Interface::Gemini.connect(fake.base_url(), notes.clone());
    model.ask(&request()).await.unwrap();
    let taken = notes.taken();
    let [
        Note::Retrying {
            vendor,
            why,
            wait_ms,
        },
    ] = &taken[..]
    else {
        panic!("{taken:?}");
    };
    assert_eq!(vendor, "Gemini");
    assert_eq!(why, "status 429: a fault of the fake");
    assert!((40..=44).contains(wait_ms), "{wait_ms}");
}

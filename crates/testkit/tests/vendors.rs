//! The fakes refuse what the vendors refuse, tried with requests written by hand.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop right there"
)]

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use testkit::vendor::{Answer, FakeVendor, Script, Speaks};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KEY: &str = "fake-key";

const ANTHROPIC_HEADERS: &str = "x-api-key: fake-key\r\nanthropic-version: 2023-06-01\r\n";

/// Sends this and gives the whole answer, head and body.
async fn send(fake: &FakeVendor, path: &str, headers: &str, body: &Value) -> String {
    let address = fake.base_url().split('/').nth(2).unwrap();
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: fake\r\nconnection: close\r\ncontent-type: application/json\r\n\
         {headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The status of the answer to this, and why it was refused.
async fn post(speaks: Speaks, path: &str, headers: &str, body: &Value) -> String {
    let script = Script::with(|_| Answer::text("fine"));
    let fake = FakeVendor::start(speaks, KEY, script).await.unwrap();
    let answer = send(&fake, path, headers, body).await;
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    match fake.refused().first() {
        Some(words) => format!("{status} {words}"),
        None => status,
    }
}

/// A good request with one part changed: nothing is refused before, and this is said after.
struct Interface {
    speaks: Speaks,
    path: &'static str,
    headers: &'static str,
    good: Value,
}

impl Interface {
    async fn check(&self, pointer: &str, value: Value, want: &str) {
        let mut body = self.good.clone();
        *body
            .pointer_mut(pointer)
            .expect("the good request has this part") = value;
        let got = post(self.speaks, self.path, self.headers, &body).await;
        assert_eq!(got, want, "{pointer}");
    }

    async fn check_good(&self) {
        let got = post(self.speaks, self.path, self.headers, &self.good).await;
        assert_eq!(got, "200");
    }

    async fn check_headers(&self, headers: &str, want: Expect) {
        want.assert_eq(&post(self.speaks, self.path, headers, &self.good).await);
    }
}

#[tokio::test]
async fn anthropic() {
    let it = Interface {
        speaks: Speaks::Anthropic,
        path: "/v1/messages",
        headers: ANTHROPIC_HEADERS,
        good: json!({
            "model": "c", "max_tokens": 9, "system": "s", "metadata": {},
            "tools": [{"name": "t", "input_schema": {"type": "object"}}],
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "t", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "x"}]},
            ],
        }),
    };
    it.check_good().await;
    it.check_headers(
        "anthropic-version: 2023-06-01\r\n",
        expect!["401 the key is missing or wrong"],
    )
    .await;
    it.check_headers(
        "x-api-key: fake-key\r\n",
        expect!["400 anthropic-version: header is required"],
    )
    .await;
    it.check(
        "/max_tokens",
        json!(null),
        "400 'max_tokens' is required and at least 1",
    )
    .await;
    it.check(
        "/messages",
        json!([]),
        "400 'messages' must be a list and not empty",
    )
    .await;
    it.check(
        "/messages/0/role",
        json!("system"),
        "400 messages: first message must use the \"user\" role",
    )
    .await;
    it.check(
        "/messages/2/role",
        json!("tool"),
        "400 messages: unexpected role \"tool\"",
    )
    .await;
    it.check(
        "/messages/0/content",
        json!(""),
        "400 messages: content must be non-empty",
    )
    .await;
    it.check(
        "/messages/2/content/0/tool_use_id",
        json!("2"),
        "400 no tool output found for call 1",
    )
    .await;
    it.check(
        "/messages/1/content",
        json!("no call"),
        "400 tool output for 1, which was not called",
    )
    .await;
    it.check(
        "/tools/0/name",
        json!("a b"),
        "400 'a b' is no name for a tool",
    )
    .await;
    it.check(
        "",
        json!({"model": "c", "mesages": []}),
        "400 Unknown parameter: 'mesages'",
    )
    .await;
    let marks =
        json!([1, 2, 3, 4, 5].map(|_| json!({"type": "text", "text": "x", "cache_control": {}})));
    it.check(
        "/system",
        marks,
        "400 A maximum of 4 blocks with cache_control may be provided. Found 5.",
    )
    .await;
}

#[tokio::test]
async fn openai_responses() {
    let it = Interface {
        speaks: Speaks::OpenAi,
        path: "/v1/responses",
        headers: "authorization: Bearer fake-key\r\n",
        good: json!({
            "model": "gpt-6", "max_output_tokens": 16,
            "tools": [{"type": "function", "name": "t", "strict": false, "parameters": {"properties": {"a": {}}}}],
            "text": {"format": {"type": "json_schema", "name": "n", "strict": true,
                "schema": {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": false}}},
            "input": [
                {"role": "user", "content": "a"},
                {"type": "function_call", "call_id": "1", "name": "t", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "1", "output": "x"},
            ],
        }),
    };
    it.check_good().await;
    it.check_headers(
        "authorization: Bearer other\r\n",
        expect!["401 the key is missing or wrong"],
    )
    .await;
    it.check(
        "/input",
        json!([]),
        "400 'input' must be a list and not empty",
    )
    .await;
    it.check(
        "/input/0/role",
        json!("tool"),
        "400 Invalid value: 'tool' for input.role",
    )
    .await;
    it.check(
        "/input/1",
        json!({"role": "user", "content": "b"}),
        "400 No tool call found for output 1",
    )
    .await;
    it.check(
        "/input/2",
        json!({"role": "user", "content": "b"}),
        "400 no tool output found for call 1",
    )
    .await;
    it.check(
        "/text/format/schema/required",
        json!([]),
        "400 'required' must include 'a'",
    )
    .await;
    it.check(
        "/text/format/schema/additionalProperties",
        json!(true),
        "400 'additionalProperties' is required to be false",
    )
    .await;
    it.check(
        "/tools/0/strict",
        json!(true),
        "400 'additionalProperties' is required to be false",
    )
    .await;
    it.check(
        "/max_output_tokens",
        json!(1),
        "400 'max_output_tokens' is required and at least 16",
    )
    .await;
}

#[tokio::test]
async fn openai_chat_completions() {
    let it = Interface {
        speaks: Speaks::OpenAi,
        path: "/v1/chat/completions",
        headers: "authorization: Bearer fake-key\r\n",
        good: json!({
            "model": "gpt-6", "max_completion_tokens": 9, "max_tokens": null,
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},
                {"role": "tool", "tool_call_id": "1", "content": "x"},
            ],
        }),
    };
    it.check_good().await;
    it.check_headers("", expect!["401 the key is missing or wrong"])
        .await;
    it.check(
        "/max_tokens",
        json!(9),
        "400 Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    )
    .await;
    it.check(
        "/messages/0/role",
        json!("model"),
        "400 Invalid value: 'model' for messages.role",
    )
    .await;
    it.check(
        "/messages/2/tool_call_id",
        json!("2"),
        "400 no tool output found for call 1",
    )
    .await;
    it.check(
        "/messages/0/content",
        json!(""),
        "400 messages.content must be a text and not empty",
    )
    .await;
}

#[tokio::test]
async fn gemini() {
    let it = Interface {
        speaks: Speaks::Gemini,
        path: "/v1beta/models/gemini-3.8-flash:generateContent",
        headers: "x-goog-api-key: fake-key\r\n",
        good: json!({
            "generationConfig": {"maxOutputTokens": 9, "responseMimeType": "application/json", "responseJsonSchema": {}},
            "contents": [
                {"role": "user", "parts": [{"text": "a"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "t"}, "thoughtSignature": "s"}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "t"}}]},
            ],
        }),
    };
    it.check_good().await;
    it.check_headers("", expect!["403 the key is missing or wrong"])
        .await;
    it.check(
        "/contents",
        json!([]),
        "400 'contents' must be a list and not empty",
    )
    .await;
    it.check(
        "/contents/0/role",
        json!("assistant"),
        "400 Please use a valid role: user, model.",
    )
    .await;
    it.check(
        "/contents/0/parts",
        json!([]),
        "400 'parts' must be a list and not empty",
    )
    .await;
    it.check(
        "/contents/1/parts/0/thoughtSignature",
        json!(null),
        "400 Function call is missing a thought_signature in functionCall parts.",
    )
    .await;
    it.check(
        "/contents/2/parts/0",
        json!({"text": "x"}),
        "400 Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
    )
    .await;
    it.check(
        "/generationConfig/responseMimeType",
        json!("text/plain"),
        "400 responseJsonSchema needs responseMimeType application/json",
    )
    .await;
}

#[tokio::test]
async fn a_script_is_told_apart_by_talk_and_by_turn() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("draft/01.toml", "text = 'draft 1'\nexpect = ['Fix it']");
    write("draft/02.toml", "text = 'draft 2'\nexpect = ['Fix it']");
    write("review/01.toml", "text = 'review 1'");
    let script = Script::from_folder(folder.path()).unwrap();
    let fake = FakeVendor::start(Speaks::Anthropic, KEY, script)
        .await
        .unwrap();
    let ask = async |messages: Value| {
        let body = json!({"model": "c", "max_tokens": 9, "messages": messages});
        let answer = send(&fake, "/v1/messages", ANTHROPIC_HEADERS, &body).await;
        let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        body.pointer("/content/0/text")
            .or(body.pointer("/error/message"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let user = |text: &str| json!({"role": "user", "content": text});
    let model = json!({"role": "assistant", "content": "…"});
    assert_eq!(ask(json!([user("Fix it")])).await, "draft 1");
    assert_eq!(ask(json!([user("Look")])).await, "review 1");
    assert_eq!(
        ask(json!([user("Fix it"), model, user("Go on")])).await,
        "draft 2"
    );
    // Again from the beginning, as the next run of a benchmark does.
    assert_eq!(ask(json!([user("Fix it")])).await, "draft 1");
    assert_eq!(
        ask(json!([user("Look"), model, user("Again")])).await,
        "the fake's script has no reply for request 2 (3 replies in all)"
    );
}

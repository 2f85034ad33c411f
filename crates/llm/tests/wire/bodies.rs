//! Request bodies, byte for byte, in each vendor's form.

use expect_test::{Expect, expect};
use protocol::{ModelRequest, ScriptedReply};
use serde_json::{Value, json};
use testkit::vendor::Answer;

use crate::vendors::{ALL, Interface, answered, connecting, request, verdict};

/// The bodies of the requests of a talk with one use of a tool, the second with a schema for its reply.
async fn check_bodies(interface: Interface, want: Expect) {
    let call = ScriptedReply::text("I look.").call("read_file", json!({"path": "a.py"}));
    let script = testkit::vendor::Script::in_order([Answer::Reply(call), Answer::text("Done.")]);
    let (fake, model) = interface.with(script).await;
    let mut asked = request();
    let reply = model.ask(&asked).await.unwrap();
    asked.messages.extend(answered(reply, "no such file", true));
    asked.output = Some(verdict());
    model.ask(&asked).await.unwrap();
    assert_eq!(fake.refused(), Vec::<String>::new());
    let shown: Vec<String> = fake
        .received()
        .iter()
        .map(|it| format!("POST {}\n{}", it.path, fields(&it.body)))
        .collect();
    want.assert_eq(&shown.concat());
}

/// One line a field; the conversation has one a message.
fn fields(body: &Value) -> String {
    let fields = body.as_object().into_iter().flatten();
    let line = |(name, value): (&String, &Value)| match value.as_array() {
        Some(items) => {
            let items: String = items.iter().map(|it| format!("    {it}\n")).collect();
            format!("  {name}:\n{items}")
        }
        None => format!("  {name}: {value}\n"),
    };
    fields.map(line).collect()
}

#[tokio::test]
async fn openai_responses() {
    check_bodies(Interface::Responses, expect![[r#"
        POST /v1/responses
          model: "gpt-6.1-sol"
          store: false
          instructions: "You change Python code."
          tools:
            {"type":"function","name":"read_file","description":"Shows a file.","parameters":{"type":"object","properties":{"path":{"type":"string"},"start_line":{"type":"integer"}},"required":["path"],"additionalProperties":false},"strict":false}
          input:
            {"role":"user","content":"Fix the bound."}
          max_output_tokens: 4096
          prompt_cache_key: "pipeline-test"
          include:
            "reasoning.encrypted_content"
        POST /v1/responses
          model: "gpt-6.1-sol"
          store: false
          instructions: "You change Python code."
          tools:
            {"type":"function","name":"read_file","description":"Shows a file.","parameters":{"type":"object","properties":{"path":{"type":"string"},"start_line":{"type":"integer"}},"required":["path"],"additionalProperties":false},"strict":false}
          input:
            {"role":"user","content":"Fix the bound."}
            {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"sealed-thoughts-1"}
            {"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"I look.","annotations":[]}]}
            {"type":"function_call","id":"fc_call-1-1","call_id":"call-1-1","name":"read_file","arguments":"{\"path\":\"a.py\"}","status":"completed"}
            {"type":"function_call_output","call_id":"call-1-1","output":"error: no such file"}
          text: {"format":{"type":"json_schema","name":"review","strict":true,"schema":{"type":"object","properties":{"verdict":{"type":"string","enum":["pass","fail"]}},"required":["verdict"],"additionalProperties":false}}}
          max_output_tokens: 4096
          prompt_cache_key: "pipeline-test"
          include:
            "reasoning.encrypted_content"
    "#]]).await;
}

#[tokio::test]
async fn openai_chat_completions() {
    check_bodies(Interface::Chat, expect![[r#"
        POST /v1/chat/completions
          model: "gpt-6.1-sol"
          tools:
            {"type":"function","function":{"name":"read_file","description":"Shows a file.","parameters":{"type":"object","properties":{"path":{"type":"string"},"start_line":{"type":"integer"}},"required":["path"],"additionalProperties":false},"strict":false}}
          messages:
            {"role":"system","content":"You change Python code."}
            {"role":"user","content":"Fix the bound."}
          max_completion_tokens: 4096
          prompt_cache_key: "pipeline-test"
        POST /v1/chat/completions
          model: "gpt-6.1-sol"
          tools:
            {"type":"function","function":{"name":"read_file","description":"Shows a file.","parameters":{"type":"object","properties":{"path":{"type":"string"},"start_line":{"type":"integer"}},"required":["path"],"additionalProperties":false},"strict":false}}
          messages:
            {"role":"system","content":"You change Python code."}
            {"role":"user","content":"Fix the bound."}
            {"role":"assistant","content":"I look.","refusal":null,"tool_calls":[{"id":"call-1-1","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"a.py\"}"}}]}
            {"role":"tool","tool_call_id":"call-1-1","content":"error: no such file"}
          response_format: {"type":"json_schema","json_schema":{"name":"review","strict":true,"schema":{"type":"object","properties":{"verdict":{"type":"string","enum":["pass","fail"]}},"required":["verdict"],"additionalProperties":false}}}
          max_completion_tokens: 4096
          prompt_cache_key: "pipeline-test"
    "#]]).await;
}

#[tokio::test]
async fn anthropic_messages() {
    check_bodies(Interface::Anthropic, expect![[r#"
        POST /v1/messages
          model: "claude-sonnet-5-5"
          max_tokens: 4096
          system:
            {"type":"text","text":"You change Python code.","cache_control":{"type":"ephemeral"}}
          tools:
            {"name":"read_file","description":"Shows a file.","input_schema":{"type":"object","properties":{"path":{"type":"string"},"start_line":{"type":"integer"}},"required":["path"],"additionalProperties":false}}
          messages:
            {"role":"user","content":"Fix the bound."}
          cache_control: {"type":"ephemeral"}
        POST /v1/messages
          model: "claude-sonnet-5-5"
          max_tokens: 4096
          system:
            {"type":"text","text":"You change Python code.","cache_control":{"type":"ephemeral"}}
          tools:
            {"name":"read_file","description":"Shows a file.","input_schema":{"type":"object","properties":{"path":{"type":"string"},"start_line":{"type":"integer"}},"required":["path"],"additionalProperties":false}}
          messages:
            {"role":"user","content":"Fix the bound."}
            {"role":"assistant","content":[{"type":"thinking","thinking":"Let me see.","signature":"signature-1"},{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_call-1-1","name":"read_file","input":{"path":"a.py"}}]}
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_call-1-1","content":"no such file","is_error":true}]}
          cache_control: {"type":"ephemeral"}
          output_config: {"format":{"type":"json_schema","schema":{"type":"object","properties":{"verdict":{"type":"string","enum":["pass","fail"]}},"required":["verdict"],"additionalProperties":false}}}
    "#]]).await;
}

#[tokio::test]
async fn gemini_generate_content() {
    check_bodies(Interface::Gemini, expect![[r#"
        POST /v1beta/models/gemini-3.8-flash:generateContent
          systemInstruction: {"parts":[{"text":"You change Python code."}]}
          tools:
            {"functionDeclarations":[{"name":"read_file","description":"Shows a file.","parametersJsonSchema":{"type":"object","properties":{"path":{"type":"string"},"start_line":{"type":"integer"}},"required":["path"],"additionalProperties":false}}]}
          contents:
            {"role":"user","parts":[{"text":"Fix the bound."}]}
          generationConfig: {"maxOutputTokens":4096}
        POST /v1beta/models/gemini-3.8-flash:generateContent
          systemInstruction: {"parts":[{"text":"You change Python code."}]}
          tools:
            {"functionDeclarations":[{"name":"read_file","description":"Shows a file.","parametersJsonSchema":{"type":"object","properties":{"path":{"type":"string"},"start_line":{"type":"integer"}},"required":["path"],"additionalProperties":false}}]}
          contents:
            {"role":"user","parts":[{"text":"Fix the bound."}]}
            {"role":"model","parts":[{"text":"I look."},{"functionCall":{"id":"call-1-1","name":"read_file","args":{"path":"a.py"}},"thoughtSignature":"signature-1"}]}
            {"role":"user","parts":[{"functionResponse":{"name":"read_file","response":{"error":"no such file"},"id":"call-1-1"}}]}
          generationConfig: {"maxOutputTokens":4096,"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"verdict":{"type":"string","enum":["pass","fail"]}},"required":["verdict"],"additionalProperties":false}}
    "#]]).await;
}

#[tokio::test]
async fn a_model_name_is_sent_as_it_is() {
    for (interface, name) in [
        (Interface::Chat, "qwen-max"),
        (Interface::Chat, "meta-llama/Llama-4:free"),
        (Interface::Responses, "gpt-5.1-codex-max"),
    ] {
        let (fake, _) = interface
            .with(testkit::vendor::Script::with(|_| Answer::text("x")))
            .await;
        let vendors = interface.vendors(fake.base_url(), crate::vendors::KEY);
        let id = protocol::ModelId::new("openai", name);
        let log = std::sync::Arc::new(protocol::Silent);
        let model = llm::connect(&id, &vendors, connecting(log)).unwrap();
        model.ask(&request()).await.unwrap();
        let body = fake.received()[0].body.clone();
        assert_eq!(body["model"], name);
        assert_eq!(body["reasoning_effort"], json!(null));
        assert_eq!(body["reasoning"], json!(null));
    }
}

#[tokio::test]
async fn a_request_of_words_only_has_no_empty_fields() {
    let bare = ModelRequest {
        system: String::new(),
        tools: Vec::new(),
        ..request()
    };
    for interface in ALL {
        let (fake, reply) = interface.ask([Answer::text("x")], &bare).await;
        reply.unwrap();
        let body = &fake.received()[0].body;
        for field in [
            "tools",
            "system",
            "instructions",
            "systemInstruction",
            "temperature",
        ] {
            assert_eq!(body.get(field), None, "{interface:?}");
        }
    }
}

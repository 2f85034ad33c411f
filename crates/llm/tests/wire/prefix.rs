//! A long task: nearly all of each request is the one before, byte for byte, so that vendors read it from their caches.

use protocol::{Message, ModelRequest, ScriptedReply, ToolSpec};
use serde_json::{Value, json};
use testkit::vendor::{Answer, Script};

use crate::vendors::{ALL, Interface, answered, request};

/// Requests of the task.
const TURNS: usize = 20;
/// Of a hundred bytes after the first request, how many must repeat the one before.
const REPEATED_PERCENT_MIN: usize = 95;

/// What a coder is told at first: rules, tools, a task, an overview of the repository.
fn first_request() -> ModelRequest {
    let tool = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: "Does to a file what its name says, and tells what came of it. ".repeat(3),
        ..request().tools.remove(0)
    };
    let overview = (0..100).map(|it| {
        format!(
            "src/package/module_{it}.py: Class{it}, first_of_{it}, second_of_{it}, third_of_{it}\n"
        )
    });
    let task =
        "`page_count(21, 10)` says 2, but the last item needs a page of its own. ".repeat(20);
    ModelRequest {
        system: "You change the code of a Python repository so that it does what a task asks. "
            .repeat(22),
        messages: vec![Message::user(format!(
            "{task}\n\n{}",
            overview.collect::<String>()
        ))],
        tools: [
            "read_file",
            "search",
            "edit_file",
            "write_file",
            "list_files",
            "run",
        ]
        .map(tool)
        .to_vec(),
        ..request()
    }
}

/// What the model does in a turn, and what its tool answers: looks, edits and test runs as long as they usually are.
fn turn(number: usize) -> (ScriptedReply, String) {
    let path = format!("src/package/module_{number}.py");
    let line = |it: usize| format!("{it}\t    total = total + items[{it}] * size_{number}\n");
    match number % 4 {
        0 => (
            ScriptedReply::text("I look where the number comes from.")
                .call("search", json!({"pattern": format!("page_count_{number}")})),
            (0..8).map(|it| format!("{path}:{it}: return page_count_{number}(items)\n")).collect(),
        ),
        1 => (
            ScriptedReply::default().call("read_file", json!({"path": path, "start_line": 1, "end_line": 30})),
            (1..=30).map(line).collect(),
        ),
        2 => (
            ScriptedReply::default().call(
                "edit_file",
                json!({"path": path, "old_text": line(3), "new_text": "    return -(-items // size)\n"}),
            ),
            format!("changed `{path}`, line 3"),
        ),
        _ => (
            ScriptedReply::default().call("run", json!({"command": "python -m pytest -q tests"})),
            format!(
                "exit code 1\n--- stdout\n{}\nE   assert 2 == {number}\n1 failed, 30 passed in …s\n",
                ".".repeat(30)
            ),
        ),
    }
}

#[tokio::test]
async fn of_a_long_task_nearly_all_is_what_was_sent_before() {
    for interface in ALL {
        let replies = (0..TURNS).map(|it| Answer::Reply(turn(it).0));
        let (fake, model) = interface.with(Script::in_order(replies)).await;
        let mut asked = first_request();
        for number in 0..TURNS {
            let reply = model.ask(&asked).await.unwrap();
            asked
                .messages
                .extend(answered(reply, &turn(number).1, false));
        }
        assert_eq!(fake.refused(), Vec::<String>::new(), "{interface:?}");
        let bodies: Vec<Value> = fake.received().into_iter().map(|it| it.body).collect();
        assert_eq!(bodies.len(), TURNS, "{interface:?}");
        let sent: Vec<String> = bodies
            .iter()
            .map(|it| read_in_order(interface, it))
            .collect();
        for pair in sent.windows(2) {
            assert!(
                pair[1].starts_with(&pair[0]),
                "{interface:?}\n{}\n{}",
                pair[0],
                pair[1]
            );
        }
        let percent = repeated_percent(&sent);
        assert!(
            REPEATED_PERCENT_MIN <= percent,
            "{interface:?}: {percent} %"
        );
        for body in &bodies {
            assert_marked(interface, body);
            assert_eq!(
                body.get("prompt_cache_key"),
                bodies[0].get("prompt_cache_key"),
                "{interface:?}"
            );
        }
    }
}

#[test]
fn what_differs_early_in_a_request_is_counted() {
    let talk = |system: &dyn Fn(usize) -> String| -> Vec<String> {
        (1..=TURNS)
            .map(|turn| format!("{}{}", system(turn), "a turn".repeat(10 * turn)))
            .collect()
    };
    let rules = "rules".repeat(400);
    assert!(REPEATED_PERCENT_MIN <= repeated_percent(&talk(&|_| rules.clone())));
    assert_eq!(
        repeated_percent(&talk(&|turn| format!("{turn:02} o'clock{rules}"))),
        0
    );
    let late = repeated_percent(&talk(&|turn| format!("{rules}{turn:02} o'clock")));
    assert!(late < REPEATED_PERCENT_MIN, "{late} %");
}

/// Everything of a body that a model reads, in the order in which vendors put it in front of it, up to the end of the
/// conversation so far.
fn read_in_order(interface: Interface, body: &Value) -> String {
    let fields: &[&str] = match interface {
        Interface::Anthropic => &["tools", "system"],
        Interface::Gemini => &["tools", "systemInstruction"],
        Interface::Responses | Interface::Chat => &["instructions", "tools"],
    };
    let before: String = fields.iter().map(|it| body[*it].to_string()).collect();
    let talk = body[interface.conversation_field()].to_string();
    before + talk.trim_end_matches(']')
}

/// Of a hundred bytes of all requests but the first, how many are the beginning of the one before.
fn repeated_percent(sent: &[String]) -> usize {
    let in_common = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let repeated: usize = sent.windows(2).map(|it| in_common(&it[0], &it[1])).sum();
    let all: usize = sent[1..].iter().map(String::len).sum();
    repeated * 100 / all
}

/// Where a vendor wants to be told what to keep: the end of the rules, and the end of the talk.
fn assert_marked(interface: Interface, body: &Value) {
    if !matches!(interface, Interface::Anthropic) {
        return;
    }
    let mark = json!({"type": "ephemeral"});
    let rules = body["system"].as_array().and_then(|it| it.last());
    assert_eq!(rules.map(|it| &it["cache_control"]), Some(&mark), "{body}");
    // At the top it stands for the last block of the last message, wherever that is by now.
    assert_eq!(body["cache_control"], mark, "{body}");
}

//! Runs that were recorded are replayed without a vendor, and say where they part from the recording.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop right there"
)]

use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use llm::{Guard, Recording, Replay, ScriptedModel};
use protocol::{Message, Model, ModelError, ModelId, ModelRequest, ScriptedReply};

fn id(name: &str) -> ModelId {
    ModelId::new("openai", name)
}

fn asking(text: &str) -> ModelRequest {
    ModelRequest {
        system: "You change Python code.\nBe brief.".to_owned(),
        messages: vec![Message::user(text)],
        reply_tokens_max: 100,
        ..ModelRequest::default()
    }
}

/// Records these questions with a script that counts its replies.
async fn record(folder: &Path, name: &str, questions: &[&str]) {
    let replies = (1..=questions.len()).map(|it| ScriptedReply::text(format!("{name} {it}")));
    let model = Arc::new(ScriptedModel::new(id(name), replies));
    let model = Recording::open(folder, Guard::default())
        .unwrap()
        .around(model);
    for question in questions {
        model.ask(&asking(question)).await.unwrap();
    }
}

async fn ask(model: &dyn Model, request: &ModelRequest) -> String {
    match model.ask(request).await {
        Ok(reply) => reply.text,
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test]
async fn a_recording_answers_in_any_order_and_repeats_in_order() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "gpt", &["a", "b", "a"]).await;
    record(folder.path(), "other", &["a"]).await;
    let replay = Replay::open(folder.path()).unwrap();
    let (gpt, other) = (replay.model(id("gpt")), replay.model(id("other")));
    let mut got = Vec::new();
    for (model, question) in [
        (&gpt, "b"),
        (&gpt, "a"),
        (&other, "a"),
        (&gpt, "a"),
        (&gpt, "a"),
    ] {
        got.push(ask(&**model, &asking(question)).await);
    }
    expect![[r#"
        gpt 2
        gpt 1
        other 1
        gpt 3
        error: replay openai:gpt: this request was recorded 2 times and is asked once more"#]]
    .assert_eq(&got.join("\n"));
}

#[tokio::test]
async fn a_recording_is_readable_files_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "gpt", &["a"]).await;
    record(folder.path(), "gpt", &["a"]).await;
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    expect![[r#"
        0001-openai-gpt-f833f3d6ec2b-1.json
        0002-openai-gpt-f833f3d6ec2b-2.json"#]]
    .assert_eq(&names.join("\n"));
    let text = std::fs::read_to_string(folder.path().join(&names[0])).unwrap();
    assert!(
        text.contains("\"text\": \"gpt 1\"") && text.contains("\"ordinal\": 1"),
        "{text}"
    );
}

/// Asks a recording of one talk something else.
async fn check_difference(change: impl FnOnce(&mut ModelRequest), want: Expect) {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "gpt", &["Fix\nthe bound", "Something else"]).await;
    let mut request = asking("Fix\nthe bound");
    change(&mut request);
    let replay = Replay::open(folder.path()).unwrap();
    let error = replay.model(id("gpt")).ask(&request).await.unwrap_err();
    let ModelError::Diverged { difference, .. } = error else {
        panic!("{error:?}");
    };
    want.assert_eq(&difference);
}

#[tokio::test]
async fn a_request_that_parts_from_the_recording_says_where() {
    check_difference(
        |it| it.messages = vec![Message::user("Fix\nthe name")],
        expect![[r#"
            the nearest recorded request, `0001-openai-gpt-5c2e959e1a7a-1.json`, differs from line 6 on
              recorded: the bound
              asked:    the name"#]],
    )
    .await;
    check_difference(
        |it| it.messages.push(Message::user("And now?")),
        expect![[r#"
            the nearest recorded request, `0001-openai-gpt-5c2e959e1a7a-1.json`, differs from line 7 on
              recorded: (the end)
              asked:    # user"#]],
    )
    .await;
    check_difference(
        |it| it.system = "Be long.".to_owned(),
        expect![[r#"
        the nearest recorded request, `0001-openai-gpt-5c2e959e1a7a-1.json`, differs from line 2 on
          recorded: You change Python code.
          asked:    Be long."#]],
    )
    .await;
}

#[tokio::test]
async fn a_difference_inside_a_fence_is_told_where_it_is_and_not_by_the_fences_key() {
    let fenced = |key: &str, words: &str| format!("[begin task {key}]\n{words}\n[end task {key}]");
    let folder = tempfile::tempdir().unwrap();
    record(
        folder.path(),
        "gpt",
        &[&fenced("0123abcd", "Fix\nthe bound")],
    )
    .await;
    let replay = Replay::open(folder.path()).unwrap();
    let asked = asking(&fenced("4567cdef", "Fix\nthe name"));
    let error = replay.model(id("gpt")).ask(&asked).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("recorded: the bound\n  asked:    the name"),
        "{error}"
    );
}

#[tokio::test]
async fn what_must_not_be_told_is_refused_before_it_is_asked_and_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let guard = Guard::default()
        .key("the key of acme", &"sk-acme-1234".into())
        .path("a path of your home folder", Path::new("/home/ada"));
    let script = Arc::new(ScriptedModel::says(id("gpt"), ["cd /home/ada", "One."]));
    let model = Recording::open(folder.path(), guard)
        .unwrap()
        .around(script.clone());
    for (question, want) in [
        (
            "my key is sk-acme-1234",
            "the request holds the key of acme (in `messages.0.text`)",
        ),
        (
            "a",
            "the reply holds a path of your home folder (in `text`)",
        ),
    ] {
        let error = model.ask(&asking(question)).await.unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }
    assert_eq!(script.asked().len(), 1, "the first was never asked");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    model.ask(&asking("b")).await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_a_reply_cost_does_not_part_talks() {
    let folder = tempfile::tempdir().unwrap();
    let talk = |cost_microusd| {
        let mut reply = ScriptedReply::text("One.").to_reply(1);
        reply.cost_microusd = cost_microusd;
        let mut request = asking("a");
        request.messages.push(Message::Assistant { reply });
        request
    };
    let model = Arc::new(ScriptedModel::says(id("gpt"), ["Two."]));
    let model = Recording::open(folder.path(), Guard::default())
        .unwrap()
        .around(model);
    model.ask(&talk(Some(17))).await.unwrap();
    let replay = Replay::open(folder.path()).unwrap();
    assert_eq!(ask(&*replay.model(id("gpt")), &talk(None)).await, "Two.");
}

#[tokio::test]
async fn a_model_that_was_not_recorded_is_said() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "gpt", &["a"]).await;
    let replay = Replay::open(folder.path()).unwrap();
    expect!["error: replay openai:new: none of its replies is recorded"]
        .assert_eq(&ask(&*replay.model(id("new")), &asking("a")).await);
}

#[test]
fn a_folder_that_is_no_recording_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Replay::open(&folder.path().join("no")).unwrap_err();
    assert!(
        missing.to_string().starts_with("use the folder `"),
        "{missing}"
    );
    std::fs::write(folder.path().join("0001.json"), "{").unwrap();
    let broken = Replay::open(folder.path()).unwrap_err();
    assert!(broken.to_string().contains("0001.json"), "{broken}");
}

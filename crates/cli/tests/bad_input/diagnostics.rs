//! Diagnostics: what is done, for those who ask for it, and never what anybody wrote.

use expect_test::expect;

use crate::world::{PAGES, ROUND_UP, World};

#[test]
fn diagnostics_name_the_run_and_hold_no_text_of_anybody() {
    let world = World::with_repository(PAGES).says("draft", &[ROUND_UP]);
    let key = "sk-this-is-a-secret-key-of-somebody";
    let world = world.variable("OPENAI_API_KEY", key);
    let silent = world.walk(&["--budget", "1.00"]);
    assert_eq!(silent.code, 0, "{}", world.seen(&silent));
    assert_eq!(silent.stderr, "");
    let told = world.walk(&["-v"]);
    assert_eq!(told.code, 0, "{}", world.seen(&told));
    let newest = world.pipeline(&["runs"]).stdout;
    let run = newest.split_whitespace().next().expect("there is one");
    for what in [
        "took the run",
        "a model answered",
        "a verdict",
        "a program ended",
        "is at its end",
    ] {
        let line = told.stderr.lines().find(|it| {
            let plain = it.replace("\u{1b}[3m", "").replace("\u{1b}[0m", "");
            plain.contains(what) && plain.contains(run)
        });
        assert!(line.is_some(), "{what}: {}", told.stderr);
    }
    for text in [key, "Count the last page", "Rounds up", "items // size"] {
        assert!(!told.stderr.contains(text), "{text}: {}", told.stderr);
    }
    let world = world.variable("PIPELINE_LOG_FORMAT", "json");
    let objects = world.walk(&["-v"]);
    let newest = world.pipeline(&["runs"]).stdout;
    let run = newest.split_whitespace().next().expect("there is one");
    let objects: Vec<serde_json::Value> = objects
        .stderr
        .lines()
        .map(|it| serde_json::from_str(it).expect("each line is an object"))
        .collect();
    let verdict = objects.iter().find(|it| it["message"] == "a verdict");
    assert_eq!(verdict.map(|it| &it["run.id"]), Some(&run.into()));
    let world = world.variable("PIPELINE_LOG_FORMAT", "yaml");
    expect![[r#"
        exit 2
        --- stderr
        error: could not understand PIPELINE_LOG_FORMAT=yaml (there are text and json)
    "#]]
    .assert_eq(&world.seen(&world.pipeline(&["runs", "-v"])));
    let world = world.variable("PIPELINE_LOG_FORMAT", "text");
    let more = world.variable("PIPELINE_LOG", "store=debug").walk(&[]);
    assert!(
        more.stderr.contains("wrote down an event"),
        "{}",
        more.stderr
    );
    assert!(!more.stderr.contains("a verdict"), "{}", more.stderr);
}

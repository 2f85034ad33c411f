//! The coder in a real checkout: what it changes is a patch that git takes, and what git keeps is out of its reach.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use agents_coding::{Coder, CoderRole, Dialect};
use git::{Access, MirrorLimits, Mirrors};
use protocol::{Agent, Message, ModelReply, RunState, Silent, Task, Workspace};
use sandbox::command::Door;
use sandbox::confine::Walls;
use sandbox::proxy::Egress;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::git::{git, repository};
use testkit::{SaysModel, TestVisit, calls, limits};
use workspace::checkout::{Checkout, Opening, Origin, SystemPrograms};

/// Where the programs of the machine are.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A repository of these files in the folder `repo` of a world, checked out.
async fn checkout(world: &TempDir, files: &[(&str, &str)]) -> Checkout {
    let place = |name: &str| {
        let path = world.path().join(name);
        fs::create_dir_all(&path).expect("a folder can be made");
        path
    };
    let files: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_owned()))
        .collect();
    repository(&place("repo"), &files);
    // No program runs in these tests but git, so no stage of the sandbox is needed.
    let stage = world.path().join("no-stage");
    let door = Arc::new(Door::new(
        Walls::unconfined(),
        stage,
        place("scratch"),
        Egress::default(),
    ));
    let bounds = MirrorLimits {
        fetch_seconds_max: 60,
        lock_seconds_max: 60,
        pack_bytes_max: 1 << 30,
        memory_bytes_max: 4 << 30,
    };
    let mirrors = Mirrors::new(
        place("mirrors"),
        door.clone(),
        Access::default(),
        PATH.to_owned(),
        bounds,
    );
    let opening = Opening {
        run_folder: place("run"),
        mirrors,
        door,
        limits: limits(),
        findings: place("findings"),
        environments: Arc::new(SystemPrograms::default()),
        places: Vec::new(),
        home: Vec::new(),
    };
    let origin = Origin::Folder(place("repo"));
    Checkout::open(opening, &origin, None, false, &Silent)
        .await
        .expect("the repository can be opened")
}

/// Lets a model that makes these calls and then finishes loose on a checkout.
async fn visit(
    work: Checkout,
    dialect: Dialect,
    tools: Vec<(&str, Value)>,
) -> TestVisit<SaysModel, Checkout> {
    let replies: [ModelReply; 2] = [
        calls(tools),
        calls([("finish", json!({ "summary": "done" }))]),
    ];
    let visit = TestVisit::new(SaysModel::new(replies), work);
    let coder = Coder::new("coder", CoderRole::Draft, dialect);
    let state = RunState::new(Task::from_text("`add` subtracts"));
    coder
        .run(&visit.context(), &state)
        .await
        .expect("the coder reports");
    visit
}

/// The answers to the calls of the first reply.
fn answers(visit: &TestVisit<SaysModel, Checkout>) -> Vec<String> {
    let messages = visit.model.asked().pop().expect("it was asked").messages;
    let text = |it: Message| match it {
        Message::ToolAnswer { text, .. } => Some(text),
        _ => None,
    };
    messages.into_iter().filter_map(text).collect()
}

/// One call makes `add` add, whatever the line ends; git takes the patch on the base.
async fn check(dialect: Dialect, tool: &str, arguments: Value) {
    let world = TempDir::new().expect("a temporary folder can be made");
    let base = "def add(a, b):\r\n    return a - b\r\n\r\n\r\nLAST = 1";
    let work = checkout(
        &world,
        &[("pkg/calc.py", base), ("pkg/other.py", "x = 1\n")],
    )
    .await;
    let visit = visit(work, dialect, vec![(tool, arguments)]).await;
    assert_eq!(answers(&visit), ["edited pkg/calc.py"]);
    let change = visit.work.change().await.expect("git tells the difference");
    let patch = world.path().join("change.patch");
    fs::write(&patch, &change.patch).expect("the patch can be written");
    let repo = world.path().join("repo");
    git(&repo, &["apply", &patch.to_string_lossy()]);
    let after = fs::read_to_string(repo.join("pkg/calc.py")).expect("the file is there");
    assert_eq!(after, base.replace("a - b", "a + b"));
}

#[tokio::test]
async fn every_dialect_makes_a_patch_that_git_takes() {
    check(
        Dialect::Functions,
        "edit_file",
        json!({ "path": "pkg/calc.py", "old_text": "(a, b):\n    return a - b", "new_text": "(a, b):\n    return a + b" }),
    )
    .await;
    check(
        Dialect::ApplyPatch,
        "apply_patch",
        json!({ "input": "*** Begin Patch\n*** Update File: pkg/calc.py\n def add(a, b):\n-    return a - b\n+    return a + b\n*** End Patch" }),
    )
    .await;
    check(
        Dialect::TextEditor,
        "str_replace_based_edit_tool",
        json!({ "command": "str_replace", "path": "pkg/calc.py", "old_str": "    return a - b\n", "new_str": "    return a + b\n" }),
    )
    .await;
}

#[tokio::test]
async fn what_is_outside_or_belongs_to_git_is_out_of_reach() {
    let world = TempDir::new().expect("a temporary folder can be made");
    let work = checkout(&world, &[("calc.py", "x = 1\n")]).await;
    fs::write(world.path().join("secret.txt"), "S3CR3T").expect("a file can be written");
    let write = |path: &str| ("write_file", json!({ "path": path, "text": "x = 2\n" }));
    let read = |path: &str| ("read_file", json!({ "path": path }));
    let tools = vec![
        read("../../secret.txt"),
        read("/etc/passwd"),
        read(".git/config"),
        read("nowhere.py"),
        write("../../evil.py"),
        write("/tmp/evil.py"),
        write(".git/hooks/pre-commit"),
        write("a/../.git/config"),
    ];
    let visit = visit(work, Dialect::Functions, tools).await;
    for (answer, number) in answers(&visit).iter().zip(1..) {
        assert!(answer.starts_with("could not "), "call {number}: {answer}");
        assert!(!answer.contains("S3CR3T"), "call {number}: {answer}");
    }
    let change = visit.work.change().await.expect("git tells the difference");
    assert_eq!(change.patch, "");
}

#[tokio::test]
async fn a_folder_is_listed_where_a_file_was_expected() {
    let world = TempDir::new().expect("a temporary folder can be made");
    let work = checkout(&world, &[("pkg/a.py", ""), ("pkg/b.py", ""), ("c.py", "")]).await;
    let view = |path: &str| {
        let arguments = json!({ "command": "view", "path": path });
        ("str_replace_based_edit_tool", arguments)
    };
    let visit = visit(work, Dialect::TextEditor, vec![view("pkg"), view(".")]).await;
    assert_eq!(
        answers(&visit),
        ["pkg/a.py\npkg/b.py\n", "c.py\npkg/a.py\npkg/b.py\n"]
    );
}

//! Programs in a checkout, behind the walls that stand around them in earnest.

use std::path::Path;

use expect_test::{Expect, expect};
use protocol::{Command, Execution, ToolFile, Workspace};
use sandbox::confine::Walls;
use workspace::checkout::{Checkout, SystemPrograms};

use crate::world::World;

async fn behind_walls(world: &World) -> Checkout {
    let stage = env!("CARGO_BIN_EXE_inner");
    let walls = Walls::probe(Some(Path::new("/usr/bin/bwrap")), Path::new(stage))
        .await
        .expect("bubblewrap works on machines that run the tests");
    let opening = world.opening_behind("one", walls, SystemPrograms::default());
    let origin = workspace::checkout::Origin::Folder(world.repo());
    Checkout::open(opening, &origin, None, false, &protocol::Silent)
        .await
        .unwrap()
}

fn shown(ended: &Execution) -> String {
    format!("{:?}\n{}", ended.exit, ended.tail())
}

async fn check(line: &str, want: Expect) {
    let world = World::with(&[("a.py", "a = 1\n"), ("d/b.py", "b = 1\n")]);
    let checkout = behind_walls(&world).await;
    checkout.write("a.py", b"a = 2\n").await.unwrap();
    let command = Command::new(["bash", "-c", line], 60);
    let ended = checkout.run(&command).await.unwrap();
    want.assert_eq(&shown(&ended));
}

#[tokio::test]
async fn git_in_the_tree_shows_what_has_been_changed() {
    check(
        "git status --short; git diff -U0; git log --format=%s; git blame -s a.py | tail -c 6",
        expect![[r#"
        Code(0)
         M a.py
        diff --git a/a.py b/a.py
        index 1337a53..e7cabca 100644
        --- a/a.py
        +++ b/a.py
        @@ -1 +1 @@
        -a = 1
        +a = 2
        first
        a = 2
    "#]],
    )
    .await;
}

#[tokio::test]
async fn git_in_the_tree_is_a_picture_that_nobody_can_change() {
    check(
        "echo x >> .git/config; git config user.name x; rm -rf .git 2>&1 | LC_ALL=C sort >&2; ls -d .git",
        expect![[r#"
            Code(0)
            .git
            bash: line 1: .git/config: Read-only file system
            error: could not lock config file .git/config: Read-only file system
            rm: cannot remove '.git/HEAD': Read-only file system
            rm: cannot remove '.git/config': Read-only file system
            rm: cannot remove '.git/description': Read-only file system
            rm: cannot remove '.git/hooks': Read-only file system
            rm: cannot remove '.git/index': Read-only file system
            rm: cannot remove '.git/info/exclude': Read-only file system
            rm: cannot remove '.git/logs/refs/heads': Read-only file system
            rm: cannot remove '.git/objects/info/alternates': Read-only file system
            rm: cannot remove '.git/objects/pack': Read-only file system
            rm: cannot remove '.git/packed-refs': Read-only file system
            rm: cannot remove '.git/refs/heads': Read-only file system
            rm: cannot remove '.git/refs/tags': Read-only file system
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_tree_is_writable_and_nothing_else_of_the_run_is() {
    let world = World::with(&[("a.py", "a = 1\n")]);
    let checkout = behind_walls(&world).await;
    let line = "echo > new.py; echo > ../beside; ls ../../kept.git; echo > ../../kept.git/x";
    let command = Command::new(["bash", "-c", line], 60);
    checkout.run(&command).await.unwrap();
    assert!(checkout.path().join("new.py").exists());
    assert!(!checkout.path().with_file_name("beside").exists());
    assert!(!world.path("runs/one/kept.git/x").exists());
}

#[tokio::test]
async fn a_command_that_only_looks_cant_write_the_tree() {
    let world = World::with(&[("a.py", "a = 1\n")]);
    let checkout = behind_walls(&world).await;
    let mut command = Command::new(["bash", "-c", "echo x > a.py; cat a.py"], 60);
    command.writes_tree = false;
    let ended = checkout.run(&command).await.unwrap();
    expect![[r#"
        Code(0)
        a = 1
        bash: line 1: a.py: Read-only file system
    "#]]
    .assert_eq(&shown(&ended));
}

#[tokio::test]
async fn tools_lie_outside_the_tree_and_a_folder_can_be_chosen() {
    let world = World::with(&[("d/b.py", "b = 1\n")]);
    let checkout = behind_walls(&world).await;
    let mut command = Command::new(
        [
            "bash",
            "-c",
            "cat {tools}/help.py $OTHER; ls; echo > {tools}/x",
        ],
        60,
    );
    command.directory = "d".to_owned();
    command
        .env
        .insert("OTHER".to_owned(), "{tools}/help.py".to_owned());
    command.tools.push(ToolFile {
        name: "help.py".to_owned(),
        text: "help\n".to_owned(),
    });
    let ended = checkout.run(&command).await.unwrap();
    assert_eq!(ended.stdout.text, "help\nhelp\nb.py\n");
    assert!(
        ended.stderr.text.contains("Read-only file system"),
        "{}",
        ended.stderr.text
    );
    for (directory, tool) in [
        ("../..", "x"),
        ("nosuch", "x"),
        ("d/b.py", "x"),
        ("", "../x"),
    ] {
        command.directory = directory.to_owned();
        command.tools[0].name = tool.to_owned();
        let refused = checkout.run(&command).await.unwrap_err();
        assert!(
            refused.is_the_callers_fault(),
            "{directory} {tool}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_line_is_judged_before_it_runs() {
    let world = World::with(&[("a.py", "print('hello')\n")]);
    let checkout = behind_walls(&world).await;
    let allowed = checkout
        .run_line("cat a.py | wc -l && git status --short", 60)
        .await
        .unwrap();
    expect![[r#"
        Code(0)
        1
    "#]]
    .assert_eq(&shown(&allowed));
    let plain = checkout.run_line("head -n 1 'a.py'", 60).await.unwrap();
    expect![[r#"
        Code(0)
        print('hello')
    "#]]
    .assert_eq(&shown(&plain));
    let denied = checkout
        .run_line("curl http://example.org/", 60)
        .await
        .unwrap_err();
    assert!(denied.is_the_callers_fault());
    assert!(
        denied
            .to_string()
            .starts_with("run `curl http://example.org/`: "),
        "{denied}"
    );
}

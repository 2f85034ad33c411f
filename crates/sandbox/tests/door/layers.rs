//! Which walls are chosen, and what the report says of them.

use std::path::Path;

use expect_test::{Expect, expect};
use sandbox::confine::Walls;

use crate::world::{STAGE, told};

async fn check(bubblewrap: Option<&str>, stage: &str, expected: Expect) {
    let shown = match Walls::probe(bubblewrap.map(Path::new), Path::new(stage)).await {
        Err(error) => told(&error),
        Ok(walls) => {
            let confinement = walls.confinement();
            let holds_for_everybody = |gap: &&String| !gap.contains("as root");
            let gaps = confinement.gaps.iter().filter(holds_for_everybody);
            let gaps: Vec<&str> = gaps.map(String::as_str).collect();
            format!("{}\n{}\n", confinement.layers.join(" "), gaps.join("\n"))
        }
    };
    expected.assert_eq(&shown);
}

#[tokio::test]
async fn bubblewrap_comes_first() {
    check(
        Some("/usr/bin/bwrap"),
        STAGE,
        expect![[r#"
        bubblewrap landlock seccomp rlimits
        memory and processor time are limited for each process, not for all together
    "#]],
    )
    .await;
}

#[tokio::test]
async fn without_bubblewrap_the_gaps_are_named() {
    check(None, STAGE, expect![[r#"
        landlock seccomp rlimits
        no private view (bubblewrap: not installed): names, sizes and times of the host's files can be seen
        modes and times of the user's own files can be changed, also outside the tree
        commands can change the tree's `.git`
        no sockets, terminals and shared memory, so tests that use them fail
        an installation reaches every host that listens on the port number of our proxy
        memory and processor time are limited for each process, not for all together
    "#]]).await;
}

#[tokio::test]
async fn a_bubblewrap_that_does_not_work_is_like_none() {
    check(Some("/bin/false"), STAGE, expect![[r#"
        landlock seccomp rlimits
        no private view (bubblewrap: it ended without a word): names, sizes and times of the host's files can be seen
        modes and times of the user's own files can be changed, also outside the tree
        commands can change the tree's `.git`
        no sockets, terminals and shared memory, so tests that use them fail
        an installation reaches every host that listens on the port number of our proxy
        memory and processor time are limited for each process, not for all together
    "#]]).await;
}

#[tokio::test]
async fn where_nothing_works_nothing_runs() {
    check(Some("/usr/bin/bwrap"), "/bin/false", expect!["find a sandbox on this machine: bubblewrap: it ended without a word; Landlock: it ended without a word (install bubblewrap and allow unprivileged user namespaces, or ask for `--unconfined`)"]).await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    check(None, "/no/such/stage", expect!["find a sandbox on this machine: bubblewrap: not installed; Landlock: start `/no/such/stage`: No such file or directory (os error 2) (install bubblewrap and allow unprivileged user namespaces, or ask for `--unconfined`)"]).await;
}

#[test]
fn no_walls_are_no_layers() {
    let walls = Walls::unconfined();
    expect![[r#"
        Confinement {
            layers: [],
            gaps: [
                "no walls, as asked for: commands reach all files and hosts that the user reaches",
            ],
        }
    "#]]
    .assert_debug_eq(walls.confinement());
}

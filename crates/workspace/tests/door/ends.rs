//! How programs end, whoever ends them.

use crate::world::{Behind, World, shown};
use expect_test::{Expect, expect};

async fn check(behind: Behind, line: &str, expected: Expect) {
    let world = World::new(behind).await;
    let execution = world.run(&world.shell(line)).await;
    expected.assert_eq(&shown(&execution));
}

#[tokio::test]
async fn a_program_that_succeeds() {
    for behind in [Behind::Bubblewrap, Behind::LandlockAlone, Behind::Nothing] {
        check(
            behind,
            "echo to you; echo to me >&2",
            expect![[r#"
            Code(0)
            to you
            to me
        "#]],
        )
        .await;
    }
}

#[tokio::test]
async fn a_program_that_fails() {
    for behind in [Behind::Bubblewrap, Behind::LandlockAlone, Behind::Nothing] {
        check(behind, "exit 137", expect!["Code(137)\n"]).await;
    }
}

#[tokio::test]
async fn a_program_that_dies_by_a_signal() {
    for behind in [Behind::Bubblewrap, Behind::LandlockAlone, Behind::Nothing] {
        check(behind, "kill -9 $$", expect!["Signal(9)\n"]).await;
    }
}

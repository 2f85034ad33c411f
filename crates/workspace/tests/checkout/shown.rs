//! What a model is shown of its command lines: nothing that differs by run or machine, and the text of files as it is.

use std::path::Path;

use expect_test::{Expect, expect};
use protocol::{Exit, Place, Workspace};
use sandbox::confine::Walls;
use workspace::checkout::{Checkout, Origin, SystemPrograms};

use crate::world::World;

/// Words that are blanked out where a program says them.
const NOISE: &str = "2 passed in 0.14s\n<f at 0x7f05ab12> in /home/ada/x\n";

async fn checkout(files: &[(&str, &str)]) -> (World, Checkout) {
    let world = World::with(files);
    let stage = env!("CARGO_BIN_EXE_inner");
    let walls = Walls::probe(Some(Path::new("/usr/bin/bwrap")), Path::new(stage)).await;
    let walls = walls.expect("some walls hold where the tests run");
    let mut opening = world.opening_behind("one", walls, SystemPrograms::default());
    opening.home = vec![Place::new(Path::new("/home/ada"), "~")];
    opening.places = vec![Place::new(&world.path(""), "/state")];
    let origin = Origin::Folder(world.repo());
    let checkout = Checkout::open(opening, &origin, None, false, &protocol::Silent).await;
    (world, checkout.unwrap())
}

async fn says(checkout: &Checkout, line: &str) -> String {
    let ended = checkout.run_line(line, 60).await.unwrap();
    let how = match ended.exit {
        Exit::Code(0) => String::new(),
        other => format!("{other:?}\n"),
    };
    how + &ended.tail()
}

async fn check(files: &[(&str, &str)], line: &str, want: Expect) {
    let (_world, checkout) = checkout(files).await;
    want.assert_eq(&says(&checkout, line).await);
}

#[tokio::test]
async fn places_have_the_same_names_behind_all_walls() {
    check(
        &[("a.py", "")],
        "python3 -c 'import os, pwd, getpass; e = os.environ; print(os.getcwd(), os.path.abspath(\"a.py\"), e[\"HOME\"], e[\"TMPDIR\"], getpass.getuser())'",
        expect![[r#"
            . a.py /home/agent /tmp agent
        "#]],
    )
    .await;
    check(
        &[("d/a.py", "")],
        "cd d && pwd && realpath a.py",
        expect![[r#"
            d
            d/a.py
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_a_program_says_is_steady_and_what_a_file_holds_stays() {
    let files = [("noise.txt", NOISE)];
    let steady = "2 passed in …s\n<f> in ~/x\n";
    let (_world, checkout) = checkout(&files).await;
    for line in [
        "python3 -c 'print(open(\"noise.txt\").read(), end=\"\")'",
        "python3 -c '' && cat noise.txt",
    ] {
        assert_eq!(says(&checkout, line).await, steady, "{line}");
    }
    for line in [
        "cat noise.txt",
        "head -n 9 noise.txt | grep -v nothing",
        "sed -n 1,9p noise.txt",
        "git show HEAD:noise.txt",
    ] {
        assert_eq!(says(&checkout, line).await, NOISE, "{line}");
    }
}

#[tokio::test]
async fn what_is_found_in_folders_is_in_order() {
    let names: Vec<String> = (0..40)
        .map(|it| format!("d{}/f{}.py", it % 3, (it * 17) % 40))
        .collect();
    let files: Vec<(&str, &str)> = names
        .iter()
        .map(|it| (it.as_str(), "x = 2\ny = 1\nx = 1\n"))
        .collect();
    let (_world, checkout) = checkout(&files).await;
    let mut sorted: Vec<String> = names.iter().map(|it| format!("./{it}\n")).collect();
    sorted.sort();
    assert_eq!(
        says(&checkout, "find . -name '*.py'").await,
        sorted.concat()
    );
    assert_eq!(
        says(&checkout, "find . -name '*.py' | head -n 1").await,
        sorted[0]
    );
    let lines = |path: &String| {
        let path = path.trim_end();
        format!("{path}:1:x = 2\n{path}:3:x = 1\n")
    };
    let found: String = sorted.iter().map(lines).collect();
    for line in [
        "grep -rn 'x =' .",
        "grep -nR -e 'x =' .",
        "grep --recursive -n 'x =' .",
    ] {
        assert_eq!(says(&checkout, line).await, found, "{line}");
    }
    // The order of one file's lines is its own, and statuses are those of the program.
    let first = names[0].as_str();
    assert_eq!(
        says(&checkout, &format!("grep '=' {first}")).await,
        "x = 2\ny = 1\nx = 1\n"
    );
    assert_eq!(says(&checkout, "grep -r nothing .").await, "Code(1)\n");
    assert_eq!(
        says(&checkout, "find nothing 2>/dev/null").await,
        "Code(1)\n"
    );
}

#[tokio::test]
async fn sets_have_one_order() {
    let line = "python3 -c 'print({\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"})'";
    let (_world, one) = checkout(&[("a.py", "")]).await;
    let first = says(&one, line).await;
    for _ in 0..3 {
        assert_eq!(says(&one, line).await, first);
    }
}

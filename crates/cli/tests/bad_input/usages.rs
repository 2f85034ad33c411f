//! What people type wrongly, a row each: what the program says to it, how it ends, and that nothing is spent and no run is left.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;

use expect_test::expect_file;

use crate::world::{PAGES, ROUND_UP, World};

/// Shell lines, run one after the other in the folder `here`, which is no repository; `$REPO` is one.
const ROWS: &str = include_str!("usages.sh");
/// A key that must not be told.
const KEY: &str = "key-3f9c2b7e41d0";

/// What is said before the form of the command and the hint to `--help`, which are the library's.
fn words(said: &str) -> String {
    let own = said.split("\nUsage:").next().unwrap_or_default();
    let own = own
        .split("\nFor more information")
        .next()
        .unwrap_or_default();
    own.trim_end().to_owned()
}

#[test]
fn a_wrong_usage_is_told_with_what_to_do_and_costs_nothing() {
    let vendor = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    vendor.set_nonblocking(true).expect("it can be asked");
    let address = format!("http://{}/v1", vendor.local_addr().expect("it has one"));
    let world = [
        "OPENAI_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "GOOGLE_GEMINI_BASE_URL",
    ]
    .iter()
    .fold(World::with_repository(PAGES), |world, it| {
        world.variable(it, &address)
    })
    .variable("OPENAI_API_KEY", KEY)
    .variable("ANTHROPIC_API_KEY", KEY)
    .variable("GOOGLE_API_KEY", KEY)
    .variable("REPO", "[WORLD]/repo")
    .says("draft", &[ROUND_UP])
    .file("here/file.txt", "text\n")
    .file("here/empty.md", "\n \n")
    .file("here/latin.md", b"gr\xfc\xdfe\n")
    .file("here/full/something.txt", "text\n")
    .file("here/test_mine.py", "def test_mine():\n    assert True\n")
    .file("here/no_test.py", "x = 1\n");
    fs::create_dir(world.path("here/empty")).expect("a folder can be made");
    let runs = world.path("home/.local/state/pipeline/runs");

    let (mut told, mut wrong, mut count) = (String::new(), Vec::new(), 0);
    for row in ROWS.lines().filter(|it| !it.is_empty()) {
        if let Some(about) = row.strip_prefix("# ") {
            told += &format!("## {about}\n\n");
            continue;
        }
        count += 1;
        let ended = world.shell("here", row);
        let said = words(&world.masked(&ended.stderr).replace(&address, "[ADDRESS]"));
        told += &format!("$ {row}\n{said}\nexit {}\n\n", ended.code);
        let left = fs::read_dir(&runs).map_or(0, Iterator::count);
        let is_fine = [
            (ended.code == 0, "it ends well"),
            (ended.stderr.is_empty(), "nothing is said"),
            (!ended.stdout.is_empty(), "there is a result"),
            (left != 0, "a run is left"),
            (ended.stderr.contains(KEY), "the key is told"),
        ];
        wrong.extend(
            is_fine
                .iter()
                .filter(|it| it.0)
                .map(|it| format!("{row}: {}", it.1)),
        );
    }
    expect_file!["usages.txt"].assert_eq(&told);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(120 <= count, "only {count} rows");
    let asked = vendor.accept().expect_err("nobody asked a vendor");
    assert_eq!(asked.kind(), ErrorKind::WouldBlock, "{asked}");
    let listed = world.pipeline(&["runs"]).stdout;
    assert!(listed.starts_with("No runs yet."), "{listed}");
}

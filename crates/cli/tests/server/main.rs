//! The server as its users meet it: a real process, real sockets, scripted models.

mod lives;
#[path = "../bad_input/world.rs"]
#[expect(dead_code, reason = "the other tests of the program use more of it")]
mod world;

use expect_test::expect_file;

use testkit::Fixture;

use world::World;

/// Begins a server; `$port`, `$token` and `$server` are its.
const BEGIN: &str = r#"
begin() {
  : > serve.log
  "$PROGRAM" serve --listen 127.0.0.1:0 "$@" > serve.log 2> serve.err &
  server=$!
  for _ in $(seq 200); do grep -q ^listening serve.log && break; sleep 0.05; done
  port=$(sed -n 's#^listening .*:\([0-9]*\)$#\1#p' serve.log)
  token=$(cat "$(sed -n 's#^token  *\([^ ]*\) .*#\1#p' serve.log)")
}
"#;

/// A repository, its scripts, and a client.
fn world(client: &str) -> World {
    let fixture = Fixture::load(&Fixture::root().join("tasks").join("off_by_one"));
    let files: Vec<(&str, &str)> = fixture
        .before
        .iter()
        .map(|(path, bytes)| {
            let text = std::str::from_utf8(bytes).expect("it is text");
            (path.as_str(), text)
        })
        .collect();
    let world = World::with_repository(&files).file("here/client.py", client);
    let replies = fixture.folder.join("replies");
    std::os::unix::fs::symlink(replies, world.path("replies")).expect("a link can be made");
    let task = format!("{}\n\n{}", fixture.task.title, fixture.task.body);
    world.file("here/task.txt", task)
}

#[test]
fn a_bad_request_is_told_what_is_wrong_and_begins_nothing() {
    let world = world(include_str!("requests.py"));
    let script = format!(
        r#"{BEGIN}
        ln -s /etc ../repo/out
        begin --folder ../repo --scripted ../replies
        python3 client.py "$port" "$token" "$(realpath ../repo)"
        kill -TERM $server; wait $server; echo "the server ended with $?"
        cat serve.err
        "#
    );
    let ended = world.shell("here", &script);
    let said = world.seen(&ended);
    let answers = said.lines().filter(|it| it.contains(": ")).count();
    assert!(150 <= answers, "{answers} requests");
    let broken: Vec<&str> = said.lines().filter(|it| it.contains(": 500 ")).collect();
    assert_eq!(broken, [""; 0], "the server broke");
    expect_file!["requests.txt"].assert_eq(&said);
}

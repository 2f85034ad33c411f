//! Pieces of Python, run directly: how they end, what is kept of their words, and what they can't see.

use std::net::TcpListener;

use expect_test::{Expect, expect};
use protocol::Execution;
use sandbox::command::Bounds;
use sandbox::snippet::{self, Interpreter};

use crate::world::{Behind, KEY, World, bounds, readable, tools};

async fn run(text: &str, bounds: &Bounds) -> Execution {
    let world = World::new(Behind::Bubblewrap).await;
    let python = Interpreter {
        program: tools().join("bin/python3"),
        readable: readable(),
    };
    snippet::run(&world.door, &python, text, bounds)
        .await
        .expect("Python can be run")
}

async fn check(text: &str, bounds: &Bounds, want: Expect) {
    let ended = run(text, bounds).await;
    let stream = |it: &protocol::Captured| format!("{:?} of {} bytes", it.text, it.bytes_total);
    want.assert_eq(&format!(
        "{:?}\n{}\n{}",
        ended.exit,
        stream(&ended.stdout),
        stream(&ended.stderr)
    ));
}

#[tokio::test]
async fn both_streams_and_the_status_come_back() {
    check(
        "import sys\nprint(6 * 7)\nprint('oh', file=sys.stderr)\nsys.exit(3)\n",
        &bounds(),
        expect![[r#"
            Code(3)
            "42\n" of 3 bytes
            "oh\n" of 3 bytes"#]],
    )
    .await;
    check(
        "",
        &bounds(),
        expect![[r#"
        Code(0)
        "" of 0 bytes
        "" of 0 bytes"#]],
    )
    .await;
    check(
        "import os\nos.kill(os.getpid(), 9)",
        &bounds(),
        expect![[r#"
            Signal(9)
            "" of 0 bytes
            "" of 0 bytes"#]],
    )
    .await;
    let failed = run("raise ValueError('no')", &bounds()).await;
    assert!(
        failed.stderr.text.ends_with("ValueError: no\n"),
        "{failed:?}"
    );
    let silent = run("print(input())", &bounds()).await;
    assert!(silent.stderr.text.contains("EOFError"), "{silent:?}");
    let unread = run("def (:", &bounds()).await;
    assert!(unread.stderr.text.contains("SyntaxError"), "{unread:?}");
}

#[tokio::test]
async fn what_does_not_end_is_ended() {
    let short = Bounds {
        wall_seconds_max: 2,
        ..bounds()
    };
    check(
        "while True:\n    pass",
        &short,
        expect![[r#"
        TooSlow
        "" of 0 bytes
        "" of 0 bytes"#]],
    )
    .await;
    check(
        "import time\nprint('begun', flush=True)\ntime.sleep(600)",
        &short,
        expect![[r#"
            TooSlow
            "begun\n" of 6 bytes
            "" of 0 bytes"#]],
    )
    .await;
}

#[tokio::test]
async fn a_flood_is_cut_and_stopped() {
    let small = Bounds {
        output_bytes_max: 16,
        ..bounds()
    };
    check(
        "print('x' * 1000, end='')",
        &small,
        expect![[r#"
        Code(0)
        "xxxxxxxx\n[... 984 bytes left out ...]\nxxxxxxxx" of 1000 bytes
        "" of 0 bytes"#]],
    )
    .await;
    let flood = run("while True:\n    print('x' * 65536)", &small).await;
    assert_eq!(flood.exit, protocol::Exit::TooMuchOutput);
    assert!(flood.stdout.text.len() < 200, "{}", flood.stdout.text.len());
    assert!(small.output_flood_bytes_max <= flood.stdout.bytes_total);
    let memory = Bounds {
        memory_bytes_max: 256 << 20,
        ..bounds()
    };
    let greedy = run("x = bytearray(1 << 30)", &memory).await;
    assert!(greedy.stderr.text.contains("MemoryError"), "{greedy:?}");
}

#[tokio::test]
async fn nothing_of_this_machine_is_in_sight() {
    let home = std::env::var("HOME").expect("the tests have a home");
    let secret = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = format!(
        "import os\n\
         print(os.listdir('.'), os.listdir(os.path.expanduser('~')))\n\
         print(os.path.exists({:?}), {KEY:?} in str(os.environ))\n\
         print(' '.join(os.listdir({home:?})) if os.path.exists({home:?}) else '')\n\
         open('mine', 'w').write('x')\n\
         print(os.listdir('.'))\n",
        secret.path()
    );
    let ended = run(&text, &bounds()).await;
    let lines: Vec<&str> = ended.stdout.text.lines().collect();
    assert_eq!(lines[..2], ["[] []", "False False"], "{ended:?}");
    // An interpreter may be installed in the home; the way to it is all that is there.
    for name in lines[2].split_whitespace() {
        let way = std::path::Path::new(&home).join(name);
        assert!(
            readable().iter().any(|it| it.starts_with(&way)),
            "{ended:?}"
        );
    }
    assert_eq!(lines[3], "['mine']", "{ended:?}");
}

#[tokio::test]
async fn no_network_is_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let text = format!(
        "import socket\n\
         for host, port in [('127.0.0.1', {port}), ('192.0.2.1', 80)]:\n\
         \x20   try:\n\
         \x20       socket.create_connection((host, port), timeout=5)\n\
         \x20       print('reached', host)\n\
         \x20   except OSError as error:\n\
         \x20       print(type(error).__name__)\n"
    );
    let ended = run(&text, &bounds()).await;
    assert!(!ended.stdout.text.contains("reached"), "{ended:?}");
    assert_eq!(ended.stdout.text.lines().count(), 2, "{ended:?}");
}

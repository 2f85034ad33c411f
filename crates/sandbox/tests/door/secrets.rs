//! What a program learns of our own environment: nothing.

use std::collections::BTreeMap;

use expect_test::expect;
use serde::Deserialize;

use crate::world::{Behind, EVERYWHERE, KEY, World, fixture, shown};

#[derive(Deserialize)]
struct Variable {
    name: String,
    child_sees: bool,
}

async fn variables(behind: Behind) -> BTreeMap<String, String> {
    const PROGRAM: &str = "import json, os; print(json.dumps(dict(os.environ)))";
    let world = World::new(behind).await;
    let execution = world.run(&world.spawn(&["python3", "-c", PROGRAM])).await;
    serde_json::from_str(&execution.stdout.text).expect("the program prints JSON")
}

#[tokio::test]
async fn a_program_gets_a_handful_of_variables() {
    for behind in EVERYWHERE {
        let names: Vec<String> = variables(behind).await.into_keys().collect();
        expect!["HOME LANG PATH TERM TMPDIR"].assert_eq(&names.join(" "));
    }
}

#[tokio::test]
async fn keys_and_what_steers_programs_are_not_among_them() {
    let variables = variables(Behind::Bubblewrap).await;
    for row in fixture("cases/env.jsonl").lines() {
        let row: Variable = serde_json::from_str(row).expect("a row is a variable");
        assert_eq!(
            variables.contains_key(&row.name),
            row.child_sees,
            "{}",
            row.name
        );
    }
}

#[tokio::test]
async fn no_process_in_sight_holds_a_key() {
    // All that is readable under /proc, of every process that is visible there.
    const PROGRAM: &str = "
import glob, os
for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
    try:
        with open(path, 'rb') as file:
            if os.environ['MARK'].encode()[::-1] in file.read():
                print('found in', path)
    except OSError as error:
        if not path.startswith(f'/proc/{os.getppid()}/'):
            print(path, error)
print('done')
";
    let world = World::new(Behind::Bubblewrap).await;
    let mut spawn = world.spawn(&["python3", "-c", PROGRAM]);
    // Backwards, so that the search doesn't find itself.
    spawn.env.insert("MARK".into(), KEY.chars().rev().collect());
    expect![[r#"
        Code(0)
        done
    "#]]
    .assert_eq(&shown(&world.run(&spawn).await));
}

#[tokio::test]
async fn the_network_ends_at_the_loopback_device() {
    let world = World::new(Behind::Bubblewrap).await;
    let execution = world
        .run(&world.shell("tail -n +3 /proc/net/dev | cut -d: -f1; tail -n +2 /proc/net/route"))
        .await;
    expect![[r#"
        Code(0)
            lo
    "#]]
    .assert_eq(&shown(&execution));
}

#[tokio::test]
async fn a_variable_of_the_command_does_not_reach_what_starts_it() {
    // Were it in the environment of bubblewrap or of the inner stage, the loader would print an error.
    let world = World::new(Behind::Bubblewrap).await;
    let mut spawn = world.shell("exit 0");
    spawn
        .env
        .insert("LD_PRELOAD".into(), "/no/such/library.so".into());
    let execution = world.run(&spawn).await;
    let complaints = execution.stderr.text.matches("cannot be preloaded").count();
    assert_eq!((execution.succeeded(), complaints), (true, 1));
}

//! Command lines whose effects must stay inside, run for real: no row may do outside what it does without walls.

use std::collections::BTreeMap;
use std::path::Path;

use sandbox::command::View;
use serde::Deserialize;

use crate::walls::Counter;
use crate::world::{Behind, KEY, World, fixture};

/// One row of `fixtures/cases/effects.jsonl` or `test_time.jsonl`.
#[derive(Deserialize)]
struct Case {
    id: String,
    cmd: String,
    allow: bool,
    setup: Vec<String>,
    effect: Effect,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Says that the second half of the command line runs later, without walls.
    after_semicolon: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Effect {
    File { path: String },
    Changed { path: String },
    Removed { path: String },
    Stdout { contains: String },
    Connect,
}

/// Rows that are decided elsewhere, and where.
const NOT_HERE: &[(&str, &str)] = &[
    (
        "e199",
        "a hard link made before is the tree's own file: checkouts are private",
    ),
    (
        "e227",
        "commands don't commit: `.git` is sealed, and delivery commits",
    ),
];

/// The places a row speaks of.
struct Places {
    world: World,
    listener: Counter,
}

impl Places {
    async fn new(behind: Behind) -> Places {
        let places = Places {
            world: World::new(behind).await,
            listener: Counter::new(),
        };
        let secret = format!("{KEY}\n");
        std::fs::write(places.world.out().join("secret.txt"), secret).expect("it can be written");
        std::fs::create_dir(places.world.out().join("home")).expect("a folder can be made");
        places
            .unguarded(
                "git init -q . && mkdir -p src tests victim && echo x > README.md && echo 'print(1)' > app.py \
                 && echo 'def test_a(): pass' > tests/test_a.py && git add -A && git commit -q -m one \
                 && echo y >> README.md && git commit -q -a -m two",
            )
            .await;
        places
    }

    fn fill(&self, text: &str) -> String {
        let out = self.world.out();
        text.replace("{WS}", &self.world.tree().display().to_string())
            .replace("{SECRET}", &out.join("secret.txt").display().to_string())
            .replace("{HOME}", &out.join("home").display().to_string())
            .replace("{OUT}", &out.display().to_string())
            .replace("{PORT}", &self.listener.port.to_string())
    }

    async fn unguarded(&self, line: &str) -> bool {
        let mut spawn = self.world.spawn(&["bash", "-c", &self.fill(line)]);
        spawn.view = View::Bounded;
        for role in ["AUTHOR", "COMMITTER"] {
            spawn.env.insert(format!("GIT_{role}_NAME"), "A".into());
            spawn
                .env
                .insert(format!("GIT_{role}_EMAIL"), "a@h.test".into());
        }
        self.world.run(&spawn).await.succeeded()
    }

    /// Whether the row did what it says, behind the walls.
    async fn fires(&self, case: &Case) -> bool {
        for line in &case.setup {
            self.unguarded(line).await;
        }
        let before = self.content(&case.effect);
        let (now, later) = match &case.after_semicolon {
            Some(_) => case.cmd.split_once(';').unwrap_or((&case.cmd, "true")),
            None => (case.cmd.as_str(), "true"),
        };
        let mut spawn = self.world.spawn(&["bash", "-c", &self.fill(now)]);
        // The first refused connection says enough.
        spawn.env.insert("PIP_RETRIES".into(), "0".into());
        for (name, value) in &case.env {
            spawn.env.insert(name.clone(), self.fill(value));
        }
        let execution = self.world.run(&spawn).await;
        self.unguarded(later).await;
        match &case.effect {
            Effect::File { path } => Path::new(&self.fill(path)).exists(),
            Effect::Changed { .. } => self.content(&case.effect) != before,
            Effect::Removed { .. } => self.content(&case.effect).is_none() && before.is_some(),
            Effect::Stdout { contains } => execution.tail().contains(contains.as_str()),
            Effect::Connect => self.listener.connections() != 0,
        }
    }

    /// What a path holds; the names in it for a folder.
    fn content(&self, effect: &Effect) -> Option<Vec<u8>> {
        let (Effect::Changed { path } | Effect::Removed { path } | Effect::File { path }) = effect
        else {
            return None;
        };
        let path = self.fill(path);
        std::fs::read(&path).ok().or_else(|| {
            let names = std::fs::read_dir(&path).ok()?.flatten();
            let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
            Some(format!("{names:?}").into_bytes())
        })
    }
}

async fn check(file: &str, behind: Behind, tried_min: usize) {
    let rows = fixture(&format!("cases/{file}"));
    let mut wrong = Vec::new();
    let mut tried = 0;
    for row in rows.lines() {
        let case: Case = serde_json::from_str(row).expect("a row is a case");
        if NOT_HERE.iter().any(|(id, _)| *id == case.id) {
            continue;
        }
        let places = Places::new(behind).await;
        let program = case.cmd.split(' ').find(|word| !word.contains('='));
        let asks = format!("command -v {}", program.unwrap_or("true"));
        if !places.unguarded(&asks).await {
            continue;
        }
        tried += 1;
        if places.fires(&case).await != case.allow {
            wrong.push(format!("{}: {}", case.id, case.cmd));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried_min <= tried, "only {tried} rows could be tried here");
}

#[tokio::test]
async fn what_a_command_line_does_stays_inside() {
    check("effects.jsonl", Behind::Bubblewrap, 30).await;
}

#[tokio::test]
async fn what_a_command_line_does_stays_inside_of_landlock() {
    check("effects.jsonl", Behind::LandlockAlone, 30).await;
}

#[tokio::test]
async fn code_that_runs_at_test_time_stays_inside() {
    check("test_time.jsonl", Behind::Bubblewrap, 12).await;
}

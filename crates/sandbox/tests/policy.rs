//! The policy against bash itself: what an allowed line starts is what the policy said it would start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use protocol::Network;
use sandbox::command::{Bounds, Door, Spawn, View};
use sandbox::confine::Walls;
use sandbox::proxy::Egress;
use shell_policy::{Phase, judge};

const STAGE: &str = env!("CARGO_BIN_EXE_confine");

/// Lines that are made by splicing; most are refused.
const LINES: usize = 6_000;

/// Lets bash run each line of standard input, ended by a zero byte, where every program is a stand-in.
const DRIVER: &str = r#"
while IFS= read -r -d '' line; do
  echo "line" >> "$LOG"
  PATH="$STANDINS" /bin/bash --noprofile --norc -c "$line" < /dev/null > /dev/null 2>&1
done
"#;

/// A stand-in writes down its name and does nothing.
const STANDIN: &str = "#!/bin/bash\necho \"${0##*/}\" >> \"$LOG\"\n";

/// Programs that must not start, beside all words of the lines themselves.
const OTHERS: &[&str] = &[
    "rm", "sh", "bash", "curl", "touch", "env", "xargs", "sleep", "tee", "node",
];

fn command_lines() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cases/commands.jsonl");
    let text = fs::read_to_string(path).expect("the cases are in the repository");
    let command = |row: &str| {
        let row: serde_json::Value = serde_json::from_str(row).expect("a case is a row of JSON");
        row["cmd"]
            .as_str()
            .expect("a case has a command")
            .to_owned()
    };
    text.lines().map(command).collect()
}

/// Lines made of pieces of the compiled ones; the same in every run.
fn spliced(lines: &[String]) -> Vec<String> {
    const JOINTS: &[&str] = &[
        "", " ", "; ", " && ", " || ", " | ", "\n", " # ", "'", "\"", " > f", "(", ")", "\\", "$",
        "`", "<<E\n",
    ];
    // Knuth's MMIX generator.
    let mut state: u64 = 7;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let mut made = Vec::new();
    for _ in 0..LINES {
        let mut line = String::new();
        for _ in 0..=draw(3) {
            let words: Vec<&str> = lines[draw(lines.len())].split(' ').collect();
            let from = if draw(3) == 0 { draw(words.len()) } else { 0 };
            let until = from + 1 + draw(words.len() - from);
            line += &words[from..until].join(" ");
            line += JOINTS[draw(JOINTS.len())];
        }
        made.push(line);
    }
    made
}

#[tokio::test]
async fn an_allowed_line_starts_no_program_that_was_not_judged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = fs::canonicalize(folder.path()).expect("it is there");
    let (tree, standins) = (root.join("tree"), root.join("standins"));
    for name in ["tree", "standins", "scratch", "tree/src", "tree/tests"] {
        fs::create_dir_all(root.join(name)).expect("a folder can be made");
    }
    let mut rows = command_lines();
    // More of the allowed ones, so that enough of what is made of them is allowed too.
    let good: Vec<String> = rows
        .iter()
        .filter(|it| judge(it, Phase::Work, &tree).is_ok())
        .cloned()
        .collect();
    rows.extend((0..8).flat_map(|_| good.clone()));
    let allowed: Vec<(String, BTreeSet<String>)> = rows
        .iter()
        .cloned()
        .chain(spliced(&rows))
        .filter(|it| !it.contains('\0'))
        .filter_map(|line| {
            let judged = judge(&line, Phase::Work, &tree).ok()?;
            Some((line, judged.programs.into_iter().collect()))
        })
        .collect();
    let words = rows
        .iter()
        .flat_map(|it| it.split(|it: char| !it.is_ascii_alphanumeric() && it != '-' && it != '_'));
    let judged = allowed
        .iter()
        .flat_map(|(_, it)| it.iter().map(String::as_str));
    let names: BTreeSet<&str> = words
        .chain(judged)
        .chain(OTHERS.iter().copied())
        .filter(|it| !it.is_empty())
        .collect();
    for name in names {
        let path = standins.join(name);
        fs::write(&path, STANDIN).expect("a stand-in can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be started");
    }

    let started = run_all(&root, &allowed).await;
    assert_eq!(started.len(), allowed.len(), "every line was run");
    assert!(
        500 < allowed.len(),
        "only {} lines are allowed, too few to say anything",
        allowed.len()
    );
    assert!(
        500 < started.iter().filter(|it| !it.is_empty()).count(),
        "the stand-ins work"
    );
    let surprises: Vec<String> = allowed
        .iter()
        .zip(&started)
        .filter(|((_, judged), started)| !started.is_subset(judged))
        .map(|((line, judged), started)| format!("{line:?} judged {judged:?} started {started:?}"))
        .collect();
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// What each line started.
async fn run_all(root: &Path, lines: &[(String, BTreeSet<String>)]) -> Vec<BTreeSet<String>> {
    let walls = Walls::probe(Some(Path::new("/usr/bin/bwrap")), Path::new(STAGE)).await;
    let walls = walls.expect("these walls work on machines that run the tests");
    let door = Door::new(walls, STAGE.into(), root.join("scratch"), Egress::default());
    let log = root.join("log");
    fs::write(&log, "").expect("a file can be written");
    let stdin = lines
        .iter()
        .flat_map(|(line, _)| [line.as_bytes(), b"\0"].concat())
        .collect();
    let env = [
        ("LOG", log.display().to_string()),
        ("STANDINS", root.join("standins").display().to_string()),
    ];
    let spawn = Spawn {
        argv: ["/bin/bash", "-c", DRIVER].map(str::to_owned).to_vec(),
        directory: root.join("tree"),
        env: BTreeMap::from(env.map(|(name, value)| (name.to_owned(), value))),
        stdin,
        view: View::Confined {
            writable: vec![root.join("tree"), log.clone()],
            readable: vec![root.join("standins")],
            sealed: Vec::new(),
            network: Network::Loopback,
        },
        bounds: Bounds {
            wall_seconds_max: 300,
            cpu_seconds_max: 300,
            memory_bytes_max: 4 << 30,
            file_bytes_max: 64 << 20,
            processes_max: 256,
            output_bytes_max: 64 << 10,
            output_flood_bytes_max: 8 << 20,
        },
        report: false,
    };
    let ended = door.run(&spawn).await.expect("bash can be run");
    assert!(ended.succeeded(), "{:?}\n{}", ended.exit, ended.tail());
    let text = fs::read_to_string(&log).expect("the log is there");
    let of_line = |it: &str| it.lines().map(str::to_owned).collect();
    text.split("line\n").skip(1).map(of_line).collect()
}

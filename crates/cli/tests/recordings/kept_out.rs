//! What a recording must not hold is planted, and looked for by its value.

use std::fs;
use std::path::Path;

use testkit::Fixture;
use testkit::git::git;

use crate::world::{Ended, KEYS, Person, World, every_file};

/// Replies of a coder that reads a file and then does the work.
const READS_NOTES: &str = "[[call]]\ntool = \"read_file\"\npath = \"notes.txt\"\n";
const ROUNDS_UP: &str = "[[call]]\ntool = \"edit_file\"\npath = \"pages.py\"\nold_text = \"return items // size\"\nnew_text = \"return -(-items // size)\"\n\n[[call]]\ntool = \"finish\"\nsummary = \"Rounds up.\"\n";

/// Records a run on a repository with these notes, for a task in these words.
fn record(ada: &World, notes: &str, task: &str) -> Ended {
    let fixture = Fixture::load(&Fixture::root().join("tasks/off_by_one"));
    let repository = ada.repository(&fixture).expect("the fixture has one");
    fs::write(repository.join("notes.txt"), notes).expect("a file of the test can be written");
    git(&repository, &["add", "notes.txt"]);
    git(&repository, &["commit", "--quiet", "--message=Notes"]);
    ada.file("replies/draft/01.toml", READS_NOTES);
    ada.file("replies/draft/02.toml", ROUNDS_UP);
    let shown = |path: &Path| path.display().to_string();
    let arguments = [
        "run",
        "--quiet",
        task,
        "--repo",
        &shown(&repository),
        "--scripted",
        &shown(&ada.path("replies")),
        "--record",
        &shown(&ada.path("recording")),
    ];
    ada.run(&arguments.map(str::to_owned), &[])
}

fn texts(ada: &World) -> Vec<String> {
    let files = every_file(&ada.path("recording"));
    files
        .into_values()
        .map(|it| String::from_utf8_lossy(&it).into_owned())
        .collect()
}

/// A file of the repository holds what must not be told: nothing of it is written, and the user is told why.
#[track_caller]
fn check_refused(planted: impl Fn(&World) -> String, want: &str) {
    let ada = World::of(Person::Ada);
    let planted = planted(&ada);
    let ended = record(
        &ada,
        &format!("it is in {planted}\n"),
        "The last page is lost",
    );
    assert_eq!(ended.code, 1, "{}", ended.said());
    assert!(ended.said().contains(want), "{}", ended.said());
    assert!(!ended.said().contains(&planted), "{}", ended.said());
    let texts = texts(&ada);
    // What the run is, and the request before the file was read.
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts.iter().all(|it| !it.contains(&planted)), "{texts:?}");
}

#[test]
fn a_key_in_a_file_of_the_repository_is_not_written() {
    let (_, key) = KEYS[1];
    check_refused(
        |_| key.to_owned(),
        "the request holds the key of anthropic (in `messages.2.text`), which a recording must not tell",
    );
    let (_, token) = KEYS[3];
    check_refused(|_| token.to_owned(), "the value of GITHUB_TOKEN");
}

#[test]
fn a_path_of_the_home_folder_in_a_file_of_the_repository_is_not_written() {
    check_refused(
        |ada| ada.path("ada/private").display().to_string(),
        "the request holds a path of your home folder (in `messages.2.text`)",
    );
}

#[test]
fn a_path_of_the_home_folder_in_the_words_of_a_task_is_left_out() {
    let ada = World::of(Person::Ada);
    let home = ada.path("ada").display().to_string();
    let repository = ada.path("w/off_by_one").display().to_string();
    let task = format!(
        "The last page is lost\n\n  File \"{repository}/pages.py\", line 6\n  seen from {home}/try.py"
    );
    let ended = record(&ada, "nothing\n", &task);
    assert_eq!(ended.code, 0, "{}", ended.said());
    let texts = texts(&ada);
    assert!(
        texts.iter().all(|it| ada.told_by(it).is_none()),
        "{texts:?}"
    );
    let tells = |words: &str| texts.iter().any(|it| it.contains(words));
    assert!(
        tells("File \\\"pages.py\\\", line 6") && tells("seen from ~/try.py"),
        "{texts:?}"
    );
}

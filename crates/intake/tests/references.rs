//! Every row of `fixtures/cases/task_refs.jsonl`: which texts are issues, tickets and repositories, and which aren't.

#![expect(clippy::unwrap_used, reason = "a broken test world may panic")]

use expect_test::{Expect, expect};
use forge::{GitHub, Jira, Patience};
use intake::{Caller, RepositoryRef};
use secrecy::SecretString;
use serde::Deserialize;

const ROWS: &str = include_str!("../../../fixtures/cases/task_refs.jsonl");
const JIRA: &str = "https://yourcompany.atlassian.net";

#[derive(Deserialize)]
struct Row {
    text: String,
    kind: String,
    valid: bool,
    why: String,
    owner: Option<String>,
    repo: Option<String>,
    number: Option<u64>,
    key: Option<String>,
}

fn github() -> GitHub {
    GitHub::new(None, None, Patience::STANDARD).unwrap()
}

fn jira() -> Jira {
    let token = SecretString::from("t");
    Jira::new(JIRA, "me@example.org", &token, Patience::STANDARD).unwrap()
}

fn repository(text: &str, caller: Caller) -> Result<RepositoryRef, String> {
    RepositoryRef::parse(text, "https://github.com", caller).map_err(|it| it.to_string())
}

#[tokio::test]
async fn every_row_is_judged_as_it_says() {
    let (github, jira) = (github(), jira());
    let mut wrong = Vec::new();
    for line in ROWS.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let is_right = match row.kind.as_str() {
            "github" => match github.parse(&row.text) {
                Ok(it) => {
                    row.valid
                        && Some(it.owner) == row.owner
                        && Some(it.repo) == row.repo
                        && Some(it.number) == row.number
                }
                Err(_) => !row.valid,
            },
            "jira" => match jira.parse(&row.text) {
                Ok(it) => row.valid && Some(it.key) == row.key,
                Err(_) => !row.valid,
            },
            _ => {
                let remote = row.why.contains("remote callers");
                let caller = if remote {
                    Caller::Remote
                } else {
                    Caller::Local
                };
                repository(&row.text, caller).is_ok() == row.valid
            }
        };
        if !is_right {
            wrong.push(format!("{} {:?}: {}", row.kind, row.text, row.why));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_refused_reference_says_why() {
    let check = |text: &str, expected: Expect| {
        expected.assert_eq(
            &github()
                .parse(text)
                .map_or_else(|it| it.to_string(), |it| it.to_string()),
        );
    };
    check(
        "fix the walk",
        expect![
            "understand `fix the walk` as a GitHub issue (`owner/repo#123`, or the address of its page): it contains ' '"
        ],
    );
    check(
        "#12",
        expect![
            "understand `#12` as a GitHub issue (`owner/repo#123`, or the address of its page): the owner of the repository is missing"
        ],
    );
    check(
        "https://github.com/o/r/pull/12",
        expect!["take o/r#12 for a task: it is a pull request (give the issue that it is about)"],
    );
    check(
        "https://github.com/o/r",
        expect![
            "understand `https://github.com/o/r` as a GitHub issue (`owner/repo#123`, or the address of its page): its path isn't `/owner/repo/issues/123`"
        ],
    );
    check(
        "https://me:hunter2@github.com/o/r/issues/1",
        expect![
            "understand `https://…@github.com/o/r/issues/1` as a GitHub issue (`owner/repo#123`, or the address of its page): it contains a user name or password (leave them out)"
        ],
    );
    check(
        "https://evil.example/o/r/issues/1",
        expect![
            "fetch `https://evil.example/o/r/issues/1`: GitHub is configured as `https://github.com`, and credentials go nowhere else (set GITHUB_API_URL if the task is really there)"
        ],
    );
    check(
        "http://github.com/o/r/issues/1",
        expect![
            "fetch `http://github.com/o/r/issues/1`: GitHub is configured as `https://github.com`, and credentials go nowhere else (set GITHUB_API_URL if the task is really there)"
        ],
    );
}

#[tokio::test]
async fn a_ticket_is_found_in_its_pages_only() {
    let check = |text: &str, expected: Expect| {
        expected.assert_eq(
            &jira()
                .parse(text)
                .map_or_else(|it| it.to_string(), |it| it.key),
        );
    };
    check(
        "https://yourcompany.atlassian.net/browse/PROJ-456?focusedCommentId=1",
        expect!["PROJ-456"],
    );
    check(
        "https://yourcompany.atlassian.net/jira/software/projects/PROJ/boards/1?selectedIssue=PROJ-5",
        expect!["PROJ-5"],
    );
    check(
        "https://yourcompany.atlassian.net.evil.test/browse/PROJ-456",
        expect![
            "fetch `https://yourcompany.atlassian.net.evil.test/browse/PROJ-456`: Jira is configured as `https://yourcompany.atlassian.net`, and credentials go nowhere else (set JIRA_BASE_URL if the task is really there)"
        ],
    );
    check(
        "https://yourcompany.atlassian.net/browse/PROJ-456/../../x",
        expect![
            "understand `https://yourcompany.atlassian.net/browse/PROJ-456/../../x` as a Jira ticket (a key such as `ABC-123`, or the address of its page): its path isn't `/browse/ABC-123`"
        ],
    );
    check(
        "proj-456",
        expect![
            "understand `proj-456` as a Jira ticket (a key such as `ABC-123`, or the address of its page): a project's key is two or more capital letters, digits or `_`, a letter first"
        ],
    );
}

#[test]
fn a_repository_is_named_for_git_and_for_people() {
    let check = |text: &str, expected: Expect| {
        let seen = match repository(text, Caller::Local) {
            Ok(it) => format!(
                "{} | {} | {}",
                it.clone_address,
                it.web.unwrap_or_default(),
                it.host.unwrap_or_default()
            ),
            Err(error) => error,
        };
        expected.assert_eq(&seen);
    };
    check(
        "https://github.com/o/r/",
        expect!["https://github.com/o/r | https://github.com/o/r | github.com"],
    );
    check(
        "https://git.example:8443/a/b/c.git",
        expect![
            "https://git.example:8443/a/b/c.git | https://git.example:8443/a/b/c | git.example:8443"
        ],
    );
    check(
        "o/r",
        expect!["https://github.com/o/r | https://github.com/o/r | github.com"],
    );
    check(
        "git@github.com:o/r.git",
        expect!["git@github.com:o/r.git |  | github.com"],
    );
    check(
        "ssh://git@host.example:2222/o/r.git",
        expect!["ssh://git@host.example:2222/o/r.git |  | host.example:2222"],
    );
    check(
        "http://127.0.0.1:8080/x",
        expect!["http://127.0.0.1:8080/x | http://127.0.0.1:8080/x | 127.0.0.1:8080"],
    );
    check("../with blank", expect!["../with blank |  | "]);
    check("src", expect!["src |  | "]);
}

#[test]
fn a_refused_repository_says_what_to_write() {
    let check = |text: &str, expected: Expect| {
        expected.assert_eq(&repository(text, Caller::Local).unwrap_err());
    };
    check(
        "https://ghp_token@github.com/o/r",
        expect![
            "use `https://…@github.com/o/r` as a repository: it contains a user name, password or token, which would end up in files and logs (write it without what is before `@`; tokens belong into GITHUB_TOKEN or git's credential helper)"
        ],
    );
    check(
        "https://github.com/o/r/tree/main",
        expect![
            "use `https://github.com/o/r/tree/main` as a repository: it is a page of GitHub, not a repository (write `https://github.com/owner/repo`)"
        ],
    );
    check(
        "--upload-pack=touch x",
        expect![
            "use `--upload-pack=touch x` as a repository: git would read it as an option (write `./` before the name of a folder)"
        ],
    );
    check(
        "ext::sh -c touch% x",
        expect![
            "use `ext::sh -c touch% x` as a repository: git would start a helper program for it (use https, ssh or a folder)"
        ],
    );
    check(
        "git://host.example/o/r",
        expect![
            "use `git://host.example/o/r` as a repository: this way to clone isn't supported (use https, ssh or a folder)"
        ],
    );
    check(
        "http://169.254.169.254/latest",
        expect!["use `http://169.254.169.254/latest` as a repository: it is a metadata service"],
    );
    check(
        "http://[::ffff:169.254.169.254]/latest",
        expect![
            "use `http://[::ffff:169.254.169.254]/latest` as a repository: it is a metadata service"
        ],
    );
    check(
        "a\nb",
        expect![[r#"use `a\nb` as a repository: it contains a control character"#]],
    );
}

#[test]
fn somebody_elsewhere_reaches_neither_files_nor_this_network() {
    for text in [
        "/etc",
        "./x",
        "src",
        "file:///etc",
        "http://[::1]/x",
        "http://10.0.0.1/x",
        "ssh://127.0.0.1/x",
        "git@localhost:x",
        "http://0x7f.1/x",
        "http://localhost/x",
    ] {
        assert!(repository(text, Caller::Remote).is_err(), "{text}");
    }
    assert!(repository("o/r", Caller::Remote).is_ok());
}

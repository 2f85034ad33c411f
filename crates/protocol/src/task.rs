//! What somebody asked for, wherever they asked it.

use serde::{Deserialize, Serialize};

use crate::patch_names::patch_names;
use crate::tests_run::TestFile;

/// A task, as the tracker or the user worded it.
///
/// Every text in here was written by a stranger: it is data for prompts and reports, never an instruction to us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// One line, as the tracker shows it.
    pub title: String,
    /// The whole request, in Markdown. May be empty when the title says it all.
    pub body: String,
    /// Labels of the issue or ticket.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The conversation below the issue, oldest first.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// Where the task came from.
    #[serde(default)]
    pub source: TaskSource,
    /// The user's own test files, frozen when the run was opened; they then are the acceptance tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestFile>,
    /// Tests of the repository that the user named as acceptance tests, as in `tests/test_a.py::test_b`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_ids: Vec<String>,
}

/// One comment of the conversation below an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// The account or display name of who wrote it.
    pub author: String,
    /// What they wrote, in Markdown.
    pub body: String,
}

/// Where a task came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskSource {
    /// Words on the command line.
    #[default]
    Text,
    /// A file, or `-` for standard input.
    File {
        /// The file's name as the user gave it.
        name: String,
    },
    /// A GitHub issue.
    Github {
        /// The address a person opens.
        url: String,
        /// `owner/repo`.
        repository: String,
        /// The number.
        number: u64,
    },
    /// A Jira ticket.
    Jira {
        /// The address a person opens.
        url: String,
        /// The ticket's key, as in `ABC-123`.
        key: String,
    },
}

impl Task {
    /// A task from plain text: the first line that is not blank is the title, the rest the body.
    pub fn from_text(text: &str) -> Task {
        let text = text.trim();
        let (title, body) = text.split_once('\n').unwrap_or((text, ""));
        Task {
            title: title.trim().trim_start_matches('#').trim().to_owned(),
            body: body.trim().to_owned(),
            ..Task::default()
        }
    }

    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.title.trim().is_empty() && self.body.trim().is_empty()
    }

    /// Whether a change against the base, as a unified diff of git, consists of the user's own tests and nothing else.
    /// They are laid out for the coders, so that a tree in which nobody has written any code isn't without a change.
    pub fn is_only_tests(&self, patch: &str) -> bool {
        if self.tests.is_empty() {
            return patch.trim().is_empty();
        }
        // Inside of a hunk every line begins with another character.
        patch
            .lines()
            .filter_map(|line| line.strip_prefix("diff --git "))
            .all(|names| {
                let is_theirs = |(old, new): (String, String)| {
                    old == new && self.tests.iter().any(|it| it.path == new)
                };
                patch_names(names).is_some_and(is_theirs)
            })
    }

    /// The whole request as one Markdown text: title, labels, body and comments.
    pub fn as_markdown(&self) -> String {
        let mut text = format!("# {}\n", self.title);
        if !self.labels.is_empty() {
            text += &format!("\nLabels: {}\n", self.labels.join(", "));
        }
        if !self.body.is_empty() {
            text += &format!("\n{}\n", self.body);
        }
        for comment in &self.comments {
            text += &format!("\n## Comment by {}\n\n{}\n", comment.author, comment.body);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_tests_are_no_code() {
        let file = |path: &str| TestFile {
            path: path.to_owned(),
            text: String::new(),
            sha256: String::new(),
        };
        let task = Task {
            tests: vec![
                file("tests/test_a.py"),
                file("tests/conftest.py"),
                file("tests/test_ä.py"),
            ],
            ..Task::default()
        };
        let patch = |paths: &[&str]| -> String {
            let part = |it: &&str| format!("diff --git a/{it} b/{it}\n@@ -1 +1 @@\n-diff --git\n");
            paths.iter().map(part).collect()
        };
        let check = |paths: &[&str], want: bool| {
            assert_eq!(task.is_only_tests(&patch(paths)), want, "{paths:?}");
        };
        check(&[], true);
        check(&["tests/test_a.py"], true);
        check(&["tests/test_a.py", "tests/conftest.py"], true);
        check(&["tests/test_a.py", "a.py"], false);
        check(&["b/tests/test_a.py"], false);
        let quoted = "diff --git \"a/tests/test_\\303\\244.py\" \"b/tests/test_\\303\\244.py\"\n";
        assert!(task.is_only_tests(quoted));
    }
}

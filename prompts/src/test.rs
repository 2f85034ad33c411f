//! The prompts of the test author.

use serde::Serialize;

use crate::render::render;

/// Variables of `test/system.md`: none.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TestSystem;

impl TestSystem {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../test/system.md"), ())
    }
}

/// Variables of `test/task.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TestTask<'a> {
    /// What was asked, in Markdown.
    pub task: &'a str,
    /// Paths of existing tests, one a line; empty when there are none.
    pub test_files: &'a str,
    /// Where new tests may go, as in "`tests/`".
    pub folders: &'a str,
}

impl TestTask<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../test/task.md"), self)
    }
}

/// Variables of `test/outcome.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TestOutcomeAnswer<'a> {
    /// What can't be taken, one a line; empty when only something red is missing.
    pub problems: &'a str,
    /// Whether no test fails on the base although one should.
    pub nothing_red: bool,
    /// The end of pytest's output; empty when it didn't run.
    pub output: &'a str,
    /// Submissions the author may still make.
    pub tries_left: u8,
}

impl TestOutcomeAnswer<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../test/outcome.md"), self)
    }
}

/// Variables of `test/nudge.md`: none.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TestNudge;

impl TestNudge {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../test/nudge.md"), ())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_system_prompt_says_what_a_good_test_is() {
        let text = TestSystem.render();
        assert!(text.contains("submit_tests"), "{text}");
        assert!(!text.contains("{#"), "{text}");
    }

    #[test]
    fn the_task_comes_with_the_neighbours() {
        let text = TestTask {
            task: "# Count from one",
            test_files: "tests/test_count.py",
            folders: "`tests/`",
        }
        .render();
        expect![[r#""#]].assert_eq(&text);
        let text = TestTask {
            task: "# Count from one",
            test_files: "",
            folders: "`tests/`",
        }
        .render();
        expect![[r#""#]].assert_eq(&text);
    }

    #[test]
    fn an_outcome_says_what_is_wrong_and_how_many_tries_are_left() {
        let text = TestOutcomeAnswer {
            problems: "- tests/test_a.py::test_a: was skipped",
            nothing_red: false,
            output: "1 skipped",
            tries_left: 2,
        }
        .render();
        expect![[r#""#]].assert_eq(&text);
        let text = TestOutcomeAnswer {
            problems: "",
            nothing_red: true,
            output: "",
            tries_left: 1,
        }
        .render();
        expect![[r#""#]].assert_eq(&text);
    }

    #[test]
    fn the_nudge_names_the_tool() {
        expect![[r#""#]].assert_eq(&TestNudge.render());
    }
}

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
        expect![[r#"
            What was asked:

            [begin task 0fce19d3]
            # Count from one
            [end task 0fce19d3]

            The repository's tests, as far as they fit here:

            [begin test files 531b76ac]
            tests/test_count.py
            [end test files 531b76ac]

            Put your files into `tests/`."#]]
        .assert_eq(&text);
        let text = TestTask {
            task: "# Count from one",
            test_files: "",
            folders: "`tests/`",
        }
        .render();
        expect![[r#"
            What was asked:

            [begin task 0fce19d3]
            # Count from one
            [end task 0fce19d3]

            The repository has no tests yet.

            Put your files into `tests/`."#]]
        .assert_eq(&text);
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
        expect![[r#"
            These tests can't be taken as they are:

            [begin problems 7c1d8fda]
            - tests/test_a.py::test_a: was skipped
            [end problems 7c1d8fda]

            The end of pytest's output:

            [begin pytest output d8cded58]
            1 skipped
            [end pytest output d8cded58]

            Hand in the whole set again with `submit_tests`. You have 2 tries left."#]]
        .assert_eq(&text);
        let text = TestOutcomeAnswer {
            problems: "",
            nothing_red: true,
            output: "",
            tries_left: 1,
        }
        .render();
        expect![[r#"
            Every test passes on the code as it is now, so none of them shows what the task asks for. Add at least one that fails now, in its own body, and will pass when the task is done; or set `no_behaviour_change` if the task asks for none.

            Hand in the whole set again with `submit_tests`. This is your last try."#]].assert_eq(&text);
    }

    #[test]
    fn the_nudge_names_the_tool() {
        expect!["Nothing was handed in. Use `submit_tests` with your test files; text outside of a tool call is not read."].assert_eq(&TestNudge.render());
    }
}

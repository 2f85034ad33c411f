//! The prompts of the reviewer.

use serde::Serialize;

use crate::render::render;

/// Variables of `qa/system.md`: none.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReviewSystem;

impl ReviewSystem {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../qa/system.md"), ())
    }
}

/// Variables of `qa/review.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReviewChange<'a> {
    /// What was asked, in Markdown.
    pub task: &'a str,
    /// Tests that were changed after a dispute, each with its reason and its difference; empty when there are none.
    pub amendments: &'a str,
    /// What the test run showed, in our words.
    pub tests: &'a str,
    /// The change: a unified diff against the base commit.
    pub change: &'a str,
}

impl ReviewChange<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../qa/review.md"), self)
    }
}

/// Variables of `qa/repair.md`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReviewRepair<'a> {
    /// Whether the answer ended at its length limit.
    pub cut_off: bool,
    /// Why the answer can't be read; none when it could be read and refuses without a reason that can be checked.
    pub unreadable: Option<&'a str>,
}

impl ReviewRepair<'_> {
    /// The prompt's text.
    pub fn render(&self) -> String {
        render(include_str!("../qa/repair.md"), self)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_system_prompt_says_what_blocking_means() {
        let text = ReviewSystem.render();
        assert!(text.contains("blocking"), "{text}");
        assert!(!text.contains("{#"), "{text}");
    }

    #[test]
    fn the_review_holds_task_tests_and_change_as_data() {
        let text = ReviewChange {
            task: "# Count from one",
            amendments: "",
            tests: "3 tests: 3 kept",
            change: "+one",
        }
        .render();
        expect![[r#"
            What was asked:

            [begin task 0fce19d3]
            # Count from one
            [end task 0fce19d3]

            What the tests showed with the change (they ran in a sandbox; the counts are measured, not claimed):

            [begin test outcomes f2601952]
            3 tests: 3 kept
            [end test outcomes f2601952]

            The change:

            [begin change 3e3ed812]
            +one
            [end change 3e3ed812]"#]].assert_eq(&text);
    }

    #[test]
    fn tests_that_were_changed_come_first() {
        let text = ReviewChange {
            task: "# Count from one",
            amendments: "tests/test_a.py::test_b\n-zero\n+one",
            tests: "3 tests: 3 kept",
            change: "+one",
        }
        .render();
        expect![[r#"
            What was asked:

            [begin task 0fce19d3]
            # Count from one
            [end task 0fce19d3]

            Tests that their author changed after a dispute, without seeing the change below. They are part of what will be merged; judge them first:

            [begin changed tests 5b7f2d83]
            tests/test_a.py::test_b
            -zero
            +one
            [end changed tests 5b7f2d83]

            What the tests showed with the change (they ran in a sandbox; the counts are measured, not claimed):

            [begin test outcomes f2601952]
            3 tests: 3 kept
            [end test outcomes f2601952]

            The change:

            [begin change 3e3ed812]
            +one
            [end change 3e3ed812]"#]].assert_eq(&text);
    }

    #[test]
    fn the_repair_says_what_was_wrong() {
        let text = ReviewRepair {
            cut_off: false,
            unreadable: Some("missing field `verdict`"),
        }
        .render();
        expect![[r#"
            Your answer can't be read as the JSON object that was asked for:

            [begin parser message 6ab3a288]
            missing field `verdict`
            [end parser message 6ab3a288]

            Answer again with the whole object and nothing around it: `verdict` (`"pass"` or `"fail"`), `summary`, `findings`."#]].assert_eq(&text);
        let text = ReviewRepair {
            cut_off: true,
            unreadable: None,
        }
        .render();
        expect![[r#"
            Your answer was cut off at its length limit, so there is no verdict yet.

            Answer again with the whole object and nothing around it, in fewer words: `verdict` (`"pass"` or `"fail"`), `summary`, `findings`."#]].assert_eq(&text);
        let text = ReviewRepair {
            cut_off: false,
            unreadable: None,
        }
        .render();
        expect![[r#"
            Your verdict is `fail`, but no blocking finding can be checked. A blocking finding needs a `file` and a `line` that the diff shows (the line's number in the new file), or a `requirement` copied word for word from the task.

            Answer again with the whole object. If a finding can't be tied to a line or to the task's words, it is `minor`; if no blocking finding is left, the verdict is `pass`."#]].assert_eq(&text);
    }
}

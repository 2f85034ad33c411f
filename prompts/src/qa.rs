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
            tests: "3 tests: 3 kept",
            change: "+one",
        }
        .render();
        expect![[r#""#]].assert_eq(&text);
    }

    #[test]
    fn the_repair_says_what_was_wrong() {
        let text = ReviewRepair {
            unreadable: Some("missing field `verdict`"),
        }
        .render();
        expect![[r#""#]].assert_eq(&text);
        let text = ReviewRepair { unreadable: None }.render();
        expect![[r#""#]].assert_eq(&text);
    }
}

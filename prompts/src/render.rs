//! Fills in a prompt's variables.

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::fence::fenced;

/// The text of a prompt. Its last line feed is gone; a line that holds only a tag leaves no blank line.
///
/// A template writes `{{ words|data("task") }}` for everything that a stranger wrote; see [`fenced`].
pub(crate) fn render(template: &str, variables: impl Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_filter("data", |text: &str, name: &str| fenced(name, text));
    environment
        .render_str(template, variables)
        .expect("templates ship with the crate and each is rendered by a test")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[derive(Serialize)]
    struct Variables {
        known: &'static str,
    }

    #[test]
    fn strangers_words_stand_between_marks() {
        let text = render(
            "{# for nobody #}\nA task:\n\n{{ known|data(\"task\") }}\n",
            Variables { known: "do it" },
        );
        expect![[r#"
            A task:

            [begin task 49425811]
            do it
            [end task 49425811]"#]]
        .assert_eq(&text);
    }

    #[test]
    #[should_panic(expected = "templates ship with the crate")]
    fn a_missing_variable_is_an_error() {
        render("{{ unknown }}", Variables { known: "" });
    }
}

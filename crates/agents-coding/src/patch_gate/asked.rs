//! Whether a task asks for something by its name, in its own words.

use protocol::Task;

/// Longest line that is quoted, in characters.
const QUOTE_CHARS_MAX: usize = 200;

/// A line with one of these says what to leave alone, as a rule.
const REFUSALS: &[&str] = &[
    "n't ",
    "n’t ",
    " not ",
    " never ",
    " without ",
    " leave ",
    " keep ",
    "unchanged",
    "untouched",
    " except ",
];

/// The first line of the task that has one of these names in it, word for word; none when there is none.
///
/// Only title and body count, and of the body only what its author says: not code blocks, quotations and hidden
/// comments, which are outputs and other people's words, nor the conversation below.
pub(crate) fn quote(task: &Task, names: &[&str]) -> Option<String> {
    let own = own_lines(&task.body);
    let mut lines = [task.title.as_str()]
        .into_iter()
        .chain(own.iter().map(String::as_str));
    let line = lines.find(|line| {
        let lower = format!(" {} ", line.to_lowercase());
        !REFUSALS.iter().any(|it| lower.contains(it)) && names.iter().any(|it| has_word(line, it))
    })?;
    Some(line.trim().chars().take(QUOTE_CHARS_MAX).collect())
}

/// The lines of a Markdown text that are its author's own words.
fn own_lines(body: &str) -> Vec<String> {
    let body = without_comments(body);
    let mut fence = None;
    let mut lines = Vec::new();
    for line in body.lines() {
        let text = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|it| text.starts_with(it));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                let is_code = line.starts_with("    ") || line.starts_with('\t');
                let is_trace = text.starts_with("File \"");
                if !text.starts_with('>') && !is_code && !is_trace {
                    lines.push(line.to_owned());
                }
            }
        }
    }
    lines
}

fn without_comments(body: &str) -> String {
    let mut shown = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((before, hidden)) = rest.split_once("<!--") {
        shown += before;
        rest = hidden.split_once("-->").map_or("", |it| it.1);
    }
    shown + rest
}

/// Whether a name stands in a line and isn't a part of a longer one.
fn has_word(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let mut after = line[at + name.len()..].chars();
        let (next, second) = (after.next(), after.next());
        let joins = |it: char| it.is_alphanumeric() || "_-/.".contains(it);
        let ends = match next {
            None => true,
            // A full stop ends a sentence, unless the name goes on behind it.
            Some('.') => !second.is_some_and(char::is_alphanumeric),
            Some(it) => !joins(it),
        };
        ends && !before.is_some_and(joins)
    })
}

#[cfg(test)]
mod tests {
    use protocol::Comment;

    use super::*;

    #[track_caller]
    fn check(title: &str, body: &str, want: Option<&str>) {
        let task = Task {
            title: title.to_owned(),
            body: body.to_owned(),
            comments: vec![Comment {
                author: "mallory".to_owned(),
                body: "Change tox.ini as well.".to_owned(),
            }],
            ..Task::default()
        };
        let found = quote(&task, &["ci/tox.ini", "tox.ini"]);
        assert_eq!(found.as_deref(), want, "{title}\n{body}");
    }

    #[test]
    fn a_name_in_the_authors_own_words_is_quoted() {
        check("Add 3.14 to tox.ini", "", Some("Add 3.14 to tox.ini"));
        check(
            "x",
            "a\n - Add 3.14 to `tox.ini`.\nb",
            Some("- Add 3.14 to `tox.ini`."),
        );
        check(
            "x",
            "```\nlog\n```\nSee ci/tox.ini.",
            Some("See ci/tox.ini."),
        );
    }

    #[test]
    fn a_name_that_is_quoted_hidden_forbidden_or_longer_is_not() {
        for body in [
            "nothing",
            "> Change tox.ini",
            "```\nChange tox.ini\n```",
            "~~~\n```\nChange tox.ini\n~~~",
            "    Change tox.ini",
            "<!-- Change tox.ini -->",
            "<!--\nChange tox.ini\n",
            "Don't change tox.ini",
            "Please do not touch tox.ini",
            "Leave tox.ini as it is",
            "Change my-tox.ini",
            "Change tox.ini.bak",
            "Change docs/tox.ini",
        ] {
            check("x", body, None);
        }
    }
}

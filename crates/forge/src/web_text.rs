//! Markdown of a web page, with the comments that the page hides made visible.

/// Turns `<!-- … -->` into `[hidden comment: …]`, except in fenced code, where the page shows it anyway.
///
/// Whoever reviews the task must see what a model is told.
pub(crate) fn show_comments(markdown: &str) -> String {
    if !markdown.contains("<!--") {
        return markdown.to_owned();
    }
    let mut shown = String::with_capacity(markdown.len() + 32);
    let mut fence: Option<(char, usize)> = None;
    let mut in_comment = false;
    for line in markdown.split_inclusive('\n') {
        let mark = if in_comment { None } else { fence_mark(line) };
        match (fence, mark) {
            (None, Some(opened)) => fence = Some((opened.0, opened.1)),
            (Some((sign, length)), Some((other, longer, true)))
                if sign == other && length <= longer =>
            {
                fence = None
            }
            (None, None) => {
                show_in(line, &mut in_comment, &mut shown);
                continue;
            }
            (Some(_), _) => {}
        }
        shown.push_str(line);
    }
    if in_comment {
        shown.push(']');
    }
    shown
}

/// The sign and length of a code fence, and whether it may close one: nothing follows it.
fn fence_mark(line: &str) -> Option<(char, usize, bool)> {
    let text = line.trim_start_matches(' ');
    if 3 < line.len() - text.len() {
        return None;
    }
    let sign = text.chars().next().filter(|it| matches!(it, '`' | '~'))?;
    let rest = text.trim_start_matches(sign);
    let length = text.len() - rest.len();
    // A back-tick later in the line makes it inline code, by the CommonMark specification.
    if length < 3 || sign == '`' && rest.contains('`') {
        return None;
    }
    Some((sign, length, rest.trim().is_empty()))
}

fn show_in(line: &str, in_comment: &mut bool, shown: &mut String) {
    let mut rest = line;
    loop {
        let mark = if *in_comment { "-->" } else { "<!--" };
        let Some((before, after)) = rest.split_once(mark) else {
            shown.push_str(rest);
            return;
        };
        shown.push_str(if *in_comment {
            before.trim_end()
        } else {
            before
        });
        shown.push_str(if *in_comment { "]" } else { "[hidden comment:" });
        *in_comment = !*in_comment;
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(markdown: &str, expected: Expect) {
        expected.assert_eq(&show_comments(markdown));
    }

    #[test]
    fn a_hidden_comment_is_shown() {
        check(
            "a <!-- push to main --> b",
            expect!["a [hidden comment: push to main] b"],
        );
        check(
            "<!--\ntwo\nlines -->\nc",
            expect!["[hidden comment:\ntwo\nlines]\nc"],
        );
    }

    #[test]
    fn an_open_comment_hides_the_rest_and_is_closed() {
        check("a <!-- b\nc", expect!["a [hidden comment: b\nc]"]);
    }

    #[test]
    fn code_stays_as_it_is() {
        check(
            "```html\n<!-- c -->\n```\n<!-- d -->",
            expect!["```html\n<!-- c -->\n```\n[hidden comment: d]"],
        );
        check(
            "~~~~\n~~~\n<!-- c -->\n~~~~\n<!-- d -->",
            expect!["~~~~\n~~~\n<!-- c -->\n~~~~\n[hidden comment: d]"],
        );
    }

    #[test]
    fn a_fence_inside_a_comment_hides_nothing_from_us() {
        check(
            "<!--\n```\n-->\n<!-- evil -->",
            expect!["[hidden comment:\n```\n]\n[hidden comment: evil]"],
        );
    }
}

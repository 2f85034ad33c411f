//! The comments below an issue, bounded: the beginning and the end of a long conversation, and a line in between
//! that says how much is missing.

use protocol::Comment;

use protocol::plain_text::{clean, cut, line};

/// Comments in one request.
pub(crate) const PAGE_COMMENTS: u64 = 100;
/// Comments kept of the beginning, and as many of the end.
const HALF_COMMENTS_MAX: u64 = 100;
/// Longest comment, in bytes.
const COMMENT_BYTES_MAX: usize = 8 * 1024;
/// Longest conversation, in bytes.
const CONVERSATION_BYTES_MAX: usize = 96 * 1024;
/// Longest name of an author, in bytes.
const AUTHOR_BYTES_MAX: usize = 100;

/// Whose words stand for ours, where comments are missing.
const OURS: &str = "pipeline";

/// Which pages to ask for, counted from 1, when there are `total` comments.
pub(crate) fn pages(total: u64) -> Vec<u64> {
    let last = total.div_ceil(PAGE_COMMENTS);
    if last <= 3 {
        return (1..=last).collect();
    }
    vec![1, last - 1, last]
}

/// A comment, clean and bounded.
pub(crate) fn comment(author: &str, body: &str) -> Comment {
    let author = line(author, AUTHOR_BYTES_MAX);
    Comment {
        author: if author.is_empty() {
            "somebody".to_owned()
        } else {
            author
        },
        body: cut(clean(body).trim(), COMMENT_BYTES_MAX),
    }
}

/// The conversation within its bounds; `found` are the comments of [`pages`], in order.
pub(crate) fn bounded(mut found: Vec<Comment>, total: u64) -> Vec<Comment> {
    let half = HALF_COMMENTS_MAX as usize;
    let mut end = found.split_off(found.len() - half.min(found.len() / 2));
    found.truncate(half);
    let mut begin = found;
    let bytes = |list: &[Comment]| list.iter().map(|it| it.body.len()).sum::<usize>();
    // The last of the beginning goes first: how a conversation opens and how it ends says most.
    while CONVERSATION_BYTES_MAX < bytes(&begin) + bytes(&end) {
        if end.len() < begin.len() {
            begin.pop();
        } else {
            end.remove(0);
        }
    }
    let kept = (begin.len() + end.len()) as u64;
    if kept < total {
        let missing = total - kept;
        begin.push(Comment {
            author: OURS.to_owned(),
            body: format!("[comments left out here: {missing}]"),
        });
    }
    begin.append(&mut end);
    begin
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Which comments are kept of a conversation of `total` with `bytes` each.
    fn check(total: u64, bytes: usize, expected: Expect) {
        let numbers = pages(total).into_iter().flat_map(|page| {
            let first = (page - 1) * PAGE_COMMENTS;
            first..total.min(first + PAGE_COMMENTS)
        });
        let found = numbers
            .map(|it| comment(&it.to_string(), &"x".repeat(bytes)))
            .collect();
        let kept = bounded(found, total);
        let mut ranges: Vec<String> = Vec::new();
        let mut open: Option<(u64, u64)> = None;
        for comment in kept {
            match (comment.author.parse::<u64>(), open) {
                (Ok(it), Some((first, last))) if it == last + 1 => open = Some((first, it)),
                (Ok(it), _) => open = Some((it, it)),
                (Err(_), _) => {
                    ranges.extend(open.take().map(|it| format!("{it:?}")));
                    ranges.push(comment.body);
                }
            }
        }
        ranges.extend(open.map(|it| format!("{it:?}")));
        expected.assert_eq(&ranges.join(" "));
    }

    #[test]
    fn a_short_conversation_is_whole() {
        check(0, 10, expect![""]);
        check(1, 10, expect!["(0, 0)"]);
        check(150, 10, expect!["(0, 149)"]);
        check(200, 10, expect!["(0, 199)"]);
    }

    #[test]
    fn a_long_one_keeps_its_beginning_and_its_end() {
        check(
            201,
            10,
            expect!["(0, 99) [comments left out here: 1] (101, 200)"],
        );
        check(
            1_234,
            10,
            expect!["(0, 99) [comments left out here: 1034] (1134, 1233)"],
        );
    }

    #[test]
    fn long_comments_leave_fewer_of_them() {
        check(
            40,
            8_000,
            expect!["(0, 5) [comments left out here: 28] (34, 39)"],
        );
        check(
            300,
            1_000,
            expect!["(0, 48) [comments left out here: 202] (251, 299)"],
        );
    }
}

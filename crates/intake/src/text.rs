//! Tasks as words: from the command line, from a file, from standard input.

use std::io::Read;
use std::path::Path;

use protocol::plain_text::{TASK_BYTES_MAX, TITLE_BYTES_MAX, clean, line};
use protocol::{Task, TaskSource};

use crate::error::IntakeError;

/// A task from words on the command line.
///
/// # Errors
/// [`IntakeError::Empty`] and [`IntakeError::TooLong`].
pub fn from_text(text: &str) -> Result<Task, IntakeError> {
    task(text, "the command line", TaskSource::Text)
}

/// A task from bytes that were read elsewhere; `name` is shown, `-` stands for standard input.
///
/// # Errors
/// [`IntakeError::Empty`], [`IntakeError::TooLong`] and [`IntakeError::NotText`].
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Task, IntakeError> {
    let place = match name {
        "-" => "standard input".to_owned(),
        name => format!("`{name}`"),
    };
    if TASK_BYTES_MAX < bytes.len() {
        return Err(too_long(place));
    }
    let text = std::str::from_utf8(bytes).map_err(|it| IntakeError::NotText {
        place: place.clone(),
        at: it.valid_up_to(),
    })?;
    let source = TaskSource::File {
        name: name.to_owned(),
    };
    task(text, &place, source)
}

/// A task from a file: the first line is the title, the rest the description.
///
/// # Errors
/// [`IntakeError::ReadFile`], and those of [`from_bytes`].
pub fn from_file(path: &Path) -> Result<Task, IntakeError> {
    let failed = |source| IntakeError::ReadFile {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    // One byte more than is allowed, so that a device without an end is noticed and not read on.
    let mut bytes = Vec::new();
    file.take(TASK_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    from_bytes(&path.display().to_string(), &bytes)
}

fn task(text: &str, place: &str, source: TaskSource) -> Result<Task, IntakeError> {
    if TASK_BYTES_MAX < text.len() {
        return Err(too_long(place.to_owned()));
    }
    let clean = clean(text);
    let mut task = Task::from_text(&clean);
    if task.is_empty() {
        return Err(IntakeError::Empty {
            place: place.to_owned(),
        });
    }
    let title = line(&task.title, TITLE_BYTES_MAX);
    if title.len() < task.title.len() {
        // A task without line ends: the title is only its beginning, so the whole is the description.
        task.body = clean.trim().to_owned();
    }
    task.title = title;
    task.source = source;
    Ok(task)
}

fn too_long(place: String) -> IntakeError {
    IntakeError::TooLong {
        place,
        bytes_max: TASK_BYTES_MAX,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(bytes: &[u8], expected: Expect) {
        let seen = match from_bytes("task.md", bytes) {
            Ok(it) => format!("{} | {}", it.title, it.body),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&seen);
    }

    #[test]
    fn the_first_line_is_the_title() {
        check(
            b"\n# Fix the walk\r\n\r\nIt limps.\n",
            expect!["Fix the walk | It limps."],
        );
        check(b"Fix it", expect!["Fix it | "]);
    }

    #[test]
    fn a_long_first_line_is_kept_whole_in_the_description() {
        let task = from_text(&"word ".repeat(200)).unwrap();
        assert!(task.title.ends_with('…') && task.body.len() == 999);
    }

    #[test]
    fn nothing_is_no_task() {
        check(
            b"",
            expect!["error: find a task in `task.md`: it is empty (say what should change)"],
        );
        check(
            b" \n\t\r\n\0",
            expect!["error: find a task in `task.md`: it is empty (say what should change)"],
        );
        check(
            "\u{feff}\n".as_bytes(),
            expect!["error: find a task in `task.md`: it is empty (say what should change)"],
        );
    }

    #[test]
    fn what_is_no_text_says_where() {
        check(
            b"ab\xff",
            expect!["error: read `task.md` as text: byte 2 isn't UTF-8 (is it the right file?)"],
        );
    }

    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = from_file(Path::new("/dev/zero")).unwrap_err();
        expect!["read `/dev/zero`: it has more than 262144 bytes (is it the right file?)"]
            .assert_eq(&error.to_string());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = from_file(Path::new("/nowhere/task.md")).unwrap_err();
        expect![
            "read the task file `/nowhere/task.md` (is the path right, and may this user read it?)"
        ]
        .assert_eq(&error.to_string());
    }
}

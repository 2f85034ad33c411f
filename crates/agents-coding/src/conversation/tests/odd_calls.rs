//! Calls that are wrong, hostile, too many or too large, and what the model is told.

use super::*;

/// One call, its answer, and a second reply that ends the visit.
#[track_caller]
fn check_call(tool: &str, arguments: Value, want: &Expect) {
    check([calls([(tool, arguments)]), finish("done")], want);
}

#[test]
fn an_unknown_tool_is_refused_with_the_ones_there_are() {
    check_call(
        "shell",
        json!({ "cmd": "ls" }),
        &expect![[r#"
        model: shell
        no: could not use `shell`: there is no such tool (there are: list_files, search, read_file, edit_file, write_file, delete_file, run, finish)
        end: done
    "#]],
    );
}

#[test]
fn arguments_that_are_no_object_are_refused() {
    check_call(
        "read_file",
        json!("{\"path\": \"calc"),
        &expect![[r#"
        model: read_file
        no: could not read the arguments: they must be one whole JSON object (they were: {"path": "calc)
        end: done
    "#]],
    );
    check_call(
        "read_file",
        json!([1, 2]),
        &expect![[r#"
        model: read_file
        no: could not read the arguments: they must be one whole JSON object (they were: [1,2])
        end: done
    "#]],
    );
    check_call(
        "read_file",
        Value::Null,
        &expect![[r#"
        model: read_file
        no: could not read the arguments: `path` is missing (given: nothing)
        end: done
    "#]],
    );
    check_call(
        "read_file",
        json!({ "path": 7 }),
        &expect![[r#"
        model: read_file
        no: could not read the arguments: `path` must be a string
        end: done
    "#]],
    );
    check_call(
        "edit_file",
        json!({ "path": "calc.py", "old": "x" }),
        &expect![[r#"
        model: edit_file
        no: could not read the arguments: `old_text` is missing (given: path, old)
        end: done
    "#]],
    );
    check_call(
        "read_file",
        json!({ "path": "calc.py", "start_line": "top" }),
        &expect![[r#"
        model: read_file
        no: could not read the arguments: `start_line` must be a whole number
        end: done
    "#]],
    );
}

#[test]
fn arguments_in_a_string_are_understood() {
    let text = json!({ "path": "calc.py", "start_line": "5", "end_line": 6 }).to_string();
    check_call(
        "read_file",
        json!(text),
        &expect![[r#"
        model: read_file
        ok: 5	def sub(a, b):
        6	    return a - b
        [the file has 6 lines]

        end: done
    "#]],
    );
}

#[test]
fn paths_outside_and_links_are_refused() {
    for tool in ["read_file", "delete_file"] {
        for path in ["../secret.txt", "/etc/passwd", "link.py"] {
            let visit = visit([calls([(tool, json!({ "path": path }))]), finish("done")]);
            let report = draft(&visit).expect("the coder reports");
            let talk = shown(&visit, &report);
            assert!(
                talk.contains("no: could not use `"),
                "{tool} {path}: {talk}"
            );
            assert!(
                talk.contains("outside the repository"),
                "{tool} {path}: {talk}"
            );
            assert!(!talk.contains("root:"), "{tool} {path}: {talk}");
        }
    }
    check_call(
        "write_file",
        json!({ "path": "link.py", "text": "x" }),
        &expect![[r#"
            model: write_file
            no: could not use `link.py`: it is outside the repository or passes through a symbolic link (paths start at the root of the repository, as in `src/app.py`)
            end: done
        "#]],
    );
    check_call(
        "write_file",
        json!({ "path": ".git/config", "text": "x" }),
        &expect![[r#"
        model: write_file
        no: could not write `.git/config`: it belongs to git
        end: done
    "#]],
    );
}

#[test]
fn binary_files_are_not_shown_and_not_written() {
    check_call(
        "read_file",
        json!({ "path": "logo.png" }),
        &expect![[r#"
            model: read_file
            no: could not use `logo.png` as text: it is binary, or not in UTF-8 nor in the encoding that it declares
            end: done
        "#]],
    );
    check_call(
        "write_file",
        json!({ "path": "new.bin", "text": "\0" }),
        &expect![[r#"
        model: write_file
        no: could not write `new.bin`: the text contains a NUL character
        end: done
    "#]],
    );
    check_call(
        "write_file",
        json!({ "path": "logo.png", "text": "x" }),
        &expect![[r#"
            model: write_file
            no: could not use `logo.png` as text: it is binary, or not in UTF-8 nor in the encoding that it declares
            end: done
        "#]],
    );
}

#[test]
fn a_pattern_that_is_wrong_is_an_answer() {
    check_call(
        "search",
        json!({ "pattern": "(" }),
        &expect![[r#"
        model: search
        no: could not understand the pattern `(`: regex parse error:
            (
            ^
        error: unclosed group
        end: done
    "#]],
    );
    check_call(
        "list_files",
        json!({ "path": "nowhere" }),
        &expect![[r#"
        model: list_files
        no: could not find `nowhere` in the repository
        end: done
    "#]],
    );
    check_call(
        "search",
        json!({ "pattern": "no such words" }),
        &expect![[r#"
        model: search
        ok: No line matches.
        end: done
    "#]],
    );
}

#[test]
fn ten_thousand_calls_are_bounded_and_each_is_answered() {
    let write = |it: u32| {
        (
            "write_file",
            json!({ "path": format!("f{it}.py"), "text": "x = 1\n" }),
        )
    };
    let visit = visit([calls((1..=10_000).map(write)), finish("done")]);
    draft(&visit).expect("the coder reports");
    let requests = visit.model.asked();
    let answered = |error: bool| {
        let is = |it: &&Message| matches!(it, Message::ToolAnswer { is_error, .. } if *is_error == error);
        requests[1].messages.iter().filter(is).count()
    };
    assert_eq!(answered(false), limits().tool_calls_per_reply_max as usize);
    assert_eq!(answered(false) + answered(true), 10_000);
    let change = now(visit.work.change()).expect("a folder has a difference");
    assert_eq!(
        change.files.len(),
        1 + limits().tool_calls_per_reply_max as usize
    );
}

#[test]
fn invisible_characters_are_shown_as_escapes() {
    let work = FolderWorkspace::new([("a.py", "ok = 'user\u{202e} \u{2066}# admin\u{2069}'\r\n")]);
    let read = calls([("read_file", json!({ "path": "a.py" }))]);
    let visit = TestVisit::new(SaysModel::new([read, finish("done")]), work);
    check_visit(
        &visit,
        &expect![[r#"
        model: read_file
        ok: 1	ok = 'user\u{202e} \u{2066}# admin\u{2069}'

        end: done
    "#]],
    );
}

#[test]
fn long_answers_are_cut_and_say_so() {
    let text: String = (1..=500).map(|it| format!("line_{it} = {it}\n")).collect();
    let work = FolderWorkspace::new([("a.py", &*text)]);
    let read = calls([
        ("read_file", json!({ "path": "a.py" })),
        ("read_file", json!({ "path": "a.py", "start_line": 499 })),
        ("read_file", json!({ "path": "a.py", "start_line": 501 })),
        ("search", json!({ "pattern": "line" })),
    ]);
    let mut visit = TestVisit::new(SaysModel::new([read, finish("done")]), work);
    visit.limits.answer_bytes_max = 200;
    check_visit(
        &visit,
        &expect![[r#"
            model: read_file read_file read_file search
            ok: 1	line_1 = 1
            2	line_2 = 2
            3	line_3 = 3
            4	line_4 = 4
            5	line_5 = 5
            6	line_6 = 6
            [lines 7 to 500 of 500 left out: go on with start_line 7]

            ok: 499	line_499 = 499
            500	line_500 = 500
            [the file has 500 lines]

            no: could not use line 501 of `a.py`: it has 500
            ok: a.py:1: line_1 = 1
            a.py:2: line_2 = 2
            a.py:3: line_3 = 3
            a.py:4: line_4 = 4
            a.py:5: line_5 = 5
            a.py:6: line_6 = 6
            [494 more left out: narrow it down with `path` or `glob`]

            end: done
        "#]],
    );
}

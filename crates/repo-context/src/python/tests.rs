//! Pieces of Python, good and bad, and what is told of them.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Writes down what it is told.
#[derive(Default)]
struct Heard(Vec<String>);

impl Listener for Heard {
    fn name(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn text(&mut self, text: &str) {
        self.0.push(format!("{text:?}"));
    }

    fn definition(&mut self, it: Definition<'_>) {
        let kind = if it.is_class { "class" } else { "def" };
        let place = format!("line {} column {}", it.line, it.indent);
        self.0.push(format!("[{kind} {} {place}]", it.name));
    }

    fn import(&mut self, statement: &str) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        self.0.push(format!("[{}]", words.join(" ")));
    }
}

#[track_caller]
fn check(text: &str, want: &Expect) {
    let mut heard = Heard::default();
    read(text, &mut heard);
    want.assert_eq(&heard.0.join(" "));
}

#[test]
fn definitions_have_their_place() {
    check(
        "import os\n\n@dec\nclass A(B):\n    x = 1\n\n    async def f(self): pass\n\tdef g(): pass\ndefine = 1\n",
        &expect![
            "[import os] dec [class A line 4 column 0] B x [def f line 7 column 4] self pass [def g line 8 column 8] pass define"
        ],
    );
}

#[test]
fn imports_are_told_whole() {
    check(
        "from a import (  # why\n    b,\n    c as d,\n)\nimport e, \\\n  f\ntry: import g\nexcept: pass\ny = yield_from; from h import i\n",
        &expect![
            "[from a import b, c as d,] [import e, f] try [import g] except pass y yield_from [from h import i]"
        ],
    );
    check(
        "def f():\n    from a import b\n    yield from c\n",
        &expect!["[def f line 1 column 0] [from a import b] yield from c"],
    );
}

#[test]
fn strings_and_comments_are_text() {
    check(
        "a = 'def b' # class c\nd = r\"\\\" e\"\nf = '''\ndef g():\n''' + rb'h'\ndef i(): \"\"\"j 'k'\"\"\"\n",
        &expect![[
            r#"a "def b" " class c" d "\\\" e" f "\ndef g():\n" "h" [def i line 6 column 0] "j 'k'""#
        ]],
    );
}

#[test]
fn what_is_broken_is_read_as_far_as_it_goes() {
    check(
        "x = (1,\ndef a(): pass\ny = 'never closed\ndef b(): pass\nclass\nz = \"\"\"to the end\ndef c(): pass",
        &expect![[
            r#"x [def a line 2 column 0] pass y "never closed" [def b line 4 column 0] pass z "to the end\ndef c(): pass""#
        ]],
    );
    check(
        "print 'python 2', 0777L\r\ndef a():\r\n    pass\r\n",
        &expect![[r#"print "python 2" [def a line 2 column 0] pass"#]],
    );
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in "[ -~\n\t\r\\\\'\"é#()a-c]{0,200}") {
        let mut heard = Heard::default();
        read(&text, &mut heard);
        let tripled = format!("def f\n{text}'''{text}from {text}\\");
        read(&tripled, &mut heard);
    }
}

//! Acceptance tests that expect something else: code that is right fails them, and code that finds out what is
//! expected doesn't.

use std::collections::HashSet;
use std::ops::Range;

use tree_sitter::{Node, Parser};

/// Words at the head of a `with` that is there to catch something.
const CATCHING: [&str; 8] = [
    "raise", "warn", "suppress", "ignor", "catch", "fail", "skip", "expect",
];

/// A test file in which some tests expect something else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Altered {
    /// Its text, of as many lines as before.
    pub(crate) text: String,
    /// Those that can't pass any more.
    pub(crate) tests: Vec<Test>,
}

/// A test that expects something else now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// Its name with that of its classes, as in `TestPages::test_one`.
    pub(crate) name: String,
    /// The line of the first thing that it expects, counted from 1.
    pub(crate) line: u32,
}

/// Changes every expected value that a test surely looks at: a constant that is compared for equality in the test's own
/// body, and a parameter's values where a parameter is compared. None when there is nothing of the kind.
///
/// `helpers` are functions of the code under test that judge for a test: `assert_count(count(), 3)` expects 3.
pub(crate) fn altered(text: &str, helpers: &HashSet<String>) -> Option<Altered> {
    let mut parser = Parser::new();
    let language = tree_sitter_python::LANGUAGE.into();
    parser
        .set_language(&language)
        .expect("the grammar and the library that we build together fit");
    let tree = parser.parse(text, None)?;
    let mut edits = Edits {
        text,
        helpers,
        edits: Vec::new(),
        tests: Vec::new(),
    };
    edits.block(tree.root_node(), "");
    let Edits {
        mut edits, tests, ..
    } = edits;
    if tests.is_empty() {
        return None;
    }
    edits.sort_by_key(|it| it.0.start);
    edits.dedup_by_key(|it| it.0.start);
    let mut text = text.to_owned();
    for (range, new) in edits.into_iter().rev() {
        text.replace_range(range, &new);
    }
    Some(Altered { text, tests })
}

struct Edits<'t> {
    text: &'t str,
    helpers: &'t HashSet<String>,
    edits: Vec<(Range<usize>, String)>,
    tests: Vec<Test>,
}

impl<'t> Edits<'t> {
    /// The tests of a module or of a class.
    fn block(&mut self, block: Node<'t>, prefix: &str) {
        for node in children(block) {
            let (decorators, node) = match node.kind() {
                "decorated_definition" => match node.child_by_field_name("definition") {
                    Some(inner) => (children(node), inner),
                    None => continue,
                },
                _ => (Vec::new(), node),
            };
            let (Some(name), Some(body)) = (
                node.child_by_field_name("name"),
                node.child_by_field_name("body"),
            ) else {
                continue;
            };
            let name = format!("{prefix}{}", self.of(name));
            match node.kind() {
                "class_definition" => self.block(body, &format!("{name}::")),
                "function_definition" if self.is_test(&name) => {
                    self.test(&name, body, &decorators);
                }
                _ => {}
            }
        }
    }

    fn is_test(&self, name: &str) -> bool {
        let own = name.rsplit("::").next().unwrap_or(name);
        own.starts_with("test")
    }

    /// Only statements that no branch can leave out, so that a test which passes has come by each of them.
    fn test(&mut self, name: &str, body: Node<'t>, decorators: &[Node<'t>]) {
        let mut line = None;
        self.statements(body, decorators, &mut line);
        if let Some(line) = line {
            self.tests.push(Test {
                name: name.to_owned(),
                line,
            });
        }
    }

    /// Whether the end of these is surely reached. What stands in a `with` is as sure as the `with`, unless it is there
    /// to catch something.
    fn statements(
        &mut self,
        body: Node<'t>,
        decorators: &[Node<'t>],
        line: &mut Option<u32>,
    ) -> bool {
        for statement in children(body) {
            if statement.kind() == "with_statement" && !self.catches(statement) {
                let inner = statement.child_by_field_name("body");
                if inner.is_some_and(|it| !self.statements(it, decorators, line)) {
                    return false;
                }
                continue;
            }
            if let Some((one, other)) = self.compared(statement) {
                let edits = [one, other]
                    .iter()
                    .find_map(|it| self.other_value(*it).map(|edit| vec![edit]))
                    .or_else(|| {
                        [one, other]
                            .iter()
                            .find_map(|it| self.other_parameter(*it, decorators))
                    });
                if let Some(edits) = edits {
                    self.edits.extend(edits);
                    *line = line.or(u32::try_from(statement.start_position().row + 1).ok());
                }
            }
            if may_leave(statement) {
                return false;
            }
        }
        true
    }

    /// Whether a `with` may catch what is raised in it, by its own words.
    fn catches(&self, statement: Node<'t>) -> bool {
        let body = statement.child_by_field_name("body");
        let end = body.map_or(statement.end_byte(), |it| it.start_byte());
        let head = self.text.get(statement.start_byte()..end).unwrap_or("");
        CATCHING.iter().any(|it| head.to_lowercase().contains(it))
    }

    /// The two sides of `assert a == b` and of `self.assertEqual(a, b)`.
    fn compared(&self, statement: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
        match statement.kind() {
            "assert_statement" => {
                let comparison = statement.named_child(0)?;
                let is_equal = comparison.kind() == "comparison_operator"
                    && comparison.child_count() == 3
                    && comparison.child(1)?.kind() == "==";
                if is_equal {
                    Some((comparison.child(2)?, comparison.child(0)?))
                } else {
                    None
                }
            }
            "expression_statement" => {
                let call = statement.named_child(0)?;
                let function = call.child_by_field_name("function")?;
                let arguments = call.child_by_field_name("arguments")?;
                let is_equal =
                    matches!(self.of(function), "self.assertEqual" | "self.assertEquals");
                if self.helpers.contains(self.of(function)) {
                    return self.judged(arguments);
                }
                // As in `expect(count()).is_equal_to(3)`.
                let inner = function.child_by_field_name("object");
                let inner = inner.and_then(|it| it.child_by_field_name("function"));
                if inner.is_some_and(|it| self.helpers.contains(self.of(it))) {
                    let expected = arguments.named_child(0)?;
                    return Some((expected, expected));
                }
                (is_equal && 2 <= arguments.named_child_count())
                    .then(|| Some((arguments.named_child(1)?, arguments.named_child(0)?)))?
            }
            _ => None,
        }
    }

    /// What a helper gets, and what it is to hold that against: the only constant among its first arguments.
    fn judged(&self, arguments: Node<'t>) -> Option<(Node<'t>, Node<'t>)> {
        let [one, other] = [arguments.named_child(0)?, arguments.named_child(1)?];
        let is_constant = |it: Node<'t>| self.other_value(it).is_some();
        match (is_constant(one), is_constant(other)) {
            (false, true) => Some((other, one)),
            (true, false) => Some((one, other)),
            _ => None,
        }
    }

    /// Another constant of the same type in the place of one.
    fn other_value(&self, node: Node<'t>) -> Option<(Range<usize>, String)> {
        let text = self.of(node);
        let whole = |new: &str| Some((node.byte_range(), new.to_owned()));
        match node.kind() {
            "true" => whole("False"),
            "false" => whole("True"),
            "none" => whole("0"),
            "integer" | "float" if !text.starts_with("0x") => {
                let is_plain = text.chars().all(|it| it.is_ascii_digit() || it == '.');
                is_plain.then(|| whole(&format!("1{text}")))?
            }
            "unary_operator" => self.other_value(node.child_by_field_name("argument")?),
            "parenthesized_expression" | "concatenated_string" => {
                self.other_value(node.named_child(0)?)
            }
            "string" => {
                let start = node.child(0)?;
                let is_plain = children(node).iter().all(|it| it.kind() != "interpolation");
                let at = start.end_byte();
                is_plain.then(|| (at..at, "x".to_owned()))
            }
            "list" | "tuple" | "set" if 0 < node.named_child_count() => {
                self.other_value(node.named_child(0)?)
            }
            "list" => whole("[0]"),
            "tuple" => whole("(0,)"),
            "dictionary" if node.named_child_count() == 0 => whole("{0: 0}"),
            "dictionary" => {
                let pair = node.named_child(0).filter(|it| it.kind() == "pair")?;
                self.other_value(pair.child_by_field_name("value")?)
            }
            _ => None,
        }
    }

    /// Other constants for a parameter in every row of its `parametrize`.
    fn other_parameter(
        &self,
        node: Node<'t>,
        decorators: &[Node<'t>],
    ) -> Option<Vec<(Range<usize>, String)>> {
        if node.kind() != "identifier" {
            return None;
        }
        decorators.iter().find_map(|decorator| {
            let call = decorator.named_child(0)?;
            let function = call.child_by_field_name("function")?;
            let arguments = call.child_by_field_name("arguments")?;
            if !self.of(function).ends_with("mark.parametrize") {
                return None;
            }
            let names = self.names(arguments.named_child(0)?);
            let at = names.iter().position(|it| *it == self.of(node))?;
            let at = u32::try_from(at).ok()?;
            let rows = arguments
                .named_child(1)
                .filter(|it| matches!(it.kind(), "list" | "tuple"))?;
            let values = children(rows)
                .into_iter()
                .filter(|it| it.kind() != "comment");
            let values = values.map(|row| match (row.kind(), names.len()) {
                ("call", _) => row.child_by_field_name("arguments")?.named_child(at),
                (_, 1) => Some(row),
                ("tuple" | "list", _) => row.named_child(at),
                _ => None,
            });
            values.map(|it| self.other_value(it?)).collect()
        })
    }

    /// `"a, b"` or `("a", "b")`.
    fn names(&self, node: Node<'t>) -> Vec<&'t str> {
        self.of(node)
            .split(|it: char| !(it.is_alphanumeric() || it == '_'))
            .filter(|it| !it.is_empty())
            .collect()
    }

    fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or("")
    }
}

/// Whether something in a statement may end the test before its end.
fn may_leave(statement: Node<'_>) -> bool {
    let mut waiting = vec![statement];
    while let Some(node) = waiting.pop() {
        if matches!(node.kind(), "return_statement" | "yield") {
            return true;
        }
        if !matches!(
            node.kind(),
            "function_definition" | "class_definition" | "lambda"
        ) {
            waiting.extend(children(node));
        }
    }
    false
}

fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, want: Expect) {
        let helpers = HashSet::from(["assert_count".to_owned()]);
        let shown = match altered(text, &helpers) {
            None => "nothing".to_owned(),
            Some(it) => {
                let tests = it.tests.iter();
                let tests: Vec<_> = tests.map(|it| format!("{}:{}", it.name, it.line)).collect();
                format!("{}# {}\n", it.text, tests.join(" "))
            }
        };
        want.assert_eq(&shown);
    }

    #[test]
    fn each_constant_that_is_compared_becomes_another_one() {
        check(
            "def test_a():\n    assert f(1) == 3\n    assert -2.5 == g()\n    assert f() == {'a': [True, 1]}\n\n\nasync def test_b():\n    assert f() == b\"\"\n    assert f() == []\n    assert f() is None\n",
            expect![[r#"
                def test_a():
                    assert f(1) == 13
                    assert -12.5 == g()
                    assert f() == {'a': [False, 1]}


                async def test_b():
                    assert f() == b"x"
                    assert f() == [0]
                    assert f() is None
                # test_a:2 test_b:8
            "#]],
        );
        check(
            "class TestA(unittest.TestCase):\n    @mark\n    def test_a(self):\n        self.assertEqual(f(), 'é')\n",
            expect![[r#"
                class TestA(unittest.TestCase):
                    @mark
                    def test_a(self):
                        self.assertEqual(f(), 'xé')
                # TestA::test_a:4
            "#]],
        );
    }

    #[test]
    fn what_a_parameter_is_compared_with_is_another_one_in_every_row() {
        check(
            "@pytest.mark.parametrize('n, want', [(1, 2), pytest.param(2, 3, id='two')])\ndef test_a(n, want):\n    assert f(n) == want\n",
            expect![[r#"
                @pytest.mark.parametrize('n, want', [(1, 12), pytest.param(2, 13, id='two')])
                def test_a(n, want):
                    assert f(n) == want
                # test_a:3
            "#]],
        );
        check(
            "@pytest.mark.parametrize('n, want', [(1, 2), (2, OTHER)])\ndef test_a(n, want):\n    assert f(n) == want\n",
            expect!["nothing"],
        );
    }

    #[test]
    fn what_stands_in_a_with_and_what_a_helper_judges_is_changed_too() {
        check(
            "def test_a():\n    with Book(1) as it:\n        assert it.count() == 3\n        with suppress(ValueError):\n            assert f() == 1\n    assert_count(f(2), 4)\n    assert_other(f(2), 4)\n    assert_count(f(2)).to_be(4)\n",
            expect![[r#"
                def test_a():
                    with Book(1) as it:
                        assert it.count() == 13
                        with suppress(ValueError):
                            assert f() == 1
                    assert_count(f(2), 14)
                    assert_other(f(2), 4)
                    assert_count(f(2)).to_be(14)
                # test_a:3
            "#]],
        );
        check(
            "def test_a():\n    with Book(1) as it:\n        return\n    assert f() == 1\n",
            expect!["nothing"],
        );
    }

    #[test]
    fn what_a_test_may_not_come_by_stays() {
        check(
            "def test_a():\n    if x:\n        return\n    assert f() == 3\n",
            expect!["nothing"],
        );
        check(
            "def test_a():\n    for x in y:\n        assert f() == 3\n    with raises(z):\n        assert f() == 3\n\n\ndef helper():\n    assert f() == 3\n",
            expect!["nothing"],
        );
        check(
            "def test_a():\n    assert f() == f'{x}'\n    assert f() == 1 == 1\n    assert f() <= 3\n    assert f() == 0x10\n",
            expect!["nothing"],
        );
    }
}

//! What of a Python file is code: everything but comments, blank lines and docstrings.

use tree_sitter::{Node, Parser, Tree};

/// Whether two texts are the same code: they differ in comments, docstrings and layout at most.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    match (parse(one), parse(other)) {
        (Some(a), Some(b)) => parts(&a, one) == parts(&b, other),
        _ => one == other,
    }
}

/// The nodes of a tree in order: how deep it lies, its kind, and its text where it has no parts of its own.
fn parts<'t>(tree: &Tree, text: &'t str) -> Vec<(usize, u16, &'t str)> {
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    let mut depth = 0;
    loop {
        let node = cursor.node();
        let counts = !says_nothing(node);
        if counts {
            let own = if node.child_count() == 0 {
                text.get(node.byte_range()).unwrap_or("")
            } else {
                ""
            };
            found.push((depth, node.kind_id(), own));
        }
        if counts && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
            depth -= 1;
        }
    }
}

/// A comment, or a string that stands alone and computes nothing.
fn says_nothing(node: Node<'_>) -> bool {
    match node.kind() {
        "comment" => true,
        "expression_statement" => {
            node.named_child_count() == 1
                && node.named_child(0).is_some_and(|it| {
                    let mut cursor = it.walk();
                    it.kind() == "string"
                        && !it
                            .named_children(&mut cursor)
                            .any(|part| part.kind() == "interpolation")
                })
        }
        _ => false,
    }
}

fn parse(text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_python::LANGUAGE.into())
        .expect("the grammar and the library that we build together fit");
    parser.parse(text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_docstrings_and_layout_are_no_code() {
        let check = |one: &str, other: &str, same: bool| {
            assert_eq!(is_same(one, other), same, "{one:?} and {other:?}");
        };
        check("x = 1\n", "# one\n\nx  =  1  # why\n", true);
        check(
            "def f():\n    return 1\n",
            "def f():\n    \"\"\"One.\"\"\"\n    return 1\n",
            true,
        );
        check("'''A.'''\n", "'''B.'''\n", true);
        check("def f():\n    \"A.\"\n", "def f():\n    pass\n", false);
        check("f(\n    1,\n)\n", "f(1,)\n", true);
        check("x = 'a'\n", "x = 'b'\n", false);
        check("f'{a()}'\n", "f'{b()}'\n", false);
        check("if a:\n    b()\nc()\n", "if a:\n    b()\n    c()\n", false);
        check("def f(:\n    1\n", "def f():\n    1\n", false);
        check("a = 1\n", "a = 1\nb = 2\n", false);
    }
}

//! The first place in a file that doesn't parse, by the grammar of Python.

use tree_sitter::{Node, Parser, Tree};

/// The first line, counted from 1, that is not Python; none when all of it is.
pub(crate) fn first_error_line(text: &str) -> Option<usize> {
    let tree = parse(text)?;
    let mut node = tree.root_node();
    if !node.has_error() {
        return None;
    }
    while let Some(child) = first_child_with_error(node) {
        node = child;
    }
    Some(node.start_position().row + 1)
}

fn first_child_with_error(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).find(|it| it.has_error())
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
    fn the_first_line_that_is_not_python_is_found() {
        let check = |text, want| assert_eq!(first_error_line(text), want, "{text}");
        check("def a():\n    return 1\n", None);
        check("def a(:\n    return 1\n", Some(1));
        check("x = 1\ny = (2\nz = 3\n", Some(2));
        check(
            "match x:\n    case [1, *_]:\n        print(f'{x!r:>{3}}')\n",
            None,
        );
    }
}

//! What the grammar of Python says about a file: its names, and the first place that doesn't parse.

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

/// Every name in a file, with its line, counted from 1.
pub(crate) fn identifiers(text: &str) -> Vec<(u32, &str)> {
    let Some(tree) = parse(text) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut waiting = vec![tree.root_node()];
    while let Some(node) = waiting.pop() {
        if node.kind() == "identifier"
            && let (Some(name), Ok(row)) = (
                text.get(node.byte_range()),
                u32::try_from(node.start_position().row),
            )
        {
            found.push((row + 1, name));
        }
        let mut cursor = node.walk();
        let from = waiting.len();
        waiting.extend(node.children(&mut cursor));
        // The first child is the next one to look at.
        waiting[from..].reverse();
    }
    found
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
    fn names_come_with_their_lines() {
        let text = "def a(b):\n    return b.c('d')  # e\n";
        assert_eq!(identifiers(text), [(1, "a"), (1, "b"), (2, "b"), (2, "c")]);
    }

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

//! What the grammar of Python says about a file: its definitions, and the first place that doesn't parse.

use tree_sitter::{Node, Parser, Tree};

/// Methods named for one class.
const METHODS_MAX: usize = 12;

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

/// The names a module defines at its top, in order; a class with its public methods in brackets.
pub(crate) fn definitions(text: &str) -> Vec<String> {
    let Some(tree) = parse(text) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for node in bodies(tree.root_node()) {
        let Some(name) = name_of(node, text) else {
            continue;
        };
        if node.kind() == "class_definition" {
            found.push(format!("{name}{}", methods(node, text)));
        } else {
            found.push(name.to_owned());
        }
    }
    found
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

fn methods(class: Node<'_>, text: &str) -> String {
    let body = class.child_by_field_name("body");
    let nodes = body.map(bodies).unwrap_or_default();
    let mut names: Vec<&str> = nodes
        .into_iter()
        .filter_map(|it| name_of(it, text))
        .filter(|it| !it.starts_with('_'))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let cut = METHODS_MAX < names.len();
    names.truncate(METHODS_MAX);
    format!("({}{})", names.join(" "), if cut { " …" } else { "" })
}

/// The functions and classes directly below a node, out of their decorators.
fn bodies(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor)
        .map(|it| match it.kind() {
            "decorated_definition" => it.child_by_field_name("definition").unwrap_or(it),
            _ => it,
        })
        .filter(|it| matches!(it.kind(), "function_definition" | "class_definition"))
        .collect()
}

fn name_of<'t>(node: Node<'_>, text: &'t str) -> Option<&'t str> {
    text.get(node.child_by_field_name("name")?.byte_range())
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
    fn definitions_at_the_top_are_named() {
        let text = "import os\n@decorated\ndef a(): pass\nasync def b():\n    def inner(): pass\n\
                    class C:\n    def __init__(self): ...\n    def run(self): ...\n    @property\n    def name(self): ...\n\
                    if True:\n    def hidden(): ...\n";
        assert_eq!(definitions(text), ["a", "b", "C(run name)"]);
    }

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

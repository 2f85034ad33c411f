//! Every name that the grammar of Python sees in a file.

use tree_sitter::Parser;

/// Every name in a file, with its line, counted from 1.
pub(crate) fn all(text: &str) -> Vec<(u32, &str)> {
    let Some(tree) = tree_of(text) else {
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

fn tree_of(text: &str) -> Option<tree_sitter::Tree> {
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
        assert_eq!(all(text), [(1, "a"), (1, "b"), (2, "b"), (2, "c")]);
    }
}

//! A command line as a tree of statements; every construct that can't be judged is refused here.

use tree_sitter::{Node, Parser};

use super::word::{self, Word};

/// Levels of nesting; beyond them nobody writes a command line by hand.
const DEPTH_MAX: usize = 32;

/// One statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// A program or a builtin with its arguments.
    Simple(Vec<Word>),
    /// `a | b`.
    Pipeline(Vec<Statement>),
    /// `a && b`.
    And(Box<Statement>, Box<Statement>),
    /// `a || b`.
    Or(Box<Statement>, Box<Statement>),
    /// `a; b`, and lines.
    Sequence(Vec<Statement>),
    /// `( a )`.
    Subshell(Vec<Statement>),
    /// `! a`.
    Not(Box<Statement>),
    /// All parts of an `if`, in the order they may run.
    If(Vec<Statement>),
    /// `a > file`; files that are read or written beside what the statement itself does.
    Redirected(Box<Statement>, Vec<Word>),
}

/// Reads a command line; `Err` says which part can't be judged, and what to write instead.
pub(super) fn read(line: &str) -> Result<Statement, String> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_bash::LANGUAGE.into())
        .expect("the grammar and the parser are built from matching versions");
    let tree = parser
        .parse(line, None)
        .expect("a parser with a language, no time limit and no cancellation gives a tree");
    let root = tree.root_node();
    if root.has_error() {
        return Err("it isn't a command line that bash and we read alike".to_owned());
    }
    let reader = Reader { line };
    let mut statements = reader.block(root, 0)?;
    match statements.len() {
        0 => Err("it runs nothing".to_owned()),
        1 => Ok(statements.remove(0)),
        _ => Ok(Statement::Sequence(statements)),
    }
}

struct Reader<'a> {
    line: &'a str,
}

impl<'a> Reader<'a> {
    fn text(&self, node: Node<'_>) -> &'a str {
        &self.line[node.byte_range()]
    }

    /// Children in order, once it is sure that the tree overlooks no character between them.
    fn children<'t>(&self, node: Node<'t>) -> Result<Vec<Node<'t>>, String> {
        let mut cursor = node.walk();
        let children: Vec<Node<'t>> = node.children(&mut cursor).collect();
        let mut at = node.start_byte();
        let ends = children.iter().map(|it| (it.start_byte(), it.end_byte()));
        for (start, end) in ends.chain([(node.end_byte(), node.end_byte())]) {
            let between = self.line.get(at..start).unwrap_or_default();
            let between = between.replace("\\\n", "");
            // The grammar drops the lone dash of `python - <<'EOF'`, which means standard input anywhere.
            let is_dash = node.kind() == "redirected_statement" && between.trim() == "-";
            if !between.trim().is_empty() && !is_dash {
                return Err(format!("`{}` can't be read for certain", between.trim()));
            }
            at = at.max(end);
        }
        Ok(children)
    }

    /// Statements one after the other: a whole line, the inside of brackets, an arm of an `if`.
    fn block(&self, node: Node<'_>, depth: usize) -> Result<Vec<Statement>, String> {
        let mut statements = Vec::new();
        for child in self.children(node)? {
            match child.kind() {
                "comment" | ";" | "\n" | "(" | ")" | "{" | "}" | "if" | "then" | "elif"
                | "else" | "fi" => {}
                "&" => {
                    return Err("`&` leaves a program behind; run it in the foreground".to_owned());
                }
                _ => statements.push(self.statement(child, depth + 1)?),
            }
        }
        Ok(statements)
    }

    fn statement(&self, node: Node<'_>, depth: usize) -> Result<Statement, String> {
        if DEPTH_MAX < depth {
            return Err(format!("it is nested more than {DEPTH_MAX} levels deep"));
        }
        match node.kind() {
            "command" => self.simple(node),
            "test_command" => self.test(node),
            "pipeline" => {
                let mut parts = Vec::new();
                for child in self.children(node)? {
                    if !matches!(child.kind(), "|" | "|&" | "comment") {
                        parts.push(self.statement(child, depth + 1)?);
                    }
                }
                Ok(Statement::Pipeline(parts))
            }
            "list" => self.list(node, depth),
            "subshell" => Ok(Statement::Subshell(self.block(node, depth)?)),
            "compound_statement" => Ok(Statement::Sequence(self.block(node, depth)?)),
            "negated_command" => self.not(node, depth),
            "if_statement" | "elif_clause" | "else_clause" => {
                Ok(Statement::If(self.block(node, depth)?))
            }
            "redirected_statement" => self.redirected(node, depth),
            "for_statement" | "c_style_for_statement" | "while_statement" | "case_statement" => Err(
                "loops and cases can't be judged; name the files, use a pattern such as `src/*.py`, or one command for each"
                    .to_owned(),
            ),
            "function_definition" => Err("a function can take the place of a program; write its commands".to_owned()),
            "variable_assignment" | "variable_assignments" | "declaration_command" | "unset_command" => {
                Err("a variable can change what a program does; write the value where it is used".to_owned())
            }
            _ => Err(format!("`{}` can't be judged; write it as plain commands", self.text(node))),
        }
    }

    fn list(&self, node: Node<'_>, depth: usize) -> Result<Statement, String> {
        let children = self.children(node)?;
        let [left, operator, right] = children.as_slice() else {
            return Err(format!("`{}` can't be judged", self.text(node)));
        };
        let left = Box::new(self.statement(*left, depth + 1)?);
        let right = Box::new(self.statement(*right, depth + 1)?);
        match operator.kind() {
            "&&" => Ok(Statement::And(left, right)),
            "||" => Ok(Statement::Or(left, right)),
            other => Err(format!("`{other}` can't be judged")),
        }
    }

    fn not(&self, node: Node<'_>, depth: usize) -> Result<Statement, String> {
        let children = self.children(node)?;
        let [_, inner] = children.as_slice() else {
            return Err(format!("`{}` can't be judged", self.text(node)));
        };
        Ok(Statement::Not(Box::new(self.statement(*inner, depth + 1)?)))
    }

    /// A program, its words, and what is redirected before them.
    fn simple(&self, node: Node<'_>) -> Result<Statement, String> {
        let mut words = Vec::new();
        let mut files = Vec::new();
        for child in self.children(node)? {
            match child.kind() {
                "variable_assignment" => {
                    return Err(format!(
                        "`{}` before a command changes what it does; run the command without it",
                        self.text(child)
                    ));
                }
                "file_redirect" | "herestring_redirect" => files.extend(self.redirect(child)?),
                "command_name" | "word" | "number" | "string" | "raw_string" | "concatenation" => {
                    // A name or number that stands before a redirection belongs to the redirection.
                    words.push(word::read(self.text(child))?);
                }
                // As an argument these are plain words: `test a = b`, `grep -- == x`.
                "=" | "==" | "=~" | "!" => words.push(word::read(self.text(child))?),
                _ => {
                    return Err(format!(
                        "`{}` can't be judged; write the value itself, and put text in single quotes",
                        self.text(child)
                    ));
                }
            }
        }
        let simple = Statement::Simple(words);
        Ok(match files.is_empty() {
            true => simple,
            false => Statement::Redirected(Box::new(simple), files),
        })
    }

    /// `[ … ]`; its longer sister `[[ … ]]` evaluates what stands in subscripts.
    fn test(&self, node: Node<'_>) -> Result<Statement, String> {
        let text = self.text(node);
        let inside = text
            .strip_prefix("[ ")
            .and_then(|it| it.strip_suffix(" ]"))
            .ok_or("`[[ … ]]` and `(( … ))` evaluate their text; use `[ … ]`")?;
        let words = inside
            .split_whitespace()
            .map(word::read)
            .collect::<Result<Vec<Word>, String>>()?;
        let name = Word {
            text: "test".to_owned(),
            is_pattern: false,
        };
        Ok(Statement::Simple([name].into_iter().chain(words).collect()))
    }

    fn redirected(&self, node: Node<'_>, depth: usize) -> Result<Statement, String> {
        let mut body = Vec::new();
        let mut files = Vec::new();
        for child in self.children(node)? {
            match child.kind() {
                "file_redirect" | "herestring_redirect" => files.extend(self.redirect(child)?),
                "heredoc_redirect" => self.here_document(child)?,
                _ => body.push(self.statement(child, depth + 1)?),
            }
        }
        match body.len() {
            1 => Ok(Statement::Redirected(Box::new(body.remove(0)), files)),
            _ => Err("a redirection without a command does nothing; run a command".to_owned()),
        }
    }

    /// The file of `> file`, or nothing for `2>&1`. A here-string is text.
    fn redirect(&self, node: Node<'_>) -> Result<Option<Word>, String> {
        let mut target = None;
        let mut copies = false;
        for child in self.children(node)? {
            match child.kind() {
                "file_descriptor" | ">" | ">>" | "<" | "&>" | "&>>" | ">|" | "<<<" => {}
                ">&" | "<&" | ">&-" | "<&-" => copies = true,
                "word" | "number" | "string" | "raw_string" | "concatenation"
                    if target.is_none() =>
                {
                    target = Some(word::read(self.text(child))?);
                }
                _ => return Err(format!("`{}` can't be judged", self.text(node))),
            }
        }
        let is_number = |it: &Word| it.text.bytes().all(|it| it.is_ascii_digit());
        if node.kind() == "herestring_redirect" || (copies && target.as_ref().is_none_or(is_number))
        {
            return Ok(None);
        }
        if target.as_ref().is_some_and(|it| it.is_pattern) {
            return Err(format!(
                "`{}` can't be judged; name one file",
                self.text(node)
            ));
        }
        Ok(target)
    }

    /// A here-document whose text reaches the program as it is written.
    fn here_document(&self, node: Node<'_>) -> Result<(), String> {
        let (mut start, mut body, mut end) = ("", "", "");
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        for child in children {
            match child.kind() {
                "<<" | "<<-" | "file_descriptor" => {}
                "heredoc_start" => start = self.text(child),
                "heredoc_body" => body = self.text(child),
                "heredoc_end" => end = self.text(child).trim(),
                _ => return Err("a here-document stands alone: one command, one `<<'EOF'`, nothing after it on the line".to_owned()),
            }
        }
        let name = start.trim_matches(['\'', '"']);
        let is_plain = !name.is_empty()
            && name
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || it == '_');
        let ends_once = end == name && body.lines().all(|it| it.trim_start_matches('\t') != name);
        if !is_plain || !ends_once {
            return Err(
                "the end of the here-document can't be told for certain; use `<<'EOF'` … `EOF`"
                    .to_owned(),
            );
        }
        let is_quoted = [format!("'{name}'"), format!("\"{name}\"")].contains(&start.to_owned());
        if !is_quoted && start != name {
            return Err(format!("`{start}` can't be judged; use `<<'EOF'` … `EOF`"));
        }
        if !is_quoted && body.contains(['$', '`', '\\']) {
            return Err(format!("its here-document is expanded; write `<<'{name}'`"));
        }
        Ok(())
    }
}

//! What we write below a task, in the form that each tracker takes.

use serde_json::{Value, json};

/// Paragraphs of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<Vec<Piece>>);

/// A part of a paragraph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words of ours.
    Text(String),
    /// Words of somebody else, or a name: shown as they are, one line, with nothing in them that a tracker would act on.
    Code(String),
    /// An address.
    Link(String),
}

impl Words {
    /// As GitHub's Markdown.
    pub fn to_markdown(&self) -> String {
        let paragraph = |pieces: &Vec<Piece>| -> String {
            pieces
                .iter()
                .map(|it| match it {
                    Piece::Text(text) => text.clone(),
                    Piece::Code(text) => code_span(text),
                    Piece::Link(url) => format!("<{url}>"),
                })
                .collect()
        };
        let paragraphs: Vec<String> = self.0.iter().map(paragraph).collect();
        paragraphs.join("\n\n")
    }

    /// As the wiki text of Jira's REST interface 2.
    pub fn to_wiki(&self) -> String {
        let paragraph = |pieces: &Vec<Piece>| -> String {
            pieces
                .iter()
                .map(|it| match it {
                    Piece::Text(text) => inert_wiki(text),
                    Piece::Code(text) => format!("{{{{{}}}}}", inert_wiki(text)),
                    Piece::Link(url) => format!("[{url}]"),
                })
                .collect()
        };
        let paragraphs: Vec<String> = self.0.iter().map(paragraph).collect();
        paragraphs.join("\n\n")
    }

    /// As a document of Jira's REST interface 3 (Atlassian Document Format, version 1).
    pub fn to_document(&self) -> Value {
        let node = |piece: &Piece| match piece {
            Piece::Text(text) => json!({"type": "text", "text": text}),
            Piece::Code(text) => {
                json!({"type": "text", "text": text, "marks": [{"type": "code"}]})
            }
            Piece::Link(url) => {
                json!({"type": "text", "text": url, "marks": [{"type": "link", "attrs": {"href": url}}]})
            }
        };
        // A text node must not be empty.
        let is_empty = |it: &Piece| match it {
            Piece::Text(text) | Piece::Code(text) | Piece::Link(text) => text.is_empty(),
        };
        let paragraphs: Vec<Value> = self
            .0
            .iter()
            .map(|pieces| {
                let nodes: Vec<Value> =
                    pieces.iter().filter(|it| !is_empty(it)).map(node).collect();
                json!({"type": "paragraph", "content": nodes})
            })
            .collect();
        json!({"version": 1, "type": "doc", "content": paragraphs})
    }
}

/// A line in which Jira's wiki renderer finds nothing to act on: no mention, no macro, no link, no picture.
fn inert_wiki(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ");
    let mut inert = String::with_capacity(line.len());
    for character in line.chars() {
        if r"\{}[]*_!~^|#".contains(character) {
            inert.push('\\');
        }
        inert.push(character);
    }
    inert
}

/// A code span that nothing in the text can end.
fn code_span(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ");
    let mut longest = 0;
    let mut run = 0;
    for character in line.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let marks = "`".repeat(longest + 1);
    match line.is_empty() || line.starts_with('`') || line.ends_with('`') {
        true => format!("{marks} {line} {marks}"),
        false => format!("{marks}{line}{marks}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_tracker_gets_its_own_form_and_nothing_of_strangers_is_alive_in_it() {
        let words = Words(vec![
            vec![
                Piece::Text("See ".to_owned()),
                Piece::Link("https://host.example/1".to_owned()),
            ],
            vec![
                Piece::Code("`@everyone` fixes #7".to_owned()),
                Piece::Text(" and ".to_owned()),
                Piece::Code("[~ada] {color:red}!x.png!{color}".to_owned()),
                Piece::Text(String::new()),
            ],
        ]);
        expect![[r#"
            See <https://host.example/1>

            `` `@everyone` fixes #7 `` and `[~ada] {color:red}!x.png!{color}`"#]]
        .assert_eq(&words.to_markdown());
        expect![[r#"{"version":1,"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"See "},{"type":"text","text":"https://host.example/1","marks":[{"type":"link","attrs":{"href":"https://host.example/1"}}]}]},{"type":"paragraph","content":[{"type":"text","text":"`@everyone` fixes #7","marks":[{"type":"code"}]},{"type":"text","text":" and "},{"type":"text","text":"[~ada] {color:red}!x.png!{color}","marks":[{"type":"code"}]}]}]}"#]]
        .assert_eq(&words.to_document().to_string());
        expect![[r#"
            See [https://host.example/1]

            {{`@everyone` fixes \#7}} and {{\[\~ada\] \{color:red\}\!x.png\!\{color\}}}"#]]
        .assert_eq(&words.to_wiki());
    }
}

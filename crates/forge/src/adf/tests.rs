//! Documents as Jira sends them, and the Markdown they become.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::to_markdown;

fn check(content: Value, expected: Expect) {
    let document = json!({"type": "doc", "version": 1, "content": content});
    expected.assert_eq(&to_markdown(&document));
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn marked(text: &str, marks: &[&str]) -> Value {
    let marks: Vec<Value> = marks.iter().map(|it| json!({"type": it})).collect();
    json!({"type": "text", "text": text, "marks": marks})
}

fn paragraph(content: Value) -> Value {
    json!({"type": "paragraph", "content": content})
}

fn item(content: Value) -> Value {
    json!({"type": "listItem", "content": content})
}

#[test]
fn nothing_is_nothing_and_plain_text_stays() {
    assert_eq!(to_markdown(&Value::Null), "");
    assert_eq!(to_markdown(&json!("h1. old *server*")), "h1. old *server*");
    assert_eq!(to_markdown(&json!(17)), "");
}

#[test]
fn paragraphs_headings_and_rules() {
    check(
        json!([
            {"type": "heading", "attrs": {"level": 2}, "content": [text("What")]},
            paragraph(json!([text("one"), {"type": "hardBreak"}, text("two")])),
            {"type": "rule"},
            paragraph(json!([])),
            paragraph(json!([text("three")])),
        ]),
        expect![[r#"
            ## What

            one
            two

            ---

            three"#]],
    );
}

#[test]
fn marks_nest_and_leave_blanks_outside() {
    check(
        json!([paragraph(json!([
            marked("bold ", &["strong"]),
            marked("both", &["em", "strong"]),
            text(" "),
            marked("gone", &["strike"]),
            text(" "),
            marked("a`b", &["code"]),
            text(" "),
            marked("up", &["subsup"]),
        ]))]),
        expect!["**bold** ***both*** ~~gone~~ `` a`b `` up"],
    );
}

#[test]
fn links_cards_mentions_and_other_small_things() {
    let link = |shown: &str, href: &str| json!({"type": "text", "text": shown, "marks": [{"type": "link", "attrs": {"href": href}}]});
    check(
        json!([paragraph(json!([
            link("docs", "https://d.example"), text(" "), link("https://d.example", "https://d.example"), text(" "),
            {"type": "inlineCard", "attrs": {"url": "https://c.example"}}, text(" "),
            {"type": "mention", "attrs": {"id": "1", "text": "@Ann"}}, text(" "),
            {"type": "emoji", "attrs": {"shortName": ":smile:"}}, text(" "),
            {"type": "status", "attrs": {"text": "IN REVIEW"}}, text(" "),
            {"type": "date", "attrs": {"timestamp": "1795132800000"}}, text(" "),
            {"type": "date", "attrs": {"timestamp": "99999999999999999"}},
        ]))]),
        expect![
            "[docs](https://d.example) <https://d.example> <https://c.example> @Ann :smile: [IN REVIEW] 20 Nov 2026 99999999999999999"
        ],
    );
}

#[test]
fn lists_nest() {
    let inner = json!({"type": "orderedList", "attrs": {"order": 3}, "content": [
        item(json!([paragraph(json!([text("inner")]))])),
        item(json!([paragraph(json!([text("code")])), {"type": "codeBlock", "content": [text("x\n\ny")]}])),
    ]});
    check(
        json!([{"type": "bulletList", "content": [
            item(json!([paragraph(json!([text("outer")])), inner])),
            item(json!([paragraph(json!([text("last")]))])),
        ]}]),
        expect![[r#"
            - outer
              3. inner
              4. code
                 ```
                 x

                 y
                 ```
            - last"#]],
    );
}

#[test]
fn tasks_and_decisions() {
    check(
        json!([
            {"type": "taskList", "content": [
                {"type": "taskItem", "attrs": {"state": "DONE"}, "content": [text("a")]},
                {"type": "taskItem", "attrs": {"state": "TODO"}, "content": [text("b")]},
                {"type": "taskList", "content": [{"type": "taskItem", "attrs": {"state": "TODO"}, "content": [text("c")]}]},
            ]},
            {"type": "decisionList", "content": [{"type": "decisionItem", "content": [text("d")]}]},
        ]),
        expect![[r#"
            - [x] a
            - [ ] b
              - [ ] c

            - d"#]],
    );
}

#[test]
fn code_keeps_its_fences_inside() {
    check(
        json!([{"type": "codeBlock", "attrs": {"language": "py thon`"}, "content": [text("```\nx"), {"type": "hardBreak"}, text("y")]}]),
        expect![[r#"
            ````python
            ```
            x
            y
            ````"#]],
    );
}

#[test]
fn quotes_panels_and_expands() {
    check(
        json!([
            {"type": "blockquote", "content": [paragraph(json!([text("a")])), paragraph(json!([text("b")]))]},
            {"type": "panel", "attrs": {"panelType": "warning"}, "content": [paragraph(json!([text("c")]))]},
            {"type": "expand", "attrs": {"title": "More"}, "content": [paragraph(json!([text("d")]))]},
        ]),
        expect![[r#"
            > a
            >
            > b

            > **warning:**
            >
            > c

            **More**

            d"#]],
    );
}

#[test]
fn a_table_keeps_its_cells() {
    let cell = |kind: &str, content: Value| json!({"type": kind, "content": content});
    check(
        json!([{"type": "table", "content": [
            {"type": "tableRow", "content": [cell("tableHeader", json!([paragraph(json!([text("in")]))])), cell("tableHeader", json!([paragraph(json!([text("out")]))]))]},
            {"type": "tableRow", "content": [cell("tableCell", json!([paragraph(json!([text("a|b")])), paragraph(json!([text("c")]))]))]},
        ]}]),
        expect![[r#"
            | in | out |
            | --- | --- |
            | a\|b<br>c |  |"#]],
    );
}

#[test]
fn an_unknown_node_keeps_its_words() {
    check(
        json!([
            {"type": "layoutSection", "content": [{"type": "layoutColumn", "content": [paragraph(json!([text("a")]))]}]},
            {"type": "hologram", "attrs": {"text": "b"}},
            {"type": "hologram", "content": [text("c"), {"type": "sparkle", "text": "d"}]},
            {"type": "mediaSingle", "content": [{"type": "media", "attrs": {"alt": "shot.png"}}]},
            {"content": "nonsense"}, null, 5,
        ]),
        expect![[r#"
            a

            b

            c

            d

            [attachment: shot.png]"#]],
    );
}

#[test]
fn a_document_that_goes_down_forever_is_cut() {
    let mut node = text("deep");
    for _ in 0..500 {
        node = json!({"type": "blockquote", "content": [node]});
    }
    let markdown = to_markdown(&json!({"type": "doc", "content": [node]}));
    assert!(markdown.contains("[deeper text was cut here]"));
}

//! Jira's rich text to Markdown.
//!
//! The format is Atlassian's "Atlassian Document Format": a tree of nodes with a `type`, `content` and `attrs`.
//! A node we don't know keeps its text: an unknown frame must not swallow the words inside.

use serde_json::Value;

/// Deepest nesting that is followed; documents people write have fewer than ten levels.
const DEPTH_MAX: usize = 60;

/// The document as Markdown. Old servers send plain text; it is taken as it is.
pub(crate) fn to_markdown(document: &Value) -> String {
    match document {
        Value::String(text) => text.clone(),
        node => blocks(node, 0).trim().to_owned(),
    }
}

fn kind(node: &Value) -> &str {
    node["type"].as_str().unwrap_or_default()
}

fn content(node: &Value) -> &[Value] {
    node["content"].as_array().map_or(&[], Vec::as_slice)
}

fn attribute<'a>(node: &'a Value, name: &str) -> &'a str {
    node["attrs"][name].as_str().unwrap_or_default()
}

/// The blocks inside a node, with an empty line between them.
fn blocks(node: &Value, depth: usize) -> String {
    join(content(node), depth, "\n\n")
}

fn join(nodes: &[Value], depth: usize, between: &str) -> String {
    let mut joined = String::new();
    let mut inline_before = false;
    for node in nodes {
        let is_inline = is_inline(node);
        let text = if is_inline {
            inline(node, depth)
        } else {
            block(node, depth)
        };
        if text.is_empty() {
            continue;
        }
        // Some writers put words into a list item or a cell without a paragraph around them.
        let goes_on = inline_before && is_inline;
        if !joined.is_empty() && !goes_on {
            joined.push_str(between);
        }
        joined.push_str(&text);
        inline_before = is_inline;
    }
    joined
}

fn is_inline(node: &Value) -> bool {
    matches!(
        kind(node),
        "text"
            | "hardBreak"
            | "mention"
            | "emoji"
            | "inlineCard"
            | "date"
            | "status"
            | "placeholder"
            | "inlineExtension"
            | "mediaInline"
    )
}

fn block(node: &Value, depth: usize) -> String {
    if DEPTH_MAX < depth {
        return "[deeper text was cut here]".to_owned();
    }
    let deeper = depth + 1;
    match kind(node) {
        "paragraph" | "taskItem" | "decisionItem" | "caption" => inlines(node, deeper),
        "heading" => {
            let level = node["attrs"]["level"].as_u64().unwrap_or(1).clamp(1, 6);
            format!(
                "{} {}",
                "#".repeat(level as usize),
                inlines(node, deeper).replace('\n', " ")
            )
        }
        "bulletList" | "decisionList" => list(node, deeper, |_, _| "- ".to_owned()),
        "orderedList" => {
            let first = node["attrs"]["order"].as_u64().unwrap_or(1);
            list(node, deeper, |index, _| {
                format!("{}. ", first.saturating_add(index))
            })
        }
        "taskList" => list(node, deeper, |_, item| match attribute(item, "state") {
            "DONE" => "- [x] ".to_owned(),
            _ => "- [ ] ".to_owned(),
        }),
        "codeBlock" => code(&plain(node, deeper), attribute(node, "language")),
        "blockquote" => prefixed(&blocks(node, deeper), "> ", "> "),
        "panel" => {
            let name = attribute(node, "panelType");
            let title = if name.is_empty() { "Note" } else { name };
            prefixed(
                &format!("**{title}:**\n\n{}", blocks(node, deeper)),
                "> ",
                "> ",
            )
        }
        "expand" | "nestedExpand" => {
            let title = attribute(node, "title");
            let inside = blocks(node, deeper);
            if title.is_empty() {
                inside
            } else {
                format!("**{title}**\n\n{inside}")
            }
        }
        "rule" => "---".to_owned(),
        "table" => table(node, deeper),
        "media" => media(node),
        "blockCard" | "embedCard" => card(node),
        _ => {
            let inside = blocks(node, deeper);
            let own = node["text"].as_str().unwrap_or(attribute(node, "text"));
            if inside.is_empty() {
                own.to_owned()
            } else {
                inside
            }
        }
    }
}

/// A list; what an item contains behind its first line is moved to the right of the item's mark.
fn list(node: &Value, depth: usize, mark: impl Fn(u64, &Value) -> String) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (index, item) in (0..).zip(content(node)) {
        // A list of tasks nests a list beside its items, not inside one.
        if matches!(kind(item), "taskList" | "bulletList" | "orderedList") {
            lines.push(prefixed(&block(item, depth), "  ", "  "));
            continue;
        }
        let mark = mark(index, item);
        let inside = match kind(item) {
            "listItem" => join(content(item), depth, "\n"),
            _ => block(item, depth),
        };
        lines.push(prefixed(&inside, &mark, &" ".repeat(mark.len().min(6))));
    }
    lines.join("\n")
}

fn prefixed(text: &str, first: &str, others: &str) -> String {
    let lines = text.split('\n').enumerate().map(|(index, line)| {
        let prefix = if index == 0 { first } else { others };
        format!("{prefix}{line}").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A code block with a fence that its content doesn't contain.
fn code(text: &str, language: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let language: String = language
        .chars()
        .filter(|it| !it.is_whitespace() && *it != '`')
        .collect();
    format!("{fence}{language}\n{text}\n{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|it| it != '`').map(str::len).max().unwrap_or(0)
}

/// The text of a node without any marks.
fn plain(node: &Value, depth: usize) -> String {
    if DEPTH_MAX < depth {
        return String::new();
    }
    match kind(node) {
        "text" => node["text"].as_str().unwrap_or_default().to_owned(),
        "hardBreak" => "\n".to_owned(),
        _ => content(node)
            .iter()
            .map(|it| plain(it, depth + 1))
            .collect(),
    }
}

fn table(node: &Value, depth: usize) -> String {
    let cell = |cell: &Value| {
        let text = blocks(cell, depth + 1).replace('|', "\\|");
        let lines: Vec<&str> = text.split('\n').filter(|it| !it.is_empty()).collect();
        lines.join("<br>")
    };
    let rows: Vec<Vec<String>> = content(node)
        .iter()
        .map(|row| content(row).iter().map(cell).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (index, mut row) in rows.into_iter().enumerate() {
        row.resize(columns, String::new());
        lines.push(format!("| {} |", row.join(" | ")));
        if index == 0 {
            lines.push(format!("|{}", " --- |".repeat(columns)));
        }
    }
    lines.join("\n")
}

fn media(node: &Value) -> String {
    let name = attribute(node, "alt");
    match attribute(node, "url") {
        "" if name.is_empty() => "[attachment]".to_owned(),
        "" => format!("[attachment: {name}]"),
        url => format!("![{name}]({url})"),
    }
}

fn card(node: &Value) -> String {
    match attribute(node, "url") {
        "" => node["attrs"]["data"]["url"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        url => format!("<{url}>"),
    }
}

fn inlines(node: &Value, depth: usize) -> String {
    content(node).iter().map(|it| inline(it, depth)).collect()
}

fn inline(node: &Value, depth: usize) -> String {
    if DEPTH_MAX < depth {
        return String::new();
    }
    match kind(node) {
        "text" => marked(node),
        "hardBreak" => "\n".to_owned(),
        "mention" => match attribute(node, "text") {
            "" => "@somebody".to_owned(),
            name if name.starts_with('@') => name.to_owned(),
            name => format!("@{name}"),
        },
        "emoji" => match attribute(node, "text") {
            "" => attribute(node, "shortName").to_owned(),
            text => text.to_owned(),
        },
        "inlineCard" => card(node),
        "mediaInline" => media(node),
        "status" => format!("[{}]", attribute(node, "text")),
        "date" => date(attribute(node, "timestamp")),
        "placeholder" => attribute(node, "text").to_owned(),
        _ => block(node, depth + 1),
    }
}

/// A day as `20 Nov 2026`, from milliseconds since 1970; anything else stays as it is.
fn date(timestamp: &str) -> String {
    let seconds = timestamp.parse::<u64>().map(|it| it / 1000);
    // The form of HTTP has four digits for the year.
    let Some(seconds) = seconds.ok().filter(|it| *it < 253_402_300_800) else {
        return timestamp.to_owned();
    };
    let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let text = httpdate::fmt_http_date(at);
    // As in `Fri, 20 Nov 2026 00:00:00 GMT`.
    text.split(' ')
        .skip(1)
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Text with its marks, the blanks at its ends outside them, as Markdown needs it.
fn marked(node: &Value) -> String {
    let text = node["text"].as_str().unwrap_or_default();
    let marks = node["marks"].as_array().map_or(&[][..], Vec::as_slice);
    let inside = text.trim();
    if inside.is_empty() || marks.is_empty() {
        return text.to_owned();
    }
    let before = &text[..text.len() - text.trim_start().len()];
    let after = &text[text.trim_end().len()..];
    let has = |name| marks.iter().any(|it| kind(it) == name);
    let mut shown = if has("code") {
        inline_code(inside)
    } else {
        inside.to_owned()
    };
    for (name, sign) in [("strike", "~~"), ("em", "*"), ("strong", "**")] {
        if has(name) {
            shown = format!("{sign}{shown}{sign}");
        }
    }
    let link = marks.iter().find(|it| kind(it) == "link");
    if let Some(link) = link {
        let address = attribute(link, "href");
        shown = if address == inside {
            format!("<{address}>")
        } else {
            format!("[{shown}]({address})")
        };
    }
    format!("{before}{shown}{after}")
}

fn inline_code(text: &str) -> String {
    match longest_run(text) {
        0 => format!("`{text}`"),
        run => {
            let fence = "`".repeat(run + 1);
            format!("{fence} {text} {fence}")
        }
    }
}

#[cfg(test)]
mod tests;

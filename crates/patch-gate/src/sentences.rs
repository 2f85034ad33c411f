//! The sentences of a Markdown text that are its author's own words, each with what stands above it.

/// One sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// Its words, on one line.
    pub(crate) text: String,
    /// Of an item in a list: the sentence over the list, and the items over this one.
    pub(crate) above: String,
    /// The headings over it.
    pub(crate) heading: String,
}

/// The sentences of a text, in their order: without code blocks, quotations, tracebacks and hidden comments.
pub(crate) fn of(text: &str) -> Vec<Sentence> {
    let mut found = Reader::default();
    for line in own_lines(text) {
        found.take(&line);
    }
    found.end();
    found.sentences
}

#[derive(Default)]
struct Reader {
    sentences: Vec<Sentence>,
    /// Lines of the paragraph or the item that goes on.
    paragraph: String,
    /// Indent of the item that it is.
    item: Option<usize>,
    /// The last sentence that is no item.
    lead: String,
    /// Items that a deeper one may stand under, with their indents.
    items: Vec<(usize, String)>,
    /// Levels and words of headings.
    headings: Vec<(usize, String)>,
}

impl Reader {
    fn take(&mut self, line: &str) {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        let level = text.bytes().take_while(|it| *it == b'#').count();
        let underline = !text.is_empty() && text.chars().all(|it| it == '=') || text == "---";
        if text.is_empty() {
            self.end();
        } else if 0 < level && text[level..].starts_with(' ') {
            self.end();
            self.headings.retain(|it| it.0 < level);
            self.headings.push((level, text[level..].trim().to_owned()));
            (self.lead, self.items) = (String::new(), Vec::new());
        } else if underline && self.item.is_none() && !self.paragraph.is_empty() {
            let level = if text.starts_with('=') { 1 } else { 2 };
            self.headings.retain(|it| it.0 < level);
            self.headings
                .push((level, std::mem::take(&mut self.paragraph)));
        } else if let Some(words) = item(text) {
            self.end();
            self.items.retain(|it| it.0 < indent);
            self.item = Some(indent);
            self.paragraph = words.to_owned();
        } else {
            if !self.paragraph.is_empty() {
                self.paragraph.push(' ');
            }
            self.paragraph += text;
        }
    }

    /// Ends a paragraph.
    fn end(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let headings: Vec<&str> = self.headings.iter().map(|it| it.1.as_str()).collect();
        let heading = headings.join(". ");
        let item = self.item.take();
        if paragraph.is_empty() {
            return;
        }
        let above = match item {
            None => String::new(),
            Some(_) => {
                let items = self.items.iter().map(|it| it.1.as_str());
                let over: Vec<&str> = [self.lead.as_str()].into_iter().chain(items).collect();
                over.join(" ").trim().to_owned()
            }
        };
        let mark = if item.is_some() { "- " } else { "" };
        let mut last = String::new();
        for (number, text) in split(&paragraph).into_iter().enumerate() {
            last.clone_from(&text);
            let text = if number == 0 {
                format!("{mark}{text}")
            } else {
                text
            };
            self.sentences.push(Sentence {
                text,
                above: above.clone(),
                heading: heading.clone(),
            });
        }
        match item {
            Some(indent) => self.items.push((indent, last)),
            None => (self.lead, self.items) = (last, Vec::new()),
        }
    }
}

/// The words of an item of a list.
fn item(text: &str) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = text.get(digits..).filter(|_| (1..=3).contains(&digits));
    let numbered = numbered.and_then(|it| it.strip_prefix(". ").or_else(|| it.strip_prefix(") ")));
    let marked = ["- ", "* ", "+ ", "• "]
        .iter()
        .find_map(|it| text.strip_prefix(it));
    let words = marked.or(numbered)?.trim_start();
    let boxes = ["[ ] ", "[x] ", "[X] "];
    Some(
        boxes
            .iter()
            .find_map(|it| words.strip_prefix(it))
            .unwrap_or(words),
    )
}

/// Splits where a sentence ends: at a full stop and the like that a blank follows, not within code.
fn split(paragraph: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut code = false;
    let mut characters = paragraph.chars().peekable();
    while let Some(it) = characters.next() {
        code ^= it == '`';
        let now = found.last_mut().expect("there is one");
        now.push(it);
        let blank = characters.peek().is_some_and(|it| it.is_whitespace());
        let is_end = matches!(it, '.' | '!' | '?') && blank || matches!(it, '。' | '！' | '？');
        let short = ["e.g.", "i.e.", "etc.", "cf.", "vs."]
            .iter()
            .any(|it| now.ends_with(it));
        if is_end && !code && !short {
            found.push(String::new());
        }
    }
    let trimmed = found.iter().map(|it| it.trim().to_owned());
    trimmed.filter(|it| !it.is_empty()).collect()
}

/// The lines of a Markdown text that are its author's own words.
fn own_lines(body: &str) -> Vec<String> {
    let body = without_comments(body);
    let mut fence = None;
    let mut lines: Vec<String> = Vec::new();
    let mut in_list = false;
    for line in body.lines() {
        let text = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|it| text.starts_with(it));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                let is_item = item(text).is_some();
                let indented = line.starts_with("    ") || line.starts_with('\t');
                let is_code = indented && !(in_list && is_item);
                let is_trace = text.starts_with("File \"");
                if !text.is_empty() && !indented {
                    in_list = is_item;
                }
                if !text.starts_with('>') && !is_code && !is_trace {
                    lines.push(line.to_owned());
                }
            }
        }
    }
    lines
}

fn without_comments(body: &str) -> String {
    let mut shown = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((before, hidden)) = rest.split_once("<!--") {
        shown += before;
        rest = hidden.split_once("-->").map_or("", |it| it.1);
    }
    shown + rest
}

/// A text without what stands between backticks, but for these names: code is of no language.
pub(crate) fn without_code(text: &str, names: &[&str]) -> String {
    let mut plain = String::with_capacity(text.len());
    for (number, part) in text.split('`').enumerate() {
        match names.iter().find(|it| has_word(part, it)) {
            _ if number % 2 == 0 => plain += part,
            Some(name) => plain += name,
            None => plain.push(' '),
        }
    }
    plain
}

/// Whether a name stands in a line and isn't a part of a longer one.
pub(crate) fn has_word(line: &str, name: &str) -> bool {
    places(line, name).next().is_some()
}

/// A line with something else in place of a name.
pub(crate) fn with_word_replaced(line: &str, name: &str, by: &str) -> String {
    let mut replaced = String::with_capacity(line.len());
    let mut done = 0;
    for at in places(line, name) {
        replaced += &line[done..at];
        replaced += by;
        done = at + name.len();
    }
    replaced + &line[done..]
}

fn places<'t>(line: &'t str, name: &'t str) -> impl Iterator<Item = usize> + 't {
    let found = line.match_indices(name).filter(move |(at, _)| {
        let before = line[..*at].chars().next_back();
        let mut after = line[at + name.len()..].chars();
        let (next, second) = (after.next(), after.next());
        let joins = |it: char| it.is_ascii_alphanumeric() || "_-/.".contains(it);
        let ends = match next {
            None => true,
            // A full stop ends a sentence, unless the name goes on behind it.
            Some('.') => !second.is_some_and(char::is_alphanumeric),
            Some(it) => !joins(it),
        };
        ends && !before.is_some_and(joins)
    });
    found.map(|it| it.0)
}

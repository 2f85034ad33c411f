//! Whether a task asks for something by its name, in its own words.
//!
//! A name permits nothing by being there. It must stand in a sentence that asks for a change, in words that are known here;
//! whatever leaves a doubt, such as a negation, another language or somebody's quotation, permits nothing.

use protocol::Task;

use crate::sentences::{self, Sentence};

/// Longest sentence that is quoted, in characters.
const QUOTE_CHARS_MAX: usize = 200;
/// A sentence that takes the one before it back is this long at most, in words.
const TAKING_BACK_WORDS_MAX: usize = 4;

/// Words of which one is enough to leave a doubt. English ones say what to leave alone, those of other languages deny.
const DENIALS: &[&str] = &[
    "avoid",
    "can't",
    "cannot",
    "doesn't",
    "don't",
    "dont",
    "except",
    "excluding",
    "forbid",
    "forbidden",
    "frozen",
    "isn't",
    "keep",
    "leave",
    "leaving",
    "must-not",
    "mustn't",
    "neither",
    "never",
    "no",
    "none",
    "nor",
    "not",
    "off-limits",
    "refrain",
    "rather",
    "instead",
    "shouldn't",
    "stop",
    "unchanged",
    "unless",
    "unmodified",
    "untouched",
    "without",
    "won't",
    "wouldn't",
    "hands-off",
    "read-only",
    "out-of-scope",
    "aren't",
    "wasn't",
    "didn't",
    "hasn't",
    "needn't",
    // Of Czech, Danish, Dutch, Finnish, French, German, Italian, Polish, Portuguese, Spanish, Swedish, Turkish.
    "aucun",
    "aucune",
    "bez",
    "degil",
    "ei",
    "geen",
    "ikke",
    "inga",
    "ingen",
    "inte",
    "kein",
    "keine",
    "keinen",
    "keinesfalls",
    "jamais",
    "mai",
    "nao",
    "ne",
    "nem",
    "nicht",
    "nie",
    "niemals",
    "niet",
    "ningun",
    "non",
    "nunca",
    "pas",
    "sans",
    "sem",
    "senza",
    "sin",
    "uden",
    "utan",
    "zonder",
    "ohne",
];
/// Phrases that do the same.
const DENYING: &[&str] = &[
    "out of scope",
    "off limits",
    "hands off",
    "non-goal",
    "as is",
    "as it is",
    "as they are",
    "read only",
];
/// What is asked for, as an order has it.
const ORDERS: &[&str] = &[
    "add",
    "adapt",
    "adjust",
    "allow",
    "alter",
    "append",
    "apply",
    "bring",
    "bump",
    "change",
    "check",
    "commit",
    "configure",
    "convert",
    "copy",
    "correct",
    "create",
    "cut",
    "declare",
    "define",
    "delete",
    "disable",
    "drop",
    "edit",
    "enable",
    "ensure",
    "exclude",
    "extend",
    "fix",
    "format",
    "give",
    "generate",
    "ignore",
    "implement",
    "include",
    "increase",
    "insert",
    "install",
    "introduce",
    "list",
    "lock",
    "lower",
    "make",
    "mark",
    "merge",
    "migrate",
    "modify",
    "move",
    "pin",
    "provide",
    "put",
    "raise",
    "refresh",
    "regenerate",
    "register",
    "relax",
    "relock",
    "remove",
    "rename",
    "reorder",
    "replace",
    "require",
    "restore",
    "rewrite",
    "run",
    "set",
    "shorten",
    "simplify",
    "sort",
    "split",
    "support",
    "switch",
    "test",
    "tidy",
    "turn",
    "unpin",
    "update",
    "upgrade",
    "use",
    "write",
];
/// What an order may begin with.
const BEFORE_AN_ORDER: &[&str] = &[
    "also",
    "additionally",
    "and",
    "finally",
    "first",
    "just",
    "kindly",
    "lastly",
    "let's",
    "next",
    "now",
    "please",
    "second",
    "simply",
    "so",
    "then",
    "therefore",
    "third",
    "todo",
];
/// What makes a wish or a duty of the word behind it.
const DUTIES: &[&str] = &["must", "please", "shall", "should"];
/// The same before "to".
const NEEDS: &[&str] = &[
    "has",
    "have",
    "like",
    "necessary",
    "need",
    "needed",
    "needs",
    "ought",
    "required",
    "want",
    "wants",
];
/// What begins a part of a sentence that tells of something else.
const ASIDE: &[&str] = &[
    "according",
    "as",
    "because",
    "describes",
    "if",
    "like",
    "per",
    "says",
    "see",
    "shows",
    "since",
    "that",
    "when",
    "where",
    "which",
    "while",
    "who",
    "whose",
];

/// What a task says about something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It asks for a change, in this sentence.
    Asked(String),
    /// It names it, in this sentence, and that leaves a doubt.
    Doubted(String),
    /// It doesn't name it.
    Nothing,
}

/// Looks for the first sentence of the task that asks for a change of one of these names, word for word.
///
/// Only title and body count, and of the body only what its author says: not code blocks, quotations and hidden
/// comments, which are outputs and other people's words, nor the conversation below.
pub(crate) fn about(task: &Task, names: &[&str]) -> Word {
    let mut all = sentences::of(&task.title);
    all.extend(sentences::of(&task.body));
    let named = |it: &Sentence| names.iter().any(|name| sentences::has_word(&it.text, name));
    let of_it: Vec<usize> = (0..all.len()).filter(|at| named(&all[*at])).collect();
    let Some(first) = of_it.first() else {
        return Word::Nothing;
    };
    // One sentence that forbids it is stronger than any that asks for it.
    if let Some(at) = of_it.iter().find(|at| is_forbidden(&all[**at], names)) {
        return Word::Doubted(in_quotes(&all[*at], names));
    }
    let asking = of_it.iter().find(|at| {
        let taken_back = all.get(**at + 1).is_some_and(|next| {
            next.text.split_whitespace().count() <= TAKING_BACK_WORDS_MAX
                && denies(&next.text, names)
        });
        !taken_back && asks(&all[**at], names)
    });
    match asking {
        Some(at) => Word::Asked(in_quotes(&all[*at], names)),
        None => Word::Doubted(in_quotes(&all[*first], names)),
    }
}

fn in_quotes(it: &Sentence, names: &[&str]) -> String {
    let above = &it.above;
    let belongs = above.ends_with(':') || denies(above, names);
    let whole = match belongs {
        true => format!("{above} {}", it.text),
        false => it.text.clone(),
    };
    whole.trim().chars().take(QUOTE_CHARS_MAX).collect()
}

/// Whether a sentence with the name in it says, alone or with what stands above it, what to leave alone.
fn is_forbidden(it: &Sentence, names: &[&str]) -> bool {
    denies(&it.text, names) || denies(&it.above, names) || denies(&it.heading, names)
}

fn denies(text: &str, names: &[&str]) -> bool {
    let plain = sentences::without_code(text, names);
    let lower = plain.to_lowercase().replace('’', "'");
    let denied = |word: &&str| DENIALS.contains(word) || word.ends_with("n't");
    words(&lower).iter().any(denied) || DENYING.iter().any(|it| lower.contains(it))
}

/// Whether a sentence asks for a change of what it names.
fn asks(it: &Sentence, names: &[&str]) -> bool {
    let whole = format!("{} {}", it.above, it.text);
    let plain = sentences::without_code(&whole, names);
    let foreign = |it: char| it.is_alphabetic() && !it.is_ascii();
    if whole.trim_end().ends_with('?') || plain.contains(foreign) || is_quoted(&it.text, names) {
        return false;
    }
    // A list under an order is ordered as a whole.
    let tells = words(&it.text.to_lowercase())
        .iter()
        .any(|it| ASIDE.contains(it));
    orders(&it.text, names) || it.above.ends_with(':') && !tells && orders(&it.above, names)
}

/// Whether one of the clauses orders something, and goes on to the name without telling of something else.
fn orders(text: &str, names: &[&str]) -> bool {
    const NAME: &str = "\u{1}";
    let mut marked = text.to_owned();
    for name in names {
        marked = sentences::with_word_replaced(&marked, name, NAME);
    }
    let lower = sentences::without_code(&marked, &[NAME]).to_lowercase();
    let lower = lower.replace('’', "'");
    let mut before_is_free = true;
    lower
        .split([':', ';', ',', '(', ')', '—', '–'])
        .any(|clause| {
            let words = words(clause);
            let named = words.iter().position(|it| it.contains(NAME));
            let order = (0..words.len()).find(|at| is_order(&words, *at));
            let Some(order) = order else {
                before_is_free &= !words.iter().any(|it| ASIDE.contains(it));
                return false;
            };
            let until = named.unwrap_or(words.len());
            let between = words.get(order..until).unwrap_or_default();
            before_is_free && !between.iter().any(|it| ASIDE.contains(it))
        })
}

/// Whether a word is an order where it stands, and not a noun or somebody's doing.
fn is_order(words: &[&str], at: usize) -> bool {
    let word = words[at];
    let before = at.checked_sub(1).and_then(|it| words.get(it)).copied();
    let second = at.checked_sub(2).and_then(|it| words.get(it)).copied();
    let begins = words[..at]
        .iter()
        .all(|it| BEFORE_AN_ORDER.contains(it) || is_mark(it));
    if ORDERS.contains(&word) {
        return begins
            || before.is_some_and(|it| DUTIES.contains(&it))
            || before == Some("to") && second.is_some_and(|it| NEEDS.contains(&it));
    }
    // As in "must be changed" and "needs to be added".
    let done = ["d", "ed", "ped", "ned", "ted", "ged"].iter().any(|end| {
        word.strip_suffix(end)
            .is_some_and(|it| ORDERS.contains(&it))
    });
    let done =
        done || ["set", "put", "cut", "run", "split", "written", "rewritten"].contains(&word);
    let duty = |it: &str| DUTIES.contains(&it);
    done && before == Some("be") && second.is_some_and(|it| duty(it) || it == "to")
}

/// The number or the box of an item in a list.
fn is_mark(word: &str) -> bool {
    word.chars().all(|it| !it.is_alphabetic() && it != '\u{1}')
}

/// Whether the name stands in somebody's words: in quotation marks, together with others.
fn is_quoted(text: &str, names: &[&str]) -> bool {
    const MARKS: [(char, char); 6] = [
        ('"', '"'),
        ('“', '”'),
        ('„', '“'),
        ('«', '»'),
        ('「', '」'),
        ('‘', '’'),
    ];
    MARKS.iter().any(|(open, close)| {
        let mut rest = text;
        while let Some((_, quoted)) = rest.split_once(*open) {
            let Some((inside, after)) = quoted.split_once(*close) else {
                return false;
            };
            let more = inside.trim().contains(char::is_whitespace);
            if more && names.iter().any(|it| sentences::has_word(inside, it)) {
                return true;
            }
            rest = after;
        }
        false
    })
}

/// Words in lower case, without what stands around them.
fn words(text: &str) -> Vec<&str> {
    let around = |it: char| !it.is_alphanumeric() && !"'-\u{1}".contains(it);
    let words = text.split(|it: char| it.is_whitespace() || it == '/');
    let words = words.map(|it| it.trim_matches(around));
    words.filter(|it| !it.is_empty()).collect()
}

#[cfg(test)]
mod tests;

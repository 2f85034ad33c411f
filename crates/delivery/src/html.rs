//! The report as one page: what a reviewer would rather look at than logs.
//!
//! The page needs nothing else: no script, no address, no font. Every text of a stranger is escaped, and its hidden
//! characters are shown, by the one formatter that writes all values.

mod diff;
mod facts;
mod paint;
mod tests_table;
mod timeline;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, escape_formatter};
use protocol::visible;
use serde_json::json;

use crate::error::DeliveryError;
use crate::gate_facts;
use crate::outcomes::Outcomes;
use crate::quote;
use crate::record::Record;
use crate::report;
use crate::words;
use paint::Painter;

/// Longest text of a task, a test file or a model that is shown; all of it is in the bundle's other files.
const TEXT_CHARS_MAX: usize = 60_000;

/// Makes what every page needs, whatever is on it.
///
/// It takes some tens of milliseconds. Whoever calls it while a run waits for something else has no wait at the end; to
/// call it isn't necessary.
pub fn prepare_page() {
    paint::prepare();
}

/// Renders `report.html`. `head` is the last digest of the journal's chain.
pub(crate) fn render(
    record: &Record,
    outcomes: &Outcomes,
    head: &str,
) -> Result<String, DeliveryError> {
    let mut painter = Painter::new();
    let patch = &record.state.proposed_code;
    let page = json!({
        "title": quote::one_line(&record.task.title, 160),
        "head": facts::head(record),
        "gates": gate_facts::gates(record, outcomes),
        "amendment": facts::amendment(record, &mut painter),
        "asked": {
            "source": facts::source(record),
            "text": cut(&record.task.as_markdown()),
        },
        "guidance": facts::guidance(record),
        "guidance_words": report::guidance::GUIDANCE_WORDS,
        "allowed": record.patch_facts().map(|it| &it.allowed),
        "files": diff::files(patch, &mut painter),
        "tests": tests_table::groups(outcomes),
        "around": tests_table::around(record),
        "failures": tests_table::failures(outcomes),
        "acceptance": facts::acceptance(record, &mut painter),
        "integrity": facts::integrity(record),
        "hunks": facts::hunks(record),
        "formats": facts::formats(record),
        "review": facts::review(record),
        "trace": timeline::trace(record),
        "timeline": timeline::visits(record),
        "sent_back": timeline::sent_back(record),
        "last_rejection": timeline::last_rejection(record),
        "said": timeline::said(record),
        "walls": facts::walls(record),
        "missing": record.missing(),
        "again": report::commands(record).join("\n"),
        "verify": report::VERIFY,
        "digest": head,
    });
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // What is safe comes from the template's own macros, whose values went through here already.
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => {
            escape_formatter(out, state, &Value::from(visible(text).into_owned()))
        }
        _ => escape_formatter(out, state, value),
    });
    environment.add_filter("number", words::number);
    environment.add_template("report.html", include_str!("../templates/report.html"))?;
    Ok(environment.get_template("report.html")?.render(page)?)
}

/// The beginning of a long text, which says that it is one.
fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((at, _)) => format!("{}\n… (cut; the whole is in the bundle)", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Entry, Evidence, RunEvent, RunId};

    use super::*;
    use crate::example;

    fn page(history: &[Entry]) -> String {
        let record = Record::read(&RunId("260521-abcd".into()), history).expect("a run");
        render(&record, &Outcomes::of(&record), &"9".repeat(64)).expect("the page can be filled")
    }

    /// What the last draft of [`rejected`] was sent back for.
    const THIRD_PAGE: &str = "the third page is lost";

    /// The rich example, but with every draft sent back.
    fn rejected() -> Vec<Entry> {
        let mut history = example::rich();
        for entry in &mut history {
            match &mut entry.event {
                RunEvent::Reported { report, .. } => {
                    report.verdict = protocol::Verdict::Rejected {
                        feedback: THIRD_PAGE.to_owned(),
                    };
                }
                RunEvent::Finished { status, reason, .. } => {
                    *status = protocol::Status::Failed;
                    *reason = Some(protocol::Reason::RedraftsExhausted);
                }
                _ => {}
            }
        }
        history
    }

    /// What stands between angle brackets: the page's own structure.
    fn tags(page: &str) -> Vec<&str> {
        page.split('<')
            .skip(1)
            .map(|it| it.split('>').next().unwrap_or_default())
            .collect()
    }

    #[test]
    fn the_same_journal_gives_the_same_bytes_and_every_example_a_page() {
        // They are laid beside what is built, where a browser can open them: scripts/axe does.
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/reports");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        for (name, history) in [
            ("completed", example::completed()),
            ("rich", example::rich()),
            ("safe", example::safe()),
            ("no_code", example::no_code()),
            ("interrupted", example::interrupted()),
            ("forked", example::forked()),
            ("hostile", example::hostile()),
            ("rejected", rejected()),
        ] {
            let page = page(&history);
            assert_eq!(page, self::page(&history));
            std::fs::write(format!("{folder}/{name}.html"), page).expect("a page can be written");
        }
    }

    #[test]
    fn the_page_needs_nothing_else() {
        let page = page(&example::rich());
        assert!(page.contains(
            "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\""
        ));
        for tag in tags(&page) {
            for forbidden in ["script", "link", "img", "iframe", "object", "base ", "form"] {
                assert!(!tag.starts_with(forbidden), "<{tag}>");
            }
            assert!(!tag.contains("href=\"http"), "<{tag}>");
            assert!(!tag.contains("src="), "<{tag}>");
        }
        assert!(!page.contains("url("));
        assert!(!page.contains("@import"));
    }

    #[test]
    fn why_a_failed_run_failed_is_open_and_before_everything_else() {
        let failed = page(&rejected());
        let place = |page: &str, what: &str| page.find(what);
        let told = place(&failed, "<details class=\"rejection\" open>").expect("it is there");
        assert!(told < place(&failed, "id=\"gates\"").expect("the gates are there"));
        assert!(failed[told..].contains(THIRD_PAGE));
        assert_eq!(place(&page(&example::rich()), "class=\"rejection\""), None);
    }

    /// The relative luminance of WCAG 2.
    fn luminance(colour: &str) -> f64 {
        let digits = colour.trim_start_matches('#');
        let wide: String = match digits.len() {
            3 => digits.chars().flat_map(|it| [it, it]).collect(),
            _ => digits.to_owned(),
        };
        let part = |at: usize| {
            let value = u8::from_str_radix(&wide[at..at + 2], 16).expect("a colour");
            let value = f64::from(value) / 255.0;
            match value <= 0.04045 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
    }

    #[test]
    fn every_text_can_be_read_on_what_is_behind_it() {
        const ON: &[(&str, &[&str])] = &[
            (
                "bg",
                &[
                    "ink", "dim", "good", "bad", "odd", "link", "k", "s", "c", "f", "t", "n",
                ],
            ),
            (
                "soft",
                &[
                    "ink", "dim", "good", "bad", "odd", "link", "k", "s", "c", "f", "t", "n",
                ],
            ),
            (
                "goodbg",
                &["ink", "dim", "good", "k", "s", "c", "f", "t", "n"],
            ),
            (
                "badbg",
                &["ink", "dim", "bad", "k", "s", "c", "f", "t", "n"],
            ),
            ("oddbg", &["ink", "odd", "link"]),
            ("idlebg", &["ink", "dim"]),
        ];
        let page = include_str!("../templates/report.html");
        let schemes: Vec<&str> = page.split(":root{").skip(1).take(2).collect();
        let mut low = Vec::new();
        for scheme in &schemes {
            let colours: std::collections::BTreeMap<&str, &str> = scheme
                .split('}')
                .next()
                .expect("it ends")
                .split(';')
                .filter_map(|it| it.trim_start_matches("--").split_once(':'))
                .collect();
            for (behind, texts) in ON {
                for text in *texts {
                    let (a, b) = (luminance(colours[text]), luminance(colours[behind]));
                    let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    if contrast < 4.5 {
                        low.push(format!("{text} on {behind}: {contrast:.2}"));
                    }
                }
            }
        }
        assert_eq!(schemes.len(), 2);
        assert_eq!(low, Vec::<String>::new());
        assert!(!page.contains("opacity"));
    }

    #[test]
    fn everything_the_gates_measured_is_on_the_page() {
        let page = page(&example::rich());
        for told in [
            "A test was changed because it contradicts the task",
            "The last page is lost",
            "configuration of the test runner",
            "tests&#x2f;test_clock.py::test_now",
            "left aside: it imports nothing that was changed",
            "tests&#x2f;test_slow.py",
            "an exception of every kind is swallowed",
            "@@ -40,1 +40,2 @@ def log():",
            "no Python code",
            "for that defect, 35 of 40 (87.5 %, 95 % interval 73.9 to 94.5 %)",
            "<b>generate</b>",
            "pipeline verify .",
        ] {
            assert!(page.contains(told), "{told}");
        }
    }

    /// Puts a hostile text wherever a stranger has a word.
    fn poisoned(poison: &str) -> Vec<Entry> {
        let mut json = serde_json::to_value(example::rich()).expect("plain data");
        poison_strings(&mut json, poison, "");
        serde_json::from_value(json).expect("only free texts were changed")
    }

    fn poison_strings(value: &mut serde_json::Value, poison: &str, key: &str) {
        const FREE: &[&str] = &[
            "title",
            "body",
            "repository",
            "summary",
            "message",
            "quote",
            "words",
            "answer",
            "id",
            "path",
            "header",
            "text",
            "note",
            "why",
            "what",
            "tool",
            "explanation",
            "feedback",
            "proposed_code",
            "by",
            "old_text",
            "new_text",
            "test",
            "agent",
            "rule",
            "python_version",
        ];
        match value {
            serde_json::Value::String(text) if FREE.contains(&key) => text.push_str(poison),
            serde_json::Value::Array(items) => {
                for item in items {
                    poison_strings(item, poison, key);
                }
            }
            serde_json::Value::Object(fields) => {
                for (name, field) in fields {
                    poison_strings(field, poison, name);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn no_text_of_a_stranger_becomes_part_of_the_page() {
        let marks = "\"'><script>alert(1)</script></style><style>*{display:none}</style>\
            <img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}\u{202e}\u{0}\u{200b}";
        let hostile = page(&poisoned(marks));
        let honest = page(&poisoned("x"));
        for tag in tags(&hostile) {
            assert!(
                !tag.starts_with("script") && !tag.starts_with("img"),
                "<{tag}>"
            );
        }
        let structure = |page: &str| -> Vec<String> {
            let own = |it: &&str| !it.starts_with("span") && !it.starts_with("/span");
            tags(page)
                .into_iter()
                .filter(own)
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(structure(&hostile), structure(&honest));
        for hidden in ['\u{202e}', '\u{0}', '\u{200b}'] {
            assert!(!hostile.contains(hidden), "{hidden:?} is hidden");
        }
        assert!(hostile.contains("\\u{202e}"));
        assert!(hostile.contains("{{ 7*7 }}"));
    }

    #[test]
    fn a_suite_of_thousands_stays_folded_and_small() {
        let mut history = example::rich();
        for entry in &mut history {
            let RunEvent::Reported { report, .. } = &mut entry.event else {
                continue;
            };
            for evidence in &mut report.evidence {
                if let Evidence::Tests { comparison, .. } = evidence {
                    let kept = comparison[0].clone();
                    comparison.extend((0..3000).map(|number| protocol::TestComparison {
                        id: format!("tests/test_many.py::test_{number}"),
                        ..kept.clone()
                    }));
                }
            }
        }
        let page = page(&history);
        assert!(page.len() < 1_200_000, "{} bytes", page.len());
        assert!(page.contains("3,001"));
    }
}

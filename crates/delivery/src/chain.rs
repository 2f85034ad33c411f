//! A journal as lines that each vouch for the one before.
//!
//! Every line is `{"previous":"P","sha256":"S","entry":E}` followed by a line feed. `P` and `S` are 64 hexadecimal
//! digits. `P` is the `S` of the line before, or 64 zeros in the first line. `S` is the SHA-256 of `P`, one line
//! feed, and the bytes of `E` exactly as they stand in the line. Whoever changes, drops, adds or swaps a line
//! changes every `S` after it, so one digest, the last one, speaks for the whole journal.

use protocol::{Entry, sha256};

use crate::error::DeliveryError;

/// What stands before the first line.
const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A journal in lines.
pub(crate) struct Chain {
    /// The lines, each with its line feed.
    pub(crate) text: String,
    /// The last digest, which speaks for all lines.
    pub(crate) head: String,
}

/// Writes entries as a chain.
///
/// # Errors
///
/// When an entry can't be written as JSON.
pub(crate) fn write_chain(history: &[Entry]) -> Result<Chain, DeliveryError> {
    let mut text = String::new();
    let mut previous = ORIGIN.to_owned();
    for entry in history {
        let json = serde_json::to_string(entry).map_err(|source| DeliveryError::Json {
            name: "journal.jsonl".to_owned(),
            source,
        })?;
        let digest = digest_of(&previous, &json);
        text +=
            &format!("{{\"previous\":\"{previous}\",\"sha256\":\"{digest}\",\"entry\":{json}}}\n");
        previous = digest;
    }
    Ok(Chain {
        text,
        head: previous,
    })
}

/// Reads a chain back; every line must be what was written.
///
/// # Errors
///
/// Names the first line that isn't. Lines cut off at the end are not seen here: compare the last digest with the one
/// in `bundle.json`.
pub fn verify_chain(text: &str) -> Result<(Vec<Entry>, String), DeliveryError> {
    let mut entries = Vec::new();
    let mut previous = ORIGIN.to_owned();
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let refuse = |why: String| DeliveryError::Chain { line: number, why };
        let (before, digest, json) = parts(line).ok_or_else(|| {
            refuse("it isn't a whole line of the form that is documented".to_owned())
        })?;
        if before != previous {
            return Err(refuse(
                "it doesn't follow the line before (was a line dropped, added or moved?)"
                    .to_owned(),
            ));
        }
        if digest != digest_of(before, json) {
            return Err(refuse("its content was changed".to_owned()));
        }
        let entry: Entry = serde_json::from_str(json).map_err(|error| {
            refuse(format!(
                "it holds an event of another version of the program: {error}"
            ))
        })?;
        digest.clone_into(&mut previous);
        entries.push(entry);
    }
    Ok((entries, previous))
}

/// The previous digest, the line's own, and the entry's bytes.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let rest = line.strip_prefix("{\"previous\":\"")?;
    let (previous, rest) = rest.split_at_checked(64)?;
    let rest = rest.strip_prefix("\",\"sha256\":\"")?;
    let (digest, rest) = rest.split_at_checked(64)?;
    let json = rest.strip_prefix("\",\"entry\":")?.strip_suffix("}\n")?;
    Some((previous, digest, json))
}

fn digest_of(previous: &str, json: &str) -> String {
    sha256(format!("{previous}\n{json}"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::example;

    /// Changes the lines of a whole chain and says how that is found out.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Vec<String>), want: Expect) {
        let chain = write_chain(&example::completed()).expect("plain data");
        let mut lines: Vec<String> = chain
            .text
            .split_inclusive('\n')
            .map(str::to_owned)
            .collect();
        change(&mut lines);
        let shown = match verify_chain(&lines.concat()) {
            Ok((entries, head)) => format!(
                "{} entries, the last digest is {}",
                entries.len(),
                if head == chain.head {
                    "the same"
                } else {
                    "another"
                }
            ),
            Err(error) => format!("could not {error}"),
        };
        want.assert_eq(&shown);
    }

    #[test]
    fn a_whole_chain_gives_its_entries_back() {
        let history = example::completed();
        let chain = write_chain(&history).expect("plain data");
        let (entries, head) = verify_chain(&chain.text).expect("nothing was changed");
        assert_eq!(entries, history);
        assert_eq!(head, chain.head);
    }

    #[test]
    fn every_change_is_found_out() {
        check(
            |lines| lines[2] = lines[2].replace("\"iteration\":1", "\"iteration\":2"),
            expect!["could not trust line 3 of the bundle's journal: its content was changed"],
        );
        check(
            |lines| drop(lines.remove(1)),
            expect![
                "could not trust line 2 of the bundle's journal: it doesn't follow the line before (was a line dropped, added or moved?)"
            ],
        );
        check(
            |lines| lines.swap(1, 2),
            expect![
                "could not trust line 2 of the bundle's journal: it doesn't follow the line before (was a line dropped, added or moved?)"
            ],
        );
        check(
            |lines| lines[1].truncate(100),
            expect![
                "could not trust line 2 of the bundle's journal: it isn't a whole line of the form that is documented"
            ],
        );
        check(
            |lines| lines[0].insert(14, 'ä'),
            expect![
                "could not trust line 1 of the bundle's journal: it isn't a whole line of the form that is documented"
            ],
        );
    }

    #[test]
    fn a_chain_that_was_cut_short_has_another_last_digest() {
        check(
            |lines| drop(lines.pop()),
            expect!["15 entries, the last digest is another"],
        );
    }
}

//! Which lines of a report may be believed: sealed ones, each once and in its order.

use std::collections::BTreeMap;

use crate::seal::Seal;

/// What stands in a report.
#[derive(Debug, Default)]
pub(crate) struct Records<'a> {
    /// What the believable lines say, in their order.
    pub(crate) bodies: Vec<&'a [u8]>,
    /// Lines that somebody else wrote, or wrote again.
    pub(crate) foreign: usize,
    /// Lines that are missing between others.
    pub(crate) lost: u64,
}

/// Sorts the lines. A last line without an end was cut off and counts for nothing.
pub(crate) fn believed<'a>(report: &'a [u8], seal: &Seal) -> Records<'a> {
    let opened: Vec<_> = report
        .split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_suffix(b"\n"))
        .map(|line| seal.open(line))
        .collect();
    let spare = seal.spare();
    let spare_alone = opened.iter().flatten().all(|it| Some(it.session) == spare);
    let mut records = Records::default();
    let mut next: BTreeMap<usize, u64> = BTreeMap::new();
    for line in opened {
        // The spare key lies in a file. Where keys came through standard input, nobody needs it.
        let Some(line) = line.filter(|it| Some(it.session) != spare || spare_alone) else {
            records.foreign += 1;
            continue;
        };
        let expected = next.entry(line.session).or_default();
        // Several sessions may share the spare key, each counting from 0.
        let starts_anew = Some(line.session) == spare && line.number == 0;
        if line.number < *expected && !starts_anew {
            records.foreign += 1;
            continue;
        }
        if !starts_anew {
            records.lost += line.number - *expected;
        }
        *expected = line.number + 1;
        records.bodies.push(line.body);
    }
    records
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Each line is `session:number`, or what a stranger wrote; `…` at the end stands for a line that was cut off.
    #[track_caller]
    fn check_seals(own_command: bool, lines: &str, want: Expect) {
        let seal = Seal::new(own_command).expect("there are random bytes");
        let mut report = String::new();
        for word in lines.split_whitespace() {
            let (word, cut) = match word.strip_suffix('…') {
                None => (word, false),
                Some(word) => (word, true),
            };
            let line = match word.split_once(':') {
                Some((session, number)) => seal.seal(
                    session.parse().expect("a session"),
                    number.parse().expect("a number"),
                    &format!("{session}:{number}"),
                ),
                None => format!("{word}\n"),
            };
            report += if cut { &line[..line.len() / 2] } else { &line };
        }
        let records = believed(report.as_bytes(), &seal);
        let shown: Vec<_> = records
            .bodies
            .iter()
            .map(|it| String::from_utf8_lossy(it))
            .collect();
        want.assert_eq(&format!(
            "{} foreign {} lost {}",
            shown.join(" "),
            records.foreign,
            records.lost
        ));
    }

    #[test]
    fn only_sealed_lines_in_their_order_are_believed() {
        check_seals(false, "0:0 0:1 0:2…", expect!["0:0 0:1 foreign 0 lost 0"]);
        check_seals(false, "0:0 forged 0:1", expect!["0:0 0:1 foreign 1 lost 0"]);
        check_seals(
            false,
            "0:0 0:1 0:0 0:1 0:2",
            expect!["0:0 0:1 0:2 foreign 2 lost 0"],
        );
        check_seals(false, "0:0 0:3", expect!["0:0 0:3 foreign 0 lost 2"]);
        check_seals(false, "0:1", expect!["0:1 foreign 0 lost 1"]);
    }

    #[test]
    fn each_session_has_its_own_count_and_the_spare_key_counts_alone() {
        check_seals(
            true,
            "0:0 1:0 0:1 1:1",
            expect!["0:0 1:0 0:1 1:1 foreign 0 lost 0"],
        );
        check_seals(
            true,
            "16:0 16:1 16:0",
            expect!["16:0 16:1 16:0 foreign 0 lost 0"],
        );
        check_seals(true, "0:0 16:0 0:1", expect!["0:0 0:1 foreign 1 lost 0"]);
    }
}

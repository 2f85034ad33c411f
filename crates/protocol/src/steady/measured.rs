//! What a program measured, was dealt by chance or got from the system: durations, addresses, ids, ports, seeds.
//!
//! Each pattern is the form in which one known program prints one such thing. None matches a bare number or a bare
//! duration: those may be what a test is about.

use std::sync::LazyLock;

use regex::{Captures, Regex, Replacer};

/// How the pattern is replaced.
type Pattern = (&'static str, &'static str);

/// In order; later ones see what earlier ones left.
const PATTERNS: &[Pattern] = &[
    // pytest's last line. The bars around it fill what the duration leaves of the line.
    (
        r"(?m)^=+ (.*\b(?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|no tests ran)\b.*) in \d+(?:\.\d+)?s(?: \(\d+:\d\d:\d\d\))? =+$",
        "=== $1 in …s ===",
    ),
    // The same in its quiet form, and unittest's.
    (
        r"\b(passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|no tests ran|no tests collected|tests? collected|Ran \d+ tests?) in \d+(?:\.\d+)?s(?: \(\d+:\d\d:\d\d\))?",
        "$1 in …s",
    ),
    // pytest's slowest tests: which they are and their order is chance as well.
    (
        r"(?m)(?:^\d+\.\d+s (?:call|setup|teardown) .*(?:\n|\z))+",
        "…s (which tests took how long differs by run)\n",
    ),
    (
        r"\(\d+ durations < \d+(?:\.\d+)?s hidden",
        "(… durations hidden",
    ),
    // timeit, cProfile.
    (
        r"\b\d+ loops?, best of (\d+): \S+ \S+ per loop",
        "… loops, best of $1: … per loop",
    ),
    (
        r"(?m)^:0: UserWarning: The test results are likely unreliable\..*(?:\n|\z)",
        "",
    ),
    (
        r"\b\d+ function calls(?: \(\d+ primitive calls\))? in \d+\.\d+ seconds",
        "… function calls in … seconds",
    ),
    (r"(?m)^( +\d+(?:/\d+)?)(?: +\d+\.\d{3}){4} ", " $1 … … … … "),
    // Words that people print around a stopwatch.
    (
        r"(?i)\b((?:elapsed|took|finished in|completed in)(?: time)?[ :=]{1,3})\d+(?:\.\d+)? ?(ns|µs|us|ms|s|secs?|seconds?|minutes?)\b",
        "$1… $2",
    ),
    // Python shows objects with their place in memory; other programs show the place alone.
    (r" at 0x[0-9A-Fa-f]{4,16}\b", ""),
    (r"\b0x(?:7[ef]|5[56]|ffff|aaaa)[0-9a-f]{8,10}\b", "0x…"),
    // The same as Python's `id()`.
    (r"\b1(?:39|40)\d{12}\b", "…"),
    (r"\b(started (?:daemon )?)\d{6,}", "$1…"),
    (r"(?i)\b(p?pid|process id)([ =:]+)\d+", "$1$2…"),
    // Ports that a system hands out by itself.
    (
        r"\b(127\.0\.0\.1|localhost|0\.0\.0\.0)(['\x22]?[:,] ?)(?:3[2-9]\d{3}|[45]\d{4}|6[0-5]\d{3})\b",
        "$1$2…",
    ),
    (
        r"(\[::1?\]:|\bport[ =:]+)(?:3[2-9]\d{3}|[45]\d{4}|6[0-5]\d{3})\b",
        "$1…",
    ),
    // Workers and seeds of pytest's plugins.
    (r"\[gw\d+\]", "[gw…]"),
    (r"\b(randomly-seed|random-order-seed)=\d+", "$1=…"),
    // Temporary files, whoever is their owner.
    (r"/tmp/tmp[a-z0-9_]{8}\b", "/tmp/tmp…"),
    (
        r"/tmp/pytest-of-[^/\s]+/pytest-\d+",
        "/tmp/pytest-of-agent/pytest-0",
    ),
    // Python's own library and packages, wherever they were installed; also as a path from here to there.
    (
        r#"[^\s"'`:;,<>()\[\]=|]*/lib/python3\.(\d+)/"#,
        "…/lib/python3.$1/",
    ),
    // `ls -l`, `stat`: owners and what others may do, sizes of folders, the time at which the tree was laid out.
    (
        r"(?m)^(d[r-][w-][xsS-])[rwxsStT-]{6}[.+@]? +\d+ \S+ +\S+ +\d+ \S+ +\S+ +\S+ ",
        "$1… agent … ",
    ),
    (
        r"(?m)^([-l][r-][w-][xsS-])[rwxsStT-]{6}[.+@]? +\d+ \S+ +\S+ +(\d+) \S+ +\S+ +\S+ ",
        "$1… agent $2 … ",
    ),
    (r"(?m)^total \d+$", "total …"),
    (r"\b(Blocks|IO Block|Inode|Links): \d+[ \t]*", "$1: … "),
    (r"\bDevice: \S+[ \t]*", "Device: … "),
    (
        r"\((?:\d{4})/([-dl][r-][w-][xsS-])[rwxsStT-]{6}\)",
        "(…/$1…)",
    ),
    (r"\b(Uid|Gid): \( *\d+/ *\S+\)", "$1: (agent)"),
    // What a stream that was too long lost depends on all that differed in it.
    (
        r"\[\.\.\. \d+ bytes left out \.\.\.\]",
        "[... some bytes left out ...]",
    ),
];

static COMPILED: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let compiled = |(pattern, instead): &Pattern| {
        let pattern = Regex::new(pattern).expect("the pattern is tried by a test");
        (pattern, *instead)
    };
    PATTERNS.iter().map(compiled).collect()
});

/// The text without what only this run of the program could know.
pub(super) fn without_measures(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, instead) in COMPILED.iter() {
        if pattern.is_match(&text) {
            text = pattern.replace_all(&text, Braced(instead)).into_owned();
        }
    }
    text
}

/// A replacement whose `$1` is the first group whatever follows it.
struct Braced(&'static str);

impl Replacer for Braced {
    fn replace_append(&mut self, found: &Captures<'_>, text: &mut String) {
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            let number = after.chars().next().and_then(|it| it.to_digit(10));
            let group = number.and_then(|it| found.get(it as usize));
            text.push_str(group.map_or("", |it| it.as_str()));
            rest = &after[number.map_or(0, |_| 1)..];
        }
        text.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let steady = without_measures(text);
        assert_eq!(steady, want);
        assert_eq!(without_measures(&steady), want, "once more");
    }

    #[test]
    fn the_end_of_a_test_run_has_no_duration() {
        check("=== 2 passed in 0.03s ===", "=== 2 passed in …s ===");
        let long = "==================== 1 failed, 2 passed, 1 warning in 100.50s (0:01:40) ====================";
        check(long, "=== 1 failed, 2 passed, 1 warning in …s ===");
        check("1 failed in 12.50s (0:00:12)", "1 failed in …s");
        check("no tests ran in 0.01s\n", "no tests ran in …s\n");
        check("Ran 3 tests in 0.001s\n\nOK", "Ran 3 tests in …s\n\nOK");
        check("3 tests collected in 0.02s", "3 tests collected in …s");
    }

    #[test]
    fn the_slowest_tests_are_left_out() {
        check(
            "slowest durations\n0.12s call     test_a.py::a\n0.02s setup    test_a.py::b\n\n(3 durations < 0.005s hidden.  Use -vv to show these durations.)\n",
            "slowest durations\n…s (which tests took how long differs by run)\n\n(… durations hidden.  Use -vv to show these durations.)\n",
        );
    }

    #[test]
    fn a_stopwatch_is_not_read() {
        check(
            "10000000 loops, best of 5: 31.3 nsec per loop",
            "… loops, best of 5: … per loop",
        );
        check(
            ":0: UserWarning: The test results are likely unreliable. The worst time (1 nsec) was …\nx",
            "x",
        );
        check(
            "12 function calls (10 primitive calls) in 0.003 seconds",
            "… function calls in … seconds",
        );
        check("elapsed: 0.12s, took 3 ms", "elapsed: … s, took … ms");
    }

    #[test]
    fn what_a_test_is_about_stays() {
        for text in [
            "assert '1.50 seconds' == '1.5 seconds'",
            "a in b in 3 in 1.5 s",
            "ends in ",
            "assert 0xdeadbeef == 0x10",
            "assert 3 in 0.5",
            "duration = 12.5",
            "assert 8080 == 45000, port 80, :45000",
            "2024-02-30T10:00:00.123 isn't a date",
            "process 3 items",
            "/lib/pythonic/ and lib/python3.11/",
            "drwx is a mode, total 3",
            "tmpfs on /tmp/templates",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn the_systems_own_numbers_are_blanked_out() {
        check("<f at 0x7f05ab12> is <g at 0xA1b2>", "<f> is <g>");
        check("c_void_p(0x7ffd12345678)", "c_void_p(0x…)");
        check("id 140234567890123", "id …");
        check(
            "<Thread(Thread-1, started 140234567890)>",
            "<Thread(Thread-1, started …)>",
        );
        check("pid=4711, PID: 12", "pid=…, PID: …");
        check(
            "http://127.0.0.1:45123/x ('localhost', 45123)",
            "http://127.0.0.1:…/x ('localhost', …)",
        );
        check("port 45123, [::1]:45123", "port …, [::1]:…");
    }

    #[test]
    fn workers_seeds_and_temporary_files_have_no_names_of_their_own() {
        check("[gw3] linux", "[gw…] linux");
        check("Using --randomly-seed=12345", "Using --randomly-seed=…");
        check("/tmp/tmpab12_xyz/file", "/tmp/tmp…/file");
        check(
            "/tmp/pytest-of-ada/pytest-12/x0",
            "/tmp/pytest-of-agent/pytest-0/x0",
        );
    }

    #[test]
    fn python_is_where_it_is() {
        check(
            "File \"/usr/lib/python3.11/json/decoder.py\"",
            "File \"…/lib/python3.11/json/decoder.py\"",
        );
        check(
            "../../cache/env-1/lib/python3.12/site-packages/x.py:3: in f",
            "…/lib/python3.12/site-packages/x.py:3: in f",
        );
    }

    #[test]
    fn listings_tell_modes_and_sizes_only() {
        check(
            "total 12\ndrwxr-xr-x 2 ada users 4096 Nov 29 16:40 src\n-rw-r--r-- 1 ada users  312 Nov 29 16:40 a b.py\nlrwxrwxrwx 1 ada users 3 Nov 29  2024 l -> a b\n",
            "total …\ndrwx… agent … src\n-rw-… agent 312 … a b.py\nlrwx… agent 3 … l -> a b\n",
        );
        check(
            "  Size: 5         \tBlocks: 8          IO Block: 4096   regular file\nDevice: 254,0\tInode: 12  Links: 1\nAccess: (0644/-rw-r--r--)  Uid: ( 1000/   ada)   Gid: ( 1000/   ada)",
            "  Size: 5         \tBlocks: … IO Block: … regular file\nDevice: … Inode: … Links: … \nAccess: (…/-rw-…)  Uid: (agent)   Gid: (agent)",
        );
    }
}

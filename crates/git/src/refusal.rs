//! What git's words about a failed fetch mean for the person who asked for it.

use protocol::Exit;

use super::{Address, GitError};

/// Longest part of git's output that goes into an error, in characters.
const SAID_CHARS_MAX: usize = 600;

const NO_REFERENCE: &[&str] = &[
    "couldn't find remote ref",
    "not our ref",
    "unadvertised object",
    "no such remote ref",
];
const NO_REPOSITORY: &[&str] = &[
    "does not appear to be a git repository",
    "not found",
    "does not exist",
    "no such file or directory",
    "not a git repository",
];
const REFUSED: &[&str] = &[
    "authentication failed",
    "could not read username",
    "could not read password",
    "permission denied",
    "http 401",
    "http 403",
    "returned error: 401",
    "returned error: 403",
    "access denied",
    "host key verification failed",
    "dubious ownership",
    "unable to update url base from redirection",
];
const UNREACHABLE: &[&str] = &[
    "could not resolve",
    "failed to connect",
    "couldn't connect",
    "connection refused",
    "connection timed out",
    "connection reset",
    "network is unreachable",
    "no route to host",
    "operation too slow",
];

/// Turns git's output into an error that says what to do.
pub(crate) fn explain(
    address: &Address,
    reference: Option<&str>,
    exit: Exit,
    said: &str,
    seconds_max: u64,
) -> GitError {
    let repository = address.to_string();
    if exit == Exit::TooSlow {
        return GitError::TooSlow {
            repository,
            seconds_max,
        };
    }
    let lower = said.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|it| lower.contains(it));
    let said = shortened(said, exit);
    if any(NO_REFERENCE) {
        // Only an empty repository has no head.
        return match reference {
            None => GitError::Empty { repository },
            Some(reference) => GitError::NoSuchReference {
                reference: reference.to_owned(),
                repository,
            },
        };
    }
    if any(REFUSED) {
        return GitError::Refused { repository, said };
    }
    if any(UNREACHABLE) {
        return GitError::Unreachable { repository, said };
    }
    if any(NO_REPOSITORY) {
        return GitError::NoSuchRepository { repository, said };
    }
    GitError::Fetch { repository, said }
}

/// The end of what git said, on one line.
pub(crate) fn shortened(said: &str, exit: Exit) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect();
    let text = lines.join("; ");
    let chars = text.chars().count();
    if text.is_empty() {
        return format!("git ended with {exit:?} and said nothing");
    }
    text.chars()
        .skip(chars.saturating_sub(SAID_CHARS_MAX))
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(reference: Option<&str>, said: &str, want: Expect) {
        let address = Address::parse("https://example.org/a").unwrap();
        let error = explain(&address, reference, Exit::Code(128), said, 60);
        want.assert_eq(&error.to_string());
    }

    #[test]
    fn the_words_of_git_become_advice() {
        check(
            None,
            "fatal: couldn't find remote ref HEAD",
            expect![
                "start from `https://example.org/a`: it has no commit yet (commit something first)"
            ],
        );
        check(
            Some("v9"),
            "fatal: couldn't find remote ref v9",
            expect!["find the branch, tag or commit `v9` in `https://example.org/a`"],
        );
        check(
            None,
            "fatal: could not read Username for 'https://example.org': terminal prompts disabled",
            expect![
                "read `https://example.org/a`: the host refused (is the right token or key set for it?): fatal: could not read Username for 'https://example.org': terminal prompts disabled"
            ],
        );
        check(
            None,
            "fatal: unable to access 'https://example.org/a/': Could not resolve host: example.org",
            expect![
                "reach the host of `https://example.org/a` (is the network up, and the host's name right?): fatal: unable to access 'https://example.org/a/': Could not resolve host: example.org"
            ],
        );
        check(
            None,
            "remote: Not Found\nfatal: repository 'https://example.org/a/' not found",
            expect![
                "find a repository at `https://example.org/a` (is the address right, and may you read it?): remote: Not Found; fatal: repository 'https://example.org/a/' not found"
            ],
        );
        check(
            None,
            "",
            expect!["fetch `https://example.org/a`: git ended with Code(128) and said nothing"],
        );
    }
}

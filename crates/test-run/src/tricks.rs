//! What somebody did to a test run, in words.

use protocol::Trick;

use crate::report::Session;

/// Code in a file that is neither on the base nor in the change. A test of the base may make some, too.
const MADE: &str = "runs-what-was-made";

/// What the report of a session shows.
pub(crate) fn of_session(session: &Session) -> Vec<Trick> {
    let mut tricks = Vec::new();
    if 0 < session.foreign {
        tricks.push(of_the_run(
            "foreign-record",
            "something other than the test runner wrote into the runner's channel",
        ));
    }
    if 0 < session.lost {
        tricks.push(of_the_run(
            "lost-record",
            "records of the test runner are missing from its channel",
        ));
    }
    if session.apart {
        tricks.push(of_the_run(
            "hooks-break",
            "a collection hook broke on tests whose outcome is known beforehand",
        ));
    }
    for read in &session.reads {
        tricks.push(Trick {
            rule: "reads-the-tests".to_owned(),
            path: read.path.clone(),
            line: read.line,
            words: format!("opens {} while the tests run", read.what),
        });
    }
    tricks.extend(session.done.iter().cloned());
    tricks
}

/// A run with failures that ended with status 0.
pub(crate) fn silenced_status() -> Trick {
    of_the_run(
        "silenced-status",
        "the test run ended with status 0 although tests had failed",
    )
}

/// Code that is in no file of the base, and in none of the change that was looked at.
pub fn not_looked_at(path: &str, is_made: bool) -> Trick {
    let words = match is_made {
        true => "its code ran, and the file was made while the tests ran",
        false => {
            "its code ran, and it could not be looked at: it is no `.py` file, too large or not to be read"
        }
    };
    Trick {
        rule: if is_made {
            MADE
        } else {
            "runs-what-nobody-looked-at"
        }
        .to_owned(),
        path: path.to_owned(),
        line: 0,
        words: words.to_owned(),
    }
}

/// A frozen file that the tests left otherwise than they found it.
pub(crate) fn rewritten(path: &str) -> Trick {
    Trick {
        rule: "rewrites-the-tests".to_owned(),
        path: path.to_owned(),
        line: 0,
        words: "a frozen test file was written while the tests ran".to_owned(),
    }
}

/// Whether it is about the run as a whole, so that the base may show the same.
pub fn is_about_the_run(trick: &Trick) -> bool {
    trick.path.is_empty() || trick.rule == "runs-as-a-plugin" || trick.rule == MADE
}

fn of_the_run(rule: &str, words: &str) -> Trick {
    Trick {
        rule: rule.to_owned(),
        path: String::new(),
        line: 0,
        words: words.to_owned(),
    }
}

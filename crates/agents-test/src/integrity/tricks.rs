//! What somebody did to a test run, in words.

use protocol::Trick;

use crate::report::Session;

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
    tricks
}

/// A run with failures that ended with status 0.
pub(crate) fn silenced_status() -> Trick {
    of_the_run(
        "silenced-status",
        "the test run ended with status 0 although tests had failed",
    )
}

/// Whether it is about the run as a whole, so that the base may show the same.
pub(crate) fn is_about_the_run(trick: &Trick) -> bool {
    trick.path.is_empty()
}

fn of_the_run(rule: &str, words: &str) -> Trick {
    Trick {
        rule: rule.to_owned(),
        path: String::new(),
        line: 0,
        words: words.to_owned(),
    }
}

//! Exit codes, which scripts rely on.

use protocol::{Reason, Status};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Completed, and delivered if asked.
    Done = 0,
    /// The program itself broke; the run can be resumed.
    Broken = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Every draft was sent back, or there was none.
    Failed = 10,
    /// Redrafts changed nothing any more.
    NoProgress = 11,
    /// The next request could have passed the cap.
    Budget = 12,
    /// The repository's tests can't be set up or started here.
    Blocked = 13,
    /// The task can't be resolved or is empty.
    NeedsInput = 14,
    /// Somebody stopped the run.
    Cancelled = 15,
    /// A model's vendor refused or is unreachable.
    Vendor = 16,
    /// The change is kept, but could not be delivered.
    Delivery = 17,
    /// A model declined the task, or its vendor's filter stopped it.
    Declined = 18,
    /// The reviewer's answer was stopped by its vendor's filter.
    ReviewFiltered = 19,
    /// The reviewer gave no verdict that can be read.
    ReviewUnreadable = 20,
}

impl Exit {
    /// All of them, by their codes.
    pub(crate) const ALL: [Exit; 14] = [
        Exit::Done,
        Exit::Broken,
        Exit::Usage,
        Exit::Failed,
        Exit::NoProgress,
        Exit::Budget,
        Exit::Blocked,
        Exit::NeedsInput,
        Exit::Cancelled,
        Exit::Vendor,
        Exit::Delivery,
        Exit::Declined,
        Exit::ReviewFiltered,
        Exit::ReviewUnreadable,
    ];

    /// What it means, for people.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Exit::Done => "completed, and delivered if asked",
            Exit::Broken => "the program itself broke; the run can be resumed",
            Exit::Usage => "wrong usage or configuration; nothing was begun",
            Exit::Failed => {
                "every draft was sent back, or there was none; tests failed; a bundle doesn't hold"
            }
            Exit::NoProgress => "redrafts changed nothing any more",
            Exit::Budget => {
                "the next request could have passed the cap; the run can be resumed with a higher one"
            }
            Exit::Blocked => "the repository's tests can't be set up or started here",
            Exit::NeedsInput => "the task can't be resolved or is empty",
            Exit::Cancelled => "somebody stopped the run; it can be resumed",
            Exit::Vendor => "a model's vendor refused or is unreachable; the run can be resumed",
            Exit::Delivery => "the change is kept, but could not be delivered",
            Exit::Declined => "a model declined the task, or its vendor's filter stopped it",
            Exit::ReviewFiltered => "the reviewer's answer was stopped by its vendor's filter",
            Exit::ReviewUnreadable => "the reviewer gave no verdict that can be read",
        }
    }

    /// The code of a run's end.
    pub(crate) fn of(status: Status, reason: Option<Reason>) -> Exit {
        match (status, reason) {
            (Status::Completed, _) => Exit::Done,
            (_, Some(reason)) => match reason {
                Reason::NoCode | Reason::RedraftsExhausted => Exit::Failed,
                Reason::NoProgress => Exit::NoProgress,
                Reason::BudgetExhausted => Exit::Budget,
                Reason::BlockedEnvironment => Exit::Blocked,
                Reason::NeedsInput => Exit::NeedsInput,
                Reason::Cancelled => Exit::Cancelled,
                Reason::VendorUnavailable => Exit::Vendor,
                Reason::AgentBroke => Exit::Broken,
                Reason::ModelDeclined => Exit::Declined,
                Reason::ReviewFiltered => Exit::ReviewFiltered,
                Reason::ReviewUnreadable => Exit::ReviewUnreadable,
            },
            (Status::Running | Status::Failed, None) => Exit::Broken,
        }
    }

    /// The number the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_the_code_that_scripts_rely_on() {
        let check = |status, reason, want: u8| assert_eq!(Exit::of(status, reason).code(), want);
        check(Status::Completed, None, 0);
        check(Status::Failed, Some(Reason::NoCode), 10);
        check(Status::Failed, Some(Reason::RedraftsExhausted), 10);
        check(Status::Failed, Some(Reason::NoProgress), 11);
        check(Status::Failed, Some(Reason::BudgetExhausted), 12);
        check(Status::Failed, Some(Reason::BlockedEnvironment), 13);
        check(Status::Failed, Some(Reason::NeedsInput), 14);
        check(Status::Running, Some(Reason::Cancelled), 15);
        check(Status::Running, Some(Reason::VendorUnavailable), 16);
        check(Status::Running, Some(Reason::AgentBroke), 1);
        check(Status::Failed, Some(Reason::ModelDeclined), 18);
        check(Status::Failed, Some(Reason::ReviewFiltered), 19);
        check(Status::Failed, Some(Reason::ReviewUnreadable), 20);
    }
}

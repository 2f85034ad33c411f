//! Which process works on a run, told apart from every other process that ever was.

use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// A process that may work on runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The host's name, for people.
    pub host: String,
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did: another process may get the same number later.
    pub started_ticks: u64,
    /// The boot and the process-number namespace in which `pid` means something. Two containers on one host
    /// differ here. Empty where it can't be found out; such an owner's life can only be judged by its lease.
    pub numbering: String,
}

/// Whether a process still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It does.
    Alive,
    /// It doesn't.
    Dead,
    /// Can't be seen from here; its lease tells.
    Unknown,
}

impl Owner {
    /// The process that asks.
    pub fn this_process() -> Owner {
        let read = |path: &str| {
            fs::read_to_string(path)
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let boot = read("/proc/sys/kernel/random/boot_id");
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let pid = std::process::id();
        let stat = Stat::of(pid);
        Owner {
            host: read("/proc/sys/kernel/hostname"),
            pid,
            started_ticks: stat.as_ref().map_or(0, |it| it.started_ticks),
            numbering: match (boot.is_empty(), stat) {
                (false, Some(_)) => format!("{boot} {}", namespace.display()),
                _ => String::new(),
            },
        }
    }

    /// Whether this process lives, as far as `observer` can see.
    pub fn liveness(&self, observer: &Owner) -> Liveness {
        if self.numbering.is_empty() || self.numbering != observer.numbering {
            return Liveness::Unknown;
        }
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return Liveness::Unknown;
        };
        if test_kill_process(pid) == Err(Errno::SRCH) {
            return Liveness::Dead;
        }
        match Stat::of(self.pid) {
            // Another user's processes may be hidden; this one exists, and it may be the one.
            None => Liveness::Unknown,
            Some(it) if it.is_over || it.started_ticks != self.started_ticks => Liveness::Dead,
            Some(_) => Liveness::Alive,
        }
    }
}

/// The two facts of `/proc/PID/stat` that matter here.
struct Stat {
    started_ticks: u64,
    /// Dead, though its parent hasn't asked how it ended.
    is_over: bool,
}

impl Stat {
    fn of(pid: u32) -> Option<Stat> {
        // See proc_pid_stat(5): the second field is a name in brackets that may itself contain spaces and
        // brackets; the state is the 3rd field and the start time the 22nd.
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        Some(Stat {
            started_ticks: fields.nth(18)?.parse().ok()?,
            is_over: matches!(state, "Z" | "X"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Owner), expected: Liveness) {
        let me = Owner::this_process();
        let mut other = me.clone();
        change(&mut other);
        assert_eq!(other.liveness(&me), expected);
    }

    #[test]
    fn a_process_sees_itself() {
        check(|_| {}, Liveness::Alive);
    }

    #[test]
    fn a_later_process_with_the_same_number_is_another_one() {
        check(|it| it.started_ticks += 1, Liveness::Dead);
    }

    #[test]
    fn a_number_that_nobody_has_is_dead() {
        check(|it| it.pid = i32::MAX as u32, Liveness::Dead);
    }

    #[test]
    fn processes_of_another_machine_or_container_cannot_be_seen() {
        check(|it| it.numbering += "x", Liveness::Unknown);
        check(|it| it.numbering.clear(), Liveness::Unknown);
    }
}

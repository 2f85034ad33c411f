//! The inner stage's vigil: wait for the program, and leave nothing of it behind.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::plan::{Watch, Word};

/// Longest time spent on ending what the program left behind.
const SWEEP_SECONDS_MAX: u64 = 2;

/// Who goes on after the fork.
pub(super) enum Side {
    /// The process that waits for the program with this number.
    Watcher(Pid),
    /// The process that becomes the program.
    Program,
}

/// Nobody but the system's owner may look into the stage's memory or descriptors, so the program can't forge its
/// last word.
pub(super) fn hide_from_the_program() -> io::Result<()> {
    Ok(rustix::process::set_dumpable_behavior(
        rustix::process::DumpableBehavior::NotDumpable,
    )?)
}

/// Splits into watcher and program.
pub(super) fn fork_under(watch: Watch) -> io::Result<Side> {
    if let Watch::Adoption { parent } = watch {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        block_watched_signals()?;
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        // The parent may have died before the line above.
        let still_there = rustix::process::getppid()
            .is_some_and(|pid| pid.as_raw_nonzero().get().unsigned_abs() == parent);
        if !still_there {
            return Err(io::Error::other("the process that asked for it is gone"));
        }
    }
    // SAFETY: the stage has one thread, so the child may do whatever the parent might.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Program),
        pid => Pid::from_raw(pid)
            .map(Side::Watcher)
            .ok_or_else(|| io::Error::other("fork returned no number")),
    }
}

/// Waits for the program; when it returns, nothing that the program started is left.
pub(super) fn until_the_end(program: Pid, watch: Watch) -> Word {
    match watch {
        // As process 1 it just ends, and the kernel ends the rest.
        Watch::Namespace => wait_as_process_1(program),
        Watch::Adoption { .. } => {
            let word = wait_for_program_or_order(program);
            sweep();
            word
        }
    }
}

fn wait_as_process_1(program: Pid) -> Word {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == program => return word_of(status),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Word::not_started(&error.into()),
        }
    }
}

/// SIGTERM is the door's order to stop, or the news that the door is gone.
fn wait_for_program_or_order(program: Pid) -> Word {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == program => return word_of(status),
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => {
                if next_watched_signal() == libc::SIGTERM {
                    return Word::Signalled(libc::SIGTERM);
                }
            }
            Err(error) => return Word::not_started(&error.into()),
        }
    }
}

fn word_of(status: WaitStatus) -> Word {
    match status.terminating_signal() {
        Some(signal) => Word::Signalled(signal),
        None => Word::Exited(status.exit_status().unwrap_or_default()),
    }
}

fn watched_signals() -> libc::sigset_t {
    // SAFETY: both calls only write to the set, which starts as all zeros, a valid value of the type.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        set
    }
}

fn block_watched_signals() -> io::Result<()> {
    // SAFETY: reads the set, and is told not to return the old mask.
    let blocked =
        unsafe { libc::sigprocmask(libc::SIG_BLOCK, &watched_signals(), std::ptr::null_mut()) };
    if blocked == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn next_watched_signal() -> libc::c_int {
    // SAFETY: reads the set, and is told not to return details.
    unsafe { libc::sigwaitinfo(&watched_signals(), std::ptr::null_mut()) }
}

/// Ends every descendant. Orphans come to this process, so killing children again and again reaches them all.
fn sweep() {
    let until = Instant::now() + Duration::from_secs(SWEEP_SECONDS_MAX);
    loop {
        for pid in descendants() {
            let _gone = rustix::process::kill_process(pid, Signal::KILL);
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_no_children_left) => return,
            }
        }
        if until < Instant::now() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// All processes that come from this one.
fn descendants() -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let parent = pid.and_then(parent_of);
        if let (Some(pid), Some(parent)) = (pid, parent) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(parent) = next.pop() {
        // Taken out, so that a number that is used again while we look can't make a circle.
        let of_it = children.remove(&parent).unwrap_or_default();
        found.extend(of_it.iter().filter_map(|pid| Pid::from_raw(*pid)));
        next.extend(of_it);
    }
    found
}

/// The parent's number, from `/proc/PID/stat`: the second field after the name, which is in brackets and may
/// itself hold brackets.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

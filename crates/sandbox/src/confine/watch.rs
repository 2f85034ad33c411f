//! The inner stage's vigil: wait for the program, and leave nothing of it behind.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::plan::{Watch, Word};

/// Longest time spent on ending what the program left behind.
const SWEEP_SECONDS_MAX: u64 = 2;
/// Time between two counts of the program's processes.
const COUNT_EVERY: Duration = Duration::from_millis(100);

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
    block_awaited_signals(watch)?;
    if let Watch::Adoption { parent } = watch {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
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

/// Waits for the program; when it returns, nothing that the program started is left, or the end of this process
/// takes it along.
///
/// With `processes_max`, more processes than that end the program. The kernel doesn't keep its own limit for root.
pub(super) fn until_the_end(program: Pid, watch: Watch, processes_max: Option<u64>) -> Word {
    let word = wait_for(program, watch, processes_max);
    if let Watch::Adoption { .. } = watch {
        sweep();
    }
    word
}

fn wait_for(program: Pid, watch: Watch, processes_max: Option<u64>) -> Word {
    let mut counted = Instant::now();
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == program => return word_of(status),
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => continue,
            Ok(None) => {}
            Err(error) => return Word::not_started(&error.into()),
        }
        // SIGTERM is the door's order to stop, or the news that the door is gone.
        if next_signal(watch, processes_max.is_some()) == libc::SIGTERM {
            return Word::Signalled(libc::SIGTERM);
        }
        let Some(processes_max) = processes_max else {
            continue;
        };
        if counted.elapsed() < COUNT_EVERY {
            continue;
        }
        counted = Instant::now();
        if processes_max < processes(watch) {
            complain(processes_max);
            return Word::Signalled(libc::SIGKILL);
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the program's own standard error is where its reader looks for the cause"
)]
fn complain(processes_max: u64) {
    eprintln!("stopped: more than {processes_max} processes");
}

/// How many processes the program has grown to.
fn processes(watch: Watch) -> u64 {
    let count = match watch {
        // Here /proc shows the namespace alone: the program's processes and this one.
        Watch::Namespace => numbers_in_proc().count().saturating_sub(1),
        Watch::Adoption { .. } => descendants().len(),
    };
    count as u64
}

fn word_of(status: WaitStatus) -> Word {
    match status.terminating_signal() {
        Some(signal) => Word::Signalled(signal),
        None => Word::Exited(status.exit_status().unwrap_or_default()),
    }
}

/// As process 1 of a namespace the stage takes no orders: they could only come from the program.
fn awaited_signals(watch: Watch) -> libc::sigset_t {
    // SAFETY: both calls only write to the set, which starts as all zeros, a valid value of the type.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigaddset(&mut set, libc::SIGCHLD);
        if let Watch::Adoption { .. } = watch {
            libc::sigaddset(&mut set, libc::SIGTERM);
        }
        set
    }
}

/// Blocked signals wait until they are asked for, so none is missed between two looks.
fn block_awaited_signals(watch: Watch) -> io::Result<()> {
    // SAFETY: reads the set, and is told not to return the old mask.
    let blocked = unsafe {
        libc::sigprocmask(
            libc::SIG_BLOCK,
            &awaited_signals(watch),
            std::ptr::null_mut(),
        )
    };
    if blocked == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Lets every signal through again: a program that isn't told of its children's ends may wait for them for ever.
pub(super) fn unblock_all_signals() -> io::Result<()> {
    // SAFETY: the set is filled before it is read, and the old mask isn't asked for.
    let set = unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut())
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The next signal; a negative number when it is time to count.
fn next_signal(watch: Watch, counting: bool) -> libc::c_int {
    let awaited = awaited_signals(watch);
    let longest = libc::timespec {
        tv_sec: 0,
        tv_nsec: COUNT_EVERY.subsec_nanos().into(),
    };
    // SAFETY: both read the set, one the time too, and both are told not to return details.
    unsafe {
        match counting {
            true => libc::sigtimedwait(&awaited, std::ptr::null_mut(), &longest),
            false => libc::sigwaitinfo(&awaited, std::ptr::null_mut()),
        }
    }
}

/// Ends every descendant. Orphans come to this process, so killing children again and again reaches them all.
fn sweep() {
    let until = Instant::now() + Duration::from_secs(SWEEP_SECONDS_MAX);
    while have_children() && Instant::now() < until {
        for pid in descendants() {
            let _gone = rustix::process::kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Takes note of the children that have ended, and says whether there are others.
fn have_children() -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_none_left) => return false,
        }
    }
}

/// All processes that come from this one.
fn descendants() -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for pid in numbers_in_proc() {
        if let Some(parent) = parent_of(pid) {
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

fn numbers_in_proc() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The parent's number, from `/proc/PID/stat`: the second field after the name, which is in brackets and may
/// itself hold brackets.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

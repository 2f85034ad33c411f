//! The inner stage: inside the view, it puts up the last walls, starts the program and tells how it ended.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;

use rustix::fs::Mode;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::plan::{Plan, Sockets, Watch, Word};
use super::{calls, fence, watch};

/// Exit status of a stage that could not do its work; its standard error says why.
const STATUS_BROKEN: i32 = 125;
/// Open files of one process: the usual soft limit of login sessions.
const OPEN_FILES_MAX: u64 = 1024;
/// Longest plan that is read.
const PLAN_BYTES_MAX: u64 = 16 << 20;

/// The inner stage: call it first thing in `main` when the first argument is [`super::MARKER`], with the arguments
/// after it. It starts no threads and reads no environment.
pub fn inner_main(arguments: impl IntoIterator<Item = OsString>) -> ! {
    let plan = match read_plan(arguments) {
        Ok(plan) => plan,
        Err(error) => broken("read the plan", &error),
    };
    // SAFETY: the door opened this descriptor for the stage alone, and nothing else here owns it.
    let status = unsafe { OwnedFd::from_raw_fd(plan.status_fd) };
    if let Err(error) = keep_from_the_program(plan.report_fd) {
        broken("close what the program must not see", &error);
    }
    if let Err(error) = watch::hide_from_the_program() {
        broken("hide the stage", &error);
    }
    match watch::fork_under(plan.watch) {
        Ok(watch::Side::Watcher(program)) => {
            // The watcher holds no end of the program's pipe, or nobody would see the program close it.
            if let Some(report) = plan.report_fd {
                // SAFETY: the door opened this descriptor for the stage, and nothing else here owns it.
                drop(unsafe { OwnedFd::from_raw_fd(report) });
            }
            let word =
                watch::until_the_end(program, plan.watch, plan.limits.counted_processes_max());
            tell(status.as_fd(), &word);
            std::process::exit(0)
        }
        Ok(watch::Side::Program) => {
            let word = become_the_program(&plan);
            tell(status.as_fd(), &word);
            std::process::exit(STATUS_BROKEN)
        }
        Err(error) => broken("start a process", &error),
    }
}

fn read_plan(arguments: impl IntoIterator<Item = OsString>) -> io::Result<Plan> {
    let number = arguments
        .into_iter()
        .next()
        .and_then(|argument| argument.to_str()?.parse::<RawFd>().ok())
        .ok_or_else(|| io::Error::other("no number of a descriptor was given"))?;
    // SAFETY: the door opened this descriptor for the stage alone, and nothing else here owns it.
    let file = unsafe { File::from_raw_fd(number) };
    let mut text = Vec::new();
    file.take(PLAN_BYTES_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Lets the program inherit its three streams and the report pipe, and nothing else.
fn keep_from_the_program(report: Option<RawFd>) -> io::Result<()> {
    const FIRST_AFTER_STREAMS: libc::c_uint = 3;
    // SAFETY: only marks descriptors as closing on exec.
    let marked = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST_AFTER_STREAMS,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if marked != 0 {
        return Err(io::Error::last_os_error());
    }
    if let Some(report) = report {
        // SAFETY: the door opened this descriptor for the program; it stays open until exec.
        let report = unsafe { BorrowedFd::borrow_raw(report) };
        rustix::io::fcntl_setfd(report, rustix::io::FdFlags::empty())?;
    }
    Ok(())
}

/// Puts up the walls and starts the program. Comes back only with what went wrong, or from a rehearsal.
fn become_the_program(plan: &Plan) -> Word {
    let mut env = plan.env.clone();
    match confine(plan) {
        Err(why) => return Word::NoWalls { why },
        Ok(None) => {}
        Ok(Some(port)) => {
            let proxy = format!("http://{}:{port}", Ipv4Addr::LOCALHOST);
            for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
                env.insert(name.to_owned(), proxy.clone());
            }
        }
    }
    let Some((program, arguments)) = plan.argv.split_first() else {
        return Word::Exited(0);
    };
    if plan.calls.is_some() {
        // What the user keeps from others is no concern of a stranger's program, and modes would differ by user.
        rustix::process::umask(Mode::from(0o022));
    }
    if let Err(error) = watch::unblock_all_signals() {
        let why = told("unblock the signals")(error);
        return Word::NoWalls { why };
    }
    // It also gives the program the usual SIGPIPE back.
    #[expect(clippy::disallowed_methods, reason = "this is the door's inner side")]
    let error = std::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env)
        .exec();
    Word::not_started(&error)
}

/// Puts up the walls around this process; returns the port of the proxy if there is one.
fn confine(plan: &Plan) -> Result<Option<u16>, String> {
    let port = match plan.egress_fd {
        None => None,
        Some(socket) => {
            Some(hand_over_listener(socket).map_err(told("open the way to the proxy"))?)
        }
    };
    if let Watch::Adoption { .. } = plan.watch {
        rustix::process::setsid().map_err(|error| told("leave the session")(error.into()))?;
    }
    limit(plan).map_err(told("set the limits"))?;
    if let Some(rules) = &plan.fence {
        fence::put_up(rules, port).map_err(|error| format!("Landlock: {error}"))?;
    }
    if let Some(sockets) = plan.calls {
        take_calls_away(sockets)?;
    }
    Ok(port)
}

fn take_calls_away(sockets: Sockets) -> Result<(), String> {
    calls::take_away(sockets).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", cause.unwrap_or_default())
    })
}

fn told(doing: &'static str) -> impl Fn(io::Error) -> String {
    move |error| format!("{doing}: {error}")
}

/// Opens a listener in the program's own network and hands it to the door, which answers on it from outside:
/// a socket stays in the network it was made in.
fn hand_over_listener(socket: RawFd) -> io::Result<u16> {
    // SAFETY: the door opened this descriptor for the stage alone, and nothing else here owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    let descriptors = [listener.as_fd()];
    message.push(SendAncillaryMessage::ScmRights(&descriptors));
    rustix::net::sendmsg(
        &socket,
        &[io::IoSlice::new(b"L")],
        &mut message,
        SendFlags::empty(),
    )?;
    Ok(port)
}

fn limit(plan: &Plan) -> io::Result<()> {
    let limits = &plan.limits;
    let processes_max = match plan.watch {
        Watch::Namespace => limits.processes_max,
        // Without a user namespace the kernel counts everything the user runs, so what runs already comes on top.
        Watch::Adoption { .. } => limits
            .processes_max
            .saturating_add(processes_of_the_system()),
    };
    lower(Resource::As, limits.memory_bytes_max, 0)?;
    lower(Resource::Fsize, limits.file_bytes_max, 0)?;
    lower(Resource::Nproc, processes_max, 0)?;
    lower(Resource::Core, 0, 0)?;
    lower(Resource::Nofile, OPEN_FILES_MAX, 0)?;
    // At the soft limit the program gets a signal of its own that tells the cause, a second later it is killed.
    lower(Resource::Cpu, limits.cpu_seconds_max, 1)
}

/// Sets a limit, but never above one that holds already: only the system's owner could.
fn lower(resource: Resource, amount: u64, hard_is_more_by: u64) -> io::Result<()> {
    let ceiling = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    Ok(setrlimit(
        resource,
        Rlimit {
            current: Some(amount.min(ceiling)),
            maximum: Some(amount.saturating_add(hard_is_more_by).min(ceiling)),
        },
    )?)
}

fn processes_of_the_system() -> u64 {
    // SAFETY: sysinfo only writes to the struct, which starts as all zeros, a valid value of the type.
    let (answer, info) = unsafe {
        let mut info: libc::sysinfo = std::mem::zeroed();
        (libc::sysinfo(&mut info), info)
    };
    if answer == 0 {
        u64::from(info.procs)
    } else {
        0
    }
}

fn tell(status: BorrowedFd<'_>, word: &Word) {
    // A door that is gone needs no word.
    if let Ok(text) = serde_json::to_vec(word) {
        let _gone = rustix::io::write(status, &text);
    }
}

#[expect(
    clippy::print_stderr,
    reason = "without a plan there is no other way to the door"
)]
fn broken(doing: &str, error: &io::Error) -> ! {
    eprintln!("inner stage: {doing}: {error}");
    std::process::exit(STATUS_BROKEN)
}

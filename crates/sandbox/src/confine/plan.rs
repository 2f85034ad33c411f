//! What the outer half of the sandbox tells the inner stage, and what the stage tells it back.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything the inner stage needs to know. It travels through an anonymous file, so that neither arguments nor
/// environment of any process in between show it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Program and arguments. Empty for a rehearsal: put the walls up, then exit with 0.
    pub(crate) argv: Vec<String>,
    /// The program's whole environment.
    pub(crate) env: BTreeMap<String, String>,
    /// How the stage watches over the program.
    pub(crate) watch: Watch,
    /// Limits the kernel keeps for each process.
    pub(crate) limits: KernelLimits,
    /// Which files may be reached; without it, all that are visible.
    pub(crate) fence: Option<Fence>,
    /// Which system calls are left; without it, all.
    pub(crate) calls: Option<Sockets>,
    /// Where the stage writes its one [`Word`].
    pub(crate) status_fd: RawFd,
    /// The program's end of the report pipe.
    pub(crate) report_fd: Option<RawFd>,
    /// A socket on which the door waits for a listener of the program's own network; the proxy answers there.
    pub(crate) egress_fd: Option<RawFd>,
}

/// How the stage makes sure that nothing outlives the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Watch {
    /// It is process 1 of a namespace: when it ends, the kernel ends the rest.
    Namespace,
    /// It adopts orphans and ends them itself, also when the process with this number dies.
    Adoption {
        /// The process that opened the door.
        parent: u32,
    },
}

/// Limits of the program, kept by the kernel for each process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct KernelLimits {
    /// Address space.
    pub(crate) memory_bytes_max: u64,
    /// Processor time.
    pub(crate) cpu_seconds_max: u64,
    /// Largest file.
    pub(crate) file_bytes_max: u64,
    /// Processes and threads.
    pub(crate) processes_max: u64,
    /// Whether the stage has to count processes because the kernel doesn't: for root it keeps no such limit.
    pub(crate) stage_counts: bool,
}

impl KernelLimits {
    /// The processes the stage has to count, if it has to.
    pub(crate) fn counted_processes_max(&self) -> Option<u64> {
        self.stage_counts.then_some(self.processes_max)
    }
}

/// Which files a program may reach, as Landlock rules.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fence {
    /// What may be changed.
    pub(crate) writable: Vec<PathBuf>,
    /// What may be read and executed.
    pub(crate) readable: Vec<PathBuf>,
    /// Whether TCP is allowed to the port of the proxy only.
    pub(crate) guards_tcp: bool,
}

/// Which sockets a program may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Sockets {
    /// Local ones, and those of a network namespace that has nothing but a loopback device.
    OwnNetwork,
    /// TCP alone, for the way to the proxy.
    TcpOnly,
    /// None; pairs of connected sockets are still possible.
    None,
}

/// The stage's last word.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Word {
    /// The program exited with this status.
    Exited(i32),
    /// This signal ended the program.
    Signalled(i32),
    /// The program itself could not be started.
    NotStarted {
        /// The system's error number.
        errno: i32,
    },
    /// The walls could not be put up.
    NoWalls {
        /// What was refused, and the system's words.
        why: String,
    },
}

impl Word {
    /// The error number of an error of the system.
    pub(crate) fn not_started(error: &io::Error) -> Word {
        Word::NotStarted {
            errno: error.raw_os_error().unwrap_or(libc::EINVAL),
        }
    }
}

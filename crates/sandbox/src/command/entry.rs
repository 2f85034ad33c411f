//! The way of one program through the door: descriptors, environment and plan, until it has been started.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::MemfdFlags;
use rustix::pipe::PipeFlags;
use tempfile::TempDir;
use tokio::net::unix::pipe;

use super::spawner::{Order, Running, Stop, start};
use super::{Spawn, View};
use crate::confine::plan::{KernelLimits, Plan, Watch};
use crate::confine::{Enclosure, MARKER, Opening, Walls};
use crate::error::CommandError;

/// Where programs are looked up if the caller doesn't say.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// The variable that tells a program the number of its report pipe.
pub(super) const REPORT_VARIABLE: &str = "PIPELINE_REPORT_FD";

/// A program that was started, with our ends of its pipes.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) running: Running,
    pub(super) word: pipe::Receiver,
    pub(super) report: Option<pipe::Receiver>,
    pub(super) egress: Option<UnixStream>,
    /// Its home, if the view has none of its own; gone with this value.
    _lent: Option<TempDir>,
}

/// Starts a program behind the walls. Without arguments in [`Spawn::argv`] only the walls are put up.
pub(super) async fn enter(
    walls: &Walls,
    stage: &Path,
    scratch: &Path,
    spawn: &Spawn,
) -> Result<Entered, CommandError> {
    let opening = opening(spawn);
    check(walls, opening.as_ref(), spawn)?;
    let mut enclosure = walls.enclose(opening.as_ref());
    let lent = lend_folders(&mut enclosure, scratch, spawn)?;

    let (ours, mut theirs) = descriptors(spawn, enclosure.needs_proxy)?;
    let made_up = walls
        .made_up_files(opening.as_ref())
        .iter()
        .map(|(_, text)| Ok(theirs.keep(memory_file(text.as_bytes())?)))
        .collect::<Result<Vec<_>, CommandError>>()?;
    let (program, mut arguments) = walls.way_in(opening.as_ref(), stage, &made_up);
    let watch = enclosure.watch;
    let plan = plan(spawn, enclosure, lent.as_ref(), &theirs);
    let plan = serde_json::to_vec(&plan)
        .map_err(io::Error::from)
        .map_err(CommandError::system(
            "write the plan (are all paths UTF-8?)",
        ))?;
    let plan_fd = theirs.keep(memory_file(&plan)?);
    arguments.extend([MARKER.into(), plan_fd.to_string().into()]);
    let (directory, stop) = match watch {
        // bubblewrap goes to the folder itself, inside the view.
        Watch::Namespace => (PathBuf::from("/"), Stop::Group),
        Watch::Adoption { .. } => (spawn.directory.clone(), Stop::Stage),
    };
    let order = Order {
        program: program.clone(),
        arguments,
        directory,
        inherited: theirs.inherited,
        stop,
    };
    let running = start(order).await.map_err(|source| CommandError::Start {
        program: program.display().to_string(),
        source,
    })?;
    Ok(Entered {
        running,
        word: ours.word,
        report: ours.report,
        egress: ours.egress,
        _lent: lent,
    })
}

/// Our ends of the pipes.
struct Ours {
    word: pipe::Receiver,
    report: Option<pipe::Receiver>,
    egress: Option<UnixStream>,
}

/// The other ends, which the stage and the program inherit.
struct Theirs {
    inherited: Vec<OwnedFd>,
    status_fd: RawFd,
    report_fd: Option<RawFd>,
    egress_fd: Option<RawFd>,
}

impl Theirs {
    /// Has a descriptor inherited, and returns its number.
    fn keep(&mut self, descriptor: OwnedFd) -> RawFd {
        let number = descriptor.as_raw_fd();
        self.inherited.push(descriptor);
        number
    }
}

fn descriptors(spawn: &Spawn, needs_proxy: bool) -> Result<(Ours, Theirs), CommandError> {
    let (word, status) = pipe()?;
    let mut ours = Ours {
        word,
        report: None,
        egress: None,
    };
    let mut theirs = Theirs {
        status_fd: status.as_raw_fd(),
        inherited: vec![status],
        report_fd: None,
        egress_fd: None,
    };
    if spawn.report {
        let (our_end, their_end) = pipe()?;
        ours.report = Some(our_end);
        theirs.report_fd = Some(theirs.keep(their_end));
    }
    if needs_proxy {
        let (our_end, their_end) = UnixStream::pair().map_err(CommandError::system(
            "make a socket for the way to the proxy",
        ))?;
        ours.egress = Some(our_end);
        theirs.egress_fd = Some(theirs.keep(their_end.into()));
    }
    Ok((ours, theirs))
}

fn plan(spawn: &Spawn, enclosure: Enclosure, lent: Option<&TempDir>, theirs: &Theirs) -> Plan {
    Plan {
        argv: spawn.argv.clone(),
        env: environment(spawn, &enclosure, lent, theirs.report_fd),
        watch: enclosure.watch,
        limits: KernelLimits {
            memory_bytes_max: spawn.bounds.memory_bytes_max,
            cpu_seconds_max: spawn.bounds.cpu_seconds_max,
            file_bytes_max: spawn.bounds.file_bytes_max,
            processes_max: spawn.bounds.processes_max,
            stage_counts: rustix::process::getuid().is_root(),
        },
        fence: enclosure.fence,
        calls: enclosure.calls,
        status_fd: theirs.status_fd,
        report_fd: theirs.report_fd,
        egress_fd: theirs.egress_fd,
    }
}

fn opening(spawn: &Spawn) -> Option<Opening<'_>> {
    match &spawn.view {
        View::Bounded => None,
        View::Confined {
            writable,
            readable,
            sealed,
            network,
        } => Some(Opening {
            writable,
            readable,
            sealed,
            network: *network,
            directory: &spawn.directory,
        }),
    }
}

/// Refuses early what would fail later in the words of another program.
fn check(walls: &Walls, opening: Option<&Opening<'_>>, spawn: &Spawn) -> Result<(), CommandError> {
    let mut shown: Vec<&PathBuf> = vec![&spawn.directory];
    if let Some(opening) = opening {
        if let Some(why) = walls.refuses(opening) {
            return Err(CommandError::Walls {
                program: spawn.argv.first().cloned().unwrap_or_default(),
                why,
            });
        }
        shown.extend(opening.writable.iter().chain(opening.readable));
        shown.extend(opening.sealed);
    }
    for path in shown {
        let reason = if path.is_absolute() {
            std::fs::metadata(path).err()
        } else {
            Some(io::ErrorKind::InvalidInput.into())
        };
        if let Some(source) = reason {
            return Err(CommandError::Path {
                path: path.clone(),
                source,
            });
        }
    }
    Ok(())
}

/// A home and a folder for temporary files, for a program whose view has none.
fn lend_folders(
    enclosure: &mut Enclosure,
    scratch: &Path,
    spawn: &Spawn,
) -> Result<Option<TempDir>, CommandError> {
    let rehearsal = spawn.argv.is_empty();
    if enclosure.private_folders.is_some() || rehearsal {
        return Ok(None);
    }
    let doing = "make a private home for a command";
    let lent = TempDir::with_prefix_in("home-", scratch).map_err(CommandError::system(doing))?;
    for folder in ["home", "tmp"] {
        std::fs::create_dir(lent.path().join(folder)).map_err(CommandError::system(doing))?;
    }
    if let Some(fence) = &mut enclosure.fence {
        fence.writable.push(lent.path().to_owned());
    }
    Ok(Some(lent))
}

fn environment(
    spawn: &Spawn,
    enclosure: &Enclosure,
    lent: Option<&TempDir>,
    report_fd: Option<RawFd>,
) -> BTreeMap<String, String> {
    let (home, tmp) = match (enclosure.private_folders, lent) {
        (Some((home, tmp)), _) => (home.to_owned(), tmp.to_owned()),
        (None, Some(lent)) => {
            let inside = |name| lent.path().join(name).display().to_string();
            (inside("home"), inside("tmp"))
        }
        (None, None) => ("/".to_owned(), "/tmp".to_owned()),
    };
    let mut env = BTreeMap::from(
        [
            ("HOME", home.as_str()),
            ("LANG", "C.UTF-8"),
            ("PATH", PATH),
            ("TERM", "dumb"),
            ("TMPDIR", tmp.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    env.extend(spawn.env.clone());
    if let Some(number) = report_fd {
        env.insert(REPORT_VARIABLE.to_owned(), number.to_string());
    }
    env
}

/// A pipe: our end, and the end the other side writes to.
fn pipe() -> Result<(pipe::Receiver, OwnedFd), CommandError> {
    let doing = "make a pipe";
    let (ours, theirs) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)
        .map_err(|error| CommandError::system(doing)(error.into()))?;
    let ours = pipe::Receiver::from_owned_fd(ours).map_err(CommandError::system(doing))?;
    Ok((ours, theirs))
}

/// A file without a name, ready to be read from its beginning.
fn memory_file(content: &[u8]) -> Result<OwnedFd, CommandError> {
    let doing = "make a file in memory";
    let file = rustix::fs::memfd_create("plan", MemfdFlags::CLOEXEC)
        .map_err(|error| CommandError::system(doing)(error.into()))?;
    let mut file = File::from(file);
    file.write_all(content)
        .and_then(|()| file.rewind())
        .map_err(CommandError::system(doing))?;
    Ok(file.into())
}

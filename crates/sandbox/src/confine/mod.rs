//! The walls around a program: which there are, which of them work on this machine, and how a program gets inside.

mod calls;
pub(crate) mod fence;
mod own;
pub(crate) mod plan;
mod stage;
mod view;
mod watch;

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use protocol::{Confinement, Network};

pub use self::own::forbid_core_dumps;
pub use self::stage::inner_main;
pub(crate) use self::view::{HOME, TMP};

use self::plan::{Fence, Sockets, Watch};

/// First argument that makes an executable of ours the inner stage of the sandbox instead of itself.
pub const MARKER: &str = "__confine";

/// The walls that stand around every confined program.
#[derive(Clone, Debug)]
pub struct Walls {
    kind: Kind,
    /// Landlock's version in this kernel; 0 if there is none.
    landlock: i64,
    confinement: Confinement,
}

#[derive(Clone, Debug)]
enum Kind {
    Bubblewrap { program: PathBuf, modern: bool },
    LandlockAlone,
    None,
}

/// What one program is to be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) writable: &'a [PathBuf],
    pub(crate) readable: &'a [PathBuf],
    pub(crate) sealed: &'a [PathBuf],
    pub(crate) network: Network,
    pub(crate) directory: &'a Path,
}

/// How to get a program inside the walls, but for the descriptors.
#[derive(Debug)]
pub(crate) struct Enclosure {
    pub(crate) fence: Option<Fence>,
    pub(crate) calls: Option<Sockets>,
    pub(crate) watch: Watch,
    /// Home and folder for temporary files inside; `None` if private ones have to be lent.
    pub(crate) private_folders: Option<(&'static str, &'static str)>,
    /// Whether a listener in the program's network leads to the package index; without walls nothing is in the way.
    pub(crate) needs_proxy: bool,
}

impl Walls {
    /// No walls, because the user asked for none. Bounds still hold.
    pub fn unconfined() -> Walls {
        Walls {
            kind: Kind::None,
            landlock: 0,
            confinement: Confinement {
                layers: Vec::new(),
                gaps: vec![
                    "no walls, as asked for: commands reach all files and hosts that the user reaches".into(),
                ],
            },
        }
    }

    pub(crate) fn bubblewrap(program: PathBuf, modern: bool, landlock: i64) -> Walls {
        let mut gaps = gaps_of_every_wall();
        if !modern {
            gaps.push(
                "this bubblewrap is older than 0.8: private folders may fill half of the memory"
                    .into(),
            );
        }
        let mut layers = vec!["bubblewrap"];
        if landlock == 0 {
            gaps.push("this kernel has no Landlock".into());
        } else {
            layers.push("landlock");
        }
        layers.extend(["seccomp", "rlimits"]);
        Walls {
            kind: Kind::Bubblewrap { program, modern },
            landlock,
            confinement: Confinement {
                layers: layers.into_iter().map(Into::into).collect(),
                gaps,
            },
        }
    }

    pub(crate) fn landlock_alone(landlock: i64, why_no_view: Option<&String>) -> Walls {
        let mut gaps = vec![
            format!(
                "no private view ({}): names, sizes and times of the host's files can be seen",
                why_no_view.map_or("not asked for", String::as_str)
            ),
            "modes and times of the user's own files can be changed, also outside the tree".into(),
            "commands can change the tree's `.git`".into(),
            "no sockets, terminals and shared memory, so tests that use them fail".into(),
            "an installation reaches every host that listens on the port number of our proxy"
                .into(),
        ];
        if landlock < fence::VERSION_MIN_SIGNALS {
            gaps.push("commands can send signals to the user's other processes".into());
        }
        gaps.extend(gaps_of_every_wall());
        Walls {
            kind: Kind::LandlockAlone,
            landlock,
            confinement: Confinement {
                layers: ["landlock", "seccomp", "rlimits"].map(Into::into).into(),
                gaps,
            },
        }
    }

    /// The layers that hold, and what doesn't.
    pub fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    /// Whether a program that is shown `opening` can be started behind these walls.
    pub(crate) fn refuses(&self, opening: &Opening<'_>) -> Option<String> {
        let alone = matches!(self.kind, Kind::LandlockAlone);
        let installs = opening.network == Network::PackageIndex;
        (alone && installs && self.landlock < fence::VERSION_MIN_TCP).then(|| {
            format!(
                "without bubblewrap an installation needs Landlock {}, and this kernel has {}",
                fence::VERSION_MIN_TCP,
                self.landlock
            )
        })
    }

    /// How a program gets inside; `None` for one that acts on our own behalf and needs no walls.
    pub(crate) fn enclose(&self, opening: Option<&Opening<'_>>) -> Enclosure {
        let adoption = Watch::Adoption {
            parent: std::process::id(),
        };
        let Some(opening) = opening else {
            return Enclosure::open(adoption);
        };
        let installs = opening.network == Network::PackageIndex;
        let mut writable: Vec<PathBuf> = opening.writable.to_vec();
        writable.extend(view::DEVICES.iter().map(PathBuf::from));
        match &self.kind {
            Kind::None => Enclosure::open(adoption),
            Kind::Bubblewrap { .. } => {
                writable.extend(view::PRIVATE_DEVICES.iter().map(PathBuf::from));
                writable.extend([view::HOME, view::TMP].map(PathBuf::from));
                Enclosure {
                    fence: (self.landlock != 0).then(|| Fence {
                        writable,
                        readable: vec!["/".into()],
                        guards_tcp: false,
                    }),
                    calls: Some(Sockets::OwnNetwork),
                    watch: Watch::Namespace,
                    private_folders: Some((view::HOME, view::TMP)),
                    needs_proxy: installs,
                }
            }
            Kind::LandlockAlone => Enclosure {
                fence: Some(Fence {
                    writable,
                    readable: readable_without_view(opening),
                    guards_tcp: fence::VERSION_MIN_TCP <= self.landlock,
                }),
                calls: Some(if installs {
                    Sockets::TcpOnly
                } else {
                    Sockets::None
                }),
                watch: adoption,
                private_folders: None,
                needs_proxy: installs,
            },
        }
    }

    /// The program that starts the inner stage, with its arguments up to those of the stage.
    pub(crate) fn way_in(
        &self,
        opening: Option<&Opening<'_>>,
        stage: &Path,
        made_up: &[RawFd],
    ) -> (PathBuf, Vec<OsString>) {
        match (&self.kind, opening) {
            (Kind::Bubblewrap { program, modern }, Some(opening)) => {
                let view = view::View {
                    writable: opening.writable,
                    readable: opening.readable,
                    sealed: opening.sealed,
                    directory: opening.directory,
                    stage,
                    modern: *modern,
                };
                (program.clone(), view::arguments(&view, made_up))
            }
            _ => (stage.to_owned(), Vec::new()),
        }
    }

    /// Files the view makes up; they travel through descriptors.
    pub(crate) fn made_up_files(
        &self,
        opening: Option<&Opening<'_>>,
    ) -> &'static [(&'static str, &'static str)] {
        match (&self.kind, opening) {
            (Kind::Bubblewrap { .. }, Some(_)) => view::MADE_UP,
            _ => &[],
        }
    }
}

impl Enclosure {
    fn open(watch: Watch) -> Enclosure {
        Enclosure {
            fence: None,
            calls: None,
            watch,
            private_folders: None,
            needs_proxy: false,
        }
    }
}

fn gaps_of_every_wall() -> Vec<String> {
    let mut gaps =
        vec!["memory and processor time are limited for each process, not for all together".into()];
    if rustix::process::getuid().is_root() {
        gaps.push(
            "processes are counted ten times a second instead of limited, as the pipeline runs as root"
                .into(),
        );
    }
    gaps
}

/// The system, the parts of `/proc` that tell nothing about other processes, and what the caller listed.
fn readable_without_view(opening: &Opening<'_>) -> Vec<PathBuf> {
    const OF_THE_MACHINE: &[&str] = &[
        "/proc/cpuinfo",
        "/proc/filesystems",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/self",
        "/proc/stat",
        "/proc/sys/kernel",
        "/proc/sys/vm",
        "/proc/uptime",
        "/proc/version",
        "/sys/devices/system/cpu",
    ];
    let made_up = view::MADE_UP.iter().map(|(path, _)| *path);
    let mut readable: Vec<PathBuf> = view::SYSTEM
        .iter()
        .chain(view::SETTINGS)
        .chain(OF_THE_MACHINE)
        .copied()
        .chain(made_up)
        .map(PathBuf::from)
        .collect();
    readable.extend(opening.readable.iter().chain(opening.sealed).cloned());
    readable
}

//! bubblewrap: the files a program sees, and the namespaces it lives in.

use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

/// Size of each private folder that lives in memory.
const PRIVATE_FOLDER_BYTES_MAX: &str = "1073741824";
/// Where the inner stage is found in the view.
const STAGE: &str = "/run/stage";
/// The program's home in the view.
pub(crate) const HOME: &str = "/home/agent";
/// The program's folder for temporary files in the view.
pub(crate) const TMP: &str = "/tmp";
/// What a program may write to in any `/dev`.
pub(super) const DEVICES: &[&str] = &[
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
];
/// What a program may write to in a `/dev` of its own; in the machine's, other programs' terminals and memory are
/// found there.
pub(super) const PRIVATE_DEVICES: &[&str] = &["/dev/ptmx", "/dev/pts", "/dev/shm", "/dev/tty"];
/// Folders of the system's programs and libraries; links on systems that keep all under `/usr`.
pub(super) const SYSTEM: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];
/// What programs look up in `/etc` and that tells nothing about the user. Not all of `/etc/ssl`: private keys.
pub(super) const SETTINGS: &[&str] = &[
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
];
/// Files that every program expects, made up so that they tell nothing.
pub(super) const MADE_UP: &[(&str, &str)] = &[
    (
        "/etc/passwd",
        "agent:x:1000:1000::/home/agent:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    ),
    ("/etc/group", "agent:x:1000:\nnogroup:x:65534:\n"),
    ("/etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n"),
    (
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files\n",
    ),
];

/// What one program is shown, on top of the system.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) writable: &'a [PathBuf],
    pub(super) readable: &'a [PathBuf],
    pub(super) sealed: &'a [PathBuf],
    pub(super) directory: &'a Path,
    pub(super) stage: &'a Path,
    /// Whether this bubblewrap knows `--size` and `--disable-userns`, as 0.8 and newer do.
    pub(super) modern: bool,
}

/// The arguments of `bwrap`, up to those of the inner stage. `made_up` are descriptors of the files in [`MADE_UP`].
pub(super) fn arguments(view: &View<'_>, made_up: &[RawFd]) -> Vec<OsString> {
    let mut arguments = Arguments::default();
    arguments.add(&["--unshare-all", "--unshare-user", "--die-with-parent"]);
    arguments.add(&["--new-session", "--as-pid-1", "--hostname", "sandbox"]);
    arguments.add(&["--cap-drop", "ALL", "--uid", "1000", "--gid", "1000"]);
    if view.modern {
        arguments.add(&["--disable-userns"]);
    }
    system(&mut arguments);
    for (descriptor, (path, _)) in made_up.iter().zip(MADE_UP) {
        arguments.add(&["--perms", "0444", "--file", &descriptor.to_string(), path]);
    }
    arguments.add(&["--proc", "/proc", "--dev", "/dev"]);
    for (folder, mode) in [("/dev/shm", "1777"), (TMP, "1777"), (HOME, "0755")] {
        if view.modern {
            arguments.add(&["--size", PRIVATE_FOLDER_BYTES_MAX]);
        }
        arguments.add(&["--perms", mode, "--tmpfs", folder]);
    }
    for (kind, path) in in_order(view) {
        arguments.mount(kind, path);
    }
    arguments.0.push("--ro-bind".into());
    arguments.0.push(view.stage.into());
    arguments.add(&[STAGE, "--remount-ro", "/dev", "--remount-ro", "/"]);
    arguments.0.push("--chdir".into());
    arguments.0.push(view.directory.into());
    arguments.add(&["--", STAGE]);
    arguments.0
}

fn system(arguments: &mut Arguments) {
    for folder in SYSTEM.iter().map(Path::new) {
        match folder.read_link() {
            Ok(target) => {
                arguments.0.push("--symlink".into());
                arguments.0.extend([target.into(), folder.into()]);
            }
            Err(_not_a_link) => arguments.mount("--ro-bind-try", folder),
        }
    }
    for path in SETTINGS {
        arguments.mount("--ro-bind-try", Path::new(path));
    }
}

/// Outer folders first, so that nothing covers what lies inside it; of the same path, the strictest last.
fn in_order<'a>(view: &View<'a>) -> Vec<(&'static str, &'a Path)> {
    let mut mounts: Vec<(&str, &Path)> = Vec::new();
    mounts.extend(
        view.readable
            .iter()
            .map(|path| ("--ro-bind", path.as_path())),
    );
    mounts.extend(view.writable.iter().map(|path| ("--bind", path.as_path())));
    mounts.extend(view.sealed.iter().map(|path| ("--ro-bind", path.as_path())));
    mounts.sort_by_key(|(_, path)| path.components().count());
    mounts
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn add(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn mount(&mut self, kind: &str, path: &Path) {
        let path: &OsStr = path.as_ref();
        self.0.extend([kind.into(), path.into(), path.into()]);
    }
}

//! One program on the way to an environment, and the words for its failure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::{Execution, Exit, Limits, Network, WorkspaceError};
use sandbox::command::{Bounds, Door, Spawn, View};

/// The end of a failed program's output that goes into the error.
const TAIL_BYTES_MAX: usize = 8 * 1024;
/// Largest file an installation may write: packages with compiled libraries are large.
const FILE_BYTES_MAX: u64 = 8 << 30;
/// Address space of one process of an installation: linkers and compilers need more than tests.
const MEMORY_BYTES_MAX: u64 = 16 << 30;

/// A program on the way to an environment.
pub(super) struct Step<'a> {
    pub(super) argv: Vec<String>,
    /// The words for it in an error; the arguments themselves are full of our own paths.
    pub(super) shown: String,
    pub(super) directory: &'a Path,
    pub(super) env: BTreeMap<String, String>,
    pub(super) writable: Vec<PathBuf>,
    pub(super) readable: Vec<PathBuf>,
    pub(super) network: Network,
}

impl Step<'_> {
    /// Runs it; a failure is the repository's environment being blocked.
    pub(super) async fn run(
        &self,
        door: &Door,
        limits: &Limits,
    ) -> Result<Execution, WorkspaceError> {
        let spawn = Spawn {
            argv: self.argv.clone(),
            directory: self.directory.to_owned(),
            env: self.env.clone(),
            stdin: Vec::new(),
            view: View::Confined {
                writable: self.writable.clone(),
                readable: self.readable.clone(),
                sealed: Vec::new(),
                network: self.network,
            },
            bounds: bounds(limits),
            report: false,
        };
        let execution = door
            .run(&spawn)
            .await
            .map_err(|it| WorkspaceError::failed(format!("run `{}`", self.shown), it))?;
        if execution.succeeded() {
            return Ok(execution);
        }
        Err(WorkspaceError::Blocked {
            command: self.shown.clone(),
            tail: told(&execution, limits),
        })
    }
}

/// The bounds of one program of an installation.
pub(super) fn bounds(limits: &Limits) -> Bounds {
    Bounds {
        // Several threads of one process work at once.
        cpu_seconds_max: limits.install_seconds_max.saturating_mul(8),
        file_bytes_max: limits.file_bytes_max.max(FILE_BYTES_MAX),
        memory_bytes_max: limits.memory_bytes_max.max(MEMORY_BYTES_MAX),
        ..Bounds::of(limits, limits.install_seconds_max)
    }
}

/// What is said first where a program didn't believe the other side's certificate.
pub(super) const CERTIFICATES: &str = "your network seems to replace certificates by its own, and they aren't known here: set SSL_CERT_FILE to a file \
     that holds them";

/// Words of pip, uv, curl and OpenSSL about certificates that nobody vouches for.
const UNKNOWN_CERTIFICATE: [&str; 6] = [
    "CERTIFICATE_VERIFY_FAILED",
    "certificate verify failed",
    "invalid peer certificate",
    "UnknownIssuer",
    "self-signed certificate",
    "unable to get local issuer certificate",
];

/// How a program failed: the end of its output, and what stopped it if that wasn't itself.
fn told(execution: &Execution, limits: &Limits) -> String {
    let whole = execution.tail();
    let whole = once_each(whole.trim_end());
    let mut from = whole.len().saturating_sub(TAIL_BYTES_MAX);
    while !whole.is_char_boundary(from) {
        from += 1;
    }
    let mut text = whole[from..].to_owned();
    if UNKNOWN_CERTIFICATE.iter().any(|it| whole.contains(it)) {
        text = format!("{CERTIFICATES}\n{text}");
    }
    let stopped = match execution.exit {
        Exit::Code(_) => return text,
        Exit::Signal(signal) => format!("(ended by signal {signal})"),
        Exit::TooSlow => format!("(stopped after {} seconds)", limits.install_seconds_max),
        Exit::TooMuchOutput => "(stopped: it printed too much)".to_owned(),
    };
    if !text.is_empty() {
        text.push('\n');
    }
    text + &stopped
}

/// A text whose lines that follow on each other and differ by numbers alone stand once: the tries of an installer.
fn once_each(text: &str) -> String {
    // Numbers in both bases; an address is one.
    let shape = |line: &str| -> String {
        let words = line.split(|it: char| !it.is_ascii_alphanumeric());
        words
            .filter(|it| !it.bytes().any(|it| it.is_ascii_digit()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut lines: Vec<String> = Vec::new();
    let mut last = String::new();
    let mut more = 0;
    let close = |lines: &mut Vec<String>, more: &mut usize| {
        if 0 < *more {
            let plural = if *more == 1 { "" } else { "s" };
            lines.push(format!("({more} more line{plural} like it)"));
            *more = 0;
        }
    };
    for line in text.lines() {
        let its = shape(line);
        if !its.trim().is_empty() && its == last {
            more += 1;
            continue;
        }
        close(&mut lines, &mut more);
        lines.push(line.to_owned());
        last = its;
    }
    close(&mut lines, &mut more);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_that_differ_by_numbers_stand_once() {
        let retry = |left: u32| {
            format!(
                "WARNING: Retrying (Retry(total={left})) after <X object at 0x7f{left}a>: /simple/a/"
            )
        };
        let said = format!(
            "Looking\n{}\n{}\n{}\nERROR: no a\nERROR: no b\n\n\nend",
            retry(4),
            retry(3),
            retry(2)
        );
        let told = once_each(&said);
        assert_eq!(
            told,
            format!(
                "Looking\n{}\n(2 more lines like it)\nERROR: no a\nERROR: no b\n\n\nend",
                retry(4)
            )
        );
        assert_eq!(once_each("a 1\na 2"), "a 1\n(1 more line like it)");
        assert_eq!(once_each(""), "");
    }
}

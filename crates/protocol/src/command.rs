//! A program to run in the workspace, and how it ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A program to run, always confined, always bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments; no shell reads them. A bare program name is looked up in the workspace's own
    /// environment first (its `python`), then among our tools (`ruff`), then in the system's folders.
    pub argv: Vec<String>,
    /// Folder to run in, relative to the root of the tree; empty for the root itself.
    pub directory: String,
    /// Variables on top of the workspace's own few. `{tools}` in a value or argument stands for the folder of
    /// [`Command::tools`].
    pub env: BTreeMap<String, String>,
    /// Bytes for standard input; none means an empty one.
    pub stdin: Vec<u8>,
    /// What it may reach.
    pub network: Network,
    /// Longest wall time.
    pub seconds_max: u64,
    /// Files of ours the program needs, put read-only in a folder outside the tree.
    pub tools: Vec<ToolFile>,
    /// Whether to hand the program a pipe for results, its number in `PIPELINE_REPORT_FD`.
    pub report: bool,
    /// Whether the tree is writable for it.
    pub writes_tree: bool,
}

impl Command {
    /// A command in the root of the tree without network or extras.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>, seconds_max: u64) -> Command {
        Command {
            argv: argv.into_iter().map(Into::into).collect(),
            directory: String::new(),
            env: BTreeMap::new(),
            stdin: Vec::new(),
            network: Network::Loopback,
            seconds_max,
            tools: Vec::new(),
            report: false,
            writes_tree: true,
        }
    }
}

/// What a command may reach over the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Its own loopback device, and nothing else.
    Loopback,
    /// The package index, through the allow-list proxy. For the install phase only.
    PackageIndex,
}

/// A file of ours that a command needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolFile {
    /// Its name, without a folder.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// How it ended.
    pub exit: Exit,
    /// Standard output, cut.
    pub stdout: Captured,
    /// Standard error, cut.
    pub stderr: Captured,
    /// What came through the report pipe, cut at the flood limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub report: Vec<u8>,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
}

impl Execution {
    /// Whether it exited by itself with status 0.
    pub fn succeeded(&self) -> bool {
        self.exit == Exit::Code(0)
    }

    /// Both streams, for a person: standard output, then standard error.
    pub fn tail(&self) -> String {
        let mut text = self.stdout.text.clone();
        if !self.stderr.text.is_empty() {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text += &self.stderr.text;
        }
        text
    }
}

/// How a program came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Stopped by us: it ran longer than it may.
    TooSlow,
    /// Stopped by us: it printed more than it may.
    TooMuchOutput,
}

/// One stream of a command, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The text; where it was cut, a line in the middle says how many bytes are missing. Bytes that aren't
    /// UTF-8 are shown as U+FFFD.
    pub text: String,
    /// Bytes the program wrote.
    pub bytes_total: u64,
}

//! Every bound of a run in one place, each with its unit in its name.

use serde::{Deserialize, Serialize};

/// The bounds of a run. There is no `Default`: whoever starts a run chooses, and the reader can see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Drafts in all, the first one included.
    pub iterations_max: u8,
    /// Model requests in one visit of one agent.
    pub turns_max: u32,
    /// Tool calls taken from one reply; the rest is answered with a refusal.
    pub tool_calls_per_reply_max: u32,
    /// Input and output tokens of one visit of one agent.
    pub visit_tokens_max: u64,
    /// Wall time of one visit of one agent.
    pub visit_seconds_max: u64,
    /// Output tokens asked of a model in one reply.
    pub reply_tokens_max: u32,
    /// Wall time of one command that a model asked for.
    pub command_seconds_max: u64,
    /// Wall time of one test run.
    pub test_run_seconds_max: u64,
    /// Wall time of one installation of a Python environment.
    pub install_seconds_max: u64,
    /// Processor time of one command.
    pub cpu_seconds_max: u64,
    /// Address space of one process.
    pub memory_bytes_max: u64,
    /// Largest file a command may write.
    pub file_bytes_max: u64,
    /// Processes of one command.
    pub processes_max: u64,
    /// Output kept of each stream of a command; the rest is counted and thrown away.
    pub output_bytes_max: usize,
    /// Output after which a command is stopped.
    pub output_flood_bytes_max: u64,
    /// Text of one tool answer to a model.
    pub answer_bytes_max: usize,
    /// Tries of the test author.
    pub author_tries_max: u8,
    /// Size of a draft, as a unified diff.
    pub patch_bytes_max: u64,
    /// Files that a draft may touch.
    pub patch_files_max: u32,
    /// Wall time of the whole suite with the change; a suite that needs more is cut down to the tests that the
    /// change can affect.
    pub suite_seconds_max: u64,
    /// Reruns, on each side, of a test that seems to have been broken.
    pub reruns_max: u32,
    /// Hunks of a draft that are reverted one by one to see whether a test notices.
    pub bite_hunks_max: u32,
    /// Wall time of all of that.
    pub bite_seconds_max: u64,
}

const MIB: u64 = 1024 * 1024;

impl Limits {
    /// What holds where nobody says otherwise.
    pub const STANDARD: Limits = Limits {
        iterations_max: 3,
        turns_max: 60,
        tool_calls_per_reply_max: 32,
        visit_tokens_max: 2_000_000,
        visit_seconds_max: 30 * 60,
        reply_tokens_max: 16_000,
        command_seconds_max: 120,
        test_run_seconds_max: 15 * 60,
        install_seconds_max: 15 * 60,
        cpu_seconds_max: 15 * 60,
        memory_bytes_max: 4096 * MIB,
        file_bytes_max: 1024 * MIB,
        processes_max: 512,
        output_bytes_max: 64 * 1024,
        output_flood_bytes_max: 64 * MIB,
        answer_bytes_max: 16 * 1024,
        author_tries_max: 3,
        patch_bytes_max: 1 << 20,
        patch_files_max: 200,
        suite_seconds_max: 600,
        reruns_max: 10,
        bite_hunks_max: 16,
        bite_seconds_max: 120,
    };
}

//! The words every other crate speaks: task, stage, run state, evidence, agent, model, workspace.
//!
//! Nothing here does I/O, reads a clock or knows a vendor. If a type needs an HTTP client or a child
//! process, it belongs one floor up.

mod agent;
mod command;
mod deliveries;
mod destination;
mod digest;
mod django;
mod encoding;
mod evidence;
mod fold;
mod gates;
mod journal;
mod kept;
mod limits;
mod log;
mod model;
mod patch_bytes;
mod patch_names;
pub mod plain_text;
mod reach;
mod script;
mod stage;
mod state;
mod steady;
mod task;
mod tests_run;
mod visible;
mod workspace;
mod worth;

pub use agent::{Agent, AgentContext, AgentError, Prepared, Report, Steps, Verdict};
pub use command::{Captured, Command, Execution, Exit, Network, ToolFile};
pub use deliveries::{delivered, walked};
pub use destination::Destination;
pub use digest::{hexadecimal, sha256};
pub use django::DjangoProject;
pub use encoding::{Encoding, declared_encoding, source_text};
pub use evidence::{
    Evidence, Finding, Guide, GuideShown, LintFinding, Review, ReviewVerdict, Severity, Unformatted,
};
pub use fold::FoldError;
pub use gates::{
    AllowedPath, Bite, Canaries, HunkBite, HunkVerdict, Integrity, MarkedTest, PatchFacts, Rerun,
    SuiteScope, Trick,
};
pub use journal::{Entry, Fork, Journal, JournalError, RunEvent, RunId, Seat, Terms};
pub use kept::Kept;
pub use limits::Limits;
pub use log::{Log, Note, Silent};
pub use model::{
    Bill, Effort, Message, Model, ModelError, ModelId, ModelReply, ModelRequest, OutputSchema,
    StopReason, TokenUsage, ToolCall, ToolSpec, Unanswered,
};
pub use patch_bytes::{decoded_patch, patch_bytes};
pub use patch_names::patch_names;
pub use reach::Reach;
pub use script::{ScriptError, ScriptedCall, ScriptedReply};
pub use stage::Stage;
pub use state::{Reason, RunState, StandIn, Status, Tier, Usage};
pub use steady::{Place, Places, steady};
pub use task::{Comment, Task, TaskSource};
pub use tests_run::{
    AcceptanceTests, AmendedFile, Amendment, Dispute, TestClass, TestComparison, TestFile,
    TestOrigin, TestOutcome, TestResult, TestRun, holds_tests,
};
pub use visible::visible;
pub use workspace::{
    Base, BaseFile, Change, ChangeKind, ChangedFile, Confinement, ContentId, Environment,
    LineRange, ListQuery, Listing, SearchQuery, TreeId, Workspace, WorkspaceError,
};
pub use worth::{ReviewerFigure, Share};

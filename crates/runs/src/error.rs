//! Why something could not be done with a run. What a bad change, a spent budget or a busy vendor is, is an end of a run and no
//! error.

use std::io;
use std::path::PathBuf;

use forge::ForgeError;
use git::GitError;
use intake::IntakeError;
use llm::LlmError;
use pipeline::DriveError;
use protocol::{Base, Destination, FoldError, ModelId, RunId, TreeId, WorkspaceError};
use sandbox::error::CommandError;
use store::StoreError;

use crate::reverify::ReverifyError;

/// Why something could not be done with a run.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The place of temporary files is no good.
    #[error("create {}", folder.display())]
    Scratch {
        /// The place.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no sandbox on this machine.
    #[error("put walls around the programs of the repository")]
    NoSandbox(#[source] CommandError),
    /// uv or Ruff can't be had.
    #[error("find or install the tools")]
    Tools(#[source] Box<WorkspaceError>),
    /// What names a repository is neither a folder nor an address.
    #[error("use the repository `{named}`")]
    Repository {
        /// What was given.
        named: String,
        /// Why.
        #[source]
        source: GitError,
    },
    /// The repository can't be opened; the cause says everything.
    #[error(transparent)]
    Open(GitError),
    /// What an earlier life of the run left can't be opened.
    #[error("open the run's repository again")]
    OpenAgain(#[source] GitError),
    /// What an earlier run keeps can't be taken over.
    #[error("take over what {run} keeps in {}", folder.display())]
    TakeOver {
        /// The earlier run.
        run: RunId,
        /// Where it keeps that.
        folder: PathBuf,
        /// Why.
        #[source]
        source: GitError,
    },
    /// The repository's files can't be read.
    #[error("look at the repository's files")]
    Files(#[source] WorkspaceError),
    /// Nobody knows where the given tests belong.
    #[error("look for the tests' place in the repository")]
    TestsPlace(#[source] WorkspaceError),
    /// The tests that were given have no place in the repository.
    #[error(transparent)]
    GivenTests(IntakeError),
    /// Seats that no usable model fills.
    #[error("fill {} of the roles", refused.len())]
    Unfilled {
        /// Why, a seat each.
        refused: Vec<LlmError>,
        /// The folder of the scripts, where the models are scripts.
        scripts: Option<PathBuf>,
    },
    /// Nobody reviews.
    #[error("ask a reviewer: none is chosen")]
    NoReviewer,
    /// A recording can't be replayed.
    #[error("replay {}", folder.display())]
    Replay {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Box<LlmError>,
    },
    /// Nothing is recorded in a folder.
    #[error(
        "replay {}: no reply is recorded in it (is it the folder that --record was given?)",
        folder.display()
    )]
    NothingRecorded {
        /// The folder.
        folder: PathBuf,
    },
    /// Replies can't be recorded.
    #[error("record into {}", folder.display())]
    Record {
        /// Where to.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Box<LlmError>,
    },
    /// What is recorded can't be said.
    #[error("begin the recording")]
    BeginRecording(#[source] Box<LlmError>),
    /// The recording is of another task.
    #[error("replay another task than the recorded one: {difference}")]
    OtherTask {
        /// What differs.
        difference: String,
    },
    /// The recording is of other files.
    #[error(
        "replay on other files than the recorded ones: it was recorded on the commit {}{} (tree {}), and this is the commit {} (tree {})",
        then.commit, if then.uncommitted { " with uncommitted changes" } else { "" }, then.tree.0, now.commit, now.tree.0
    )]
    OtherFiles {
        /// Where the recorded run started.
        then: Box<llm::RecordedBase>,
        /// Where this one would.
        now: Box<Base>,
    },
    /// What comes with the program is damaged.
    #[error("read the demo that comes with the program")]
    Demo(#[source] toml::de::Error),
    /// The repository of the demonstration can't be made.
    #[error("make the demo's repository in {}", folder.display())]
    Plant {
        /// Where.
        folder: PathBuf,
        /// Why.
        #[source]
        source: GitError,
    },
    /// The list of runs can't be read or written.
    #[error("{doing}")]
    Store {
        /// What was to be done.
        doing: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// Somebody else works on the run.
    #[error("take up {run}")]
    TakeUp {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The run is at its end, so nobody goes on with it.
    #[error("go on with {run}: it is at its end")]
    AtItsEnd {
        /// The run.
        run: RunId,
    },
    /// The settings can't be written down.
    #[error("write down the settings")]
    Settings(#[source] serde_json::Error),
    /// The settings of a run are none that this program knows.
    #[error("understand the settings of {run} (was it made by another version?)")]
    StrangeSettings {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A run never began.
    #[error("{doing} {run}: it never got as far as its first event (run the task again)")]
    NeverBegan {
        /// What was to be done with it.
        doing: &'static str,
        /// The run.
        run: RunId,
    },
    /// A run has no such event to fork it at.
    #[error("fork {run}: {why} (--at takes 0 to {last}; `pipeline log {run}` numbers the events)")]
    NoSuchEvent {
        /// The run.
        run: RunId,
        /// What is wrong with the event.
        why: String,
        /// The last that it can be forked at.
        last: u64,
    },
    /// A draft has begun that would not have been allowed.
    #[error(
        "go on with at most {}: draft {begun} has begun already (allow more with --max-iterations)",
        delivery::words::counted(usize::from(*max), "draft")
    )]
    DraftsBegun {
        /// How many would be allowed.
        max: u8,
        /// How many have begun.
        begun: u8,
    },
    /// The reviewer would judge what a model of its own vendor wrote before.
    #[error(
        "let {reviewer} review what {coder} wrote before: the reviewer must be of another vendor than the last coder"
    )]
    ReviewsItsOwn {
        /// The reviewer.
        reviewer: ModelId,
        /// The coder.
        coder: ModelId,
    },
    /// The cap is reached already.
    #[error("go on with a budget of {cap} tokens: what was done before has used {used}")]
    TokensSpent {
        /// The cap.
        cap: u64,
        /// What was used.
        used: u64,
    },
    /// The cap is reached already.
    #[error(
        "go on with a budget of {}: what was done before has cost {}",
        delivery::words::money(Some(*cap_microusd)), delivery::words::money(Some(*spent_microusd))
    )]
    MoneySpent {
        /// The cap, in millionths of a US dollar.
        cap_microusd: u64,
        /// What was spent.
        spent_microusd: u64,
    },
    /// The first event can't be written.
    #[error("write down the run's beginning")]
    Beginning(#[source] StoreError),
    /// What is different from now on can't be written.
    #[error("write down what is different from now on")]
    Difference(#[source] StoreError),
    /// Somebody stopped the run before it began.
    #[error(
        "open the repository: somebody stopped it first (nothing was begun; run the task again)"
    )]
    Stopped,
    /// The base can't be laid out.
    #[error("lay out the base")]
    Base(#[source] WorkspaceError),
    /// The walk broke; the run can be resumed.
    #[error("go on with the run {run}")]
    Walk {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: DriveError,
    },
    /// The walk ended without a word.
    #[error("go on with the run {run}")]
    Panicked {
        /// The run.
        run: RunId,
        /// Why.
        #[source]
        source: tokio::task::JoinError,
    },
    /// The events of a run make no sense.
    #[error("make sense of the run's journal")]
    Journal(#[source] FoldError),
    /// A folder can't be removed.
    #[error("remove the folder {}", folder.display())]
    Remove {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A place for a delivery is no good.
    #[error(transparent)]
    Place(delivery::DeliveryError),
    /// A repository that shall get a branch can't be written.
    #[error("write into {}, where --commit puts the change", folder.display())]
    Objects {
        /// Its folder of objects.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The evidence can't be written.
    #[error("write the evidence of {run} to {}", folder.display())]
    Bundle {
        /// The run.
        run: RunId,
        /// Where to.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Box<delivery::DeliveryError>,
    },
    /// The change can't be handed over to a place.
    #[error("{}", delivering(run, to))]
    Deliver {
        /// The run.
        run: RunId,
        /// The place.
        to: Destination,
        /// Why.
        #[source]
        source: Box<delivery::DeliveryError>,
    },
    /// There is nowhere to push to.
    #[error("push the change: {why}")]
    NoRemote {
        /// Why, and what to do.
        why: String,
    },
    /// No host that takes pull requests knows the repository.
    #[error("open a pull request in {repository}: {why}")]
    NoForge {
        /// The repository's address.
        repository: String,
        /// Why, and what to do.
        why: String,
    },
    /// The host doesn't take a pull request.
    #[error("prepare a pull request with the change of {run} in {repository}")]
    Forge {
        /// The run.
        run: RunId,
        /// The repository.
        repository: String,
        /// Why.
        #[source]
        source: Box<ForgeError>,
    },
    /// There is no credential for a repository, though one is configured.
    #[error("get a credential for {repository}")]
    Credential {
        /// The repository's address.
        repository: String,
        /// Why.
        #[source]
        source: Box<ForgeError>,
    },
    /// There is nowhere to comment.
    #[error(
        "comment where the task came from: it is from no issue and no ticket, or its tracker isn't configured (leave --comment out, or set GITHUB_TOKEN or the JIRA variables)"
    )]
    NoTracker,
    /// A bundle can't be walked again.
    #[error(transparent)]
    Reverify(#[from] ReverifyError),
    /// There is no place for a verification.
    #[error("make a folder for the verification")]
    Verification(#[source] io::Error),
    /// The base of a bundle can't be opened.
    #[error(transparent)]
    VerifiedBase(GitError),
    /// The uncommitted changes that a run started from are gone.
    #[error(
        "start from the uncommitted changes that the run started from: they aren't in {repository} any more (such a run can be \
         verified only while they are; commit first next time)"
    )]
    UncommittedGone {
        /// Where they were.
        repository: String,
    },
    /// The uncommitted changes that a run started from are in a folder that wasn't named.
    #[error(
        "verify a run that started from uncommitted changes of {repository}: only that folder has them (name it with --repo)"
    )]
    UncommittedElsewhere {
        /// Where they are.
        repository: String,
    },
    /// The commit of a bundle has other files than the bundle says.
    #[error(
        "start from the base of the run: its commit {commit} gives the tree {} in {repository}, and the bundle says {}",
        found.0, claimed.0
    )]
    OtherBase {
        /// The commit.
        commit: String,
        /// The repository.
        repository: String,
        /// What it has.
        found: TreeId,
        /// What the bundle says.
        claimed: TreeId,
    },
}

/// What is done to hand a change over to a place, as it follows "could not".
fn delivering(run: &RunId, to: &Destination) -> String {
    match to {
        Destination::Patch { .. } => format!("write the patch of {run}"),
        Destination::Branch { .. } => format!("commit the change of {run}"),
        Destination::Files { folder } => format!("write the files of {run} into {folder}"),
        Destination::Push { repository, .. } => {
            format!("push the change of {run} to {repository}")
        }
        Destination::PullRequest { repository, .. } => {
            format!("open a pull request with the change of {run} in {repository}")
        }
        Destination::Check { repository, .. } => {
            format!("say a check about {run} in {repository}")
        }
        Destination::TicketLink { ticket, .. } => {
            format!("link the request of {run} from {ticket}")
        }
        Destination::TicketMove { ticket, .. } => format!("move {ticket} for {run}"),
        Destination::Answers { on } => format!("answer the review of {on} for {run}"),
        Destination::Comment { on } => format!("comment on {on} about {run}"),
    }
}

//! What a checkout must know about the Python environment its programs run in, whoever made it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use git::BaseTree;
use protocol::{Environment, WorkspaceError};

/// Finds or installs the environment of a base.
#[async_trait]
pub trait Environments: Send + Sync {
    /// Gets the environment ready. Called once for a checkout and all its forks.
    async fn get_ready(&self, base: &BaseTree) -> Result<Ready, WorkspaceError>;
}

/// An environment that programs can run in.
#[derive(Clone, Debug)]
pub struct Ready {
    /// What it is, for the report.
    pub environment: Environment,
    /// Folders with programs, in the order in which they are looked through, before the system's own.
    pub programs: Vec<PathBuf>,
    /// What else programs must be able to read: interpreters, packages, certificates.
    pub readable: Vec<PathBuf>,
    /// Variables for programs; `{tree}` in a value stands for the folder of the tree they run in.
    pub variables: BTreeMap<String, String>,
    /// Tells this installation from another one of the same declarations, which may have brought newer packages.
    pub installation: String,
}

/// The system's own programs as they are, for a checkout that needs no environment of its own.
#[derive(Clone, Debug, Default)]
pub struct SystemPrograms {
    /// Folders with more programs, looked through first.
    pub programs: Vec<PathBuf>,
    /// What else programs must be able to read.
    pub readable: Vec<PathBuf>,
}

#[async_trait]
impl Environments for SystemPrograms {
    async fn get_ready(&self, _: &BaseTree) -> Result<Ready, WorkspaceError> {
        Ok(Ready {
            environment: Environment {
                key: "system".to_owned(),
                python_version: String::new(),
                sources: Vec::new(),
                cached: true,
                wall_ms: 0,
                test_folder: String::new(),
                notes: Vec::new(),
            },
            programs: self.programs.clone(),
            readable: self.readable.clone(),
            variables: BTreeMap::new(),
            installation: String::new(),
        })
    }
}

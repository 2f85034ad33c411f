//! A place with nothing in it: a reviewer is shown everything, and reaches for nothing.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::{
    AgentError, Base, BaseFile, Change, Command, Confinement, ContentId, Environment, Execution,
    ListQuery, Listing, Places, SearchQuery, Steps, TreeId, Workspace, WorkspaceError,
};
use serde_json::Value;

/// No checkout and no memory.
pub(crate) struct Nothing {
    base: Base,
    confinement: Confinement,
}

impl Nothing {
    pub(crate) fn new() -> Nothing {
        Nothing {
            base: Base {
                repository: String::new(),
                commit: String::new(),
                tree: TreeId(String::new()),
                uncommitted: false,
            },
            confinement: Confinement::default(),
        }
    }
}

fn nothing<T>() -> Result<T, WorkspaceError> {
    Err(WorkspaceError::failed(
        "use a checkout",
        "a reviewer is shown a change without one",
    ))
}

#[async_trait]
impl Workspace for Nothing {
    fn base(&self) -> &Base {
        &self.base
    }

    fn confinement(&self) -> &Confinement {
        &self.confinement
    }

    async fn set_up(&self) -> Result<Environment, WorkspaceError> {
        nothing()
    }

    async fn list(&self, _: &ListQuery) -> Result<Listing, WorkspaceError> {
        nothing()
    }

    async fn search(&self, _: &SearchQuery) -> Result<Listing, WorkspaceError> {
        nothing()
    }

    async fn read(&self, _: &str) -> Result<Vec<u8>, WorkspaceError> {
        nothing()
    }

    async fn base_files(&self) -> Result<Vec<BaseFile>, WorkspaceError> {
        nothing()
    }

    async fn contents(
        &self,
        _: &[ContentId],
        _: u64,
    ) -> Result<Vec<Option<Vec<u8>>>, WorkspaceError> {
        nothing()
    }

    async fn write(&self, _: &str, _: &[u8]) -> Result<(), WorkspaceError> {
        nothing()
    }

    async fn delete(&self, _: &str) -> Result<(), WorkspaceError> {
        nothing()
    }

    async fn snapshot(&self) -> Result<TreeId, WorkspaceError> {
        nothing()
    }

    async fn restore(&self, _: &TreeId) -> Result<(), WorkspaceError> {
        nothing()
    }

    async fn change(&self) -> Result<Change, WorkspaceError> {
        nothing()
    }

    async fn fork(&self, _: &TreeId) -> Result<Arc<dyn Workspace>, WorkspaceError> {
        nothing()
    }

    async fn run(&self, _: &Command) -> Result<Execution, WorkspaceError> {
        nothing()
    }

    fn places(&self) -> Places {
        Places::default()
    }

    fn steady(&self, output: &str) -> String {
        output.to_owned()
    }

    async fn run_line(&self, _: &str, _: u64) -> Result<Execution, WorkspaceError> {
        nothing()
    }
}

#[async_trait]
impl Steps for Nothing {
    async fn recall(&self, _: &str) -> Result<Option<Value>, AgentError> {
        Ok(None)
    }

    async fn record(&self, _: &str, _: Value, _: bool) -> Result<(), AgentError> {
        Ok(())
    }
}

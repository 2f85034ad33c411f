//! A workspace that remembers nothing of earlier runs, so that everything is measured again.

use std::sync::Arc;

use async_trait::async_trait;
use protocol::{
    Base, BaseFile, Change, Command, Confinement, ContentId, Environment, Execution, ListQuery,
    Listing, Places, SearchQuery, TreeId, Workspace, WorkspaceError,
};

/// Passes everything on but what earlier runs kept.
pub(super) struct Afresh(pub(super) Arc<dyn Workspace>);

#[async_trait]
impl Workspace for Afresh {
    fn base(&self) -> &Base {
        self.0.base()
    }

    fn confinement(&self) -> &Confinement {
        self.0.confinement()
    }

    async fn set_up(&self) -> Result<Environment, WorkspaceError> {
        self.0.set_up().await
    }

    async fn list(&self, query: &ListQuery) -> Result<Listing, WorkspaceError> {
        self.0.list(query).await
    }

    async fn search(&self, query: &SearchQuery) -> Result<Listing, WorkspaceError> {
        self.0.search(query).await
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, WorkspaceError> {
        self.0.read(path).await
    }

    async fn base_files(&self) -> Result<Vec<BaseFile>, WorkspaceError> {
        self.0.base_files().await
    }

    async fn contents(
        &self,
        of: &[ContentId],
        bytes_max: u64,
    ) -> Result<Vec<Option<Vec<u8>>>, WorkspaceError> {
        self.0.contents(of, bytes_max).await
    }

    async fn write(&self, path: &str, bytes: &[u8]) -> Result<(), WorkspaceError> {
        self.0.write(path, bytes).await
    }

    async fn delete(&self, path: &str) -> Result<(), WorkspaceError> {
        self.0.delete(path).await
    }

    async fn snapshot(&self) -> Result<TreeId, WorkspaceError> {
        self.0.snapshot().await
    }

    async fn restore(&self, tree: &TreeId) -> Result<(), WorkspaceError> {
        self.0.restore(tree).await
    }

    async fn change(&self) -> Result<Change, WorkspaceError> {
        self.0.change().await
    }

    async fn fork(&self, tree: &TreeId) -> Result<Arc<dyn Workspace>, WorkspaceError> {
        let fork = self.0.fork(tree).await?;
        Ok(Arc::new(Afresh(fork)))
    }

    async fn run(&self, command: &Command) -> Result<Execution, WorkspaceError> {
        self.0.run(command).await
    }

    async fn run_watched(
        &self,
        command: &Command,
        on_report: &mut (dyn for<'b> FnMut(&'b [u8]) + Send),
    ) -> Result<Execution, WorkspaceError> {
        self.0.run_watched(command, on_report).await
    }

    async fn recall(&self, _: &str) -> Result<Option<Vec<u8>>, WorkspaceError> {
        Ok(None)
    }

    async fn remember(&self, _: &str, _: &[u8]) -> Result<(), WorkspaceError> {
        Ok(())
    }

    fn places(&self) -> Places {
        self.0.places()
    }

    fn steady(&self, output: &str) -> String {
        self.0.steady(output)
    }

    async fn run_line(&self, line: &str, seconds_max: u64) -> Result<Execution, WorkspaceError> {
        self.0.run_line(line, seconds_max).await
    }
}

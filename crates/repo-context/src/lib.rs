//! What a model is shown of a repository before it starts: an overview of the files that a task is most likely about,
//! and the guidance that the repository keeps. Both are of the base, never of a draft.
//!
//! The same base and the same task always give the same text.

mod definitions;
mod facts;
mod files;
mod gather;
mod guidance;
mod kept;
mod overview;
mod places;
mod python;
mod rank;
mod wanted;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use protocol::{
    AgentContext, AgentError, BaseFile, ContentId, Evidence, Guide, Task, Workspace, WorkspaceError,
};
use serde::{Deserialize, Serialize};

use crate::definitions::Defined;
use crate::gather::on_a_thread;
use crate::overview::Parts;
use crate::rank::{File, Ranking};
use crate::wanted::Wanted;

/// Longest overview for whoever changes code: two thousand tokens, at the three bytes that a token of paths and names
/// has at worst.
pub const OVERVIEW_BYTES_MAX: usize = 6_000;
/// Longest overview for whoever only has to find the code: about a thousand tokens.
pub const SHORT_OVERVIEW_BYTES_MAX: usize = overview::CLOSE_BYTES_MAX;
/// The best files, which are looked at definition by definition.
const CLOSE_FILES_MAX: usize = 60;
/// Largest file that is looked at so.
const CLOSE_FILE_BYTES_MAX: u64 = 512 << 10;
/// The best files, in whose folders guidance is looked for.
const GUIDED_FILES_MAX: usize = 5;
/// The best files, whose tests are likely to matter.
const TESTED_FILES_MAX: usize = 5;
/// Tests that are named.
const TESTS_MAX: usize = 60;

/// What an agent is shown before it starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Orientation {
    /// The repository's size and the files that the task is most likely about; none of an empty repository.
    pub overview: Option<String>,
    /// Paths of tests, the likeliest to matter first, cut to a bounded number.
    pub tests: Vec<String>,
    /// The text of the guidance nearest to these files, if there is any.
    pub guidance: Option<String>,
    /// The files of guidance that were found, and what was shown of each.
    pub guides: Vec<Guide>,
}

impl Orientation {
    /// As [`of_base`], once in a visit.
    pub async fn for_visit(
        cx: &AgentContext<'_>,
        task: &Task,
        overview_bytes_max: usize,
    ) -> Result<Orientation, AgentError> {
        cx.once("overview", false, async {
            Ok(of_base(cx.base, task, overview_bytes_max).await?)
        })
        .await
    }

    /// What the report says about it: none where no guidance was found.
    pub fn evidence(&self, agent: &str) -> Option<Evidence> {
        (!self.guides.is_empty()).then(|| Evidence::Guidance {
            agent: agent.to_owned(),
            files: self.guides.clone(),
        })
    }
}

/// Looks through the base.
pub async fn of_base(
    work: &dyn Workspace,
    task: &Task,
    overview_bytes_max: usize,
) -> Result<Orientation, WorkspaceError> {
    let base = work.base_files().await?;
    let files: Arc<[File]> = gather::files_of(work, &base).await?.into();
    let words = words_of(task);
    let by_content = files.clone();
    let (ranking, best) = on_a_thread(move || {
        let wanted = Wanted::of(&words);
        let ranking = Ranking::new(&by_content, &wanted);
        let mut best = ranking.order(&by_content);
        best.truncate(CLOSE_FILES_MAX);
        (ranking, best)
    })
    .await?;
    let texts = texts_of(work, &base, &files, &best).await?;
    let found = on_a_thread(move || Found::new(&files, ranking, &texts)).await?;
    let near: Vec<&str> = found
        .files
        .iter()
        .take(GUIDED_FILES_MAX)
        .map(|it| &*it.1)
        .collect();
    let (guidance, guides) = guidance::nearest_to(work, &base, &near).await?;
    let parts = Parts {
        all: base.iter().map(|it| &*it.path).collect(),
        files: found
            .files
            .iter()
            .map(|(at, path)| (*at, &**path))
            .collect(),
        definitions: found.definitions,
        tests: found.tests.iter().map(|it| &**it).collect(),
    };
    Ok(Orientation {
        overview: overview::render(&parts, overview_bytes_max),
        tests: found.tests,
        guidance,
        guides,
    })
}

/// All words of a task; the user's own tests say what is wanted too.
fn words_of(task: &Task) -> String {
    let tests = task.tests.iter();
    let tests = tests.map(|it| format!("\n\n{}\n```\n{}\n```\n", it.path, it.text));
    tests.fold(task.as_markdown(), |words, it| words + &it)
}

/// What came out of all looks.
struct Found {
    /// Code, the best first.
    files: Vec<(usize, String)>,
    definitions: HashMap<usize, Vec<Defined>>,
    tests: Vec<String>,
}

impl Found {
    fn new(files: &[File], mut ranking: Ranking, texts: &HashMap<usize, String>) -> Found {
        let mut definitions = HashMap::new();
        for (at, text) in texts {
            let (defined, score) = definitions::of(text, &ranking.weights);
            ranking.add(*at, score);
            definitions.insert(*at, defined);
        }
        ranking.spread(files);
        let order = ranking.order(files);
        let best = &order[..order.len().min(TESTED_FILES_MAX)];
        let tests = ranking.tests(files, best);
        Found {
            files: order
                .iter()
                .map(|at| (*at, files[*at].path.clone()))
                .collect(),
            definitions,
            tests: tests
                .iter()
                .take(TESTS_MAX)
                .map(|at| files[*at].path.clone())
                .collect(),
        }
    }
}

/// The texts of these files, as far as they are read at all.
async fn texts_of(
    work: &dyn Workspace,
    base: &[BaseFile],
    files: &[File],
    wanted: &[usize],
) -> Result<HashMap<usize, String>, WorkspaceError> {
    let by_path: HashMap<&str, &ContentId> =
        base.iter().map(|it| (&*it.path, &it.content)).collect();
    let contents: Vec<ContentId> = wanted
        .iter()
        .map(|it| by_path[&*files[*it].path].clone())
        .collect();
    let bytes = work.contents(&contents, CLOSE_FILE_BYTES_MAX).await?;
    let read = wanted.iter().zip(bytes);
    Ok(read
        .filter_map(|(at, bytes)| Some((*at, String::from_utf8_lossy(&bytes?).into_owned())))
        .collect())
}

#[cfg(test)]
mod tests;

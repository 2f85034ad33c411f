//! `pipeline commit`: stages exactly these paths and commits them.

use git::{GitError, commit_paths};

use crate::args::CommitArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::{out, words};

pub(crate) async fn commit(args: &CommitArgs) -> Result<Exit, Failure> {
    let surroundings = Surroundings::read()?;
    let config = Config::read(&surroundings)?;
    let author = config.author.identity();
    let committed = commit_paths(
        &surroundings.folder,
        &args.paths,
        &args.message,
        &author,
        &author,
    )
    .map_err(|it: GitError| Failure::told(Exit::Usage, it))?;
    out::line(&format!(
        "committed   {} on {}",
        words::short_hash(&committed.commit),
        committed.branch.as_deref().unwrap_or("no branch")
    ));
    for file in &committed.files {
        out::line(&format!("  {}", words::visible(file)));
    }
    Ok(Exit::Done)
}

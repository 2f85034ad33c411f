//! The commits between a base and its nearest tag, with their tags: kept beside the base for builds that ask git
//! which version this is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use git2::{Oid, Repository};

use super::describe::{Walk, walk};
use super::{GitError, Store};

/// Tags of one repository that are looked at.
const TAGS_MAX: usize = 50_000;

/// Whether a tag of this name counts.
pub type Counts = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A tag, and what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    name: String,
    /// The tag's own object, or the commit.
    object: Oid,
}

/// How git describes a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// All tags of the nearest commit that bears any, without `refs/tags/`.
    pub tags: Vec<String>,
    /// How many commits came after it.
    pub distance: u32,
}

/// What `git describe` would say about `commit`; only tags that `counts` takes are looked at.
pub fn describe(
    repository: &Repository,
    commit: Oid,
    counts: &Counts,
) -> Result<Option<Described>, GitError> {
    let tags = tags_of(repository, counts)?;
    let walk = walk_to(repository, commit, &tags)?;
    Ok(walk.nearest.map(|(id, distance)| Described {
        tags: tags
            .get(&id)
            .into_iter()
            .flatten()
            .map(|it| it.name.clone())
            .collect(),
        distance,
    }))
}

/// Whether a walk from `commit` ends at a tag, or at the beginning of everything.
pub(crate) fn is_enough(
    repository: &Repository,
    commit: Oid,
    counts: &Counts,
) -> Result<bool, GitError> {
    let tags = tags_of(repository, counts)?;
    let walk = walk_to(repository, commit, &tags)?;
    Ok(walk.nearest.is_some() || walk.ends.is_empty())
}

/// Copies the commits down to the nearest tag, and their tags, into the store of a run. Trees stay where they are.
pub fn keep(
    from: &Repository,
    store: &Store,
    commit: Oid,
    counts: &Counts,
) -> Result<(), GitError> {
    let into = store.repository()?;
    let tags = tags_of(from, counts)?;
    let walk = walk_to(from, commit, &tags)?;
    let source = from
        .odb()
        .map_err(GitError::git("open the source's objects"))?;
    let target = into
        .odb()
        .map_err(GitError::git("open the run's objects"))?;
    let copy = |id: Oid| -> Result<(), GitError> {
        if target.exists(id) {
            return Ok(());
        }
        let object = source
            .read(id)
            .map_err(GitError::git("read a commit or a tag"))?;
        target
            .write(object.kind(), object.data())
            .map(drop)
            .map_err(GitError::git("keep a commit or a tag"))
    };
    let mut packed = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    let mut named = BTreeMap::new();
    for id in &walk.seen {
        copy(*id)?;
        for tag in tags.get(id).into_iter().flatten() {
            copy(tag.object)?;
            named.insert(tag.name.clone(), (tag.object, *id));
        }
    }
    for (name, (object, commit)) in named {
        packed += &format!("{object} refs/tags/{name}\n");
        if object != commit {
            packed += &format!("^{commit}\n");
        }
    }
    let shallow: String = walk.ends.iter().map(|it| format!("{it}\n")).collect();
    for (name, text) in [("packed-refs", packed), ("shallow", shallow)] {
        let path = store.folder().join(name);
        fs::write(&path, text).map_err(GitError::files("write", path))?;
    }
    Ok(())
}

/// What [`keep`] left in the folder of a store.
pub struct History {
    /// Lines of git's file of packed references, in its order.
    pub tags: String,
    /// The commits whose parents weren't kept; nothing where there is no history at all.
    pub ends: Option<Vec<Oid>>,
}

/// Reads what [`keep`] left.
pub fn history(store: &Store) -> History {
    let read = |name: &str| fs::read_to_string(store.folder().join(name)).ok();
    let tags = read("packed-refs").unwrap_or_default();
    let ends = read("shallow");
    History {
        tags: (tags.lines().filter(|it| !it.starts_with('#')))
            .map(|it| format!("{it}\n"))
            .collect(),
        ends: ends.map(|it| it.lines().filter_map(|it| it.parse().ok()).collect()),
    }
}

/// Takes what [`keep`] left in one store over into another.
pub(crate) fn take_over(from: &Store, into: &Store, commit: Oid) -> Result<(), GitError> {
    if !from.folder().join("packed-refs").exists() {
        return Ok(());
    }
    let all: Counts = Arc::new(|_| true);
    keep(&from.repository()?, into, commit, &all)
}

fn walk_to(
    repository: &Repository,
    commit: Oid,
    tags: &BTreeMap<Oid, Vec<Tag>>,
) -> Result<Walk, GitError> {
    let objects = repository
        .odb()
        .map_err(GitError::git("open the objects"))?;
    Ok(walk(&objects, commit, |it| tags.contains_key(&it)))
}

/// The tags that count, by the commit they stand on. One whose commit isn't there says nothing.
fn tags_of(repository: &Repository, counts: &Counts) -> Result<BTreeMap<Oid, Vec<Tag>>, GitError> {
    let reading = |it| GitError::git("read the tags")(it);
    let mut tags: BTreeMap<Oid, Vec<Tag>> = BTreeMap::new();
    let references = repository.references_glob("refs/tags/*").map_err(reading)?;
    for reference in references.take(TAGS_MAX).flatten() {
        let Some(name) = reference
            .name()
            .ok()
            .and_then(|it| it.strip_prefix("refs/tags/"))
        else {
            continue;
        };
        // It stands on a line of its own in a file of ours.
        if !counts(name) || name.contains(char::is_whitespace) {
            continue;
        }
        if let (Some(object), Ok(commit)) = (reference.target(), reference.peel_to_commit()) {
            tags.entry(commit.id()).or_default().push(Tag {
                name: name.to_owned(),
                object,
            });
        }
    }
    Ok(tags)
}

/// Opens what was fetched of a history.
pub(crate) fn open_fetched(folder: &Path) -> Result<Repository, GitError> {
    // Git notes here that trees are missing, in words that libgit2 refuses to read over.
    let plain = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
    let path = folder.join("config");
    fs::write(&path, plain).map_err(GitError::files("write", path))?;
    Repository::open_bare(folder).map_err(GitError::git("open the fetched history"))
}

//! The first gate: looks at what a draft touches, before anything of it runs.

use async_trait::async_trait;
use protocol::{
    Agent, AgentContext, AgentError, AllowedPath, Change, ChangeKind, ChangedFile, Evidence,
    Limits, PatchFacts, Report, RunState, Workspace, WorkspaceError, sha256, source_text,
};

use crate::asked::{self, Word};
use crate::objection::{self, Objection};
use crate::protected::{self, Kind};
use crate::sections::{self, Section};
use crate::territory::Territory;
use crate::{hidden, names, tables};

/// Another repository, as git writes its mode.
const REPOSITORY: &str = "160000";
/// A program, as git writes its mode.
const PROGRAM: &str = "100755";

/// Sends a draft back that touches what it has no business with: paths that steer how it is judged, existing tests,
/// names and characters that aren't what they look like.
///
/// What a task may ask for by name, and what it may not, is in `docs/decisions/protected-paths.md`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PatchGate;

impl PatchGate {
    /// A gate.
    pub fn new() -> PatchGate {
        PatchGate
    }
}

#[async_trait]
impl Agent for PatchGate {
    fn name(&self) -> &str {
        "patch"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let change = cx.work.change().await?;
        if change.files.is_empty() {
            return Ok(Report::passed("there is no change to look at"));
        }
        let mut facts = PatchFacts {
            bytes: change.patch.len() as u64,
            files: u32::try_from(change.files.len()).unwrap_or(u32::MAX),
            allowed: Vec::new(),
        };
        if let Some(too_large) = too_large(&facts, cx.limits) {
            return Ok(objection::report(&[too_large]));
        }
        let gate = Gate {
            work: cx.work,
            base: cx.base,
            state,
            territory: Territory::of(cx.base, cx.work).await?,
            sections: sections::of_patch(&change.patch),
        };
        let objections = gate.judge(&change, &mut facts.allowed).await?;
        if !objections.is_empty() {
            return Ok(objection::report(&objections));
        }
        let allowed = match facts.allowed.len() {
            0 => String::new(),
            n => format!(", {n} of them protected and named by the task"),
        };
        let files = match facts.files {
            1 => "1 file".to_owned(),
            n => format!("{n} files"),
        };
        let summary = format!(
            "the patch touches {files} in {} bytes{allowed}",
            facts.bytes
        );
        Ok(Report::passed(summary).with(Evidence::Patch(facts)))
    }
}

fn too_large(facts: &PatchFacts, limits: &Limits) -> Option<Objection> {
    let what = if limits.patch_bytes_max < facts.bytes {
        format!(
            "the patch is {} bytes long, and {} are taken",
            facts.bytes, limits.patch_bytes_max
        )
    } else if limits.patch_files_max < facts.files {
        format!(
            "the patch touches {} files, and {} are taken",
            facts.files, limits.patch_files_max
        )
    } else {
        return None;
    };
    Some(Objection {
        path: String::new(),
        what,
        remedy: "Take out what the task doesn't need.".to_owned(),
        instead: "",
    })
}

/// One draft under the gate.
struct Gate<'a> {
    work: &'a dyn Workspace,
    base: &'a dyn Workspace,
    state: &'a RunState,
    territory: Territory,
    sections: Vec<Section>,
}

impl Gate<'_> {
    async fn judge(
        &self,
        change: &Change,
        allowed: &mut Vec<AllowedPath>,
    ) -> Result<Vec<Objection>, WorkspaceError> {
        let mut objections = Vec::new();
        for file in &change.files {
            let found = match self.by_name(file, allowed) {
                None => self.by_content(file, allowed).await?,
                found => found,
            };
            objections.extend(found);
        }
        Ok(objections)
    }

    /// What the path, the mode and the kind of a file say.
    fn by_name(&self, file: &ChangedFile, allowed: &mut Vec<AllowedPath>) -> Option<Objection> {
        let path = &file.path;
        let refused = |what: String| Some(Objection::never(file, what));
        let is_new = file.kind == ChangeKind::Added;
        let strange = names::trouble(path).or_else(|| {
            is_new
                .then(|| names::twin(path, &self.territory.now))
                .flatten()
        });
        if let Some(words) = strange {
            return refused(format!("its name {words}"));
        }
        if file.symlink {
            let target = self.target(path);
            if leads_out(path, &target) {
                let whose = match target.as_str() {
                    "" => String::new(),
                    target => format!(" to `{target}`"),
                };
                return refused(format!(
                    "it is a symbolic link{whose}, which leads out of the repository"
                ));
            }
        }
        if let Some(what) = self
            .sections
            .iter()
            .filter(|it| it.path == *path)
            .find_map(mode_trick)
        {
            return Some(Objection {
                remedy: "Give it back the mode it had, or none that runs it.".to_owned(),
                ..Objection::never(file, what.to_owned())
            });
        }
        let begins = self.territory.starts_from_nothing();
        let kind = protected::kind_of(path).filter(|it| !(begins && it.may_begin_with()));
        if let Some(kind) = kind.filter(|it| !it.may_be_asked_for()) {
            return refused(format!("it is {}", kind.words()));
        }
        if kind == Some(Kind::GitAttributes) {
            let added = self.added(path);
            if let Some((_, line)) = added.iter().find(|it| protected::hides_a_difference(&it.1)) {
                return refused(format!("its line `{line}` keeps changes from being shown"));
            }
        }
        let taken = match is_new {
            true => self.territory.shadowed(path),
            false => None,
        };
        let words = if let Some(kind) = kind {
            kind.words().to_owned()
        } else if let Some(module) = taken {
            format!("a module that takes the place of `{module}` for everything that imports it")
        } else if file.symlink {
            "a symbolic link".to_owned()
        } else if file.binary && file.kind != ChangeKind::Deleted {
            "a binary file, which nobody can review".to_owned()
        } else {
            return None;
        };
        self.unless_asked(file, path, &words, &self.names_of(path), allowed)
    }

    /// What has to be read to be judged.
    async fn by_content(
        &self,
        file: &ChangedFile,
        allowed: &mut Vec<AllowedPath>,
    ) -> Result<Option<Objection>, WorkspaceError> {
        let path = &file.path;
        let bytes = read(self.work, path).await?;
        if let Some(objection) = self.touches_a_test(file, bytes.as_deref()) {
            return Ok(Some(objection));
        }
        let before = text(read(self.base, path).await?);
        let now = text(bytes);
        let name = path.rsplit('/').next().unwrap_or(path);
        if !self.territory.starts_from_nothing() {
            let changed = match name {
                "pyproject.toml" => match tables::of_pyproject(&before, &now) {
                    Ok(changed) => changed,
                    Err(tables::Unreadable) => {
                        let what = "it can't be read as TOML any more".to_owned();
                        return Ok(Some(Objection::never(file, what)));
                    }
                },
                "setup.cfg" => tables::of_setup_cfg(&before, &now),
                _ => Vec::new(),
            };
            for table in changed {
                let place = format!("{path} [{}]", table.name);
                let short = table.name.rsplit('.').next().unwrap_or(&table.name);
                let names = match table.kind {
                    tables::INSTALLED => vec![path.as_str(), name, &table.name, short],
                    _ => vec![table.name.as_str()],
                };
                let asked = self.unless_asked(file, &place, table.kind, &names, allowed);
                if asked.is_some() {
                    return Ok(asked);
                }
            }
        }
        let added = self.added(path);
        let in_python = || {
            is_python(path, &now)
                .then(|| {
                    hidden::encoding(&before, &now)
                        .or_else(|| hidden::look_alike(&before, &now, added))
                })
                .flatten()
        };
        let unseen = hidden::character(path, &before, added).or_else(in_python);
        Ok(unseen.map(|it| Objection {
            path: path.clone(),
            what: format!("line {} {}", it.line, it.words),
            remedy: it.remedy.to_owned(),
            instead: "",
        }))
    }

    /// Frozen tests, those of the user and of the author, stay as they were frozen; existing ones as they are. Words of
    /// the task don't change that: a test is disputed, and then changed by its author.
    fn touches_a_test(&self, file: &ChangedFile, now: Option<&[u8]>) -> Option<Objection> {
        let path = &file.path;
        let accepted = self.state.acceptance_tests();
        let amended = accepted.and_then(|it| it.amendment.as_ref());
        let amended = amended.into_iter().flat_map(|it| &it.files);
        let mut amended = amended.filter(|it| it.path == *path);
        let frozen = self.state.task.tests.iter();
        let frozen = frozen.chain(accepted.into_iter().flat_map(|it| &it.files));
        let frozen: Vec<&str> = frozen
            .filter(|it| it.path == *path)
            .map(|it| it.sha256.as_str())
            .collect();
        let hash = now.map(sha256);
        // Git may lay a test out with other ends of lines than those it was frozen with.
        let plain = now.map(|it| sha256(with_plain_ends(it)));
        let is = |it: &str| {
            [&hash, &plain]
                .iter()
                .any(|hash| hash.as_deref() == Some(it))
        };
        if amended.any(|it| is(&it.new_sha256)) || frozen.iter().any(|it| is(it)) {
            return None;
        }
        let what = if !frozen.is_empty() {
            "it is a test that was frozen before the first draft, and it isn't what was frozen"
        } else if self.territory.is_existing_test(path) || self.is_named_by_the_user(path) {
            "it is one of the existing tests, and only the test author changes those"
        } else {
            return None;
        };
        Some(Objection {
            path: path.clone(),
            what: what.to_owned(),
            remedy: objection::undo(file),
            instead: "If a test contradicts the task, leave it and dispute it with `dispute_test`: name the test and \
                      quote the task. New tests belong into a new file.",
        })
    }

    fn is_named_by_the_user(&self, path: &str) -> bool {
        let ids = self.state.task.test_ids.iter();
        ids.map(|it| it.split("::").next().unwrap_or(it))
            .any(|it| it == path)
    }

    /// Takes down what the task names, and objects to what it doesn't.
    fn unless_asked(
        &self,
        file: &ChangedFile,
        place: &str,
        words: &str,
        names: &[&str],
        allowed: &mut Vec<AllowedPath>,
    ) -> Option<Objection> {
        let why = match asked::about(&self.state.task, names) {
            Word::Asked(quote) => {
                allowed.push(AllowedPath {
                    path: place.to_owned(),
                    kind: words.to_owned(),
                    quote,
                });
                return None;
            }
            Word::Doubted(quote) => {
                format!("the task names it without asking plainly for its change (\"{quote}\")")
            }
            Word::Nothing => "the task doesn't ask for it by name".to_owned(),
        };
        Some(Objection {
            path: place.to_owned(),
            what: format!("it is {words}, and {why}"),
            remedy: objection::undo(file),
            instead: "",
        })
    }

    /// The words by which a task asks for a path: the whole path, or the file's name.
    fn names_of<'p>(&self, path: &'p str) -> [&'p str; 2] {
        [path, path.rsplit('/').next().unwrap_or(path)]
    }

    /// The new lines of a file.
    fn added(&self, path: &str) -> &[(u32, String)] {
        let mut sections = self.sections.iter().filter(|it| it.path == path);
        // Where a file takes the place of a link, the second section has the new lines.
        sections
            .find(|it| !it.added.is_empty())
            .map_or(&[], |it| &it.added)
    }

    /// Where a link points.
    fn target(&self, path: &str) -> String {
        let lines: Vec<&str> = self.added(path).iter().map(|it| it.1.as_str()).collect();
        lines.join("\n")
    }
}

/// Whether Python reads a file: by its name, or by the program that its first line asks for.
fn is_python(path: &str, text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    path.ends_with(".py")
        || path.ends_with(".pyi")
        || first.starts_with("#!") && first.contains("python")
}

/// What the modes of a file do that no reader of its lines sees.
fn mode_trick(section: &Section) -> Option<&'static str> {
    let new = section.new_mode.as_deref()?;
    let is_script = section
        .added
        .first()
        .is_some_and(|it| it.1.starts_with("#!"));
    match (&section.old_mode, new) {
        (_, REPOSITORY) => Some("it is another repository inside this one"),
        (Some(_), _) => Some("its mode changes"),
        (None, PROGRAM) if !is_script => {
            Some("it is marked as a program without saying which one runs it")
        }
        _ => None,
    }
}

/// Whether a link at `path` points to a place outside the repository, by its text alone.
fn leads_out(path: &str, target: &str) -> bool {
    if target.is_empty() || target.starts_with(['/', '~', '\\']) {
        return true;
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            ".git" => return true,
            _ => depth += 1,
        }
    }
    false
}

/// A file's bytes; none when there is no such file.
async fn read(workspace: &dyn Workspace, path: &str) -> Result<Option<Vec<u8>>, WorkspaceError> {
    match workspace.read(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_the_callers_fault() => Ok(None),
        Err(error) => Err(error),
    }
}

fn text(bytes: Option<Vec<u8>>) -> String {
    let bytes = bytes.unwrap_or_default();
    source_text(&bytes).unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned())
}

fn with_plain_ends(bytes: &[u8]) -> Vec<u8> {
    let is_half = |at: usize| bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
    (0..bytes.len())
        .filter(|at| !is_half(*at))
        .map(|at| bytes[at])
        .collect()
}

#[cfg(test)]
mod tests;

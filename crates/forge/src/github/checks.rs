//! What an app says at a commit on GitHub, and whether anything else checks it. See "Check runs", "Check suites" and "Commit
//! statuses" in GitHub's REST documentation.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use crate::error::ForgeError;
use crate::seam::RepositoryName;

/// Annotations in one request, the most that GitHub takes.
const NOTES_MAX: usize = 50;
/// Longest summary, in characters; GitHub takes 65,535.
const SUMMARY_CHARS_MAX: usize = 60_000;
/// How often a new commit is looked at for checks, and the pause between two looks. GitHub makes them within seconds of a push.
const LOOKS_MAX: u32 = 3;
const LOOK_PAUSE: Duration = Duration::from_secs(4);

/// What is said at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    /// The name that people see.
    pub name: String,
    /// The commit, in hexadecimal.
    pub commit: String,
    /// What finds it again: the same for every try to say the same.
    pub mark: String,
    /// What it comes to.
    pub conclusion: Conclusion,
    /// One line.
    pub title: String,
    /// The rest, in Markdown.
    pub summary: String,
    /// Remarks on lines.
    pub notes: Vec<Note>,
}

/// What a check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Everything was shown that has to be.
    Success,
    /// Something wasn't, and somebody has to look.
    Neutral,
}

/// A remark on a line of the new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The file.
    pub path: String,
    /// The line, counted from 1.
    pub line: u32,
    /// What. GitHub shows it as plain text.
    pub message: String,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    check_runs: Vec<CheckAnswer>,
}

#[derive(Deserialize)]
struct CheckAnswer {
    id: u64,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    output: Output,
}

#[derive(Default, Deserialize)]
struct Output {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    annotations_count: usize,
}

#[derive(Deserialize)]
struct Suites {
    #[serde(default)]
    check_suites: Vec<Suite>,
}

#[derive(Deserialize)]
struct Suite {
    #[serde(default)]
    app: Option<Named>,
    /// GitHub makes an empty suite for every app that may write checks.
    #[serde(default)]
    latest_check_runs_count: u64,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    slug: String,
}

#[derive(Deserialize)]
struct Statuses {
    #[serde(default)]
    total_count: u64,
}

impl Conclusion {
    fn word(self) -> &'static str {
        match self {
            Conclusion::Success => "success",
            Conclusion::Neutral => "neutral",
        }
    }
}

impl CheckRun {
    fn body(&self, notes: &[Note]) -> Value {
        let notes: Vec<Value> = notes
            .iter()
            .map(|it| {
                json!({
                    "path": it.path,
                    "start_line": it.line,
                    "end_line": it.line,
                    "annotation_level": "notice",
                    "message": it.message,
                })
            })
            .collect();
        json!({
            "name": self.name,
            "external_id": self.mark,
            "status": "completed",
            "conclusion": self.conclusion.word(),
            "output": {"title": self.title, "summary": self.summary(), "annotations": notes},
        })
    }

    fn summary(&self) -> String {
        self.summary.chars().take(SUMMARY_CHARS_MAX).collect()
    }

    fn is_said_by(&self, found: &CheckAnswer) -> bool {
        found.conclusion.as_deref() == Some(self.conclusion.word())
            && found.output.title.as_deref() == Some(&self.title)
            && found.output.summary.as_deref() == Some(&self.summary())
    }
}

impl GitHub {
    /// Says something at a commit, or brings what was said there with the same mark up to date; the address of its page. Only an app
    /// may do so.
    ///
    /// # Errors
    /// When it can't be asked, or refuses.
    pub async fn say_check(
        &self,
        repository: &RepositoryName,
        check: &CheckRun,
    ) -> Result<String, ForgeError> {
        let what = format!("the checks of {repository} at {}", check.commit);
        let doing = format!("say a check in {repository}");
        let path = format!(
            "/repos/{repository}/commits/{}/check-runs?check_name={}&filter=all&per_page=100",
            check.commit, check.name
        );
        let found: Found = self.api.get(&path, &what).await?;
        let mut runs = found.check_runs.into_iter();
        let ours = runs.find(|it| it.external_id.as_deref() == Some(&check.mark));
        let below = format!("/repos/{repository}/check-runs");
        // What a request brings is added to the annotations that are there, so that a try that was broken off is gone on with.
        let (mut answer, mut said) = match ours {
            Some(ours) if check.is_said_by(&ours) => {
                let said = ours.output.annotations_count;
                (ours, said)
            }
            Some(ours) => {
                let (path, body) = (format!("{below}/{}", ours.id), check.body(&[]));
                let changed = self.api.change(Method::PATCH, &path, &body, &doing).await?;
                let said = ours.output.annotations_count;
                (self.understood(changed, &doing)?, said)
            }
            None => {
                let first = &check.notes[..check.notes.len().min(NOTES_MAX)];
                let mut body = check.body(first);
                body["head_sha"] = json!(check.commit);
                let made = self.api.change(Method::POST, &below, &body, &doing).await?;
                (self.understood(made, &doing)?, first.len())
            }
        };
        while said < check.notes.len() {
            let next = check.notes.len().min(said + NOTES_MAX);
            let body = check.body(&check.notes[said..next]);
            let path = format!("{below}/{}", answer.id);
            let changed = self.api.change(Method::PATCH, &path, &body, &doing).await?;
            answer = self.understood(changed, &doing)?;
            said = next;
        }
        Ok(answer
            .html_url
            .unwrap_or_else(|| format!("check {}", answer.id)))
    }

    /// Whether somebody else than us checks a new commit: a check of another app, or a status. It is looked at some times within a few
    /// seconds. None when the credential may not see it.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn is_checked(
        &self,
        repository: &RepositoryName,
        commit: &str,
    ) -> Result<Option<bool>, ForgeError> {
        let what = format!("the checks of {repository} at {commit}");
        let own = match self.is_app() {
            true => self.own_account().await?.unwrap_or_default(),
            false => String::new(),
        };
        let path = format!("/repos/{repository}/commits/{commit}");
        let mut looks = 1;
        loop {
            let suites = format!("{path}/check-suites?per_page=100");
            let suites: Option<Suites> = seen(self.api.get(&suites, &what).await)?;
            let statuses: Option<Statuses> =
                seen(self.api.get(&format!("{path}/status"), &what).await)?;
            let is_blind = suites.is_none() || statuses.is_none();
            let by_others = |it: &Suite| {
                let slug = it.app.as_ref().map_or("", |it| it.slug.as_str());
                0 < it.latest_check_runs_count && own != format!("{slug}[bot]")
            };
            let is_checked = suites.is_some_and(|it| it.check_suites.iter().any(by_others))
                || statuses.is_some_and(|it| 0 < it.total_count);
            if is_checked {
                return Ok(Some(true));
            }
            if is_blind {
                return Ok(None);
            }
            if LOOKS_MAX <= looks {
                return Ok(Some(false));
            }
            looks += 1;
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }
}

/// What was read; none for what the credential may not see.
fn seen<T>(read: Result<T, ForgeError>) -> Result<Option<T>, ForgeError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(ForgeError::Forbidden { .. } | ForgeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

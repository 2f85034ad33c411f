//! What people and checks say of a pull request on GitHub, and one answer to each thread. See "Pull request reviews", "Pull request
//! review comments" and "Check runs" in GitHub's REST documentation.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use crate::error::ForgeError;
use crate::seam::RepositoryName;
use crate::words::Words;

/// Failed checks whose annotations are read.
const CHECKS_MAX: usize = 10;
/// Annotations of one check.
const ANNOTATIONS_MAX: usize = 20;
/// Longest summary of a check, in bytes.
const SUMMARY_BYTES_MAX: usize = 4_000;

/// A pull request with everything that was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// Its page.
    pub url: String,
    /// Its text.
    pub body: String,
    /// Whether it is open.
    pub is_open: bool,
    /// Whether our own account opened it; true for an app's token, which has none to compare.
    pub is_by_us: bool,
    /// The repository that holds its branch.
    pub from: RepositoryName,
    /// Its branch.
    pub branch: String,
    /// The last commit on it, in hexadecimal.
    pub commit: String,
    /// The message of that commit.
    pub message: String,
    /// The tree of that commit, in hexadecimal.
    pub tree: String,
    /// The branch that it asks to be merged into.
    pub base: String,
    /// What those said who may say something, the oldest first.
    pub remarks: Vec<Remark>,
    /// Checks that failed on its last commit.
    pub failed_checks: Vec<FailedCheck>,
}

/// Something that somebody said of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The thread that it belongs to, when it stands at a line.
    pub thread: Option<u64>,
    /// Who.
    pub author: String,
    /// The file, when it stands at one.
    pub path: String,
    /// The line, when it stands at one.
    pub line: Option<u64>,
    /// What.
    pub text: String,
    /// When, as the tracker writes moments.
    pub at: String,
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCheck {
    /// Its name.
    pub name: String,
    /// What it says of itself, cut.
    pub summary: String,
    /// Its remarks on lines, as in `a.py:3: undefined name`.
    pub annotations: Vec<String>,
}

#[derive(Deserialize)]
struct RequestAnswer {
    html_url: String,
    #[serde(default)]
    body: Option<String>,
    state: String,
    #[serde(default)]
    user: Option<User>,
    head: End,
    base: End,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    branch: String,
    #[serde(default)]
    sha: String,
    #[serde(default)]
    repo: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    full_name: String,
}

#[derive(Deserialize)]
struct CommitAnswer {
    message: String,
    tree: TreeAnswer,
}

#[derive(Deserialize)]
struct TreeAnswer {
    sha: String,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    id: u64,
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    author_association: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    line: Option<u64>,
    #[serde(default)]
    in_reply_to_id: Option<u64>,
    #[serde(default, alias = "submitted_at")]
    created_at: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Checks {
    #[serde(default)]
    check_runs: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    id: u64,
    name: String,
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
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    path: String,
    #[serde(default)]
    start_line: u64,
    #[serde(default)]
    message: String,
}

impl Said {
    /// Only of those who belong to the repository: whoever merges speaks, and strangers don't steer.
    fn remark(self, own_account: &str) -> Option<Remark> {
        let may_speak = matches!(
            self.author_association.as_str(),
            "OWNER" | "MEMBER" | "COLLABORATOR"
        );
        let author = self.user.map(|it| it.login).unwrap_or_default();
        let text = self.body.unwrap_or_default();
        let is_ours = author == own_account || super::comments::is_marked(&text);
        if !may_speak || is_ours || text.trim().is_empty() {
            return None;
        }
        Some(Remark {
            thread: (!self.path.is_empty()).then(|| self.in_reply_to_id.unwrap_or(self.id)),
            author,
            path: self.path,
            line: self.line,
            text,
            at: self.created_at,
        })
    }
}

impl GitHub {
    /// A pull request with what those said of it who belong to its repository, and the checks that failed on its last commit.
    ///
    /// # Errors
    /// When it can't be asked, or its branch is gone.
    pub async fn reviewed(
        &self,
        repository: &RepositoryName,
        number: u64,
    ) -> Result<Reviewed, ForgeError> {
        let what = format!("pull request {repository}#{number}");
        let path = format!("/repos/{repository}/pulls/{number}");
        let request: RequestAnswer = self.api.get(&path, &what).await?;
        let from = request.head.repo.as_ref();
        let from = from.and_then(|it| super::requests::name_of(&it.full_name));
        let Some(from) = from else {
            return Err(ForgeError::NotFound {
                service: crate::error::Service::GitHub,
                what: format!("the repository that {what} comes from"),
            });
        };
        let path_of_commit = format!("/repos/{from}/git/commits/{}", request.head.sha);
        let last: CommitAnswer = self.api.get(&path_of_commit, &what).await?;
        let own = self.own_account().await?.unwrap_or_default();
        let mut remarks = Vec::new();
        for list in [
            format!("/repos/{repository}/issues/{number}/comments"),
            format!("{path}/reviews"),
            format!("{path}/comments"),
        ] {
            let said: Vec<Said> = self.pages(&list, &what).await?;
            remarks.extend(said.into_iter().filter_map(|it| it.remark(&own)));
        }
        remarks.sort_by(|one, other| one.at.cmp(&other.at));
        let failed_checks = self.failed_checks(repository, &request.head.sha).await?;
        Ok(Reviewed {
            url: request.html_url,
            body: request.body.unwrap_or_default(),
            is_open: request.state == "open",
            is_by_us: own.is_empty() || request.user.is_some_and(|it| it.login == own),
            from,
            branch: request.head.branch,
            commit: request.head.sha,
            message: last.message,
            tree: last.tree.sha,
            base: request.base.branch,
            remarks,
            failed_checks,
        })
    }

    async fn failed_checks(
        &self,
        repository: &RepositoryName,
        commit: &str,
    ) -> Result<Vec<FailedCheck>, ForgeError> {
        let what = format!("the checks of {repository} at {commit}");
        let path = format!("/repos/{repository}/commits/{commit}/check-runs?per_page=100");
        let checks: Checks = match self.api.get(&path, &what).await {
            Ok(checks) => checks,
            // A token that may not read checks still reads reviews.
            Err(ForgeError::Forbidden { .. } | ForgeError::NotFound { .. }) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let failed = checks.check_runs.into_iter().filter(|it| {
            matches!(
                it.conclusion.as_deref(),
                Some("failure" | "timed_out" | "startup_failure")
            )
        });
        let mut found = Vec::new();
        for check in failed.take(CHECKS_MAX) {
            let path = format!(
                "/repos/{repository}/check-runs/{}/annotations?per_page={ANNOTATIONS_MAX}",
                check.id
            );
            let annotations: Vec<Annotation> = self.api.get(&path, &what).await?;
            let Output { title, summary } = check.output;
            let parts = [title, summary].into_iter().flatten();
            let parts: Vec<String> = parts.filter(|it| !it.trim().is_empty()).collect();
            found.push(FailedCheck {
                name: check.name,
                summary: protocol::plain_text::cut(&parts.join("\n\n"), SUMMARY_BYTES_MAX),
                annotations: annotations
                    .into_iter()
                    .map(|it| format!("{}:{}: {}", it.path, it.start_line, it.message))
                    .collect(),
            });
        }
        Ok(found)
    }

    /// Answers a thread of review comments once for each `mark`; the address of the answer. Threads are never resolved: that is
    /// for whoever opened them.
    ///
    /// # Errors
    /// When it can't be asked, or refuses.
    pub async fn answer_thread(
        &self,
        repository: &RepositoryName,
        number: u64,
        thread: u64,
        mark: &str,
        words: &Words,
    ) -> Result<(), ForgeError> {
        let what = format!("the review comments of {repository}#{number}");
        let path = format!("/repos/{repository}/pulls/{number}/comments");
        let mark = format!("<!-- {mark} -->");
        let all: Vec<Said> = self.pages(&path, &what).await?;
        let is_answer = |it: &Said| {
            it.in_reply_to_id == Some(thread)
                && it.body.as_ref().is_some_and(|it| it.starts_with(&mark))
        };
        if all.iter().any(is_answer) {
            return Ok(());
        }
        let doing = format!("answer a review of {repository}#{number}");
        let path = format!("{path}/{thread}/replies");
        let body = json!({"body": format!("{mark}\n{}", words.to_markdown())});
        let answered = self.api.change(Method::POST, &path, &body, &doing).await;
        answered.map(drop)
    }
}

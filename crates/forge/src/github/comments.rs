//! Comments under GitHub's issues: one of ours for each mark, found by it and rewritten.

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use crate::error::ForgeError;
use crate::seam::{QUESTION_MARK, Tracker};
use crate::words::Words;

/// Comments that are looked through, the oldest first.
const COMMENTS_MAX: usize = 2_000;
/// Items of one page, the most that GitHub gives.
const PAGE_ITEMS: usize = 100;

/// How the marks of all comments of ours begin.
const MARK: &str = "<!-- pipeline-";

/// Whether a comment is one that this program keeps. Whoever marks their own so is not heard; nobody else is kept quiet by it.
pub(super) fn is_marked(body: &str) -> bool {
    body.starts_with(MARK)
}

/// Whether a comment asks somebody something in our name, by its mark.
pub(super) fn is_question(body: &str) -> bool {
    let rest = body.strip_prefix("<!-- ");
    rest.is_some_and(|it| it.starts_with(QUESTION_MARK))
}

/// A question of ours without the mark that nobody sees.
pub(super) fn without_mark(body: &str) -> &str {
    match body.split_once('\n') {
        Some((_, rest)) if is_question(body) => rest,
        _ => body,
    }
}

#[derive(Deserialize)]
struct CommentAnswer {
    id: u64,
    html_url: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    user: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    login: String,
}

#[async_trait]
impl Tracker for GitHub {
    /// `on` is `owner/repo#7`.
    async fn comment(&self, on: &str, mark: &str, words: &Words) -> Result<String, ForgeError> {
        let issue = self.parse(on)?;
        let what = format!("the comments of {issue}");
        let repository = format!("/repos/{}/{}", issue.owner, issue.repo);
        let below = format!("{repository}/issues/{}/comments", issue.number);
        // Nobody sees a comment of HTML on the page. Whoever quotes it begins with other words.
        let mark = format!("<!-- {mark} -->");
        // The token of a job has no account; its comments can be known by the mark alone.
        let me = self.own_account().await?;
        let is_ours = |it: &CommentAnswer| {
            let by = it.user.as_ref().map(|it| &it.login);
            let by_us = me.as_ref().is_none_or(|me| by == Some(me));
            by_us && it.body.as_ref().is_some_and(|it| it.starts_with(&mark))
        };
        let body = json!({"body": format!("{mark}\n{}", words.to_markdown())});
        for page in 1..=COMMENTS_MAX / PAGE_ITEMS {
            let path = format!("{below}?per_page={PAGE_ITEMS}&page={page}");
            let found: Vec<CommentAnswer> = self.api.get(&path, &what).await?;
            if let Some(ours) = found.iter().find(|it| is_ours(it)) {
                let path = format!("{repository}/issues/comments/{}", ours.id);
                let is_same = ours.body.as_deref() == body["body"].as_str();
                if !is_same {
                    let doing = format!("edit our comment on {issue}");
                    self.api.change(Method::PATCH, &path, &body, &doing).await?;
                }
                return Ok(ours.html_url.clone());
            }
            if found.len() < PAGE_ITEMS {
                break;
            }
        }
        let doing = format!("comment on {issue}");
        let answer = self.api.change(Method::POST, &below, &body, &doing).await?;
        let made: CommentAnswer = self.understood(answer, &doing)?;
        Ok(made.html_url)
    }
}

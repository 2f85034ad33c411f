//! Comments under Jira's tickets, one of ours for each mark, found by it and rewritten.

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Flavour, Jira};
use crate::adf;
use crate::error::{ForgeError, Service};
use crate::seam::{QUESTION_MARK, Tracker};
use crate::words::{Piece, Words};

/// Comments that are looked through, the newest first.
const COMMENTS_MAX: u64 = 1_000;
/// Comments in one request.
const PAGE_COMMENTS: u64 = 100;

/// How the marks of all comments of ours begin.
const MARK: &str = "`pipeline-";
/// The same in wiki text.
const WIKI_MARK: &str = "{{pipeline-";

/// Whether a comment is one that this program keeps. Whoever marks their own so is not heard; nobody else is kept quiet by it.
pub(super) fn is_marked(markdown: &str) -> bool {
    let last = markdown.trim_end().lines().next_back().unwrap_or_default();
    last.starts_with(MARK) && last.ends_with('`')
        || last.starts_with(WIKI_MARK) && last.ends_with("}}")
}

/// Whether a comment asks somebody something in our name, by its mark.
pub(super) fn is_question(markdown: &str) -> bool {
    let last = markdown.trim_end().lines().next_back().unwrap_or_default();
    let mark = last.trim_start_matches(['`', '{']);
    is_marked(markdown) && mark.starts_with(QUESTION_MARK)
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    total: u64,
    comments: Vec<CommentAnswer>,
}

#[derive(Deserialize)]
struct CommentAnswer {
    id: String,
    #[serde(default)]
    author: Account,
    #[serde(default)]
    body: Value,
}

/// Whoever wrote something. Cloud and Data Center know people by other names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    #[serde(default)]
    account_id: Option<String>,
    #[serde(default)]
    key: Option<String>,
}

#[async_trait]
impl Tracker for Jira {
    /// `on` is a key, as in `ABC-12`. Jira has no text that people don't see, so the mark is the last line.
    async fn comment(&self, on: &str, mark: &str, words: &Words) -> Result<String, ForgeError> {
        let ticket = self.parse(on)?;
        let what = format!("the comments of {ticket}");
        let below = format!("{}/issue/{ticket}/comment", self.rest());
        let me: Account = self
            .api
            .get(&format!("{}/myself", self.rest()), "our own account")
            .await?;
        let mut marked = words.clone();
        marked.0.push(vec![Piece::Code(mark.to_owned())]);
        let (body, last) = match self.flavour {
            Flavour::Cloud => (marked.to_document(), format!("`{mark}`")),
            Flavour::DataCenter => (marked.to_wiki().into(), format!("{{{{{mark}}}}}")),
        };
        let body = json!({"body": body});
        let is_ours = |it: &CommentAnswer| {
            it.author == me && adf::to_markdown(&it.body).trim_end().ends_with(&last)
        };
        let mut start = 0;
        while start < COMMENTS_MAX {
            let path =
                format!("{below}?startAt={start}&maxResults={PAGE_COMMENTS}&orderBy=-created");
            let page: Page = self.api.get(&path, &what).await?;
            if let Some(ours) = page.comments.iter().find(|it| is_ours(it)) {
                if ours.body != body["body"] {
                    let doing = format!("edit our comment on {ticket}");
                    let path = format!("{below}/{}", ours.id);
                    self.api.change(Method::PUT, &path, &body, &doing).await?;
                }
                return Ok(self.page_of(&ticket.key, &ours.id));
            }
            start += PAGE_COMMENTS;
            if page.total <= start || page.comments.is_empty() {
                break;
            }
        }
        let doing = format!("comment on {ticket}");
        let answer = self.api.change(Method::POST, &below, &body, &doing).await?;
        match answer["id"].as_str() {
            Some(id) => Ok(self.page_of(&ticket.key, id)),
            None => Err(ForgeError::Unexpected {
                service: Service::Jira,
                what: doing,
                status: 201,
                said: "its answer has no `id`".to_owned(),
            }),
        }
    }
}

impl Jira {
    /// The page that shows a comment.
    fn page_of(&self, key: &str, comment: &str) -> String {
        let base = self.api.base.as_str().trim_end_matches('/');
        format!("{base}/browse/{key}?focusedCommentId={comment}")
    }
}

//! What the bot says: below issues to people, and in its log to whoever runs it.

use forge::{IssueRef, Piece, Tracker as _, Words};
use protocol::RunId;
use protocol::plain_text::line;
use store::Wish;

use crate::bot::Bot;
use crate::error::BotError;

/// Longest explanation in a comment, in bytes.
const WHY_BYTES_MAX: usize = 600;

impl Bot {
    /// Says below the issue that somebody works on it, in the comment that later says how it ended.
    pub(crate) async fn say_that_it_begins(&self, wish: &Wish, run: &RunId) {
        let words = Words(vec![vec![
            Piece::Text("Working on it. Run ".to_owned()),
            Piece::Code(run.0.clone()),
            Piece::Text(", for ".to_owned()),
            Piece::Code(wish.actor.clone()),
            Piece::Text(".".to_owned()),
        ]]);
        let said = self.github.comment(&wish.lane, "pipeline-status", &words);
        if let Err(error) = said.await {
            self.trouble("say that a run begins", &error.into());
        }
    }

    /// Calls whoever asked, in a comment of its own: one that is rewritten tells nobody. One for each run.
    pub(crate) async fn call(&self, wish: &Wish, run: &RunId, why: &str) {
        let words = Words(vec![
            vec![
                Piece::Text("This needs somebody: ".to_owned()),
                Piece::Code(line(why, WHY_BYTES_MAX)),
            ],
            vec![
                Piece::Text("Change what the issue says, then ask again with ".to_owned()),
                Piece::Code("/pipeline retry".to_owned()),
                Piece::Text(".".to_owned()),
            ],
        ]);
        let mark = format!("pipeline-needs-{run}");
        let said = self.github.comment(&wish.lane, &mark, &words);
        if let Err(error) = said.await {
            self.trouble("call somebody", &error.into());
        }
    }

    /// Says something below the issue of a wish; that it can't be said is told to whoever runs the bot.
    pub(crate) async fn say_of(&self, wish: &Wish, words: &str) {
        let said = match self.github.parse(&wish.lane) {
            Ok(issue) => self.tell(&issue, words).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = said {
            self.trouble("speak below an issue", &error);
        }
    }

    /// Says something below an issue, in the one comment that is for this.
    pub(crate) async fn tell(&self, issue: &IssueRef, words: &str) -> Result<(), BotError> {
        let words = Words(vec![vec![Piece::Code(words.to_owned())]]);
        let on = issue.to_string();
        self.github.comment(&on, "pipeline-bot", &words).await?;
        Ok(())
    }

    /// Something that the bot goes on after.
    pub(crate) fn trouble(&self, doing: &'static str, error: &BotError) {
        let error = told(error);
        tracing::error!(doing, error, "the bot had trouble");
    }
}

/// An error with its causes, in one line.
pub(crate) fn told(error: &BotError) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(because) = cause {
        line += &format!(": {because}");
        cause = because.source();
    }
    line
}

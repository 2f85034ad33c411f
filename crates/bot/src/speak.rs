//! What the bot says: below issues to people, and in its log to whoever runs it.

use forge::{Piece, Words};
use protocol::RunId;
use protocol::plain_text::line;
use store::Wish;

use crate::bot::Bot;
use crate::error::BotError;
use crate::lane::Lane;

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
        let said = self.comment(&wish.lane, "pipeline-status", &words);
        if let Err(error) = said.await {
            self.trouble("say that a run begins", &error);
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
        if let Err(error) = self.comment(&wish.lane, &mark, &words).await {
            self.trouble("call somebody", &error);
        }
    }

    /// Asks what only a person knows, in a comment of its own. Whoever may ask for a run and answers below it starts the next one.
    pub(crate) async fn ask(&self, wish: &Wish, run: &RunId, question: &str) {
        let words = Words(vec![
            vec![
                Piece::Text("A question, before this can go on: ".to_owned()),
                Piece::Code(line(question, WHY_BYTES_MAX)),
            ],
            vec![Piece::Text(
                "Answer below, and it starts again with what you say.".to_owned(),
            )],
        ]);
        let mark = format!("{}{run}", forge::QUESTION_MARK);
        if let Err(error) = self.comment(&wish.lane, &mark, &words).await {
            self.trouble("ask a question", &error);
        }
    }

    async fn comment(&self, lane: &str, mark: &str, words: &Words) -> Result<(), BotError> {
        let place = self.lane(lane)?;
        self.tracker(&place).comment(lane, mark, words).await?;
        Ok(())
    }

    /// Says something below the issue of a wish; that it can't be said is told to whoever runs the bot.
    pub(crate) async fn say_of(&self, wish: &Wish, words: &str) {
        let said = match self.lane(&wish.lane) {
            Ok(place) => self.tell(&place, words).await,
            Err(error) => Err(error),
        };
        if let Err(error) = said {
            self.trouble("speak below an issue", &error);
        }
    }

    /// Says something below an issue, in the one comment that is for this.
    pub(crate) async fn tell(&self, place: &Lane, words: &str) -> Result<(), BotError> {
        let words = Words(vec![vec![Piece::Code(words.to_owned())]]);
        let tracker = self.tracker(place);
        tracker
            .comment(&place.to_string(), "pipeline-bot", &words)
            .await?;
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

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use protocol::Task;
    use store::{NewWish, WishState};
    use testkit::tracker::FakeIssue;

    use super::*;
    use crate::budget::tests::bot_at;
    use crate::rules::Budgets;

    #[tokio::test]
    async fn a_question_is_asked_once_a_run_and_belongs_to_the_task_from_then_on() {
        let issue = FakeIssue {
            repository: "o/r".to_owned(),
            number: 1,
            title: "Fix it".to_owned(),
            ..FakeIssue::default()
        };
        let server = testkit::tracker::FakeGitHub::start([issue], Some("t")).await;
        let folder = tempfile::TempDir::new().expect("a folder can be made");
        let bot = bot_at(&server, &folder, Budgets::default()).await;
        let new = NewWish {
            id: "1".to_owned(),
            lane: "o/r#1".to_owned(),
            repository: "o/r".to_owned(),
            actor: "ada".to_owned(),
            command: "run".to_owned(),
            task: Some(Task::from_text("Fix it")),
            refused: None,
        };
        bot.store().wish(&new).await.expect("it is kept");
        let waiting = bot.store().wishes(WishState::Waiting, 1).await;
        let wish = waiting.expect("it can be read").remove(0);
        for _ in 0..2 {
            let run = RunId("run-1".to_owned());
            bot.ask(&wish, &run, "which `page`, @ada?\nthe last?").await;
        }
        let said = server.comments("o/r", 1);
        assert_eq!(said.len(), 1);
        expect![[r#"
            <!-- pipeline-asks-run-1 -->
            A question, before this can go on: ``which `page`, @ada? the last?``

            Answer below, and it starts again with what you say."#]]
        .assert_eq(&said[0].1);
        let lane = bot.lane("o/r#1").expect("it is one");
        let Lane::Issue(issue) = lane else {
            panic!("it is an issue")
        };
        let task = bot.github.task(&issue).await.expect("it is there").task;
        expect![[r#"
            # Fix it

            ## Comment by pipeline-user

            A question, before this can go on: ``which `page`, @ada? the last?``

            Answer below, and it starts again with what you say.
        "#]]
        .assert_eq(&task.as_markdown());
    }
}

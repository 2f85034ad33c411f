//! Starts Ruff in a checkout and reads what it says.

use std::collections::HashMap;
use std::error::Error;

use protocol::{AgentError, Command, Execution, Exit, LineRange, Workspace, WorkspaceError};

use crate::findings::{self, Found};
use crate::rules::Rules;

/// Characters of Ruff's own words in an error.
const WORDS_CHARS_MAX: usize = 1000;
/// Starts a program with its standard output on the report pipe, because standard output is cut for people and
/// a cut JSON can't be read. For bash: other shells take descriptors of one digit only.
const TO_REPORT: &str = "exec \"$@\" >&\"$PIPELINE_REPORT_FD\"";

/// Ruff in one checkout.
pub(crate) struct Ruff<'a> {
    pub(crate) tree: &'a dyn Workspace,
    pub(crate) seconds_max: u64,
    /// What it looks for.
    pub(crate) rules: Rules,
}

/// Ruff did not do its work.
pub(crate) enum Failure {
    /// It refuses what it was given: its configuration, or a file. Its own words.
    Refused(String),
    /// It is missing or broken.
    Broken(AgentError),
}

impl From<Failure> for AgentError {
    fn from(failure: Failure) -> AgentError {
        match failure {
            Failure::Refused(why) => broken(why),
            Failure::Broken(error) => error,
        }
    }
}

impl Ruff<'_> {
    /// As in `ruff 0.17.5`.
    pub(crate) async fn version(&self) -> Result<String, Failure> {
        let execution = self.run(&["--version"], &[], false).await?;
        Ok(execution.stdout.text.trim().to_owned())
    }

    /// The findings in these files, in the order of their lines.
    pub(crate) async fn check(
        &self,
        texts: &HashMap<String, String>,
    ) -> Result<Vec<Found>, Failure> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let mut files: Vec<&String> = texts.keys().collect();
        files.sort();
        let mut argv = vec!["bash", "-c", TO_REPORT, "bash", "ruff", "check"];
        argv.extend(["--no-cache", "--force-exclude", "--no-fix"]);
        argv.extend(
            self.rules
                .selected()
                .into_iter()
                .flat_map(|it| ["--select", it]),
        );
        argv.extend(["--output-format", "json", "--"]);
        argv.extend(files.iter().map(|it| it.as_str()));
        let mut command = Command::new(argv, self.seconds_max);
        command.report = true;
        command.writes_tree = false;
        let execution = self.start(&command).await?;
        match execution.exit {
            Exit::Code(0 | 1) => findings::read(&execution.report, texts).map_err(|error| {
                let words = cut(&execution.tail());
                Failure::Broken(broken(format!(
                    "its findings can't be read: {error}\n{words}"
                )))
            }),
            _ => Err(self.refused_or_broken(&execution)),
        }
    }

    /// Whether formatting a file would leave it as it is. A file that isn't Python is not formatted.
    pub(crate) async fn is_formatted(&self, path: &str) -> Result<bool, Failure> {
        let argv = ["format", "--no-cache", "--force-exclude", "--check", "--"];
        let argv = ["ruff"].into_iter().chain(argv).chain([path]);
        let mut command = Command::new(argv, self.seconds_max);
        command.writes_tree = false;
        let execution = self.start(&command).await?;
        match execution.exit {
            Exit::Code(0) => Ok(true),
            // 2: it can't be parsed; the configuration has been read by now.
            Exit::Code(1 | 2) => Ok(false),
            _ => Err(self.refused_or_broken(&execution)),
        }
    }

    /// Formats a whole file, or only some of its lines.
    pub(crate) async fn format(&self, path: &str, lines: Option<LineRange>) -> Result<(), Failure> {
        let mut arguments = vec!["format", "--no-cache", "--force-exclude"];
        let range = lines.map(|it| {
            // The end of a range is exclusive.
            format!("{}-{}", it.first, it.last.saturating_add(1))
        });
        if let Some(range) = &range {
            arguments.extend(["--range", range]);
        }
        self.run(&arguments, &["--", path], true).await.map(|_| ())
    }

    /// Runs Ruff, which must end with status 0.
    async fn run(
        &self,
        arguments: &[&str],
        files: &[&str],
        writes_tree: bool,
    ) -> Result<Execution, Failure> {
        let argv = ["ruff"].iter().chain(arguments).chain(files).copied();
        let mut command = Command::new(argv, self.seconds_max);
        command.writes_tree = writes_tree;
        let execution = self.start(&command).await?;
        if execution.succeeded() {
            Ok(execution)
        } else {
            Err(self.refused_or_broken(&execution))
        }
    }

    /// Status 2 is Ruff's own "I can't"; everything else is no answer of Ruff's at all.
    fn refused_or_broken(&self, execution: &Execution) -> Failure {
        let words = cut(&self.tree.steady(&execution.tail()));
        let how = match execution.exit {
            Exit::Code(2) => return Failure::Refused(words),
            Exit::Code(127) => "it could not be started".to_owned(),
            Exit::Code(code) => format!("it ended with status {code}"),
            Exit::Signal(number) => format!("it was ended by signal {number}"),
            Exit::TooSlow => "it did not end in time".to_owned(),
            Exit::TooMuchOutput => "it printed too much".to_owned(),
        };
        Failure::Broken(broken(format!("{how}: {words}")))
    }

    async fn start(&self, command: &Command) -> Result<Execution, Failure> {
        self.tree.run(command).await.map_err(|error| {
            Failure::Broken(match error {
                WorkspaceError::Blocked { .. } => AgentError::Workspace(error),
                other => broken(in_words(&other)),
            })
        })
    }
}

fn broken(why: String) -> AgentError {
    AgentError::Tool {
        program: "ruff".to_owned(),
        why: format!("{why} (`pipeline doctor` shows which Ruff is used and how to install it)"),
    }
}

fn in_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(it) = cause {
        words += &format!(": {it}");
        cause = it.source();
    }
    words
}

fn cut(text: &str) -> String {
    text.trim().chars().take(WORDS_CHARS_MAX).collect()
}

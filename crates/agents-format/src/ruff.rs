//! Starts Ruff in a checkout and reads what it says.

use std::collections::{HashMap, HashSet};
use std::error::Error;

use protocol::{
    AgentError, Command, Encoding, Execution, Exit, LineRange, Workspace, WorkspaceError,
    source_text,
};

use crate::findings::{self, Found};
use crate::rules::Rules;

/// Characters of Ruff's own words in an error.
const WORDS_CHARS_MAX: usize = 1000;
/// Starts a program with its standard output on the report pipe, because standard output is cut for people and
/// a cut JSON can't be read. For bash: other shells take descriptors of one digit only.
const TO_REPORT: &str = "exec \"$@\" >&\"$PIPELINE_REPORT_FD\"";

/// With it, no comment of a file hides a finding.
const IGNORE_COMMENTS: &str = "--ignore-noqa";

/// Whether a comment of a file keeps Ruff quiet about all of it
/// (<https://docs.astral.sh/ruff/linter/#error-suppression>).
pub(crate) fn is_quiet(text: &str) -> bool {
    let mut comments = text
        .lines()
        .filter_map(|it| it.trim_start().strip_prefix('#'));
    comments.any(|it| {
        let words: String = it.to_lowercase().split_whitespace().collect();
        ["ruff:noqa", "flake8:noqa", "ruff:disable"]
            .iter()
            .any(|start| words.starts_with(start))
    })
}

/// Ruff in one checkout.
pub(crate) struct Ruff<'a> {
    pub(crate) tree: &'a dyn Workspace,
    pub(crate) seconds_max: u64,
    /// What it looks for.
    pub(crate) rules: Rules,
    /// Files in which no comment keeps it quiet.
    pub(crate) unheard: &'a HashSet<String>,
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
        let (mut alone, mut files): (Vec<&String>, Vec<&String>) =
            texts.keys().partition(|it| is_foreign(&texts[*it]));
        alone.sort();
        files.sort();
        let mut found = Vec::new();
        for path in alone {
            let named = ["--stdin-filename", path, "-"];
            let mut named = named.to_vec();
            if self.unheard.contains(path) {
                named.insert(0, IGNORE_COMMENTS);
            }
            found.extend(self.check_these(&named, Some(&texts[path]), texts).await?);
        }
        let (unheard, heard): (Vec<&String>, Vec<&String>) =
            files.into_iter().partition(|it| self.unheard.contains(*it));
        for (option, files) in [(None, heard), (Some(IGNORE_COMMENTS), unheard)] {
            if files.is_empty() {
                continue;
            }
            let named: Vec<&str> = option
                .into_iter()
                .chain(["--"])
                .chain(files.iter().map(|it| it.as_str()))
                .collect();
            found.extend(self.check_these(&named, None, texts).await?);
        }
        Ok(found)
    }

    /// The findings in some files, or in a text of the name of one.
    async fn check_these(
        &self,
        files: &[&str],
        text: Option<&String>,
        texts: &HashMap<String, String>,
    ) -> Result<Vec<Found>, Failure> {
        let mut argv = vec!["bash", "-c", TO_REPORT, "bash", "ruff", "check"];
        argv.extend(["--no-cache", "--force-exclude", "--no-fix"]);
        argv.extend(
            self.rules
                .selected()
                .into_iter()
                .flat_map(|it| ["--select", it]),
        );
        argv.extend(["--output-format", "json"]);
        argv.extend(files);
        let mut command = Command::new(argv, self.seconds_max);
        command.stdin = text.cloned().unwrap_or_default().into_bytes();
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
        let foreign = self.foreign(path).await?;
        let argv = ["format", "--no-cache", "--force-exclude", "--check"];
        let named: &[&str] = match &foreign {
            Some(_) => &["--stdin-filename", path, "-"],
            None => &["--", path],
        };
        let argv = ["ruff"]
            .into_iter()
            .chain(argv)
            .chain(named.iter().copied());
        let mut command = Command::new(argv, self.seconds_max);
        command.stdin = foreign.unwrap_or_default().into_bytes();
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
        match self.foreign(path).await? {
            Some(text) => self.format_foreign(&arguments, path, text).await,
            None => self.run(&arguments, &["--", path], true).await.map(|_| ()),
        }
    }

    /// Formats a text that Ruff doesn't read where it is, and writes it in its encoding.
    async fn format_foreign(
        &self,
        arguments: &[&str],
        path: &str,
        text: String,
    ) -> Result<(), Failure> {
        let program = ["bash", "-c", TO_REPORT, "bash", "ruff"];
        let named = ["--stdin-filename", path, "-"];
        let argv = program.iter().chain(arguments).chain(&named).copied();
        let mut command = Command::new(argv, self.seconds_max);
        command.stdin = text.into_bytes();
        command.report = true;
        command.writes_tree = false;
        let execution = self.start(&command).await?;
        if !execution.succeeded() {
            return Err(self.refused_or_broken(&execution));
        }
        let formatted = String::from_utf8(execution.report)
            .map_err(|_| Failure::Broken(broken("what it formatted isn't UTF-8".to_owned())))?;
        write(self.tree, path, &formatted).await?;
        Ok(())
    }

    /// The text of a file that Ruff can't read where it is.
    async fn foreign(&self, path: &str) -> Result<Option<String>, Failure> {
        let bytes = self.tree.read(path).await;
        let bytes = bytes.map_err(|it| Failure::Broken(it.into()))?;
        Ok(source_text(&bytes).filter(|it| is_foreign(it)))
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

/// Whether a text lies in its file in another form than Ruff reads, which knows UTF-8 only.
fn is_foreign(text: &str) -> bool {
    !text.is_ascii() && Encoding::of_text(text) != Encoding::UTF_8
}

/// Writes a text in its encoding; not when that can't hold it, and then says so.
pub(crate) async fn write(tree: &dyn Workspace, path: &str, text: &str) -> Result<bool, Failure> {
    let Ok(bytes) = Encoding::of_text(text).encode(text) else {
        return Ok(false);
    };
    let written = tree.write(path, &bytes).await;
    written.map_err(|it| Failure::Broken(it.into()))?;
    Ok(true)
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

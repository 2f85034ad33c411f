//! Is this command line allowed? A parsed policy above the sandbox, which stays the boundary.
//!
//! Every simple command is judged wherever it hides, with its arguments; what can't be decided is refused, and
//! quoted text is taken for what it is. A refusal says what to use instead.

mod arguments;
mod directory;
mod nested;
mod programs;
mod sed;
mod syntax;
mod word;

use std::path::Path;

use directory::Directories;
use syntax::Statement;
use word::Word;

/// Longest line that is looked at.
const LINE_BYTES_MAX: usize = 32 * 1024;

/// When the line is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// While agents work: no network, a finished environment.
    Work,
    /// While the environment is made: the package index is within reach.
    Install,
}

/// A line that may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Program and arguments, when the line is one plain command that needs no shell: no pattern, no
    /// redirection, no builtin. Otherwise it is for `bash -c`.
    pub argv: Option<Vec<String>>,
    /// The programs it starts, in the order they are written.
    pub programs: Vec<String>,
}

/// A line that may not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allow the command line: {why}")]
pub struct Denied {
    /// What is wrong with it, and what to use instead.
    pub why: String,
}

/// Judges a command line that is to run in `root`, the absolute path of a tree.
///
/// Nothing is looked up on disk: the answer follows from the line alone.
///
/// # Errors
/// [`Denied`], in words that a model can act on.
pub fn judge(line: &str, phase: Phase, root: &Path) -> Result<Judged, Denied> {
    let denied = |why: String| Denied { why };
    if LINE_BYTES_MAX < line.len() {
        return Err(denied(format!(
            "it is longer than {LINE_BYTES_MAX} bytes; put the text into a file and use that"
        )));
    }
    if *protocol::visible(line) != *line {
        return Err(denied(format!(
            "it contains characters that don't show ({}); leave them out",
            protocol::visible(line)
        )));
    }
    let statement = syntax::read(line).map_err(denied)?;
    let mut judge = Judge {
        phase,
        programs: Vec::new(),
    };
    judge
        .statement(&statement, &Directories::start(root))
        .map_err(denied)?;
    Ok(Judged {
        argv: plain(&statement),
        programs: judge.programs,
    })
}

/// The arguments of a line that needs no shell.
fn plain(statement: &Statement) -> Option<Vec<String>> {
    let Statement::Simple(words) = statement else {
        return None;
    };
    let needs_bash = words.iter().any(|it| it.is_pattern) || programs::is_builtin(&words[0].text);
    (!needs_bash).then(|| words.iter().map(|it| it.text.clone()).collect())
}

struct Judge {
    phase: Phase,
    programs: Vec<String>,
}

/// Where a line may be after a statement.
struct After {
    succeeded: Directories,
    failed: Directories,
}

impl After {
    fn unmoved(at: &Directories) -> After {
        After {
            succeeded: at.clone(),
            failed: at.clone(),
        }
    }

    fn either(self) -> Directories {
        self.succeeded.or(&self.failed)
    }
}

impl Judge {
    /// Judges a statement that may start in any of the folders of `at`.
    fn statement(&mut self, statement: &Statement, at: &Directories) -> Result<After, String> {
        match statement {
            Statement::Simple(words) => self.simple(words, at),
            Statement::Pipeline(parts) | Statement::Subshell(parts) => {
                let mut inside = at.clone();
                for part in parts {
                    // The parts of a pipeline can't move each other; the parts of a subshell can.
                    inside = self.statement(part, &inside)?.either().or(&inside);
                }
                Ok(After::unmoved(at))
            }
            Statement::And(left, right) => {
                let left = self.statement(left, at)?;
                let right = self.statement(right, &left.succeeded)?;
                Ok(After {
                    succeeded: right.succeeded,
                    failed: right.failed.or(&left.failed),
                })
            }
            Statement::Or(left, right) => {
                let left = self.statement(left, at)?;
                let right = self.statement(right, &left.failed)?;
                Ok(After {
                    succeeded: right.succeeded.or(&left.succeeded),
                    failed: right.failed,
                })
            }
            Statement::Not(inner) => {
                let inner = self.statement(inner, at)?;
                Ok(After {
                    succeeded: inner.failed,
                    failed: inner.succeeded,
                })
            }
            Statement::Sequence(parts) | Statement::If(parts) => {
                let mut anywhere = at.clone();
                let mut last = After::unmoved(at);
                for part in parts {
                    last = self.statement(part, &anywhere)?;
                    let next = last.succeeded.clone().or(&last.failed);
                    anywhere = match statement {
                        // Which arm ran isn't known.
                        Statement::If(_) => next.or(&anywhere),
                        _ => next,
                    };
                }
                Ok(match statement {
                    Statement::If(_) => After::unmoved(&anywhere),
                    _ => last,
                })
            }
            Statement::Redirected(inner, files) => {
                for file in files.iter().filter(|it| it.text != "/dev/null") {
                    at.judge_path(&file.text)?;
                }
                self.statement(inner, at)
            }
        }
    }

    fn simple(&mut self, words: &[Word], at: &Directories) -> Result<After, String> {
        let (name, arguments) = words.split_first().ok_or("it runs nothing")?;
        if name.is_pattern {
            return Err(format!(
                "`{}` may become any program; write its name",
                name.text
            ));
        }
        if name.text == "cd" {
            return match arguments {
                [folder] if !folder.is_pattern && folder.text != "-" => Ok(After {
                    succeeded: at.enter(&folder.text)?,
                    failed: at.clone(),
                }),
                _ => Err("`cd` takes one folder inside the repository".to_owned()),
            };
        }
        nested::judge_program(words, at, self.phase, &mut self.programs)?;
        Ok(After::unmoved(at))
    }
}

#[cfg(test)]
mod tests;

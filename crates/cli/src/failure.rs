//! An error on its way to the user: what failed, why, what to do, and the exit code.

mod of_runs;

use std::error::Error;
use std::fmt;

use crate::exit::Exit;

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What could not be done, as it follows "could not".
    doing: String,
    /// One, unless several things are wrong at once.
    causes: Vec<Box<dyn Error + Send + Sync>>,
    /// What to do about it.
    advice: Option<String>,
}

impl Failure {
    /// A failure with a cause.
    pub(crate) fn new(
        exit: Exit,
        doing: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Failure {
        Failure {
            exit,
            doing: doing.into(),
            causes: vec![cause.into()],
            advice: None,
        }
    }

    /// A failure that says everything itself.
    pub(crate) fn plain(exit: Exit, doing: impl Into<String>) -> Failure {
        Failure {
            exit,
            doing: doing.into(),
            causes: Vec::new(),
            advice: None,
        }
    }

    /// An error whose own words say what could not be done, and what to do about it.
    pub(crate) fn told(exit: Exit, error: impl Error + Send + Sync + 'static) -> Failure {
        // What the error says is not said again; its causes are.
        Failure::new(exit, error.to_string(), error)
    }

    /// Several things are wrong at once.
    pub(crate) fn all_of<E>(exit: Exit, doing: impl Into<String>, causes: Vec<E>) -> Failure
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Failure {
            exit,
            doing: doing.into(),
            causes: causes.into_iter().map(Into::into).collect(),
            advice: None,
        }
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(
        doing: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Failure {
        Failure::new(Exit::Usage, doing, cause)
    }

    /// Wrong usage or configuration that says everything itself.
    pub(crate) fn plain_usage(doing: impl Into<String>) -> Failure {
        Failure::plain(Exit::Usage, doing)
    }

    /// The program itself broke.
    pub(crate) fn broken(
        doing: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Failure {
        Failure::new(Exit::Broken, doing, cause)
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Failure {
        self.advice = Some(advice.into());
        self
    }
}

impl Failure {
    /// What could not be done and why, without what to do about it.
    pub(crate) fn why(&self) -> String {
        let mut text = String::new();
        // Writing into a string can't fail.
        let _ = self.write_why(&mut text);
        text
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    fn write_why(&self, f: &mut impl fmt::Write) -> fmt::Result {
        write!(f, "could not {}", self.doing)?;
        for cause in &self.causes {
            let mut said = self.doing.clone();
            let mut cause: Option<&dyn Error> = Some(&**cause);
            while let Some(it) = cause {
                let words = it.to_string();
                // Some libraries say their cause in their own words already.
                if !said.ends_with(&words) {
                    write!(
                        f,
                        "\n  because: {}",
                        words.trim_end().replace('\n', "\n    ")
                    )?;
                    said = words;
                }
                cause = it.source();
            }
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_why(f)?;
        if let Some(advice) = &self.advice {
            write!(f, "\n  what to do: {advice}")?;
        }
        Ok(())
    }
}

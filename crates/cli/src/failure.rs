//! An error on its way to the user: what failed, why, what to do, and the exit code.

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
    cause: Option<Box<dyn Error + Send + Sync>>,
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
            cause: Some(cause.into()),
            advice: None,
        }
    }

    /// A failure that says everything itself.
    pub(crate) fn plain(exit: Exit, doing: impl Into<String>) -> Failure {
        Failure {
            exit,
            doing: doing.into(),
            cause: None,
            advice: None,
        }
    }

    /// An error whose own words say what could not be done, and what to do about it.
    pub(crate) fn told(exit: Exit, error: impl Error + Send + Sync + 'static) -> Failure {
        Failure {
            exit,
            doing: error.to_string(),
            cause: error.source().map(|it| it.to_string().into()),
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

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}", self.doing)?;
        let mut cause = self.cause.as_deref().map(|it| it as &dyn Error);
        while let Some(it) = cause {
            write!(f, "\n  because: {it}")?;
            cause = it.source();
        }
        if let Some(advice) = &self.advice {
            write!(f, "\n  what to do: {advice}")?;
        }
        Ok(())
    }
}

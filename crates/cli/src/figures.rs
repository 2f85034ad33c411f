//! What is known of reviewers on this machine: the figures that come with the program, and those of the user's own benches.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use protocol::ReviewerFigure;
use review_bench::{BenchError, Figures};

use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// The file of the user's own figures.
pub(crate) fn file(surroundings: &Surroundings) -> PathBuf {
    surroundings.state.join("reviewers.toml")
}

/// The figures that were measured with the cases of this program; the user's own before those that come along.
pub(crate) fn known(surroundings: &Surroundings) -> Result<Vec<ReviewerFigure>, Failure> {
    let mut known = own(surroundings)?.known;
    known.extend(bundled()?.known);
    if known.is_empty() {
        return Ok(known);
    }
    Ok(Figures { known }.with_cases(&review_bench::version()))
}

/// Writes a figure down for later runs.
pub(crate) fn learn(surroundings: &Surroundings, figure: ReviewerFigure) -> Result<(), Failure> {
    let file = file(surroundings);
    let mut figures = own(surroundings)?;
    figures.learn(figure);
    let text = figures.to_text().map_err(unreadable)?;
    let write = || -> io::Result<()> {
        let folder = file.parent().unwrap_or(&file);
        fs::create_dir_all(folder)?;
        // Whole or not at all: every run reads it.
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.persist(&file)?;
        Ok(())
    };
    write().map_err(|it| Failure::broken(format!("write {}", file.display()), it))
}

fn own(surroundings: &Surroundings) -> Result<Figures, Failure> {
    let file = file(surroundings);
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Figures::default()),
        read => read.map_err(|it| Failure::usage(format!("read {}", file.display()), it))?,
    };
    Figures::read(&text, &file.display().to_string()).map_err(unreadable)
}

fn bundled() -> Result<Figures, Failure> {
    Figures::bundled().map_err(|it| Failure::broken("read what comes with the program", it))
}

fn unreadable(error: BenchError) -> Failure {
    Failure::told(crate::exit::Exit::Usage, error).advise(
        "Correct the file, or delete it: reports then cite no figure of your own until the next `pipeline review-bench`.",
    )
}

//! What of a repository's tests is run, and what is special about some of its files.

/// The suite of the repository, or only some of its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets<'a> {
    /// What the repository's configuration says.
    Suite,
    /// These files, whatever the configuration says about where tests are.
    Files(&'a [String]),
}

/// What is special about some files, whatever is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files<'a> {
    /// Test files of which nothing is a test but their test functions, and that no code but a test has a reason to open.
    pub acceptance: &'a [String],
    /// Files in which nothing is a test.
    pub left_out: &'a [String],
    /// The only files in which something is a test; none means that all are.
    pub only: Option<&'a [String]>,
}

impl<'a> Files<'a> {
    /// Nothing is special but these.
    pub fn acceptance(acceptance: &'a [String]) -> Files<'a> {
        Files {
            acceptance,
            ..Files::default()
        }
    }
}

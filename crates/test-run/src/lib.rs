//! Runs pytest on a checkout and says what became of every test, in a report that the code under test can't forge.
//!
//! | | |
//! | --- | --- |
//! | [`Settings`] | How a repository runs its tests. |
//! | [`TestTree`] | A checkout that is made for one test run, and how tests are run there: [`Targets`], [`Files`]. |
//! | [`pytest`] | Starts pytest and reads what our plugin reports: [`Ran`], [`Said`]. |
//! | [`ids`], [`ByPlace`], [`outcomes`] | What tests are called, and what became of them in words. |
//! | [`baseline`], [`known_base`], [`survey()`] | The base's own tests: measured, kept, looked at without any task. |
//! | [`patched_run`] | The suite and the acceptance tests with the change. |
//! | [`canaries`], [`tricks`] | What speaks against the word of a run. |
//! | [`frozen`], [`tree_files`], [`unguessable`] | Frozen test files, files that may be missing, names that nobody can guess. |

pub mod baseline;
mod by_place;
pub mod canaries;
mod command_line;
mod configuration;
pub mod frozen;
pub mod ids;
pub mod known_base;
mod live_counts;
pub mod outcomes;
mod own_tests;
pub mod patched_run;
pub mod pytest;
mod records;
mod report;
mod seal;
mod settings;
mod survey;
mod targets;
mod test_tree;
pub mod tree_files;
pub mod tricks;
pub mod unguessable;
mod until_first_failure;
mod unusual;

pub use by_place::ByPlace;
pub use pytest::Ran;
pub use settings::Settings;
pub use survey::{Survey, survey};
pub use targets::{Files, Targets};
pub use test_tree::TestTree;
pub use until_first_failure::Said;

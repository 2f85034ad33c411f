//! The one door to other programs, and the walls around them.
//!
//! | | |
//! | --- | --- |
//! | [`command`] | Starts a program, bounded in time, output and memory, and waits for its end. |
//! | [`confine`] | The walls: bubblewrap, Landlock, seccomp, limits; which of them this machine has. |
//! | [`proxy`] | Which hosts an installation may reach. |
//! | [`snippet`] | A piece of Python without a repository. |

pub mod command;
pub mod confine;
pub mod error;
mod probe;
pub mod proxy;
pub mod snippet;

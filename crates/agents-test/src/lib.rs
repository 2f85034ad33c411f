//! The Claude test author and the pytest runner: proves the change.

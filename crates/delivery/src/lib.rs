//! The only crate that writes outside: bundle, patch, branch, commit, report.

//! Ruff: makes the change look like its neighbours.

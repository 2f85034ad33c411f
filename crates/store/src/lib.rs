//! Journals, outputs and the list of runs: SQLite embedded, PostgreSQL shared.

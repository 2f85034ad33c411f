//! Addresses of databases: a SQLite file, or a PostgreSQL server whose password is never shown.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::error::StoreError;

/// Where a database is. Shows itself without the password.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Address, StoreError> {
        if let Some(rest) = text.strip_prefix("sqlite:") {
            return sqlite(text, rest.strip_prefix("//").unwrap_or(rest));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return match PgConnectOptions::from_str(text) {
                Ok(options) => Ok(Address::Postgres(Box::new(options))),
                Err(_) => Err(refused(text, "it isn't a PostgreSQL address")),
            };
        }
        Err(refused(text, "it names no kind of database"))
    }
}

fn sqlite(text: &str, path: &str) -> Result<Address, StoreError> {
    if path.is_empty() {
        return Err(refused(text, "it names no file"));
    }
    if path.contains(":memory:") {
        return Err(refused(
            text,
            "runs must survive the program, so they can't be kept in memory",
        ));
    }
    if path.starts_with("~/") {
        return Err(refused(
            text,
            "`~` isn't expanded here, write the whole path",
        ));
    }
    if path.ends_with('/') {
        return Err(refused(text, "it names a folder, not a file"));
    }
    if path.contains('\0') {
        return Err(refused(text, "a path can't contain a NUL"));
    }
    Ok(Address::Sqlite(PathBuf::from(path)))
}

fn refused(address: &str, why: &'static str) -> StoreError {
    StoreError::Address {
        address: without_password(address),
        why,
    }
}

/// Cuts everything between `//` and the last `@`, where a password would be.
fn without_password(address: &str) -> String {
    match (address.split_once("//"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}//…@{host}"),
        _ => address.to_owned(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Sqlite(path) => write!(f, "`{}`", path.display()),
            Address::Postgres(options) => {
                let name = options.get_database().unwrap_or("(default)");
                write!(
                    f,
                    "`{name}` on `{}:{}`",
                    options.get_host(),
                    options.get_port()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let seen = match Address::parse(text) {
            Ok(address) => address.to_string(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&seen);
    }

    #[test]
    fn a_file_with_or_without_slashes() {
        check("sqlite:runs.db", expect!["`runs.db`"]);
        check("sqlite:///var/lib/runs.db", expect!["`/var/lib/runs.db`"]);
        check("sqlite:a b?c.db", expect!["`a b?c.db`"]);
    }

    #[test]
    fn a_server_is_shown_without_its_password() {
        check(
            "postgres://me:hunter2@db.example:6432/runs",
            expect!["`runs` on `db.example:6432`"],
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        check(
            "mysql://me:hunter2@h/x",
            expect![
                "understand the database address `mysql://…@h/x`: it names no kind of database (use `sqlite:PATH` or `postgres://USER@HOST/NAME`)"
            ],
        );
        check(
            "sqlite:",
            expect![
                "understand the database address `sqlite:`: it names no file (use `sqlite:PATH` or `postgres://USER@HOST/NAME`)"
            ],
        );
        check(
            "sqlite::memory:",
            expect![
                "understand the database address `sqlite::memory:`: runs must survive the program, so they can't be kept in memory (use `sqlite:PATH` or `postgres://USER@HOST/NAME`)"
            ],
        );
        check(
            "sqlite:~/runs.db",
            expect![
                "understand the database address `sqlite:~/runs.db`: `~` isn't expanded here, write the whole path (use `sqlite:PATH` or `postgres://USER@HOST/NAME`)"
            ],
        );
        check(
            "sqlite:/tmp/",
            expect![
                "understand the database address `sqlite:/tmp/`: it names a folder, not a file (use `sqlite:PATH` or `postgres://USER@HOST/NAME`)"
            ],
        );
        check(
            "postgres://me:hunter2@h:port/x",
            expect![
                "understand the database address `postgres://…@h:port/x`: it isn't a PostgreSQL address (use `sqlite:PATH` or `postgres://USER@HOST/NAME`)"
            ],
        );
    }
}

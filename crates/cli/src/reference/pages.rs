//! The tables as text: for the terminal, for `docs/`, and as a configuration to begin with.

use std::fmt::Write;

use super::{Key, OF_REPOSITORY, VARIABLES, keys};
use crate::exit::Exit;

/// Every exit code, a line each.
pub(crate) fn exit_codes() -> String {
    let mut text = "How the program ends, for scripts:\n\n".to_owned();
    for exit in Exit::ALL {
        let _ = writeln!(text, "{:>4}  {}", exit.code(), exit.about());
    }
    text.push_str(
        "\n`pipeline doctor` ends with 0 when a run can begin, otherwise as a run would end because of the first thing that\n\
         stands in the way.\n",
    );
    text
}

/// Every variable, a line each.
pub(crate) fn environment() -> String {
    let width = VARIABLES.iter().map(|it| it.name.len()).max().unwrap_or(0);
    let mut text = "Variables that the program reads, from its environment and, outside of repositories, from `.env` of the \
         working folder:\n\n"
        .to_owned();
    for it in VARIABLES {
        let _ = writeln!(text, "  {:<width$}  {}", it.name, it.about);
    }
    text.push_str(
        "\nPIPELINE_ and a key of the configuration stands for that key, with two underscores for a dot:\n\
         PIPELINE_BUDGET=2.00, PIPELINE_LIMITS__ITERATIONS_MAX=5. `pipeline config show` lists the keys.\n",
    );
    text
}

/// A configuration file to begin with: every key with what it is for, all of them commented out.
pub(crate) fn template() -> String {
    let mut text = "# What pipeline does unless a flag or a variable says otherwise. Every key is here; take the `#` away from what\n\
         # you want to set, and from the line with the name of its table. Keys of vendors don't belong here: they are read\n\
         # from variables only (`pipeline help environment`).\n"
        .to_owned();
    let of = |it: &Key| it.name.rsplit_once('.').map_or("", |(table, _)| table);
    let mut all: Vec<&Key> = keys().collect();
    // What belongs to no table would belong to one that stands before it.
    all.sort_by_key(|it| !of(it).is_empty());
    let mut table = "";
    for it in all {
        let name = match it.name.rsplit_once('.') {
            Some((_, name)) => name,
            None => it.name,
        };
        if of(it) != table {
            table = of(it);
            let _ = write!(text, "\n#[{table}]\n");
        }
        let _ = write!(text, "\n# {}\n#{name} = {}\n", it.about, it.example);
    }
    text
}

/// Every key, a line each.
pub(crate) fn configuration() -> String {
    let width = keys().map(|it| it.name.len()).max().unwrap_or(0);
    let mut text =
        "Keys of `pipeline.toml`; `pipeline config init` writes one to begin with:\n\n".to_owned();
    for it in keys() {
        let _ = writeln!(text, "  {:<width$}  {}", it.name, it.about);
    }
    text.push_str(
        "\nKeys of `[tool.pipeline]` in a repository's `pyproject.toml`, all that a repository may say:\n\n",
    );
    for it in OF_REPOSITORY {
        let _ = writeln!(text, "  {:<width$}  {}", it.name, it.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::expect_file;
    use figment::Figment;
    use figment::providers::{Format, Serialized, Toml};

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_page_is_what_the_tables_say() {
        expect_file!["../../../../docs/configuration.md"].assert_eq(&page());
    }

    #[test]
    fn every_key_can_be_copied_and_none_is_left_out() {
        let whole: String = template()
            .lines()
            .filter(|it| !it.starts_with("# "))
            .map(|it| format!("{}\n", it.trim_start_matches('#')))
            .collect();
        let of_file: toml::Table = toml::from_str(&whole).expect("it is TOML");
        let read =
            Figment::from(Serialized::defaults(Config::default())).merge(Toml::string(&whole));
        let config: Config = read
            .extract()
            .expect("every key is one of the configuration");
        let named = leaves("", &serde_json::to_value(&of_file).expect("it is data"));
        let there = leaves("", &serde_json::to_value(&config).expect("it is data"));
        assert_eq!(named, there);
    }

    #[test]
    fn the_keys_of_a_repository_are_all_here() {
        let table: String = OF_REPOSITORY
            .iter()
            .map(|it| format!("{} = {}\n", it.name, it.example))
            .collect();
        let table: toml::Table = toml::from_str(&table).expect("it is TOML");
        let read = python::TargetSettings::of(Some(&toml::Value::Table(table.clone())));
        read.expect("each is known");
        let mut strange = table;
        strange.insert("model".to_owned(), "x".into());
        let refused = python::TargetSettings::of(Some(&toml::Value::Table(strange)));
        let words = refused.expect_err("it is no key");
        for it in OF_REPOSITORY {
            assert!(words.contains(it.name), "{words}");
        }
        assert_eq!(
            words.matches('`').count(),
            2 * (OF_REPOSITORY.len() + 1),
            "{words}"
        );
    }

    /// The reference page of `docs/`.
    fn page() -> String {
        let mut text = "# Configuration\n\n\
            Flag, then variable, then `pipeline.toml` in the working folder (outside of repositories, or in trusted ones), then the same file in\n\
            your configuration folder, then default. `pipeline config init` writes a file to begin with, `pipeline config show` prints what holds\n\
            and where it was set, `pipeline config path` says where files are looked for. This page is made from the program's own tables.\n\n\
            ## Keys of `pipeline.toml`\n\n| key | example | what it is for |\n| --- | --- | --- |\n"
            .to_owned();
        let rows = |text: &mut String, keys: &mut dyn Iterator<Item = &'static Key>| {
            for it in keys {
                let _ = writeln!(text, "| `{}` | `{}` | {} |", it.name, it.example, it.about);
            }
        };
        rows(&mut text, &mut keys());
        text.push_str(
            "\n## Keys of `[tool.pipeline]` in a repository's `pyproject.toml`\n\n\
             They are all that a repository may say: how it is set up and tested, never models, money, keys or where a change goes.\n\n\
             | key | example | what it is for |\n| --- | --- | --- |\n",
        );
        rows(&mut text, &mut OF_REPOSITORY.iter());
        text.push_str("\n## Variables\n\n`PIPELINE_` and a key stands for that key, with two underscores for a dot, as in `PIPELINE_LIMITS__ITERATIONS_MAX=5`.\n\n| variable | what it is for |\n| --- | --- |\n");
        for it in VARIABLES {
            let _ = writeln!(text, "| `{}` | {} |", it.name, it.about);
        }
        text.push_str("\n## Exit codes\n\n| code | what it means |\n| ---: | --- |\n");
        for exit in Exit::ALL {
            let _ = writeln!(text, "| {} | {} |", exit.code(), exit.about());
        }
        text
    }

    /// The dotted names of everything that holds a value.
    fn leaves(of: &str, value: &serde_json::Value) -> BTreeSet<String> {
        match value {
            serde_json::Value::Object(table) => table
                .iter()
                .flat_map(|(name, value)| leaves(&format!("{of}.{name}"), value))
                .collect(),
            _ => BTreeSet::from([of.trim_start_matches('.').to_owned()]),
        }
    }
}

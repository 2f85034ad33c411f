//! The evidence bundle: a folder that needs nothing else to be believed or doubted.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use protocol::{Confinement, Entry, Environment, Evidence, RunId, Usage};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::chain::{verify_chain, write_chain};
use crate::error::DeliveryError;
use crate::outcomes::Outcomes;
use crate::record::Record;
use crate::report;

/// Says of a folder that it is a bundle of ours, and which.
const MARK: &str = "bundle.json";
/// What `format` of the mark says.
const FORMAT: &str = "pipeline evidence bundle";
/// Whatever a bundle has at its top.
const NAMES: &[&str] = &[
    MARK,
    "task.json",
    "base.json",
    "patch.diff",
    "acceptance",
    "outcomes.json",
    "ruff.json",
    "review.json",
    "usage.json",
    "journal.jsonl",
    "report.md",
];
/// The largest journal that is read back.
const JOURNAL_BYTES_MAX: u64 = 1 << 30;

/// A bundle, ready to be written.
#[derive(Debug)]
pub struct Bundle {
    /// Path below the folder, with `/`, and content.
    files: Vec<(String, Vec<u8>)>,
}

/// `bundle.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    format: String,
    version: u32,
    run: RunId,
    /// The last digest of `journal.jsonl`.
    journal_sha256: String,
}

/// `base.json`.
#[derive(Serialize)]
struct BaseFile<'a> {
    #[serde(flatten)]
    base: &'a protocol::Base,
    environment: Option<&'a Environment>,
    confinement: Option<&'a Confinement>,
}

/// `usage.json`.
#[derive(Serialize)]
struct UsageFile<'a> {
    total: Usage,
    agents: Vec<AgentUsage<'a>>,
}

#[derive(Serialize)]
struct AgentUsage<'a> {
    agent: &'a str,
    model: Option<String>,
    #[serde(flatten)]
    usage: &'a Usage,
}

impl Bundle {
    /// Makes the bundle of a run from its journal, whether it is at its end or not. The same journal always gives the
    /// same bytes.
    ///
    /// # Errors
    ///
    /// When the journal tells no run, or names an acceptance test outside the repository.
    pub fn of(run: &RunId, history: &[Entry]) -> Result<Bundle, DeliveryError> {
        let record = Record::read(run, history)?;
        let outcomes = Outcomes::of(&record);
        let chain = write_chain(history)?;
        let report = report::render(&record, &outcomes, &chain.head);
        let mut files = vec![
            json("task.json", &record.task)?,
            json("base.json", &base_of(&record))?,
            (
                "patch.diff".to_owned(),
                record.state.proposed_code.clone().into_bytes(),
            ),
            json("outcomes.json", &outcomes)?,
            json("ruff.json", &formats(&record))?,
            json("review.json", &record.state.review())?,
            json("usage.json", &usage_of(&record))?,
            ("journal.jsonl".to_owned(), chain.text.into_bytes()),
            ("report.md".to_owned(), report.into_bytes()),
        ];
        for file in record
            .state
            .acceptance_tests()
            .iter()
            .flat_map(|it| &it.files)
        {
            if !stays_inside(&file.path) {
                return Err(DeliveryError::TestPath {
                    path: file.path.clone(),
                });
            }
            files.push((
                format!("acceptance/{}", file.path),
                file.text.clone().into_bytes(),
            ));
        }
        let mark = Mark {
            format: FORMAT.to_owned(),
            version: 1,
            run: run.clone(),
            journal_sha256: chain.head,
        };
        files.push(json(MARK, &mark)?);
        Ok(Bundle { files })
    }

    /// The text of `report.md`.
    pub fn report(&self) -> &str {
        let file = self.files.iter().find(|(name, _)| name == "report.md");
        file.and_then(|(_, bytes)| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// Writes the folder, all at once: it is there whole, or as it was before.
    ///
    /// An empty folder and an earlier bundle of ours are replaced.
    ///
    /// # Errors
    ///
    /// When the folder holds anything else, which is then untouched, or the system refuses.
    pub fn write_to(&self, folder: &Path) -> Result<(), DeliveryError> {
        let folder = &absolute(folder)?;
        let is_there = refuse_foreign(folder)?;
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|it| DeliveryError::file("create", parent, it))?;
        let beside = TempDir::with_prefix_in(".bundle-", parent)
            .map_err(|it| DeliveryError::file("write below", parent, it))?;
        let new = beside.path().join("new");
        for (name, bytes) in &self.files {
            write_file(&new.join(name), bytes)?;
        }
        if is_there {
            // The earlier one goes away with the temporary folder, after the new one stands in its place.
            let old = beside.path().join("old");
            fs::rename(folder, &old).map_err(|it| DeliveryError::file("replace", folder, it))?;
            if let Err(error) = fs::rename(&new, folder) {
                let _ = fs::rename(&old, folder);
                return Err(DeliveryError::file("write", folder, error));
            }
            return Ok(());
        }
        fs::rename(&new, folder).map_err(|it| DeliveryError::file("write", folder, it))
    }
}

/// Reads a bundle's journal back. Every line, and the last digest against `bundle.json`, must be what was written.
///
/// # Errors
///
/// When the folder is no bundle, or its journal was changed or cut short.
pub fn read_bundle(folder: &Path) -> Result<(RunId, Vec<Entry>), DeliveryError> {
    let mark = mark_of(folder)?.ok_or_else(|| DeliveryError::NoBundle {
        folder: folder.to_owned(),
    })?;
    let path = folder.join("journal.jsonl");
    let (entries, head) = verify_chain(&read_text(&path, JOURNAL_BYTES_MAX)?)?;
    if head != mark.journal_sha256 {
        return Err(DeliveryError::Chain {
            line: entries.len(),
            why: format!("its digest isn't the last one that {MARK} names (was the end cut off?)"),
        });
    }
    Ok((mark.run, entries))
}

fn base_of(record: &Record) -> BaseFile<'_> {
    BaseFile {
        base: &record.base,
        environment: record.set_up.as_ref().map(|it| &it.0),
        confinement: record.set_up.as_ref().map(|it| &it.1),
    }
}

fn formats(record: &Record) -> Vec<&Evidence> {
    let is_format = |it: &&Evidence| matches!(it, Evidence::Format { .. });
    record.state.evidence.iter().filter(is_format).collect()
}

fn usage_of(record: &Record) -> UsageFile<'_> {
    let agents = record.state.usage.iter().map(|(agent, usage)| AgentUsage {
        agent,
        model: record.model_of(agent).map(ToString::to_string),
        usage,
    });
    UsageFile {
        total: record.total(),
        agents: agents.collect(),
    }
}

fn json(name: &str, value: &impl Serialize) -> Result<(String, Vec<u8>), DeliveryError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|source| DeliveryError::Json {
        name: name.to_owned(),
        source,
    })?;
    bytes.push(b'\n');
    Ok((name.to_owned(), bytes))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), DeliveryError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|it| DeliveryError::file("create", folder, it))?;
    }
    fs::write(path, bytes).map_err(|it| DeliveryError::file("write", path, it))
}

/// Whether a path only ever goes down.
fn stays_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|it| matches!(it, Component::Normal(_)))
}

/// The folder's own address: a link is followed, so that what it points at is replaced and not the link.
fn absolute(folder: &Path) -> Result<PathBuf, DeliveryError> {
    let found = fs::canonicalize(folder).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => std::path::absolute(folder),
        _ => Err(error),
    });
    found.map_err(|it| DeliveryError::file("find", folder, it))
}

/// Whether there is a bundle of ours already. A missing or an empty folder is free.
fn refuse_foreign(folder: &Path) -> Result<bool, DeliveryError> {
    let foreign = |found: String| DeliveryError::ForeignFolder {
        folder: folder.to_owned(),
        found,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(DeliveryError::file("look into", folder, error)),
    };
    let mut is_empty = true;
    for entry in entries {
        let entry = entry.map_err(|it| DeliveryError::file("look into", folder, it))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !NAMES.contains(&name.as_str()) {
            return Err(foreign(format!(
                "`{}`, which isn't ours",
                protocol::visible(&name)
            )));
        }
        is_empty = false;
    }
    if is_empty {
        return Ok(true);
    }
    match mark_of(folder)? {
        Some(_) => Ok(true),
        None => Err(foreign(format!("files, but no {MARK} of ours"))),
    }
}

fn mark_of(folder: &Path) -> Result<Option<Mark>, DeliveryError> {
    let path = folder.join(MARK);
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text(&path, 64 * 1024)?;
    let mark = serde_json::from_str(&text).ok();
    Ok(mark.filter(|it: &Mark| it.format == FORMAT))
}

fn read_text(path: &Path, bytes_max: u64) -> Result<String, DeliveryError> {
    let refused = |it| DeliveryError::file("read", path, it);
    let file = fs::File::open(path).map_err(refused)?;
    let mut text = String::new();
    let read = file
        .take(bytes_max + 1)
        .read_to_string(&mut text)
        .map_err(refused)?;
    if bytes_max < read as u64 {
        return Err(DeliveryError::TooLarge {
            path: path.to_owned(),
            bytes_max,
        });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::RunEvent;

    use super::*;
    use crate::example;

    fn run() -> RunId {
        RunId("260521-abcd".into())
    }

    fn bundle(history: &[Entry]) -> Bundle {
        Bundle::of(&run(), history).expect("the example is a run")
    }

    /// Writes a bundle where other files may be already; shows what was said, and every file afterwards.
    #[track_caller]
    fn check(there: &[(&str, &str)], want: Expect) {
        let world = tempfile::tempdir().expect("a folder for the test");
        let out = world.path().join("below/out");
        for (name, text) in there {
            write_file(&out.join(name), text.as_bytes()).expect("a file for the test");
        }
        let said = match bundle(&example::completed()).write_to(&out) {
            Ok(()) => "written".to_owned(),
            Err(error) => format!("could not {error}"),
        };
        let mut lines = vec![said.replace(&world.path().display().to_string(), "WORLD")];
        names_below(world.path(), world.path(), &mut lines);
        want.assert_eq(&lines.join("\n"));
    }

    fn names_below(root: &Path, folder: &Path, names: &mut Vec<String>) {
        let entries = fs::read_dir(folder).expect("a readable folder");
        let mut paths: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                names_below(root, &path, names);
            } else {
                let inside = path.strip_prefix(root).expect("below the root");
                names.push(inside.display().to_string());
            }
        }
    }

    #[test]
    fn a_bundle_is_written_into_a_new_or_an_empty_folder() {
        check(
            &[],
            expect![[r#"
            written
            below/out/acceptance/tests/test_last_page.py
            below/out/base.json
            below/out/bundle.json
            below/out/journal.jsonl
            below/out/outcomes.json
            below/out/patch.diff
            below/out/report.md
            below/out/review.json
            below/out/ruff.json
            below/out/task.json
            below/out/usage.json"#]],
        );
        let world = tempfile::tempdir().expect("a folder for the test");
        bundle(&example::no_code())
            .write_to(world.path())
            .expect("an empty folder is free");
        assert!(world.path().join("report.md").exists());
    }

    #[test]
    fn a_foreign_folder_stays_as_it_is() {
        check(
            &[("notes.txt", "mine")],
            expect![[r#"
                could not write the bundle to `WORLD/below/out`: it holds `notes.txt`, which isn't ours (choose an empty or a new folder)
                below/out/notes.txt"#]],
        );
        check(
            &[("task.json", "{}")],
            expect![[r#"
                could not write the bundle to `WORLD/below/out`: it holds files, but no bundle.json of ours (choose an empty or a new folder)
                below/out/task.json"#]],
        );
        check(
            &[("bundle.json", "{}"), ("task.json", "{}")],
            expect![[r#"
                could not write the bundle to `WORLD/below/out`: it holds files, but no bundle.json of ours (choose an empty or a new folder)
                below/out/bundle.json
                below/out/task.json"#]],
        );
    }

    #[test]
    fn an_earlier_bundle_is_replaced_as_a_whole() {
        let world = tempfile::tempdir().expect("a folder for the test");
        let out = world.path().join("out");
        bundle(&example::completed())
            .write_to(&out)
            .expect("the folder is new");
        bundle(&example::no_code())
            .write_to(&out)
            .expect("the bundle is ours");
        let patch = fs::read_to_string(out.join("patch.diff")).expect("every bundle has one");
        assert_eq!(patch, "");
        let left: Vec<_> = fs::read_dir(world.path()).expect("readable").collect();
        assert_eq!(left.len(), 1, "nothing else is left beside it");
    }

    #[test]
    fn a_bundle_reads_back_as_the_run_it_was_made_of() {
        let world = tempfile::tempdir().expect("a folder for the test");
        let out = world.path().join("out");
        let history = example::completed();
        bundle(&history).write_to(&out).expect("the folder is new");
        let (name, entries) = read_bundle(&out).expect("nothing was changed");
        assert_eq!((name, &entries), (run(), &history));
        assert_eq!(bundle(&entries).files, bundle(&history).files);
    }

    #[test]
    fn a_journal_whose_end_is_cut_off_is_not_read() {
        let world = tempfile::tempdir().expect("a folder for the test");
        let out = world.path().join("out");
        bundle(&example::completed())
            .write_to(&out)
            .expect("the folder is new");
        let path = out.join("journal.jsonl");
        let text = fs::read_to_string(&path).expect("readable");
        let cut: String = text.split_inclusive('\n').take(4).collect();
        fs::write(&path, cut).expect("writable");
        let error = read_bundle(&out).expect_err("the end is missing");
        expect!["trust line 4 of the bundle's journal: its digest isn't the last one that bundle.json names (was the end cut off?)"].assert_eq(&error.to_string());
    }

    #[test]
    fn a_test_path_that_leaves_the_bundle_is_refused() {
        for path in ["../x.py", "/etc/x.py", "a/../../x.py", ""] {
            let mut history = example::completed();
            for entry in &mut history {
                let RunEvent::Prepared { prepared, .. } = &mut entry.event else {
                    continue;
                };
                for evidence in &mut prepared.evidence {
                    if let Evidence::AcceptanceTests(tests) = evidence {
                        path.clone_into(&mut tests.files[0].path);
                    }
                }
            }
            let refused = Bundle::of(&run(), &history);
            assert!(
                matches!(refused, Err(DeliveryError::TestPath { .. })),
                "`{path}` got through"
            );
        }
    }

    #[track_caller]
    fn check_file(name: &str, want: Expect) {
        let bundle = bundle(&example::completed());
        let file = bundle.files.iter().find(|(it, _)| it == name);
        let (_, bytes) = file.expect("the bundle has it");
        want.assert_eq(&String::from_utf8_lossy(bytes));
    }

    #[test]
    fn every_figure_is_there_for_programs_too() {
        check_file("base.json", expect![[r#"
            {
              "repository": "https://github.com/acme/pager",
              "commit": "cccccccccccccccccccccccccccccccccccccccc",
              "tree": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
              "environment": {
                "key": "k",
                "python_version": "3.11.7",
                "sources": [
                  "pyproject.toml [test]"
                ],
                "cached": true,
                "wall_ms": 3
              },
              "confinement": {
                "layers": [
                  "bubblewrap",
                  "landlock"
                ],
                "gaps": [
                  "no cgroup: memory is limited per process"
                ]
              }
            }
        "#]]);
        check_file("outcomes.json", expect![[r#"
            {
              "base": {
                "exit": {
                  "code": 0
                },
                "finished": true,
                "collected": 1,
                "collection_errors": 0,
                "wall_ms": 420
              },
              "patch": {
                "exit": {
                  "code": 0
                },
                "finished": true,
                "collected": 2,
                "collection_errors": 0,
                "wall_ms": 420
              },
              "counts": {
                "fixed": 1,
                "kept": 1
              },
              "tests": [
                {
                  "id": "tests/test_pager.py::test_one",
                  "base": "passed",
                  "patch": "passed",
                  "class": "kept",
                  "acceptance": false
                },
                {
                  "id": "tests/test_last_page.py::test_last_page",
                  "base": "failed",
                  "patch": "passed",
                  "class": "fixed",
                  "acceptance": true
                }
              ]
            }
        "#]]);
        check_file("ruff.json", expect![[r#"
            [
              {
                "kind": "format",
                "tool": "ruff 0.1.0",
                "changed": [
                  "src/pager.py"
                ],
                "new_findings": []
              }
            ]
        "#]]);
        check_file("review.json", expect![[r#"
            {
              "verdict": "pass",
              "summary": "Does what the task asks.",
              "findings": [
                {
                  "severity": "minor",
                  "file": "src/pager.py",
                  "line": 2,
                  "requirement": "",
                  "message": "`math.ceil` would read better"
                }
              ]
            }
        "#]]);
        check_file("usage.json", expect![[r#"
            {
              "total": {
                "calls": 3,
                "input_tokens": 3000,
                "cached_tokens": 0,
                "cache_write_tokens": 0,
                "output_tokens": 600,
                "cost_microusd": 12600
              },
              "agents": [
                {
                  "agent": "gpt-coder",
                  "model": "scripted:gpt",
                  "calls": 2,
                  "input_tokens": 2000,
                  "cached_tokens": 0,
                  "cache_write_tokens": 0,
                  "output_tokens": 400,
                  "cost_microusd": 8400
                },
                {
                  "agent": "test-author",
                  "model": "scripted:claude",
                  "calls": 1,
                  "input_tokens": 1000,
                  "cached_tokens": 0,
                  "cache_write_tokens": 0,
                  "output_tokens": 200,
                  "cost_microusd": 4200
                }
              ]
            }
        "#]]);
    }
}

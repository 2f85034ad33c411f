//! The evidence bundle: a folder that needs nothing else to be believed or doubted.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use protocol::sha256;
use protocol::{Confinement, Entry, Environment, Evidence, RunId, Usage, patch_bytes, walked};
use serde::{Deserialize, Serialize};

use crate::chain::write_chain;
use crate::error::DeliveryError;
use crate::forked::Forked;
use crate::html;
use crate::outcomes::Outcomes;
use crate::record::Record;
use crate::report;

/// Says of a folder that it is a bundle of ours, and which.
pub(crate) const MARK: &str = "bundle.json";
/// What `format` of the mark says.
pub(crate) const FORMAT: &str = "pipeline evidence bundle";
/// What `version` of the mark says.
const VERSION: u32 = 2;
/// What `program` of the mark says.
pub(crate) const PROGRAM: &str = concat!("pipeline ", env!("CARGO_PKG_VERSION"));

/// A bundle, ready to be written.
#[derive(Debug)]
pub struct Bundle {
    /// Path below the folder, with `/`, and content.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// `bundle.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) format: String,
    version: u32,
    /// The version of this program.
    #[serde(default)]
    pub(crate) program: String,
    pub(crate) run: RunId,
    /// The last digest of `journal.jsonl`.
    pub(crate) journal_sha256: String,
    /// SHA-256 of every other file, by its path.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
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
    /// Only of a run that was forked from another one, whose use the total contains.
    #[serde(skip_serializing_if = "Option::is_none")]
    forked: Option<&'a Forked>,
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
    /// Every file by its path below the folder, with its bytes.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let files = self.files.iter();
        files.map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// Makes the bundle of a run from its journal, whether it is at its end or not. The same journal always gives the
    /// same bytes.
    ///
    /// # Errors
    ///
    /// When the journal tells no run, or names an acceptance test outside the repository.
    pub fn of(run: &RunId, history: &[Entry]) -> Result<Bundle, DeliveryError> {
        let history = walked(history);
        let record = Record::read(run, history)?;
        let outcomes = Outcomes::of(&record);
        let chain = write_chain(history)?;
        let report = report::render(&record, &outcomes, &chain.head);
        let page = html::render(&record, &outcomes, &chain.head)?;
        let mut files = vec![
            json("task.json", &record.task)?,
            json("base.json", &base_of(&record))?,
            (
                "patch.diff".to_owned(),
                patch_bytes(&record.state.proposed_code),
            ),
            json("patch.json", &record.patch_facts())?,
            json("acceptance.json", &record.state.acceptance_tests())?,
            json("outcomes.json", &outcomes)?,
            json("integrity.json", &record.integrity())?,
            json("bite.json", &record.bite())?,
            json("ruff.json", &formats(&record))?,
            json("review.json", &record.state.review())?,
            json("usage.json", &usage_of(&record))?,
            ("journal.jsonl".to_owned(), chain.text.into_bytes()),
            ("report.md".to_owned(), report.into_bytes()),
            ("report.html".to_owned(), page.into_bytes()),
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
            version: VERSION,
            program: PROGRAM.to_owned(),
            run: run.clone(),
            journal_sha256: chain.head,
            files: files
                .iter()
                .map(|(name, bytes)| (name.clone(), sha256(bytes)))
                .collect(),
        };
        files.push(json(MARK, &mark)?);
        Ok(Bundle { files })
    }
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
        forked: record.forked.as_ref(),
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

/// Whether a path only ever goes down.
fn stays_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|it| matches!(it, Component::Normal(_)))
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
        check_file(
            "base.json",
            expect![[r#"
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
        "#]],
        );
        check_file(
            "outcomes.json",
            expect![[r#"
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
                  ],
                  "reruns": [],
                  "scope": null
                }
            "#]],
        );
        check_file(
            "ruff.json",
            expect![[r#"
                [
                  {
                    "kind": "format",
                    "tool": "ruff 0.1.0",
                    "changed": [
                      "src/pager.py"
                    ],
                    "new_findings": [],
                    "unformatted": [
                      {
                        "path": "src/legacy.py",
                        "why": "it isn't UTF-8, which is all that Ruff reads"
                      }
                    ]
                  }
                ]
            "#]],
        );
        check_file(
            "review.json",
            expect![[r#"
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
        "#]],
        );
        check_file(
            "usage.json",
            expect![[r#"
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
        "#]],
        );
    }
    #[test]
    fn a_forked_run_tells_what_it_inherited_from_what_it_used_itself() {
        let bundle = bundle(&example::forked());
        let file = bundle.files.iter().find(|(it, _)| it == "usage.json");
        let usage: serde_json::Value = serde_json::from_slice(&file.expect("it is there").1)
            .expect("a bundle's files are JSON");
        let money = |part: &serde_json::Value| part["cost_microusd"].as_u64();
        assert_eq!(usage["forked"]["run"], "260520-wxyz");
        assert_eq!(usage["forked"]["at"], 10);
        // One reply of the second draft had been paid for when another model began it anew.
        assert_eq!(money(&usage["forked"]["inherited"]), Some(12_600));
        assert_eq!(money(&usage["forked"]["own"]), Some(4_200));
        assert_eq!(money(&usage["total"]), Some(16_800));
    }

    #[test]
    fn the_page_about_bundles_names_every_file_and_describes_the_two_that_bind_them() {
        let page = include_str!("../../../docs/bundle.md");
        let bundle = bundle(&example::completed());
        for (name, _) in &bundle.files {
            let name = name
                .split_once('/')
                .map_or(name.clone(), |it| format!("{}/", it.0));
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
        let schemas: Vec<serde_json::Value> = page
            .split("```json\n")
            .skip(1)
            .map(|it| it.split("```").next().unwrap_or_default())
            .map(|it| serde_json::from_str(it).expect("a schema is JSON"))
            .collect();
        let text = |wanted: &str| {
            let file = bundle.files.iter().find(|(it, _)| it == wanted);
            String::from_utf8(file.expect("it is there").1.clone()).expect("it is text")
        };
        let journal = text("journal.jsonl");
        let line = journal.lines().next().expect("a run has events");
        for (file, schema) in [text(MARK).as_str(), line].into_iter().zip(&schemas) {
            let file: serde_json::Value = serde_json::from_str(file).expect("it is JSON");
            let there: Vec<&String> = file.as_object().expect("an object").keys().collect();
            let mut described: Vec<&str> = schema["required"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(serde_json::Value::as_str)
                .collect();
            let mut there: Vec<&str> = there.into_iter().map(String::as_str).collect();
            described.sort_unstable();
            there.sort_unstable();
            assert_eq!(there, described);
        }
        assert_eq!(schemas.len(), 2);
    }
}

//! The format agent: fixes what can be fixed safely, formats what was formatted, and sends back what is left.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use futures::try_join;
use protocol::{
    Agent, AgentContext, AgentError, Evidence, LineRange, LintFinding, Report, RunState,
    Unformatted, Workspace, WorkspaceError, source_text,
};
use serde::{Deserialize, Serialize};

use crate::findings::{Found, SYNTAX_ERROR, brought_in};
use crate::fixes;
use crate::ruff::{self, Failure, Ruff};
use crate::rules::{CONFIGURATION, Rules};
use crate::scope::{Scope, ranges_of, stays_near};

/// Rounds of fixing: a fix may make room for another one.
const ROUNDS_MAX: usize = 5;
/// Findings that are told to the coder one by one.
const TOLD_MAX: usize = 30;

/// Makes a change look like its neighbours, with the Ruff configuration of the repository itself.
///
/// Only what the change brought in is fixed or held against it; a file that wasn't formatted before is formatted
/// only where it changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuffAgent;

impl RuffAgent {
    /// A format agent.
    pub fn new() -> RuffAgent {
        RuffAgent
    }
}

/// What Ruff did to the tree, as it is kept in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Formatted {
    tool: String,
    changed: Vec<String>,
    new_findings: Vec<LintFinding>,
    /// Why Ruff could not do its work on this change.
    refused: Option<String>,
    /// Why Ruff could not do its work on the base, and so on no change.
    #[serde(default)]
    unfit: Option<String>,
    /// Files that were left as they are.
    #[serde(default)]
    unformatted: Vec<Unformatted>,
    /// Whose rules these findings are against.
    #[serde(default)]
    rules: Rules,
}

#[async_trait]
impl Agent for RuffAgent {
    fn name(&self) -> &str {
        "ruff"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let change = cx.work.change().await?;
        let mut scope = Scope::of(&change);
        // The user's own tests are frozen: they are theirs to format.
        scope.keep_only(|path| state.task.tests.iter().all(|it| it.path != path));
        if scope.present().is_empty() {
            return Ok(Report::passed("the change has no Python file to format"));
        }
        let touches_configuration = change
            .files
            .iter()
            .any(|it| CONFIGURATION.iter().any(|name| names(&it.path, name)));
        let formatted = cx
            .once("format", true, async {
                format(cx, scope, touches_configuration).await
            })
            .await?;
        Ok(report(formatted))
    }
}

fn names(path: &str, name: &str) -> bool {
    path.rsplit('/').next() == Some(name)
}

async fn format(
    cx: &AgentContext<'_>,
    mut scope: Scope,
    touches_configuration: bool,
) -> Result<Formatted, AgentError> {
    let seconds_max = cx.limits.command_seconds_max;
    let rules = Rules::of(cx.base, &scope.present()).await?;
    let started_with = texts(cx.work, &scope.present()).await?;
    let mut left = Left::default();
    for path in scope.present() {
        match started_with.get(&path) {
            None => left.add(
                &path,
                "it is neither in UTF-8 nor in the encoding that it declares",
            ),
            Some(text) if has_mixed_endings(text) && !scope.added.contains(&path) => {
                left.add(
                    &path,
                    "its lines end in different ways, and Ruff would make them alike",
                );
            }
            Some(_) => {}
        }
    }
    scope.keep_only(|path| started_with.contains_key(path));
    let on_base = texts(cx.base, &scope.on_base()).await?;
    let mut unheard = HashSet::new();
    for (path, text) in &started_with {
        let was_quiet = on_base.get(path).is_some_and(|it| ruff::is_quiet(it));
        if ruff::is_quiet(text) && !was_quiet {
            unheard.insert(path.clone());
        }
    }
    let of = |tree| Ruff {
        tree,
        seconds_max,
        rules,
        unheard: &unheard,
    };
    let (base, work) = (of(cx.base), of(cx.work));
    // Nobody changes the base meanwhile, and starting a program behind its walls takes longer than Ruff's work.
    let read = try_join!(
        base.version(),
        base.check(&on_base),
        formatted_among(&base, &scope.modified),
    );
    let (tool, known, tidy) = match read {
        Ok(read) => read,
        // A configuration that was written for another Ruff is no fault of the change.
        Err(Failure::Refused(words)) => {
            return Ok(Formatted {
                unfit: Some(words),
                ..Formatted::default()
            });
        }
        Err(failure) => return Err(failure.into()),
    };
    let mut formatted = Formatted {
        tool,
        rules,
        ..Formatted::default()
    };
    let new_findings = match fix_and_format(&work, &scope, &known, &tidy, &mut left).await {
        Ok(found) => found,
        // The base's own configuration was read, so it is the change that Ruff stumbles over.
        Err(Failure::Refused(words)) if touches_configuration => {
            formatted.refused = Some(words);
            return Ok(formatted);
        }
        Err(failure) => return Err(failure.into()),
    };
    formatted.unformatted = left.files;
    let ended_with = texts(cx.work, &scope.present()).await?;
    formatted.changed = scope
        .present()
        .into_iter()
        .filter(|path| started_with.get(path) != ended_with.get(path))
        .collect();
    formatted.new_findings = new_findings
        .into_iter()
        .map(|it| LintFinding {
            rule: it.rule,
            path: it.path,
            line: it.line,
            message: it.message,
        })
        .collect();
    Ok(formatted)
}

/// The files that are formatted already.
async fn formatted_among(tree: &Ruff<'_>, paths: &[String]) -> Result<HashSet<String>, Failure> {
    let mut formatted = HashSet::new();
    for path in paths {
        if tree.is_formatted(path).await? {
            formatted.insert(path.clone());
        }
    }
    Ok(formatted)
}

/// Fixes and formats, and hands back the findings that are left. `tidy` are the files that were formatted on the
/// base; of the others only what was changed is formatted.
async fn fix_and_format(
    work: &Ruff<'_>,
    scope: &Scope,
    known: &[Found],
    tidy: &HashSet<String>,
    unformatted: &mut Left,
) -> Result<Vec<Found>, Failure> {
    let left = fix(work, scope, known).await?;
    if left.iter().any(|it| it.rule == SYNTAX_ERROR) {
        return Ok(left);
    }
    let fixed = texts(work.tree, &scope.present()).await.map_err(unusable)?;
    for path in scope.present() {
        if unformatted.has(&path) {
            continue;
        }
        let before = work.tree.read(&path).await.map_err(unusable)?;
        let is_whole = scope.added.contains(&path) || tidy.contains(&path);
        match format_file(work, &path, is_whole).await {
            // It has been read and checked, so only the formatter can't make anything of it.
            Err(Failure::Refused(words)) => {
                work.tree.write(&path, &before).await.map_err(unusable)?;
                // What follows is a trace of where it happened in Ruff.
                let words = words.lines().next().unwrap_or_default();
                let words = words.trim_start_matches("error: ");
                unformatted.add(&path, &format!("Ruff could not format it: {words}"));
            }
            done => done?,
        }
    }
    if texts(work.tree, &scope.present()).await.map_err(unusable)? == fixed {
        return Ok(left);
    }
    // Formatting may join or split lines, and so make or mend a finding.
    fix(work, scope, known).await
}

/// Formats a file, or what the change did to it.
async fn format_file(work: &Ruff<'_>, path: &str, is_whole: bool) -> Result<(), Failure> {
    if is_whole {
        return work.format(path, None).await;
    }
    // Fixes may have moved the lines.
    let change = work.tree.change().await.map_err(unusable)?;
    for lines in ranges_of(&change, path) {
        format_range(work, path, lines).await?;
    }
    Ok(())
}

/// Formats some lines of a file that isn't formatted otherwise, unless much else would be formatted with them: Ruff
/// rewrites everything that is indented alike where tabs, or another width, are the custom.
async fn format_range(work: &Ruff<'_>, path: &str, lines: LineRange) -> Result<(), Failure> {
    let before = work.tree.read(path).await.map_err(unusable)?;
    work.format(path, Some(lines)).await?;
    let after = work.tree.read(path).await.map_err(unusable)?;
    if !stays_near(lines, &before, &after) {
        work.tree.write(path, &before).await.map_err(unusable)?;
    }
    Ok(())
}

/// Applies safe fixes of new findings, and hands back the new findings that are left.
async fn fix(work: &Ruff<'_>, scope: &Scope, known: &[Found]) -> Result<Vec<Found>, Failure> {
    let mut round = 0;
    loop {
        let texts = texts(work.tree, &scope.present()).await.map_err(unusable)?;
        let found = work.check(&texts).await?;
        let new = brought_in(known, &found, &scope.added);
        let mut any = false;
        for (path, text) in &texts {
            let of_file: Vec<&Found> = new.iter().filter(|it| &it.path == path).collect();
            let fixed = fixes::apply(text, &of_file);
            if round < ROUNDS_MAX && &fixed != text {
                any |= ruff::write(work.tree, path, &fixed).await?;
            }
        }
        if !any {
            return Ok(new);
        }
        round += 1;
    }
}

fn unusable(error: WorkspaceError) -> Failure {
    Failure::Broken(error.into())
}

/// The texts of files; one that isn't in the encoding that it declares is left out.
async fn texts(
    tree: &dyn Workspace,
    paths: &[String],
) -> Result<HashMap<String, String>, WorkspaceError> {
    let mut texts = HashMap::new();
    for path in paths {
        if let Some(text) = source_text(&tree.read(path).await?) {
            texts.insert(path.clone(), text);
        }
    }
    Ok(texts)
}

fn report(formatted: Formatted) -> Report {
    if let Some(words) = formatted.refused {
        return Report::rejected(
            "Ruff refuses the configuration that the change leaves behind",
            format!("Ruff could not read its configuration after your change:\n\n{words}"),
        );
    }
    if let Some(words) = formatted.unfit {
        return Report::passed(
            "nothing was formatted: Ruff can't read the repository's own configuration",
        )
        .with(Evidence::Missing {
            what: "formatting".to_owned(),
            why: format!(
                "Ruff can't read the configuration of the base: {}",
                in_one_line(&words)
            ),
        });
    }
    let files = match formatted.changed.len() {
        0 => "nothing to format".to_owned(),
        1 => "1 file formatted".to_owned(),
        many => format!("{many} files formatted"),
    };
    let files = match formatted.unformatted.len() {
        0 => files,
        left => format!(
            "{files}, {left} left as {}",
            if left == 1 { "it is" } else { "they are" }
        ),
    };
    let rules = formatted.rules;
    let (held, listed): (Vec<&LintFinding>, Vec<&LintFinding>) =
        (formatted.new_findings.iter()).partition(|it| rules.holds(&it.rule));
    let report = if held.is_empty() {
        let found = match listed.len() {
            0 => "nothing new found".to_owned(),
            count => format!(
                "{} only listed, because the repository has no rules of its own",
                counted(count)
            ),
        };
        Report::passed(format!("{}: {files}, {found}", formatted.tool))
    } else {
        Report::rejected(
            format!("{}: {}", formatted.tool, counted(held.len())),
            feedback(rules, &held),
        )
    };
    report.with(Evidence::Format {
        tool: formatted.tool,
        changed: formatted.changed,
        new_findings: formatted.new_findings,
        unformatted: formatted.unformatted,
    })
}

/// Ruff's words with their causes: "ruff failed", "Cause: …" below.
fn in_one_line(words: &str) -> String {
    let is_frame = |it: &str| it.contains(" | ") || it.starts_with('|');
    let lines = words.lines().map(str::trim);
    let lines = lines.filter(|it| !it.is_empty() && !is_frame(it));
    let lines: Vec<&str> = lines.map(|it| it.trim_start_matches("Cause: ")).collect();
    lines.join(": ")
}

/// Files that are left as they are.
#[derive(Default)]
struct Left {
    files: Vec<Unformatted>,
}

impl Left {
    fn add(&mut self, path: &str, why: &str) {
        self.files.push(Unformatted {
            path: path.to_owned(),
            why: why.to_owned(),
        });
    }

    fn has(&self, path: &str) -> bool {
        self.files.iter().any(|it| it.path == path)
    }
}

fn has_mixed_endings(text: &str) -> bool {
    let crlf = text.matches("\r\n").count();
    0 < crlf && crlf < text.matches('\n').count()
}

fn counted(findings: usize) -> String {
    match findings {
        1 => "1 new finding".to_owned(),
        many => format!("{many} new findings"),
    }
}

fn feedback(rules: Rules, findings: &[&LintFinding]) -> String {
    let whose = match rules {
        Rules::Own => ", with the repository's own configuration,",
        Rules::Mistakes => "",
    };
    let mut text = format!("Ruff{whose} finds what the code didn't have before your change:\n");
    for it in findings.iter().take(TOLD_MAX) {
        text += &format!("- {}:{} {} {}\n", it.path, it.line, it.rule, it.message);
    }
    if TOLD_MAX < findings.len() {
        text += &format!("- and {} more\n", findings.len() - TOLD_MAX);
    }
    text
}

//! The cases: each real fix as a run shows it to its reviewer, and the same with one defect put in.

use std::path::Path;

use git::difference_between;
use include_dir::{Dir, File, include_dir};
use protocol::{
    AcceptanceTests, AmendedFile, Amendment, Dispute, Evidence, RunState, Task, hexadecimal,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::defect::{Defect, DefectFile, RepairFile};
use crate::error::BenchError;
use crate::sketch::{Sketch, shows_filler};

/// `fixtures/honest`, as it was when the program was built.
static HONEST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../fixtures/honest");

/// The folder of a fix with what its reviewer is shown.
const REVIEW: &str = "review";
/// The file that puts right what the authors of a fix got wrong.
const REPAIR: &str = "repair.toml";
/// The name of the case that is the fix itself.
const CLEAN: &str = "clean";

/// One change that a reviewer is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name: that of the fix, and `clean` or the name of the defect, as in `boltons/clean`.
    pub name: String,
    /// The run as it stands when the reviewer is asked.
    pub state: RunState,
    /// What is wrong; none when it is the fix itself.
    pub defect: Option<Defect>,
    /// What its authors' own change gets wrong, and is put right here; nothing for most.
    pub repaired: Option<String>,
}

/// All of them, by name within each fix, the fix itself first.
///
/// # Errors
///
/// When what comes with the program isn't whole; a test sees to it that it is.
pub fn cases() -> Result<Vec<Case>, BenchError> {
    let scratch = scratch()?;
    let mut cases = Vec::new();
    for fix in reviewed() {
        let fix = Fix::read(fix)?;
        cases.push(fix.case(CLEAN, None, scratch.path())?);
        for (name, file) in &fix.defects {
            cases.push(fix.case(name, Some(file), scratch.path())?);
        }
    }
    Ok(cases)
}

/// The fixes that a reviewer may be shown. Others are only walked.
fn reviewed() -> impl Iterator<Item = &'static Dir<'static>> {
    HONEST.dirs().filter(|it| folder(it, REVIEW).is_some())
}

/// The change of a fix as its authors made it, before what they got wrong was put right: what a run of it ends with.
///
/// # Errors
///
/// When there is no such fix, or what comes with the program isn't whole.
pub fn as_its_authors_made_it(fix: &str) -> Result<String, BenchError> {
    let folder = HONEST.get_dir(fix);
    let folder = folder.ok_or_else(|| wrong(Path::new(fix), "there is no such fix"))?;
    change(fix, &Fix::read(folder)?.made, scratch()?.path())
}

/// Says which cases these are, and what else a reviewer is told: the first digits of a hash. Figures of different
/// versions don't compare.
pub fn version() -> String {
    let mut hash = Sha256::new();
    hash.update(agents_qa::instructions());
    for fix in reviewed() {
        let mut files: Vec<&File<'_>> = Vec::new();
        files.extend(file(fix, "task.md"));
        files.extend(file(fix, "origin.toml"));
        if let Some(review) = folder(fix, REVIEW) {
            every_file(review, &mut files);
        }
        for file in files {
            hash.update(file.path().as_os_str().as_encoded_bytes());
            hash.update([0]);
            hash.update(file.contents().len().to_le_bytes());
            hash.update(file.contents());
        }
    }
    hexadecimal(&hash.finalize()[..6])
}

/// What is said of one fix.
struct Fix {
    name: String,
    task: Task,
    /// What the test run showed, in the run's own words.
    tests: String,
    /// As its authors made it.
    made: Sketch,
    repair: Option<RepairFile>,
    amendment: Option<Amendment>,
    defects: Vec<(String, DefectFile)>,
}

/// The part of `origin.toml` that a reviewer sees something of.
#[derive(Deserialize)]
struct Origin {
    dispute: Option<Disputed>,
}

#[derive(Deserialize)]
struct Disputed {
    test: String,
    quote: String,
    words: String,
}

impl Fix {
    fn read(fix: &'static Dir<'static>) -> Result<Fix, BenchError> {
        let name = name_of(fix.path());
        let review = folder(fix, REVIEW);
        let review = review.ok_or_else(|| wrong(fix.path(), "there is no folder `review`"))?;
        let mut defects = Vec::new();
        for folder in review.dirs() {
            defects.push((name_of(folder.path()), toml_of(folder, "defect.toml")?));
        }
        Ok(Fix {
            task: Task::from_text(text(fix, "task.md")?),
            tests: text(review, "tests.txt")?.trim_end().to_owned(),
            made: sketch(review, "change.patch")?,
            repair: match file(review, REPAIR) {
                Some(_) => Some(toml_of(review, REPAIR)?),
                None => None,
            },
            amendment: amendment(fix, review)?,
            defects,
            name,
        })
    }

    fn case(
        &self,
        name: &str,
        defect: Option<&DefectFile>,
        scratch: &Path,
    ) -> Result<Case, BenchError> {
        let name = format!("{}/{name}", self.name);
        let wrong = |why: String| BenchError::Case {
            path: name.clone(),
            why,
        };
        let mut sketch = self.made.clone();
        let repair = self.repair.iter().map(|it| (it.file.as_str(), &it.edits));
        let seeded = defect.iter().map(|it| (it.file(), &it.edits));
        for (file, edits) in repair.chain(seeded) {
            for edit in edits {
                sketch.edit(file, edit).map_err(wrong)?;
            }
        }
        let mut state = RunState::new(self.task.clone());
        state.proposed_code = change(&name, &sketch, scratch)?;
        state.tests_passed = Some(true);
        state.test_output.clone_from(&self.tests);
        if let Some(amendment) = &self.amendment {
            let tests = AcceptanceTests {
                amendment: Some(Box::new(amendment.clone())),
                ..AcceptanceTests::default()
            };
            state.evidence.push(Evidence::AcceptanceTests(tests));
        }
        Ok(Case {
            state,
            defect: defect.map(DefectFile::defect),
            repaired: self.repair.as_ref().map(|it| it.wrong.clone()),
            name,
        })
    }
}

/// A place to lay out changes in.
fn scratch() -> Result<TempDir, BenchError> {
    let folder = tempfile::Builder::new().prefix("review-bench-").tempdir();
    folder.map_err(BenchError::Folder)
}

/// A change as git tells it. Objects are named by what they hold, so all changes can share a folder.
fn change(name: &str, sketch: &Sketch, scratch: &Path) -> Result<String, BenchError> {
    let (old, new) = sketch.texts();
    let change = difference_between(scratch, &old, &new);
    let change = change.map_err(|source| BenchError::Change {
        case: name.to_owned(),
        source,
    })?;
    match shows_filler(&change.patch) {
        true => Err(wrong(
            Path::new(name),
            "change.patch needs more context around its edit",
        )),
        false => Ok(change.patch),
    }
}

/// The test that was changed with the fix, where there is one, as its author is made to change it in the walks.
fn amendment(
    fix: &'static Dir<'static>,
    review: &'static Dir<'static>,
) -> Result<Option<Amendment>, BenchError> {
    let origin: Origin = toml_of(fix, "origin.toml")?;
    let Some(disputed) = origin.dispute else {
        return Ok(None);
    };
    let (old, new) = sketch(review, "amended.patch")?.texts();
    let files = new.into_iter().map(|(path, new_text)| AmendedFile {
        existed: old.contains_key(&path),
        // Nobody looks whether these are the files they were: they are only shown.
        old_sha256: String::new(),
        old_text: old.get(&path).cloned().unwrap_or_default(),
        new_sha256: String::new(),
        new_text,
        path,
    });
    Ok(Some(Amendment {
        dispute: Dispute {
            agent: String::new(),
            test: disputed.test,
            quote: disputed.quote,
            words: disputed.words,
        },
        granted: true,
        answer: "The task asks for it.".to_owned(),
        files: files.collect(),
    }))
}

fn sketch(folder: &'static Dir<'static>, name: &str) -> Result<Sketch, BenchError> {
    Sketch::read(text(folder, name)?).map_err(|why| wrong(&folder.path().join(name), &why))
}

fn toml_of<T: serde::de::DeserializeOwned>(
    folder: &'static Dir<'static>,
    name: &str,
) -> Result<T, BenchError> {
    toml::from_str(text(folder, name)?)
        .map_err(|it| wrong(&folder.path().join(name), &it.to_string()))
}

fn text(folder: &'static Dir<'static>, name: &str) -> Result<&'static str, BenchError> {
    file(folder, name)
        .and_then(File::contents_utf8)
        .ok_or_else(|| wrong(&folder.path().join(name), "it isn't there, or is no text"))
}

fn file(folder: &'static Dir<'static>, name: &str) -> Option<&'static File<'static>> {
    folder.get_file(folder.path().join(name))
}

fn folder(folder: &'static Dir<'static>, name: &str) -> Option<&'static Dir<'static>> {
    folder.get_dir(folder.path().join(name))
}

fn every_file(folder: &'static Dir<'static>, found: &mut Vec<&'static File<'static>>) {
    found.extend(folder.files());
    for inner in folder.dirs() {
        every_file(inner, found);
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn wrong(path: &Path, why: &str) -> BenchError {
    BenchError::Case {
        path: path.display().to_string(),
        why: why.to_owned(),
    }
}

//! The files of a folder as data, and the difference between two such states.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use protocol::{Change, ChangeKind, ChangedFile, ContentId, LineRange, TreeId, source_text};
use similar::{ChangeTag, TextDiff};

/// Every file of a folder by its path.
pub(crate) type Files = BTreeMap<String, Node>;

/// One thing in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    File { bytes: Vec<u8>, executable: bool },
    Link { target: String },
}

/// All files below a folder, those of git and of Python's caches left out.
pub(crate) fn read_all(root: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    read_below(root, "", &mut files)?;
    Ok(files)
}

fn read_below(folder: &Path, prefix: &str, files: &mut Files) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if [".git", "__pycache__", ".pytest_cache"].contains(&&*name) {
            continue;
        }
        if kind.is_symlink() {
            let target = fs::read_link(entry.path())?.to_string_lossy().into_owned();
            files.insert(path, Node::Link { target });
        } else if kind.is_dir() {
            read_below(&entry.path(), &format!("{path}/"), files)?;
        } else {
            let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
            let bytes = fs::read(entry.path())?;
            files.insert(path, Node::File { bytes, executable });
        }
    }
    Ok(())
}

/// Makes a folder hold exactly these files.
pub(crate) fn write_all(root: &Path, files: &Files) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    for (path, node) in files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        match node {
            Node::File { bytes, executable } => {
                fs::write(&path, bytes)?;
                if *executable {
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
                }
            }
            Node::Link { target } => std::os::unix::fs::symlink(target, &path)?,
        }
    }
    Ok(())
}

/// A name for these files: the same for the same files, in any process.
pub(crate) fn id_of(files: &Files) -> TreeId {
    let line = |(path, node): (&String, &Node)| match node {
        Node::File { bytes, executable } => format!("{path:?} {} {executable}\n", name_of(bytes)),
        Node::Link { target } => format!("{path:?} -> {target:?}\n"),
    };
    let lines: String = files.iter().map(line).collect();
    TreeId(name_of(lines.as_bytes()))
}

/// The plain files by path, each with a name for its bytes.
pub(crate) fn contents(files: &Files) -> impl Iterator<Item = (String, ContentId)> {
    files.iter().filter_map(|(path, node)| match node {
        Node::File { bytes, .. } => Some((path.clone(), ContentId(name_of(bytes)))),
        Node::Link { .. } => None,
    })
}

/// FNV-1a.
fn name_of(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The difference as `git apply` takes it; of binary files and links it says only that they differ.
pub(crate) fn difference(before: &Files, after: &Files) -> Change {
    let mut change = Change::default();
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for path in paths {
        let (old, new) = (before.get(path), after.get(path));
        if old != new {
            add_file(&mut change, path, old, new);
        }
    }
    change
}

fn add_file(change: &mut Change, path: &str, old: Option<&Node>, new: Option<&Node>) {
    change.patch += &format!("diff --git a/{path} b/{path}\n");
    let kind = match (old, new) {
        (None, Some(new)) => {
            change.patch += &format!("new file mode {}\n", mode_of(new));
            ChangeKind::Added
        }
        (Some(old), None) => {
            change.patch += &format!("deleted file mode {}\n", mode_of(old));
            ChangeKind::Deleted
        }
        (Some(old), Some(new)) if mode_of(old) != mode_of(new) => {
            let (old, new) = (mode_of(old), mode_of(new));
            change.patch += &format!("old mode {old}\nnew mode {new}\n");
            ChangeKind::Modified
        }
        _ => ChangeKind::Modified,
    };
    let (old_text, new_text) = (text_of(old), text_of(new));
    let binary = old_text.is_none() || new_text.is_none();
    let mut lines = Vec::new();
    if let (Some(old_text), Some(new_text)) = (old_text, new_text) {
        let diff = TextDiff::from_lines(old_text.as_str(), new_text.as_str());
        let side = |letter: char, there: bool| match there {
            true => format!("{letter}/{path}"),
            false => "/dev/null".to_owned(),
        };
        let header = (side('a', old.is_some()), side('b', new.is_some()));
        change.patch += &diff.unified_diff().header(&header.0, &header.1).to_string();
        lines = new_lines(&diff);
    } else {
        change.patch += &format!("Binary files a/{path} and b/{path} differ\n");
    }
    change.files.push(ChangedFile {
        path: path.to_owned(),
        kind,
        binary,
        symlink: matches!(new, Some(Node::Link { .. })),
        lines,
    });
}

/// The text of a file, or none when there is something else at the path.
fn text_of(node: Option<&Node>) -> Option<String> {
    match node {
        None => Some(String::new()),
        Some(Node::File { bytes, .. }) if !bytes.contains(&0) => source_text(bytes),
        Some(_) => None,
    }
}

/// As git writes it.
fn mode_of(node: &Node) -> &'static str {
    match node {
        Node::Link { .. } => "120000",
        Node::File {
            executable: true, ..
        } => "100755",
        Node::File { .. } => "100644",
    }
}

fn new_lines(diff: &TextDiff<'_, '_, str>) -> Vec<LineRange> {
    let mut ranges: Vec<LineRange> = Vec::new();
    for change in diff.iter_all_changes() {
        let (ChangeTag::Insert, Some(index)) = (change.tag(), change.new_index()) else {
            continue;
        };
        let line = u32::try_from(index + 1).expect("a file of a test has few lines");
        match ranges.last_mut() {
            Some(range) if range.last + 1 == line => range.last = line,
            _ => ranges.push(LineRange {
                first: line,
                last: line,
            }),
        }
    }
    ranges
}

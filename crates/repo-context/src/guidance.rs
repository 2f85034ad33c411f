//! Guidance that a repository keeps for those who work on it: which of it is nearest to a task, and as much as fits.

use std::collections::{BTreeSet, HashMap};

use protocol::{BaseFile, ContentId, Guide, GuideShown, Workspace, WorkspaceError, visible};

use crate::overview::in_one_line;

/// What such files are called; of two in one folder the first comes first.
const NAMES: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];
/// Bytes of all guidance together: about two thousand tokens, at three bytes each.
pub(crate) const GUIDANCE_BYTES_MAX: usize = 6_000;
/// The least of a file that is worth showing.
const PIECE_BYTES_MIN: usize = 200;
/// Files that are looked at.
const GUIDES_MAX: usize = 8;
/// Largest file that is read at all.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Longest path that is shown.
const PATH_CHARS_MAX: usize = 200;

/// The guidance nearest to some files: as text, if there is any, and what was shown of which file.
pub(crate) async fn nearest_to(
    work: &dyn Workspace,
    base: &[BaseFile],
    files: &[&str],
) -> Result<(Option<String>, Vec<Guide>), WorkspaceError> {
    let nearest = in_order(base, files);
    let contents: Vec<ContentId> = nearest.iter().map(|it| it.content.clone()).collect();
    let read = work.contents(&contents, FILE_BYTES_MAX).await?;
    let mut text = String::new();
    let mut guides = Vec::new();
    for (file, bytes) in nearest.into_iter().zip(read) {
        let piece = bytes.and_then(text_of);
        let path = in_one_line(&file.path, PATH_CHARS_MAX);
        let (piece, shown) = match piece {
            None => (String::new(), GuideShown::Nothing),
            Some(piece) => beginning_of(&piece, room_after(&text, &path)),
        };
        if shown != GuideShown::Nothing {
            text += &format!("{path}:\n\n{piece}\n\n");
        }
        guides.push(Guide {
            path: file.path.clone(),
            content: file.content.0.clone(),
            shown,
        });
    }
    let text = text.trim_end();
    Ok(((!text.is_empty()).then(|| text.to_owned()), guides))
}

/// Files of guidance from the nearest folder outwards, for one file after the other; those of the root last.
fn in_order<'b>(base: &'b [BaseFile], files: &[&str]) -> Vec<&'b BaseFile> {
    let by_path: HashMap<&str, &BaseFile> = base
        .iter()
        .filter(|it| NAMES.iter().any(|name| it.path.ends_with(name)))
        .map(|it| (&*it.path, it))
        .collect();
    if by_path.is_empty() {
        return Vec::new();
    }
    let folders = files.iter().flat_map(|it| folders_around(it));
    let (mut seen, mut contents) = (BTreeSet::new(), BTreeSet::new());
    let mut in_folder = |folder: &str| -> Vec<&'b BaseFile> {
        let paths = NAMES.map(|name| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        });
        let found = paths.iter().filter_map(|it| by_path.get(&**it).copied());
        // Many keep the same text under both names.
        found.filter(|it| contents.insert(&it.content)).collect()
    };
    let mut found: Vec<&BaseFile> = folders
        .filter(|it| seen.insert(*it))
        .flat_map(&mut in_folder)
        .collect();
    let root = in_folder("");
    found.truncate(GUIDES_MAX - root.len());
    found.extend(root);
    found
}

/// The folders that a file is in, the inmost first, the root left out.
fn folders_around(path: &str) -> impl Iterator<Item = &str> {
    fn parent(path: &str) -> Option<&str> {
        path.rsplit_once('/').map(|(folder, _)| folder)
    }
    std::iter::successors(parent(path), |it| parent(it))
}

/// A file's text with nothing hidden in it; none of a file that is no text.
fn text_of(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes)
        .ok()
        .filter(|it| !it.contains('\0'))?;
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    Some(visible(text.trim()).into_owned()).filter(|it| !it.is_empty())
}

/// Bytes left for the next file.
fn room_after(text: &str, path: &str) -> usize {
    GUIDANCE_BYTES_MAX.saturating_sub(text.len() + path.len() + ":\n\n\n\n".len())
}

/// As much as fits, whole lines where they fit, with a note about the rest.
fn beginning_of(text: &str, bytes_max: usize) -> (String, GuideShown) {
    if text.len() <= bytes_max {
        return (text.to_owned(), GuideShown::Whole);
    }
    if bytes_max < PIECE_BYTES_MIN {
        return (String::new(), GuideShown::Nothing);
    }
    let note_bytes = 48;
    let kept = &text[..text.floor_char_boundary(bytes_max - note_bytes)];
    let kept = kept.rsplit_once('\n').map_or(kept, |(lines, _)| lines);
    let missing = text.len() - kept.len();
    (
        format!("{kept}\n[… {missing} more bytes left out …]"),
        GuideShown::Beginning,
    )
}

#[cfg(test)]
mod tests;

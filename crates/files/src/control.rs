//! Which names are git's own.

/// Whether a name is `.git`, or becomes `.git` on a file system that ignores case, trailing dots and blanks,
/// what follows a colon, invisible characters, or shortens names.
pub fn is_control_folder(name: &str) -> bool {
    // What HFS+ leaves out when it compares names.
    let visible: String = name
        .chars()
        .filter(|it| {
            !matches!(it, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
        })
        .collect();
    let visible = visible.to_lowercase();
    let stem = visible.split(':').next().unwrap_or_default();
    matches!(stem.trim_end_matches(['.', ' ']), ".git" | "git~1")
}

//! Names and bytes that code under test can't guess.

use protocol::{WorkspaceError, hexadecimal};

/// A name, valid as a module's.
///
/// # Errors
/// [`WorkspaceError`] when the machine gives no random bytes.
pub fn name(prefix: &str) -> Result<String, WorkspaceError> {
    let bytes: [u8; 8] = bytes()?;
    Ok(format!("{prefix}_{}", hexadecimal(&bytes)))
}

/// So many bytes.
///
/// # Errors
/// [`WorkspaceError`] when the machine gives no random bytes.
pub fn bytes<const COUNT: usize>() -> Result<[u8; COUNT], WorkspaceError> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes)
        .map_err(|it| WorkspaceError::failed("get random bytes", it.to_string()))?;
    Ok(bytes)
}

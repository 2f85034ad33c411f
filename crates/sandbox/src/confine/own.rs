//! A wall around our own process: its memory holds keys, and must not end up in a file.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids core dumps of this process and of what it starts. Call it before any key is read.
///
/// # Errors
///
/// When the system refuses, which Linux never does for a limit that is lowered.
pub fn forbid_core_dumps() -> std::io::Result<()> {
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustix::process::getrlimit;

    use super::*;

    #[test]
    fn no_core_is_dumped_any_more() {
        forbid_core_dumps().expect("a limit may be lowered");
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    }
}

//! Landlock: the files and TCP ports a program may reach, whatever the view shows.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};

use super::plan::Fence;

/// The newest rules asked for; older kernels keep what they know of them.
const NEWEST: ABI = ABI::V6;

/// Lowest version that controls truncation; without it, Landlock alone doesn't protect the content of files.
pub(crate) const VERSION_MIN_ALONE: i64 = 3;
/// Lowest version that controls TCP ports.
pub(super) const VERSION_MIN_TCP: i64 = 4;
/// Lowest version that keeps signals inside.
pub(super) const VERSION_MIN_SIGNALS: i64 = 6;

/// Landlock's version in the running kernel; 0 if it is missing or switched off.
pub(crate) fn version() -> i64 {
    const VERSION_FLAG: libc::c_uint = 1;
    // SAFETY: with a null pointer, size 0 and this flag, the call only returns a number (landlock(7)).
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0usize,
            VERSION_FLAG,
        )
    };
    version.max(0)
}

/// Puts the fence around this process and all it will start. Cannot be undone.
pub(super) fn put_up(fence: &Fence, proxy_port: Option<u16>) -> Result<(), RulesetError> {
    let change = AccessFs::from_all(NEWEST);
    let read = AccessFs::from_read(NEWEST);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(change)?
        .scope(Scope::from_all(NEWEST))?;
    if fence.guards_tcp {
        rules = rules.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let mut rules = rules
        .create()?
        .add_rules(path_beneath_rules(&fence.readable, read))?
        .add_rules(path_beneath_rules(&fence.writable, change))?;
    if let (true, Some(port)) = (fence.guards_tcp, proxy_port) {
        rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    rules.restrict_self()?;
    Ok(())
}

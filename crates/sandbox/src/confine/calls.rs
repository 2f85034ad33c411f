//! seccomp: the system calls a confined program has no business with.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::plan::Sockets;

/// Calls that reach into other processes, into the kernel, or around the walls.
const FORBIDDEN: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// Flags of `clone` that make new namespaces; a new user namespace would give capabilities back.
const NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Why the filter could not be put up.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallsError {
    /// The filter could not be written; also on a processor nobody wrote it for.
    #[error("write the seccomp filter")]
    Write(#[from] BackendError),
    /// The kernel refused it.
    #[error("load the seccomp filter")]
    Load(#[from] seccompiler::Error),
}

/// Takes the calls away from this process and all it will start. Cannot be undone.
pub(super) fn take_away(sockets: Sockets) -> Result<(), CallsError> {
    // The arguments of clone3 lie in memory, where a filter can't look; told that it doesn't exist, libraries
    // use clone.
    load(BTreeMap::from([(libc::SYS_clone3, vec![])]), libc::ENOSYS)?;
    load(forbidden(sockets)?, libc::EPERM)
}

fn forbidden(sockets: Sockets) -> Result<Rules, BackendError> {
    let mut rules: Rules = FORBIDDEN.iter().map(|call| (*call, vec![])).collect();
    let namespaces = NAMESPACES
        .iter()
        .map(|flag| has_bits(0, *flag as u64))
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_clone, namespaces);
    // Both put characters into the input of a terminal that others read.
    let terminal = [libc::TIOCSTI, libc::TIOCLINUX]
        .map(|request| equals(1, request))
        .into_iter()
        .collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_ioctl, terminal);
    match sockets {
        Sockets::None => {
            rules.insert(libc::SYS_socket, vec![]);
        }
        Sockets::OwnNetwork => {
            let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
            rules.insert(libc::SYS_socket, vec![none_of(0, &families)?]);
        }
        Sockets::TcpOnly => tcp_only(&mut rules)?,
    }
    Ok(rules)
}

/// Landlock knows TCP and nothing else, so everything that isn't plain TCP goes: datagrams, raw sockets,
/// multipath TCP, and data sent along with the opening packet.
fn tcp_only(rules: &mut Rules) -> Result<(), BackendError> {
    const KIND_BITS: u64 = 0xf;
    let mut refused = vec![
        none_of(0, &[libc::AF_INET, libc::AF_INET6])?,
        none_of(2, &[0, libc::IPPROTO_TCP])?,
    ];
    for kind in (0..=KIND_BITS).filter(|kind| *kind != libc::SOCK_STREAM as u64) {
        refused.push(masked(1, KIND_BITS, kind)?);
    }
    rules.insert(libc::SYS_socket, refused);
    for (call, flags) in [
        (libc::SYS_sendto, 3),
        (libc::SYS_sendmsg, 2),
        (libc::SYS_sendmmsg, 3),
    ] {
        rules.insert(call, vec![has_bits(flags, libc::MSG_FASTOPEN as u64)?]);
    }
    Ok(())
}

fn has_bits(argument: u8, bits: u64) -> Result<SeccompRule, BackendError> {
    masked(argument, bits, bits)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(mask),
        value,
    )?])
}

fn equals(argument: u8, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Eq,
        value,
    )?])
}

/// Holds when the argument is none of `values`.
fn none_of(argument: u8, values: &[libc::c_int]) -> Result<SeccompRule, BackendError> {
    let differs = |value: &libc::c_int| {
        SeccompCondition::new(
            argument,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Ne,
            *value as u64,
        )
    };
    SeccompRule::new(values.iter().map(differs).collect::<Result<_, _>>()?)
}

fn load(mut rules: Rules, errno: libc::c_int) -> Result<(), CallsError> {
    if cfg!(target_arch = "x86_64") {
        // The same calls under the numbers of the x32 interface, which a list of forbidden calls would let by.
        const X32_BIT: i64 = 0x4000_0000;
        let twins: Rules = rules
            .iter()
            .map(|(call, rule)| (call | X32_BIT, rule.clone()))
            .collect();
        rules.extend(twins);
    }
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno as u32),
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}

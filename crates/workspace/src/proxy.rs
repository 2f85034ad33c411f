//! The way out during an installation: a proxy that lets a command reach the listed hosts and no others.

/// Hosts a command may reach while it installs packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// `host` (ports 80 and 443) or `host:port`, compared without regard to case.
    pub hosts: Vec<String>,
    /// A proxy of the user's own network that everything must pass, as `host:port`.
    pub upstream: Option<String>,
}

/// Answers one program.
pub(crate) async fn serve(socket: std::os::unix::net::UnixStream, egress: &Egress) {
    let _ = (socket, egress);
}

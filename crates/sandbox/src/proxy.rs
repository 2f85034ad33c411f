//! The way out during an installation: a proxy that lets a command reach the listed hosts and no others.
//!
//! The command's network has no way out. The inner stage opens a listener in it and hands that over, and the proxy
//! answers there from outside: names are looked up here, and only those on the list.

mod request;

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener as StdListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::request::{Authority, Request};

/// Connections of one command at a time; more wait.
const CONNECTIONS_MAX: usize = 64;
/// Bytes of one command in both directions.
const BYTES_MAX: u64 = 8 << 30;
/// Longest head of a request or an answer.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Longest wait for a head.
const HEAD_SECONDS_MAX: u64 = 30;
/// Longest wait for a connection, the look-up of the name included.
const CONNECT_SECONDS_MAX: u64 = 15;
/// Bytes passed on at once.
const PIECE_BYTES_MAX: usize = 32 << 10;

/// Hosts a command may reach while it installs packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// `host` (ports 80 and 443) or `host:port`, compared without regard to case.
    pub hosts: Vec<String>,
    /// A proxy of the user's own network that everything must pass, as `host:port`.
    pub upstream: Option<String>,
}

impl Egress {
    fn allows(&self, to: &Authority) -> bool {
        const USUAL_PORTS: [u16; 2] = [80, 443];
        self.hosts.iter().any(|entry| {
            let (host, ports) = match Authority::parse(entry) {
                Some(listed) => (listed.host, vec![listed.port]),
                None => (request::plain_host(entry), USUAL_PORTS.to_vec()),
            };
            host == to.host && ports.contains(&to.port)
        })
    }
}

/// Answers one program until it has ended; the caller drops the future then.
pub(crate) async fn serve(socket: StdUnixStream, egress: &Egress) {
    let listener = match take_listener(socket).await {
        Ok(listener) => listener,
        // The program has ended before it could open one; its own end says why.
        Err(error) => return tracing::debug!(%error, "no way to the package index was opened"),
    };
    let egress = Arc::new(egress.clone());
    let bytes = Arc::new(AtomicU64::new(0));
    let mut connections = JoinSet::new();
    loop {
        while CONNECTIONS_MAX <= connections.len() {
            connections.join_next().await;
        }
        tokio::select! {
            Some(_) = connections.join_next() => {}
            Ok((client, _)) = listener.accept() => {
                connections.spawn(answer(client, egress.clone(), bytes.clone()));
            }
            else => return,
        }
    }
}

/// Receives the listener that the inner stage opened in the program's network.
async fn take_listener(socket: StdUnixStream) -> io::Result<TcpListener> {
    socket.set_nonblocking(true)?;
    let socket = UnixStream::from_std(socket)?;
    let descriptor = socket
        .async_io(Interest::READABLE, || receive_descriptor(&socket))
        .await?;
    let listener = StdListener::from(descriptor);
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn receive_descriptor(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    control
        .drain()
        .find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        })
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// One connection, one request. A client that breaks off has nobody left to tell.
async fn answer(mut client: TcpStream, egress: Arc<Egress>, bytes: Arc<AtomicU64>) {
    let Ok((head, rest)) = read_head(&mut client).await else {
        return;
    };
    let refusal = match Request::parse(&head) {
        None => (
            "400 Bad Request",
            "this proxy takes CONNECT host:port and http:// addresses".into(),
        ),
        Some(request) if !egress.allows(request.to()) => {
            tracing::info!(host = %request.to(), "refused a host that is not on the list");
            (
                "403 Forbidden",
                format!("{} is not on the list of package hosts", request.to()),
            )
        }
        Some(request) => match reach(&request, &egress).await {
            Err(error) => (
                "502 Bad Gateway",
                format!("{} can't be reached: {error}", request.to()),
            ),
            Ok(server) => {
                let _broken_off = pass_on(client, server, &request, &egress, &rest, &bytes).await;
                return;
            }
        },
    };
    let _gone = refuse(&mut client, refusal.0, &refusal.1).await;
}

async fn refuse(client: &mut TcpStream, status: &str, why: &str) -> io::Result<()> {
    // Clients show the status line and not always the body, so the reason is in both.
    let text = format!(
        "HTTP/1.1 {status} ({why})\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}\n",
        why.len() + 1
    );
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}

/// Connects to where the request goes, or to the proxy of the user's network.
async fn reach(request: &Request, egress: &Egress) -> io::Result<TcpStream> {
    let to = request.to();
    let connecting = async {
        match &egress.upstream {
            None => TcpStream::connect((to.host.as_str(), to.port)).await,
            Some(upstream) => {
                let mut server = TcpStream::connect(upstream.as_str()).await?;
                if let Request::Tunnel(to) = request {
                    open_tunnel(&mut server, to).await?;
                }
                Ok(server)
            }
        }
    };
    timeout(Duration::from_secs(CONNECT_SECONDS_MAX), connecting)
        .await
        .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn open_tunnel(server: &mut TcpStream, to: &Authority) -> io::Result<()> {
    let ask = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    server.write_all(ask.as_bytes()).await?;
    let (head, _nothing_comes_before_we_speak) = read_head(server).await?;
    let first_line = String::from_utf8_lossy(&head);
    let first_line = first_line.lines().next().unwrap_or_default();
    match first_line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(io::Error::other(format!(
            "the network's proxy said `{first_line}`"
        ))),
    }
}

async fn pass_on(
    mut client: TcpStream,
    mut server: TcpStream,
    request: &Request,
    egress: &Egress,
    rest: &[u8],
    bytes: &AtomicU64,
) -> io::Result<()> {
    match request {
        Request::Tunnel(_) => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?,
        Request::Fetch(fetch) => {
            let head = fetch.head(egress.upstream.is_some());
            server.write_all(head.as_bytes()).await?;
        }
    }
    server.write_all(rest).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::try_join!(
        pump(&mut from_client, &mut to_server, bytes),
        pump(&mut from_server, &mut to_client, bytes),
    )?;
    Ok(())
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    bytes: &AtomicU64,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES_MAX];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let before = bytes.fetch_add(length as u64, Ordering::Relaxed);
        if BYTES_MAX < before + length as u64 {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        to.write_all(&piece[..length]).await?;
    }
}

/// The head up to its empty line, and what came after it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
    const EMPTY_LINE: &[u8] = b"\r\n\r\n";
    let reading = async {
        let mut head = Vec::new();
        let mut piece = [0; 4096];
        while head.len() < HEAD_BYTES_MAX {
            let length = stream.read(&mut piece).await?;
            if length == 0 {
                break;
            }
            let seen = head.len().saturating_sub(EMPTY_LINE.len() - 1);
            head.extend_from_slice(&piece[..length]);
            let end = head[seen..]
                .windows(EMPTY_LINE.len())
                .position(|window| window == EMPTY_LINE);
            if let Some(end) = end {
                let rest = head.split_off(seen + end + EMPTY_LINE.len());
                return Ok((head, rest));
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    };
    timeout(Duration::from_secs(HEAD_SECONDS_MAX), reading)
        .await
        .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))?
}

#[cfg(test)]
mod tests {
    use super::{Authority, Egress};

    fn check(hosts: &[&str], to: &str, allowed: bool) {
        let egress = Egress {
            hosts: hosts.iter().map(ToString::to_string).collect(),
            upstream: None,
        };
        let to = Authority::parse(to).expect("a host with a port");
        assert_eq!(egress.allows(&to), allowed, "{to} with {hosts:?}");
    }

    #[test]
    fn a_listed_host_is_allowed_on_the_usual_ports_only() {
        check(&["index.test"], "index.test:443", true);
        check(&["index.test"], "index.test:80", true);
        check(&["index.test"], "index.test:22", false);
    }

    #[test]
    fn a_listed_port_is_the_only_one() {
        check(&["index.test:8443"], "index.test:8443", true);
        check(&["index.test:8443"], "index.test:443", false);
    }

    #[test]
    fn case_and_a_last_dot_make_no_difference() {
        check(&["Index.Test"], "iNDEX.test.:443", true);
    }

    #[test]
    fn neighbours_in_name_are_other_hosts() {
        check(&["index.test"], "evil-index.test:443", false);
        check(&["index.test"], "index.test.evil.test:443", false);
        check(&["index.test"], "sub.index.test:443", false);
    }

    #[test]
    fn an_address_is_not_a_name() {
        check(&["localhost:8000"], "127.0.0.1:8000", false);
        check(&["[::1]:8000"], "[::1]:8000", true);
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        check(&[], "index.test:443", false);
    }
}

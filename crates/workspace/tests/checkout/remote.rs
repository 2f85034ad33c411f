//! Repositories over HTTP, from a real git server of the test's own that may want a token.

use std::sync::Arc;

use expect_test::expect;
use git::{Access, Address, Credential, GitError};
use protocol::{Log, Note, Silent, Workspace};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use workspace::checkout::{Checkout, Origin};

use crate::world::World;

const TOKEN: &str = "dG9rZW46UzNDUjNU";

/// What a server saw of one request.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    answered: usize,
    authorization: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answers {
    /// As git would.
    Everybody,
    /// 401 to those without the token.
    TheToken,
    /// Sends everybody to another address.
    Elsewhere(u16),
    /// With this status.
    Status(u16),
    /// By closing the connection in the middle.
    Half,
}

/// Serves the repository in `repo` through `git http-backend`.
struct Server {
    port: u16,
    seen: Arc<std::sync::Mutex<Vec<Seen>>>,
}

impl Server {
    async fn start(world: &World, answers: Answers) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (log, root) = (seen.clone(), world.path("").display().to_string());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, root) = (log.clone(), root.clone());
                tokio::spawn(async move { serve(stream, answers, &root, &log).await });
            }
        });
        Server { port, seen }
    }

    fn origin(&self) -> Origin {
        let address = format!("http://127.0.0.1:{}/repo/.git", self.port);
        Origin::Address(Address::parse(&address).unwrap())
    }

    fn bytes_sent(&self) -> usize {
        self.seen.lock().unwrap().iter().map(|it| it.answered).sum()
    }

    fn tokens_seen(&self) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|it| it.authorization.is_some()).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    answers: Answers,
    root: &str,
    log: &std::sync::Mutex<Vec<Seen>>,
) -> Option<()> {
    // One request a connection keeps this short.
    let (head, body) = request(&mut stream).await?;
    let header = |name: &str| {
        let lines = head.lines().filter_map(|it| it.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.to_owned())
    };
    let line = head.lines().next()?.to_owned();
    let authorization = header("authorization");
    let target = line.split(' ').nth(1)?;
    let plain = |status: &str, more: &str| {
        format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n")
            .into_bytes()
    };
    let answer = match answers {
        Answers::Elsewhere(port) => plain(
            "302 Found",
            &format!("Location: http://127.0.0.1:{port}{target}\r\n"),
        ),
        Answers::Status(status) => plain(&format!("{status} Sorry"), ""),
        Answers::TheToken if authorization.as_deref() != Some(&format!("Basic {TOKEN}")) => plain(
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"x\"\r\n",
        ),
        Answers::Everybody | Answers::TheToken | Answers::Half => {
            let method = line.split(' ').next()?;
            let mut answer = backend(root, method, target, &header, &body);
            if answers == Answers::Half && method == "POST" {
                answer.truncate(answer.len() / 2);
            }
            answer
        }
    };
    log.lock().unwrap().push(Seen {
        answered: answer.len(),
        authorization,
    });
    stream.write_all(&answer).await.ok()?;
    stream.shutdown().await.ok()
}

async fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        stream
            .read_buf(&mut bytes)
            .await
            .ok()
            .filter(|it| *it > 0)?;
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head
            .lines()
            .find_map(|it| {
                it.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        while bytes.len() < end + 4 + length {
            stream
                .read_buf(&mut bytes)
                .await
                .ok()
                .filter(|it| *it > 0)?;
        }
        return Some((head, bytes.split_off(end + 4)));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server that the repository is fetched from is git's own"
)]
fn backend(
    root: &str,
    method: &str,
    target: &str,
    header: &dyn Fn(&str) -> Option<String>,
    body: &[u8],
) -> Vec<u8> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", method)
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
        .env(
            "HTTP_CONTENT_ENCODING",
            header("content-encoding").unwrap_or_default(),
        )
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git is installed");
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let (head, body) = output.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    let status = head
        .lines()
        .find_map(|it| it.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    let length = body.len();
    let start = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    [start.as_bytes(), head.as_bytes(), body].concat()
}

fn world() -> World {
    let world = World::with(&[("a.py", "a = 1\n")]);
    world.put(&[("a.py", "a = 2\n"), ("b.py", "b = 1\n")]);
    world.commit("second");
    world
}

fn token_for(world: &mut World, base: &str) {
    world.access = Access {
        credential: Some(Credential {
            base: url::Url::parse(base).unwrap(),
            header: format!("Authorization: Basic {TOKEN}").into(),
        }),
        ..Access::default()
    };
}

async fn open(
    world: &World,
    origin: &Origin,
    reference: Option<&str>,
) -> Result<Checkout, GitError> {
    Checkout::open(world.opening("one"), origin, reference, false, &Silent).await
}

#[tokio::test]
async fn a_repository_is_fetched_over_http_without_its_history() {
    let world = world();
    let server = Server::start(&world, Answers::Everybody).await;
    let checkout = open(&world, &server.origin(), None).await.unwrap();
    assert_eq!(checkout.read("a.py").await.unwrap(), b"a = 2\n");
    drop(checkout);
    let mirror = world
        .shell(
            "mirrors",
            "for m in *.git; do git --git-dir=$m rev-list --all --count; cat $m/config; done",
        )
        .0;
    assert!(mirror.starts_with("1\n"), "{mirror}");
}

#[tokio::test]
async fn a_second_run_fetches_only_what_is_new() {
    /// Bytes that don't get smaller in a pack.
    const BIG: usize = 100_000;
    let world = world();
    let line = format!("head -c {BIG} /dev/urandom > big; git add big; git commit -qm big");
    world.shell("repo", &line);
    let server = Server::start(&world, Answers::Everybody).await;
    let origin = server.origin();
    let open = async |run: &str, reference: Option<&str>| {
        let opening = world.opening(run);
        let opened = Checkout::open(opening, &origin, reference, false, &Silent);
        opened.await.unwrap()
    };
    drop(open("one", None).await);
    let first = server.bytes_sent();
    assert!(first > BIG, "{first}");
    drop(open("two", None).await);
    let second = server.bytes_sent() - first;
    assert!(second < BIG / 10, "{second}");
    world.put(&[("c.py", "c = 1\n")]);
    world.commit("third");
    let third = open("three", Some("main")).await;
    let third_bytes = server.bytes_sent() - first - second;
    assert!(third_bytes < BIG / 10, "{third_bytes}");
    assert_eq!(third.read("c.py").await.unwrap(), b"c = 1\n");
}

#[tokio::test]
async fn a_token_is_sent_to_its_host_and_kept_nowhere() {
    let mut world = world();
    let server = Server::start(&world, Answers::TheToken).await;
    let refused = open(&world, &server.origin(), None).await.unwrap_err();
    let told = world
        .told(&refused)
        .replace(&server.port.to_string(), "PORT");
    expect!["read `http://127.0.0.1:PORT/repo/.git`: the host refused (is the right token or key set for it?): fatal: could not read Username for 'http://127.0.0.1:PORT': terminal prompts disabled"].assert_eq(&told);
    token_for(&mut world, &format!("http://127.0.0.1:{}/", server.port));
    let checkout = open(&world, &server.origin(), None).await.unwrap();
    assert_eq!(checkout.read("a.py").await.unwrap(), b"a = 2\n");
    assert!(server.tokens_seen() > 0);
    let (found, _) = world.shell("", &format!("grep -r {TOKEN} mirrors runs; true"));
    assert_eq!(found, "");
}

#[tokio::test]
async fn a_token_is_not_sent_to_another_host() {
    let mut world = world();
    let server = Server::start(&world, Answers::Everybody).await;
    token_for(&mut world, "http://127.0.0.1:1/");
    open(&world, &server.origin(), None).await.unwrap();
    assert_eq!(server.tokens_seen(), 0);
}

#[tokio::test]
async fn a_token_does_not_travel_with_a_redirection() {
    let mut world = world();
    let thief = Server::start(&world, Answers::Everybody).await;
    let server = Server::start(&world, Answers::Elsewhere(thief.port)).await;
    token_for(&mut world, &format!("http://127.0.0.1:{}/", server.port));
    let refused = open(&world, &server.origin(), None).await;
    assert!(
        matches!(
            refused,
            Err(GitError::Refused { .. } | GitError::Fetch { .. })
        ),
        "{refused:?}"
    );
    assert_eq!(thief.tokens_seen(), 0);
}

#[tokio::test]
async fn every_failure_of_a_server_is_told() {
    let cases = [
        (Answers::Status(404), None),
        (Answers::Status(403), None),
        (Answers::Status(500), None),
        (Answers::Half, None),
        (Answers::Everybody, Some("nosuch")),
        (
            Answers::Everybody,
            Some("0123456789012345678901234567890123456789"),
        ),
    ];
    let mut shown = String::new();
    for (answers, reference) in cases {
        let world = world();
        let server = Server::start(&world, answers).await;
        let error = open(&world, &server.origin(), reference).await.unwrap_err();
        let told = world.told(&error).replace(&server.port.to_string(), "PORT");
        shown += &format!("{answers:?}: {told}\n");
    }
    expect![[r#"
        Status(404): find a repository at `http://127.0.0.1:PORT/repo/.git` (is the address right, and may you read it?): fatal: repository 'http://127.0.0.1:PORT/repo/.git/' not found
        Status(403): read `http://127.0.0.1:PORT/repo/.git`: the host refused (is the right token or key set for it?): fatal: unable to access 'http://127.0.0.1:PORT/repo/.git/': The requested URL returned error: 403
        Status(500): fetch `http://127.0.0.1:PORT/repo/.git`: fatal: unable to access 'http://127.0.0.1:PORT/repo/.git/': The requested URL returned error: 500
        Half: fetch `http://127.0.0.1:PORT/repo/.git`: error: RPC failed; curl 18 transfer closed with 84 bytes remaining to read; fatal: expected flush after ref listing
        Everybody: find the branch, tag or commit `nosuch` in `http://127.0.0.1:PORT/repo/.git`
        Everybody: find the branch, tag or commit `0123456789012345678901234567890123456789` in `http://127.0.0.1:PORT/repo/.git`
    "#]].assert_eq(&shown);
}

#[tokio::test]
async fn nobody_there_is_told() {
    let world = world();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let address = Address::parse(&format!("http://127.0.0.1:{port}/x")).unwrap();
    let error = open(&world, &Origin::Address(address), None)
        .await
        .unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn an_empty_repository_is_told() {
    let world = World::new();
    world.git("repo", &["init", "-q"]);
    let server = Server::start(&world, Answers::Everybody).await;
    let error = open(&world, &server.origin(), None).await.unwrap_err();
    assert!(matches!(error, GitError::Empty { .. }), "{error:?}");
}

#[tokio::test]
async fn whoever_watches_a_fetch_sees_it_move() {
    struct Notes(std::sync::Mutex<Vec<Note>>);
    impl Log for Notes {
        fn note(&self, note: Note) {
            self.0.lock().unwrap().push(note);
        }
    }
    let world = world();
    let server = Server::start(&world, Answers::Everybody).await;
    let notes = Notes(std::sync::Mutex::default());
    let origin = server.origin();
    let opened = Checkout::open(world.opening("one"), &origin, None, false, &notes);
    opened.await.unwrap();
    let notes = notes.0.into_inner().unwrap();
    let fetch = |it: &Note| matches!(it, Note::Progress { what, .. } if what.starts_with("fetch http://127.0.0.1"));
    assert!(notes.iter().any(fetch), "{notes:?}");
}

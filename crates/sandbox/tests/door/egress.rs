//! The way to the package index: listed hosts are reached, others are not even looked up.

use std::io::{Read, Write};
use std::net::TcpListener;

use expect_test::{Expect, expect};
use protocol::Network;
use sandbox::command::{Spawn, View};
use sandbox::proxy::Egress;

use crate::world::{Behind, World, shown};

/// Asks for a page, through the proxy its environment names.
const FETCH: &str = "
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
except Exception as error:
    print(error)
";

/// Opens a tunnel and speaks through it.
const TUNNEL: &str = "
import http.client, os, sys
from urllib.parse import urlsplit
proxy = urlsplit(os.environ['https_proxy'])
connection = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=5)
host, port = sys.argv[1].split(':')
connection.set_tunnel(host, int(port))
try:
    connection.request('GET', '/')
    print(connection.getresponse().read().decode())
except Exception as error:
    print(error)
";

/// A package index that says what it was asked.
fn index() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let length = client.read(&mut head).unwrap_or_default();
            let asked = String::from_utf8_lossy(&head[..length]);
            let line = asked.lines().next().unwrap_or_default();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{line}",
                line.len()
            );
            let _broken_off = client.write_all(answer.as_bytes());
        }
    });
    port
}

#[tokio::test]
async fn what_is_allowed_passes_the_proxy_of_the_network() {
    let upstream = Some(format!("localhost:{}", index()));
    let hosts = vec!["index.test".to_owned()];
    let world = World::with_egress(Behind::Bubblewrap, Egress { hosts, upstream }).await;
    let mut spawn = world.spawn(&["python3", "-c", FETCH, "http://index.test/simple/"]);
    install(&mut spawn);
    expect![[r#"
        Code(0)
        GET http://index.test:80/simple/ HTTP/1.1
    "#]]
    .assert_eq(&shown(&world.run(&spawn).await));
}

fn install(spawn: &mut Spawn) {
    if let View::Confined { network, .. } = &mut spawn.view {
        *network = Network::PackageIndex;
    }
}

async fn check(behind: Behind, program: &str, listed: bool, expected: Expect) {
    let port = index();
    let hosts = match listed {
        true => vec![format!("localhost:{port}")],
        false => vec!["index.test".to_owned()],
    };
    let egress = Egress {
        hosts,
        upstream: None,
    };
    let world = World::with_egress(behind, egress).await;
    let target = match program {
        FETCH => format!("http://localhost:{port}/simple/"),
        _ => format!("localhost:{port}"),
    };
    let mut spawn = world.spawn(&["python3", "-c", program, &target]);
    install(&mut spawn);
    let execution = world.run(&spawn).await;
    expected.assert_eq(&shown(&execution).replace(&port.to_string(), "PORT"));
}

const BEHIND_WALLS: [Behind; 2] = [Behind::Bubblewrap, Behind::LandlockAlone];

#[tokio::test]
async fn a_page_of_a_listed_host_arrives() {
    for behind in BEHIND_WALLS {
        check(
            behind,
            FETCH,
            true,
            expect![[r#"
            Code(0)
            GET /simple/ HTTP/1.1
        "#]],
        )
        .await;
    }
}

#[tokio::test]
async fn a_tunnel_to_a_listed_host_is_opened() {
    for behind in BEHIND_WALLS {
        check(
            behind,
            TUNNEL,
            true,
            expect![[r#"
            Code(0)
            GET / HTTP/1.1
        "#]],
        )
        .await;
    }
}

#[tokio::test]
async fn a_page_of_another_host_is_refused() {
    for behind in BEHIND_WALLS {
        check(
            behind,
            FETCH,
            false,
            expect![[r#"
            Code(0)
            HTTP Error 403: Forbidden (localhost:PORT is not on the list of package hosts)
        "#]],
        )
        .await;
    }
}

#[tokio::test]
async fn a_tunnel_to_another_host_is_refused() {
    for behind in BEHIND_WALLS {
        check(behind, TUNNEL, false, expect![[r#"
            Code(0)
            Tunnel connection failed: 403 Forbidden (localhost:PORT is not on the list of package hosts)
        "#]]).await;
    }
}

#[tokio::test]
async fn there_is_no_way_around_the_proxy() {
    const PROGRAM: &str = "
import socket, sys
for kind, family in [('TCP', socket.AF_INET), ('local', socket.AF_UNIX)]:
    try:
        address = ('127.0.0.1', int(sys.argv[1].split(':')[1])) if kind == 'TCP' else '/run/docker.sock'
        socket.socket(family).connect(address)
        print(kind, 'connected')
    except OSError as error:
        print(kind, error)
try:
    print(socket.getaddrinfo('index.test', 80))
except OSError as error:
    print('name not found')
";
    check(
        Behind::Bubblewrap,
        PROGRAM,
        true,
        expect![[r#"
        Code(0)
        TCP [Errno 111] Connection refused
        local [Errno 2] No such file or directory
        name not found
    "#]],
    )
    .await;
    check(
        Behind::LandlockAlone,
        PROGRAM,
        true,
        expect![[r#"
        Code(0)
        TCP [Errno 13] Permission denied
        local [Errno 1] Operation not permitted
        name not found
    "#]],
    )
    .await;
}

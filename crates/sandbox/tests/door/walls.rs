//! What the walls refuse and what they let by, tried from inside.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::{Expect, expect};

use crate::world::{Behind, World, fixture};

/// A listener outside the sandbox that counts who comes.
pub(crate) struct Counter {
    pub(crate) port: u16,
    connections: Arc<AtomicU32>,
}

impl Counter {
    pub(crate) fn new() -> Counter {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let connections = Arc::new(AtomicU32::new(0));
        let counted = connections.clone();
        std::thread::spawn(move || {
            for _connection in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Counter { port, connections }
    }

    pub(crate) fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn check(behind: Behind, expected: Expect) {
    let world = World::new(behind).await;
    let listener = Counter::new();
    std::fs::write(world.out().join("secret.txt"), "marker").expect("a file can be written");
    let mut spawn = world.spawn(&[
        "python3",
        "-",
        &world.tree().display().to_string(),
        &world.out().display().to_string(),
        &listener.port.to_string(),
    ]);
    spawn.stdin = fixture("sandbox/probe.py").into_bytes();
    spawn.bounds.memory_bytes_max = 2 << 30;
    let execution = world.run(&spawn).await;
    expected.assert_eq(&crate::world::shown(&execution));
    assert_eq!(listener.connections(), 0);
    let secret = std::fs::read_to_string(world.out().join("secret.txt"));
    assert_eq!(secret.expect("the file is still there"), "marker");
}

#[tokio::test]
async fn bubblewrap_shows_the_tree_and_little_else() {
    check(
        Behind::Bubblewrap,
        expect![[r#"
            Code(0)
            write in the tree: done
            write in the temporary folder: done
            write at home: done
            write a git hook: refused, OSError: Read-only file system
            rename .git away: refused, OSError: Device or resource busy
            write outside: refused, FileNotFoundError: No such file or directory
            write to /usr: refused, OSError: Read-only file system
            write to /: refused, OSError: Read-only file system
            write to /dev: refused, OSError: Read-only file system
            write to /dev/null: done
            write to shared memory: done
            remove from shared memory: None
            read outside: refused, FileNotFoundError: No such file or directory
            read outside through /proc: refused, FileNotFoundError: No such file or directory
            link from outside: refused, FileNotFoundError: No such file or directory
            truncate outside: refused, FileNotFoundError: No such file or directory
            list outside: refused, FileNotFoundError: No such file or directory
            list the homes: ['agent']
            read the shadow file: refused, FileNotFoundError: No such file or directory
            list private keys: refused, FileNotFoundError: No such file or directory
            look up the user: True
            environment of process 1: refused, PermissionError: Permission denied
            memory of the parent: refused, PermissionError: Permission denied
            connect to a listener outside: refused, ConnectionRefusedError: Connection refused
            own server on loopback: connected
            pair of sockets: 2
            netlink: refused, PermissionError: Operation not permitted
            raw socket: refused, PermissionError: Operation not permitted
            new user namespace: refused, PermissionError: Operation not permitted
            new user namespace by clone: refused, PermissionError: it failed
            mount: refused, PermissionError: Operation not permitted
            ptrace: refused, PermissionError: Operation not permitted
            bpf: refused, PermissionError: Operation not permitted
            io_uring: refused, PermissionError: Operation not permitted
            type into the terminal: refused, PermissionError: Operation not permitted
            3 GiB of memory: refused, MemoryError: no reason
            file of 100 MB: refused, OSError: File too large
            2000 open files: refused, OSError: Too many open files
            32 threads: done
            child process: done
            signal to process 1: refused, PermissionError: Operation not permitted
        "#]],
    )
    .await;
}

#[tokio::test]
async fn landlock_alone_refuses_what_it_can() {
    check(
        Behind::LandlockAlone,
        expect![[r#"
            Code(0)
            write in the tree: done
            write in the temporary folder: done
            write at home: done
            write a git hook: done
            rename .git away: None
            write outside: refused, PermissionError: Permission denied
            write to /usr: refused, PermissionError: Permission denied
            write to /: refused, PermissionError: Permission denied
            write to /dev: refused, PermissionError: Permission denied
            write to /dev/null: done
            write to shared memory: refused, PermissionError: Permission denied
            remove from shared memory: refused, FileNotFoundError: No such file or directory
            read outside: refused, PermissionError: Permission denied
            read outside through /proc: refused, PermissionError: Permission denied
            link from outside: refused, OSError: Invalid cross-device link
            truncate outside: refused, PermissionError: Permission denied
            list outside: refused, PermissionError: Permission denied
            list the homes: refused, PermissionError: Permission denied
            read the shadow file: refused, PermissionError: Permission denied
            list private keys: refused, PermissionError: Permission denied
            look up the user: True
            environment of process 1: refused, PermissionError: Permission denied
            memory of the parent: refused, PermissionError: Permission denied
            connect to a listener outside: refused, PermissionError: Operation not permitted
            own server on loopback: refused, PermissionError: Operation not permitted
            pair of sockets: 2
            netlink: refused, PermissionError: Operation not permitted
            raw socket: refused, PermissionError: Operation not permitted
            new user namespace: refused, PermissionError: Operation not permitted
            new user namespace by clone: refused, PermissionError: it failed
            mount: refused, PermissionError: Operation not permitted
            ptrace: refused, PermissionError: Operation not permitted
            bpf: refused, PermissionError: Operation not permitted
            io_uring: refused, PermissionError: Operation not permitted
            type into the terminal: refused, PermissionError: Operation not permitted
            3 GiB of memory: refused, MemoryError: no reason
            file of 100 MB: refused, OSError: File too large
            2000 open files: refused, OSError: Too many open files
            32 threads: done
            child process: done
            signal to process 1: refused, PermissionError: Operation not permitted
        "#]],
    )
    .await;
}

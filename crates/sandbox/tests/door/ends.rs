//! How programs end, whoever ends them.

use expect_test::{Expect, expect};
use protocol::Exit;
use sandbox::command::Bounds;

use crate::world::{Behind, EVERYWHERE, World, shown, told};

async fn check(behind: Behind, line: &str, expected: Expect) {
    let world = World::new(behind).await;
    let execution = world.run(&world.shell(line)).await;
    expected.assert_eq(&shown(&execution));
}

#[tokio::test]
async fn a_program_that_succeeds() {
    for behind in EVERYWHERE {
        check(
            behind,
            "echo to you; echo to me >&2",
            expect![[r#"
            Code(0)
            to you
            to me
        "#]],
        )
        .await;
    }
}

#[tokio::test]
async fn a_program_that_fails() {
    for behind in EVERYWHERE {
        check(behind, "exit 137", expect!["Code(137)\n"]).await;
    }
}

#[tokio::test]
async fn a_program_is_told_of_every_signal_also_of_its_childrens_ends() {
    // Not through a shell: that would let signals through by itself.
    let script = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))";
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let execution = world
            .run(&world.spawn(&["/usr/bin/python3", "-c", script]))
            .await;
        expect![[r#"
            Code(0)
            set()
        "#]]
        .assert_eq(&shown(&execution));
    }
}

#[tokio::test]
async fn a_program_that_dies_by_a_signal() {
    for behind in EVERYWHERE {
        check(behind, "kill -9 $$", expect!["Signal(9)\n"]).await;
    }
}

/// A change of bounds.
type Bound = fn(&mut Bounds);

async fn check_bound(bound: Bound, argv: &[&str], expected: Expect) {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let mut spawn = world.spawn(argv);
        bound(&mut spawn.bounds);
        let execution = world.run(&spawn).await;
        expected.assert_eq(&shown(&execution));
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_stopped() {
    check_bound(
        |bounds| bounds.wall_seconds_max = 1,
        &["sh", "-c", "echo begun; sleep 1000"],
        expect![[r#"
            TooSlow
            begun
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_program_that_computes_for_ever_is_stopped() {
    check_bound(
        |bounds| bounds.cpu_seconds_max = 1,
        &["python3", "-c", "while True: pass"],
        expect!["TooSlow\n"],
    )
    .await;
}

#[tokio::test]
async fn a_program_that_prints_a_gigabyte_is_stopped() {
    const GIGABYTE: &str = "for _ in range(1 << 20): print('x' * 1023)";
    const BYTES_MAX: u64 = 1 << 20;
    // What lies in the pipe when the limit is crossed is counted, and nothing after that.
    const PIPE_BYTES_MAX: u64 = 1 << 20;
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let mut spawn = world.spawn(&["python3", "-c", GIGABYTE]);
        spawn.bounds.output_bytes_max = 40;
        spawn.bounds.output_flood_bytes_max = BYTES_MAX;
        let execution = world.run(&spawn).await;
        assert_eq!(execution.exit, Exit::TooMuchOutput);
        let (bytes, text) = (execution.stdout.bytes_total, &execution.stdout.text);
        assert!(
            (BYTES_MAX..BYTES_MAX + PIPE_BYTES_MAX).contains(&bytes),
            "{bytes}"
        );
        assert!(
            text.contains(" bytes left out ...]\n") && text.len() < 100,
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_program_that_takes_too_much_memory_is_refused() {
    check_bound(
        |bounds| bounds.memory_bytes_max = 1 << 30,
        &[
            "python3",
            "-c",
            "try: bytearray(2 << 30)\nexcept MemoryError: print('no')",
        ],
        expect!["Code(0)\nno\n"],
    )
    .await;
}

#[tokio::test]
async fn a_file_that_grows_too_large_ends_its_writer() {
    check_bound(
        |bounds| bounds.file_bytes_max = 1 << 20,
        &["sh", "-c", "exec head -c 2000000 /dev/zero > big"],
        expect!["Signal(25)\n"],
    )
    .await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let error = world.refusal(&world.spawn(&["no-such-program"])).await;
        expect!["start `no-such-program` (is it installed, and on the PATH the command was given?): No such file or directory (os error 2)"].assert_eq(&told(&error));
    }
}

#[tokio::test]
async fn a_file_that_is_no_program_is_an_error() {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        std::fs::write(world.tree().join("text"), "words").expect("a file can be written");
        let error = world.refusal(&world.spawn(&["./text"])).await;
        expect!["start `./text` (is it installed, and on the PATH the command was given?): Permission denied (os error 13)"].assert_eq(&told(&error));
    }
}

#[tokio::test]
async fn a_command_without_a_program_is_an_error() {
    let world = World::new(Behind::Nothing).await;
    let error = world.refusal(&world.spawn(&[])).await;
    expect!["run a command without a program"].assert_eq(&told(&error));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let mut spawn = world.shell("true");
        spawn.directory = "/no/such/folder".into();
        let error = world.refusal(&spawn).await;
        expect!["show `/no/such/folder` to a command (it must be absolute and exist): No such file or directory (os error 2)"].assert_eq(&told(&error));
    }
}

#[tokio::test]
async fn a_folder_that_is_not_shown_is_an_error() {
    let world = World::new(Behind::Bubblewrap).await;
    let mut spawn = world.shell("true");
    spawn.directory = world.out();
    let error = world.refusal(&spawn).await;
    let words = told(&error).replace(&world.out().display().to_string(), "OUT");
    expect!["put up the sandbox for `sh`: bwrap: Can't chdir to OUT: No such file or directory (`pipeline doctor` shows what works here)"].assert_eq(&words);
}

#[tokio::test]
async fn standard_input_arrives_whole() {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let mut spawn = world.shell("wc -c");
        spawn.stdin = vec![b'x'; 1_000_000];
        expect![[r#"
            Code(0)
            1000000
        "#]]
        .assert_eq(&shown(&world.run(&spawn).await));
    }
}

#[tokio::test]
async fn a_program_that_reads_nothing_is_no_error() {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let mut spawn = world.shell("echo done");
        spawn.stdin = vec![b'x'; 1_000_000];
        expect![[r#"
            Code(0)
            done
        "#]]
        .assert_eq(&shown(&world.run(&spawn).await));
    }
}

#[tokio::test]
async fn the_report_comes_beside_the_output_and_while_it_is_written() {
    const PROGRAM: &str = "
import os, sys
report = int(os.environ['PIPELINE_REPORT_FD'])
os.write(report, b'one\\n')
print('not a report')
sys.stdin.readline()
os.write(report, b'two\\n')
";
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let mut spawn = world.spawn(&["python3", "-c", PROGRAM]);
        spawn.report = true;
        let mut live = Vec::new();
        let execution = world
            .door
            .run_watching(&spawn, &mut |piece| live.extend_from_slice(piece))
            .await
            .expect("the program can be run");
        expect![[r#"
            Code(0)
            not a report
        "#]]
        .assert_eq(&shown(&execution));
        assert_eq!(execution.report, b"one\ntwo\n");
        assert_eq!(live, execution.report);
    }
}

#[tokio::test]
async fn a_report_is_cut_at_the_flood_limit() {
    let world = World::new(Behind::Bubblewrap).await;
    let mut spawn = world.shell("head -c 100000 /dev/zero >&$PIPELINE_REPORT_FD; echo done");
    spawn.argv[0] = "bash".into();
    spawn.report = true;
    spawn.bounds.output_flood_bytes_max = 1000;
    let execution = world.run(&spawn).await;
    assert_eq!(
        (execution.succeeded(), execution.report.len()),
        (true, 1000)
    );
}

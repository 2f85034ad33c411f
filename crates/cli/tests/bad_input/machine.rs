//! Machines that refuse: a full disk, folders that can't be written, a missing sandbox.

use expect_test::expect;

use crate::world::{PAGES, ROUND_UP, World};

fn drafted() -> World {
    World::with_repository(PAGES).says("draft", &[ROUND_UP])
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let world = drafted()
        .file("file", "")
        .variable("XDG_STATE_HOME", "[WORLD]/file");
    let ended = world.walk(&[]);
    expect![[r#"
        exit 1
        --- stderr
        error: could not open the list of runs
          because: create `[WORLD]/file/pipeline` for the database (may this user write there?)
          because: Not a directory (os error 20)
    "#]]
    .assert_eq(&world.seen(&ended));
}

#[test]
fn a_cache_that_cannot_be_made_is_named() {
    let world = drafted()
        .file("file", "")
        .variable("XDG_CACHE_HOME", "[WORLD]/file");
    let ended = world.walk(&[]);
    expect![[r#"
        exit 1
        --- stderr
        error: could not create [WORLD]/file/pipeline/scratch
          because: Not a directory (os error 20)
          what to do: Set XDG_CACHE_HOME to a folder that you may write to.
    "#]]
    .assert_eq(&world.seen(&ended));
}

#[test]
fn without_python_there_is_nothing_to_test_with() {
    let world = drafted()
        .variable("PATH", "[WORLD]/here")
        .variable("XDG_CACHE_HOME", "[WORLD]/other");
    let ended = world.walk(&["--unconfined"]);
    expect![[r#"
        exit 13
        --- stdout

        failed      blocked environment
                    could not use the workspace: set up the repository's Python environment: `find Python 3.8 or newer` failed:
                    none of the folders of PATH has a `python3` that works (on Debian and Ubuntu: apt-get install python3 python3-venv)
        run         [RUN]
        change      none
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        cost        0 tokens, $0.0000
        next        Make the command above work in a fresh checkout (a missing system package, a Python version), or say how in `[tool.pipeline]` of pyproject.toml; then run it again.
    "#]].assert_eq(&world.seen(&ended));
    let doctor = world.pipeline(&["doctor"]);
    expect![[r#"
        exit 13
        --- stdout
        ✗ git            not found; clones repositories
          what to do: On Debian and Ubuntu: apt-get install git
        – bwrap          not found; the strongest sandbox
          what to do: On Debian and Ubuntu: apt-get install bubblewrap
        ✗ python3        not found; makes the environments of repositories
          what to do: On Debian and Ubuntu: apt-get install python3 python3-venv
        ✓ sandbox        landlock, seccomp, rlimits
        –                but no private view (bubblewrap: not installed): names, sizes and times of the host's files can be seen
        –                but modes and times of the user's own files can be changed, also outside the tree
        –                but commands can change the tree's `.git`
        –                but no sockets, terminals and shared memory, so tests that use them fail
        –                but an installation reaches every host that listens on the port number of our proxy
        –                but memory and processor time are limited for each process, not for all together
        –                but processes are counted ten times a second instead of limited, as the pipeline runs as root
        ✓ configuration  can be read
        ✓ runs           [WORLD]/home/.local/state/pipeline
        ✓ cache          [WORLD]/other/pipeline
        ✗ Anthropic      ANTHROPIC_API_KEY is not set; for refine (anthropic:claude-sonnet-5-5), author (anthropic:claude-sonnet-5-5)
          what to do: Set it, or choose models of other vendors (`pipeline models`). `pipeline demo` needs no key.
        ✗ Gemini         GOOGLE_API_KEY or GEMINI_API_KEY is not set; for review (gemini:gemini-3.8-flash)
          what to do: Set it, or choose models of other vendors (`pipeline models`). `pipeline demo` needs no key.
        ✗ OpenAI         OPENAI_API_KEY is not set; for draft (openai:gpt-6.1-sol)
          what to do: Set it, or choose models of other vendors (`pipeline models`). `pipeline demo` needs no key.
        – GITHUB_TOKEN   is not set; for private repositories and issues
        – JIRA_API_TOKEN is not set; for tickets
        ✗ not ready      git, python3, Anthropic, Gemini, OpenAI stand in the way (exit 13)
    "#]].assert_eq(&world.seen(&doctor));
}

#[test]
fn a_full_disk_loses_nothing() {
    let world = drafted().variable("PIPELINE_DATABASE_URL", "sqlite:[WORLD]/small/runs.db");
    std::fs::create_dir(world.path("small")).expect("a folder can be made");
    let ended = world.apart(
        r#"
        mount -t tmpfs -o size=1m none '[WORLD]/small'
        "$PIPELINE" runs
        # Whatever is free now but a few pages is taken.
        free=$(stat -f -c %f '[WORLD]/small')
        head -c $(((free - 30) * 4096)) /dev/zero > '[WORLD]/small/filler'
        "$PIPELINE" run 'Count the last page' --quiet --repo '[WORLD]/repo' --scripted '[WORLD]/replies' \
            > '[WORLD]/said' 2>&1 || echo "exit $?"
        rm '[WORLD]/small/filler'
        "$PIPELINE" runs
        "$PIPELINE" resume 20 --quiet || echo "exit $?"
        "#,
    );
    expect![[r#"
        exit 0
        --- stdout
        No runs yet. `pipeline demo` makes one without a key.
        exit 1
        [RUN]  [MOMENT]  stopped                   Count the last page

        completed   unverified
                    the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
        run         [RUN]
        change      ~pages.py
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
        cost        0 tokens, $0.0000
        next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
    "#]].assert_eq(&world.seen(&ended));
    // Whether the disk is full for an agent or for the run itself is decided by the size of a few events.
    let said = std::fs::read_to_string(world.path("said")).expect("the run said something");
    for words in [
        "use the run journal: write down an event of the run: the disk is full",
        "(make space where `[WORLD]/small/runs.db` is, then resume the run; nothing that was written down is lost)",
        "`pipeline resume [RUN]` goes on",
    ] {
        let said = world.masked(&said).replace("\n  because: ", ": ");
        assert!(said.contains(words), "{said}");
    }
}

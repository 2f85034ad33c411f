//! What goes to which stream, and in which form.

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::world::{PAGES, ROUND_UP, World};

fn drafted() -> World {
    World::with_repository(PAGES).says("draft", &[ROUND_UP])
}

#[test]
fn json_is_one_event_a_line_and_nothing_else_on_standard_output() {
    let check = |world: &World, arguments: &[&str], want: Expect| {
        let ended = world.pipeline(arguments);
        let mut kinds: Vec<String> = Vec::new();
        for line in ended.stdout.lines() {
            let value: Value = serde_json::from_str(line).expect("each line is JSON");
            let kind = &value["event"]["kind"];
            kinds.push(kind.as_str().expect("each line is an event").to_owned());
        }
        // Preparations come in beside the draft, sooner or later.
        kinds.sort_unstable();
        let seen = format!("exit {}\n{}\n", ended.code, kinds.join(" "));
        want.assert_eq(&(seen + &world.masked(&ended.stderr)));
    };
    let world = drafted();
    check(
        &world,
        &[
            "run",
            "Count the last page",
            "--json",
            "--repo",
            "[WORLD]/repo",
            "--scripted",
            "[WORLD]/replies",
        ],
        expect![[r#"
            exit 0
            finished opened prepared prepared prepared prepared prepared replied reported reported reported reported reported set_up started started started started started stepped stepped stepped stepped stepped stepped stepped
        "#]],
    );
    check(
        &world,
        &["log", "20", "--json"],
        expect![[r#"
            exit 0
            finished opened prepared prepared prepared prepared prepared replied reported reported reported reported reported set_up started started started started started stepped stepped stepped stepped stepped stepped stepped
        "#]],
    );
    check(
        &world,
        &["run", "", "--new", "--json"],
        expect![[r#"
        exit 14

        error: could not find a task in the command line: it is empty (say what should change)
    "#]],
    );
}

#[test]
fn a_pipe_gets_plain_lines_and_no_escapes() {
    let world = drafted();
    let ended = world.pipeline(&[
        "run",
        "Count the last page",
        "--repo",
        "[WORLD]/repo",
        "--scripted",
        "[WORLD]/replies",
    ]);
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
    // The base's own suite runs beside the draft, and either may be done first.
    let mut lines: Vec<&str> = ended.stderr.lines().collect();
    lines.sort_unstable();
    expect![[r#"
          step 1, generate (draft 1, drafter): 1 file; ~pages.py
          step 2, test (draft 1, pytest): 1 passed, 0 failed; tests/test_pages.py
          ✓ pytest: the base's own suite: 1 test, 0 failing
        base        [WORLD]/repo at [COMMIT]
        environment Python [VERSION] from nothing declared, so pytest alone
        task        Count the last page
        walls       [WALLS]
        ✓ Drafting   drafter: Rounds up instead of down. ([TIME])
        ✓ Drafting   patch: the patch touches 1 file in 278 bytes ([TIME])
        ✓ Formatting ruff: ruff 0.17.5: nothing to format, nothing new found ([TIME])
        ✓ Testing    ablation: 1 hunk reverted one by one: 0 noticed by a test, 1 by none, 0 not tried ([TIME])
        ✓ Testing    pytest: 1 test: 1 kept ([TIME])"#]]
    .assert_eq(&world.masked(&lines.join("\n")));
    let see = |arguments: &[&str], want: Expect| {
        let ended = world.pipeline(arguments);
        want.assert_eq(&world.seen(&ended));
    };
    see(
        &["runs"],
        expect![[r#"
        exit 0
        --- stdout
        [RUN]  [MOMENT]  completed, unverified     Count the last page
    "#]],
    );
    // Each line begins with its number.
    let log = world.masked(&world.pipeline(&["log", "20"]).stdout);
    let mut lines: Vec<&str> = log.lines().filter_map(|it| it.get(6..)).collect();
    lines.sort_unstable();
    expect![[r#"
        [MOMENT]    ablation is prepared
        [MOMENT]    ablation: revert each hunk alone
        [MOMENT]    drafter is prepared
        [MOMENT]    drafter: 1.1 edit_file
        [MOMENT]    drafter: overview
        [MOMENT]    drafter: reply of 0 tokens, wants edit_file, finish
        [MOMENT]    patch is prepared
        [MOMENT]    pytest is prepared: the base's own suite: 1 test, 0 failing
        [MOMENT]    pytest: look at the change's own code
        [MOMENT]    pytest: run the suite on the base
        [MOMENT]    pytest: run the tests with the change
        [MOMENT]    ruff is prepared
        [MOMENT]    ruff: format
        [MOMENT]  Drafting: drafter began draft 1
        [MOMENT]  Drafting: drafter passed it: Rounds up instead of down.
        [MOMENT]  Drafting: patch began draft 1
        [MOMENT]  Drafting: patch passed it: the patch touches 1 file in 278 bytes
        [MOMENT]  Formatting: ruff began draft 1
        [MOMENT]  Formatting: ruff passed it: ruff 0.17.5: nothing to format, nothing new found
        [MOMENT]  Testing: ablation began draft 1
        [MOMENT]  Testing: ablation passed it: 1 hunk reverted one by one: 0 noticed by a test, 1 by none, 0 not tried
        [MOMENT]  Testing: pytest began draft 1
        [MOMENT]  Testing: pytest passed it: 1 test: 1 kept
        [MOMENT]  finished: completed: the first draft came through the stages that were there, but what it does was not proven by tests a…
        [MOMENT]  opened: Count the last page (base [COMMIT])
        [MOMENT]  set up: Python [VERSION]
        step 1, generate (draft 1, drafter): 1 file; ~pages.py
        step 2, test (draft 1, pytest): 1 passed, 0 failed; tests/test_pages.py"#]].assert_eq(&lines.join("\n"));
    see(
        &["show", "20"],
        expect![[r#"
            exit 0
            --- stdout
            run         [RUN]
            status      completed, unverified
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            next        pipeline open [RUN], then pipeline apply [RUN]

            task        Count the last page
            repository  [WORLD]/repo
            draft       1
              · Rounds up instead of down.
              · a patch of 1 file
              · ruff 0.17.5: 0 files formatted, 0 new findings
              · the base's own suite: 1 test, 0 failing
              · 1 test, 1 passed, 0 failing
              · 8 canary tests did what they must
              · 1 hunk reverted one by one, 0 noticed by a test
            used        drafter: 1 request, 0 tokens, $0.0000
        "#]],
    );
}

#[test]
fn help_says_what_each_thing_is_for() {
    let world = World::new();
    let see = |arguments: &[&str], want: Expect| {
        let ended = world.pipeline(arguments);
        want.assert_eq(&world.seen(&ended));
    };
    see(
        &["--help"],
        expect![[r#"
            exit 0
            --- stdout
            Takes a coding task and a repository, and returns a change that was tested and reviewed

            Usage: pipeline [OPTIONS] <COMMAND>

            Commands:
              run           Walk one task to a verified change
              resume        Go on where a run stopped
              fork          Begin a new run as an old one, and go on with other models
              bot           Work unattended: on what is asked for in a tracker, as pull requests
              serve         Answer over HTTP: an API, and a page at /coding
              mcp           Answer another agent by the Model Context Protocol, on standard input and output
              acp           Answer an editor by the Agent Client Protocol, on standard input and output
              token         Say who may ask the server
              runs          List the runs, newest first
              show          Show how a run stands, where its change is, and what to do next
              log           Print what happened in a run, one event a line
              diff          Print a run's change
              apply         Put a run's change into the files of a repository; nothing is staged
              open          Open a run's report in the browser
              cancel        Ask a run to stop; it can be resumed
              verify        Re-execute the gates of an evidence bundle, without any model
              test          Run a repository's own tests in the sandbox, as a run would run them
              commit        Stage exactly these paths and commit them
              demo          Walk a bundled task with scripted models; needs no key
              models        List the models with their limits and prices, and what a typical task costs
              review-bench  Measure how often a reviewer is right, on changes of which it is known whether they
                            are wrong
              doctor        Say what is installed, which keys are set, what the sandbox can do here, and who can
                            be reached
              config        Begin a configuration, say what holds, or where it is looked for
              clean         Say what takes up space and can go, and remove it
              completions   Print the completions of a shell
              man           Write the manual pages into a folder
              help          Print this message or the help of the given subcommand(s)

            Options:
              -q, --quiet         Print nothing but errors and the result
              -v, --verbose...    Say on standard error what is done: verdicts, model calls, programs; twice for
                                  more
                  --color <WHEN>  Colours: auto is on a terminal, unless NO_COLOR is set
              -h, --help          Print help
              -V, --version       Print version

            More: pipeline help configuration, pipeline help environment, pipeline help exit-codes
        "#]],
    );
    see(
        &["run", "--help"],
        expect![[r#"
            exit 0
            --- stdout
            Walk one task to a verified change

            Usage: pipeline run [OPTIONS] [TASK]

            Arguments:
              [TASK]
                      The task in words; first line the title, the rest the description [default: standard
                      input, when it isn't a terminal]

            Options:
              -q, --quiet
                      Print nothing but errors and the result

              -v, --verbose...
                      Say on standard error what is done: verdicts, model calls, programs; twice for more

                  --color <WHEN>
                      Colours: auto is on a terminal, unless NO_COLOR is set

              -h, --help
                      Print help (see a summary with '-h')

            Task and code:
                  --repo <URL|PATH>
                      Git address (https, ssh, scp-like, file) or a local folder [default: the repository of the
                      working folder]

                  --new
                      Start from an empty repository

                  --base <REF>
                      Branch, tag or commit to start from [default: the remote's default branch, or HEAD]

                  --include-dirty
                      Take a local folder's uncommitted changes along as part of the base

                  --github <OWNER/REPO#N|URL>
                      The task is a GitHub issue; --repo defaults to its repository

                  --jira <KEY-N|URL>
                      The task is a Jira ticket

                  --pr-feedback <OWNER/REPO#N|URL>
                      Take up the review and the failed checks of a pull request that this program opened, on
                      the same branch

                  --task-file <FILE|->
                      The task is a file, or - for standard input; first line the title, the rest the
                      description

                  --tests <PATH>
                      Tests of your own that must pass, instead of written ones: a file, a folder, or a test of
                      the repository such as tests/test_a.py::test_b; may be given again

            Who works on it:
                  --crew <NAME>
                      A set of models for all roles: best, cheap or default; flags for a role come before it,
                      and `pipeline models` shows what each costs

                  --coder <VENDOR:MODEL>
                      A coder; give it again for each further one, in order; `none` is nobody [default: GPT
                      drafts, Claude refines]

                  --test-author <VENDOR:MODEL>
                      Who writes the acceptance tests; `none` leaves the role out [default: Claude]

                  --reviewer <VENDOR:MODEL>
                      Who reviews; `none` leaves the role out [default: Gemini]

                  --effort <ROLE=LEVEL>
                      How hard the models of a role think: draft, refine, author or review, and low, medium,
                      high, xhigh or max; may be given again [default: the crew's]

                  --fallback <ROLE=VENDOR:MODEL>
                      Who stands in for a role while its model's vendor is down: draft, refine, author or
                      review, and a model; may be given again

                  --flex
                      Use the cheaper, slower service of the vendors that have one which answers while one waits
                      (OpenAI, Gemini)

                  --scripted <FOLDER>
                      Let scripted models from a folder (one folder of replies a role) work instead of vendors

                  --record <FOLDER>
                      Write every request and reply into a folder that anyone can read

                  --replay <FOLDER>
                      Take the replies from a recorded folder; needs no key and no network

            How far it may go:
                  --max-iterations <N>
                      Drafts in all, the first one included [default: 3]

                  --test-seconds <N>
                      Seconds that one run of the tests may take [default: 900]

                  --budget <DOLLARS>
                      Most money to spend, in US dollars; `pipeline models` lists the prices that are known

                  --token-budget <N>
                      Most tokens to use, input and output together, as in 500k or 2M

                  --dry-run
                      Resolve the task and the repository, show the crew, its prices and the cap, and end before
                      anything is paid

                  --yes
                      Don't ask before a run that may cost more than `confirm_above` of the configuration, or
                      whose repository has no tests

                  --require <TIER>
                      Deliver only what was proven at least this far

                      Possible values:
                      - proven:          A blind test, or one of the user's, was red before the change and is
                        green with it
                      - regression-safe: Nothing that passed before fails now

            Where the change goes:
                  --out <FOLDER>
                      Where the evidence bundle goes [default: a folder in the state folder, named at the end]

                  --patch <FILE>
                      Write the change to a patch file

                  --commit
                      Commit the change to a new branch, in the local repository or in the run's clone; its
                      message is the task's

                  --push
                      Push the change to a new branch of the remote repository, or append it to the branch of an
                      earlier run on the same issue

                  --pr
                      Push it, and open a pull request with the evidence, or bring the one up to date that an
                      earlier run on the same issue opened; from a fork where you may not push

                  --draft
                      Make the pull request a draft also when the change is proven

                  --comment
                      Tell the issue or the ticket how it ended, in one comment that later runs rewrite

                  --json
                      Print one event a line as JSON on standard output, and nothing else there

                  --notify
                      Ring the terminal's bell at the end, with a notification where the terminal shows one

            Safety:
                  --unconfined
                      Run programs without any sandbox when none can be had here; the report says so

            Examples:
              pipeline run "Dates before 1970 are parsed as 1970"               (in a repository: on that one)
              pipeline run "Dates before 1970 are parsed as 1970" --commit      (the change on a branch of its
              own)
              pipeline run --github owner/repo#123 --patch fix.patch
              pipeline run --repo git@host:team/project.git --jira ABC-123 --token-budget 2M
              pipeline run --new --tests test_sieve.py "Implement a prime sieve"      (from nothing)
              pipeline run --crew cheap --budget 0.50 --dry-run "Dates before 1970"   (only says who would work)
              git log -1 --format=%B | pipeline run                               (the task on standard input)
        "#]],
    );
    see(
        &["commit", "--help"],
        expect![[r#"
            exit 0
            --- stdout
            Stage exactly these paths and commit them

            Usage: pipeline commit [OPTIONS] --message <MESSAGE> <PATH>...

            Arguments:
              <PATH>...  The paths; nothing else is staged

            Options:
              -m, --message <MESSAGE>  The commit message
              -q, --quiet              Print nothing but errors and the result
              -v, --verbose...         Say on standard error what is done: verdicts, model calls, programs;
                                       twice for more
                  --color <WHEN>       Colours: auto is on a terminal, unless NO_COLOR is set
              -h, --help               Print help
        "#]],
    );
    see(
        &[],
        expect![[r#"
            exit 2
            --- stderr
            Takes a coding task and a repository, and returns a change that was tested and reviewed

            Usage: pipeline [OPTIONS] <COMMAND>

            Commands:
              run           Walk one task to a verified change
              resume        Go on where a run stopped
              fork          Begin a new run as an old one, and go on with other models
              bot           Work unattended: on what is asked for in a tracker, as pull requests
              serve         Answer over HTTP: an API, and a page at /coding
              mcp           Answer another agent by the Model Context Protocol, on standard input and output
              acp           Answer an editor by the Agent Client Protocol, on standard input and output
              token         Say who may ask the server
              runs          List the runs, newest first
              show          Show how a run stands, where its change is, and what to do next
              log           Print what happened in a run, one event a line
              diff          Print a run's change
              apply         Put a run's change into the files of a repository; nothing is staged
              open          Open a run's report in the browser
              cancel        Ask a run to stop; it can be resumed
              verify        Re-execute the gates of an evidence bundle, without any model
              test          Run a repository's own tests in the sandbox, as a run would run them
              commit        Stage exactly these paths and commit them
              demo          Walk a bundled task with scripted models; needs no key
              models        List the models with their limits and prices, and what a typical task costs
              review-bench  Measure how often a reviewer is right, on changes of which it is known whether they
                            are wrong
              doctor        Say what is installed, which keys are set, what the sandbox can do here, and who can
                            be reached
              config        Begin a configuration, say what holds, or where it is looked for
              clean         Say what takes up space and can go, and remove it
              completions   Print the completions of a shell
              man           Write the manual pages into a folder
              help          Print this message or the help of the given subcommand(s)

            Options:
              -q, --quiet         Print nothing but errors and the result
              -v, --verbose...    Say on standard error what is done: verdicts, model calls, programs; twice for
                                  more
                  --color <WHEN>  Colours: auto is on a terminal, unless NO_COLOR is set
              -h, --help          Print help
              -V, --version       Print version

            More: pipeline help configuration, pipeline help environment, pipeline help exit-codes
        "#]],
    );
}

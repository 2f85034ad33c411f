//! Tasks that say nothing, and command lines that make no sense.

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

#[track_caller]
fn check(world: World, arguments: &[&str], want: Expect) {
    let named = arguments.contains(&"--repo");
    let new: &[&str] = if named { &[] } else { &["--new"] };
    let ended = world.pipeline(&[&["run"], new, arguments].concat());
    want.assert_eq(&world.seen(&ended));
    let runs = world.pipeline(&["runs", "--json"]).stdout;
    assert_eq!(runs, "", "a run was begun");
}

#[test]
fn a_task_without_words_is_asked_for() {
    check(
        World::new(),
        &[],
        expect![[r#"
            exit 14
            --- stderr
            error: could not find a task in standard input: it is empty (say what should change)
        "#]],
    );
    check(
        World::new(),
        &[""],
        expect![[r#"
        exit 14
        --- stderr
        error: could not find a task in the command line: it is empty (say what should change)
    "#]],
    );
    check(
        World::new(),
        &[" \n\t "],
        expect![[r#"
        exit 14
        --- stderr
        error: could not find a task in the command line: it is empty (say what should change)
    "#]],
    );
    check(
        World::new().input("\n"),
        &["--task-file", "-"],
        expect![[r#"
        exit 14
        --- stderr
        error: could not find a task in standard input: it is empty (say what should change)
    "#]],
    );
    let empty = World::new().file("here/task.md", " \n");
    check(
        empty,
        &["--task-file", "task.md"],
        expect![[r#"
        exit 14
        --- stderr
        error: could not find a task in `[WORLD]/here/task.md`: it is empty (say what should change)
    "#]],
    );
}

#[test]
fn a_task_file_that_cannot_be_read_is_named() {
    check(
        World::new(),
        &["--task-file", "task.md"],
        expect![[r#"
        exit 14
        --- stderr
        error: could not read the task file `[WORLD]/here/task.md` (is the path right, and may this user read it?)
          because: No such file or directory (os error 2)
    "#]],
    );
    let binary = World::new().file("here/task.md", [0xff, 0xfe, 0]);
    check(
        binary,
        &["--task-file", "task.md"],
        expect![[r#"
        exit 14
        --- stderr
        error: could not read `[WORLD]/here/task.md` as text: byte 0 isn't UTF-8 (is it the right file?)
    "#]],
    );
    check(
        World::new(),
        &["--task-file", "."],
        expect![[r#"
        exit 14
        --- stderr
        error: could not read the task file `[WORLD]/here/.` (is the path right, and may this user read it?)
          because: Is a directory (os error 21)
    "#]],
    );
}

#[test]
fn two_tasks_are_one_too_many() {
    let world = World::new().file("here/task.md", "Fix it");
    check(
        world,
        &["Fix it", "--task-file", "task.md"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not choose between the task in words and --task-file (give one of them)
    "#]],
    );
}

#[test]
fn what_is_no_command_line_is_told_with_the_nearest_that_is() {
    check(
        World::new(),
        &["Fix it", "--bugdet", "2"],
        expect![[r#"
            exit 2
            --- stderr
            error: unexpected argument '--bugdet' found

              tip: a similar argument exists: '--budget'

            Usage: pipeline run --new --budget <DOLLARS> <TASK>

            For more information, try '--help'.
        "#]],
    );
    check(
        World::new(),
        &["Fix", "it"],
        expect![[r#"
        exit 2
        --- stderr
        error: unexpected argument 'it' found

        Usage: pipeline run [OPTIONS] [TASK]

        For more information, try '--help'.
    "#]],
    );
    check(
        World::new(),
        &["Fix it", "--max-iterations", "0"],
        expect![[r#"
            exit 2
            --- stderr
            error: invalid value '0' for '--max-iterations <N>': write a whole number from 1 to 20

            For more information, try '--help'.
        "#]],
    );
    check(
        World::new(),
        &["Fix it", "--require", "perfect"],
        expect![[r#"
            exit 2
            --- stderr
            error: invalid value 'perfect' for '--require <TIER>'
              [possible values: proven, regression-safe]

            For more information, try '--help'.
        "#]],
    );
    check(
        World::new(),
        &["Fix it", "--record", "a", "--replay", "b"],
        expect![[r#"
            exit 2
            --- stderr
            error: the argument '--record <FOLDER>' cannot be used with '--replay <FOLDER>'

            Usage: pipeline run --new --record <FOLDER> <TASK>

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn a_model_that_cannot_be_had_is_named_with_its_role_before_anything_is_fetched() {
    check(
        World::new(),
        &["Fix it", "--repo", "https://127.0.0.1:9/x/y"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not fill 4 of the roles
              because: connect openai:gpt-6.1-sol for the role `drafter`: OpenAI needs a key (set OPENAI_API_KEY, or choose another model for this role)
              because: connect anthropic:claude-sonnet-5-5 for the role `refiner`: Anthropic needs a key (set ANTHROPIC_API_KEY, or choose another model for this role)
              because: connect anthropic:claude-sonnet-5-5 for the role `test-author`: Anthropic needs a key (set ANTHROPIC_API_KEY, or choose another model for this role)
              because: connect gemini:gemini-3.8-flash for the role `reviewer`: Gemini needs a key (set GOOGLE_API_KEY or GEMINI_API_KEY, or choose another model for this role)
              what to do: `pipeline doctor` shows which keys are set; `pipeline demo` needs none.
        "#]],
    );
    let two = World::new()
        .variable("OPENAI_API_KEY", "k")
        .variable("ANTHROPIC_API_KEY", "k");
    check(
        two,
        &["Fix it"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not connect gemini:gemini-3.8-flash for the role `reviewer`: Gemini needs a key (set GOOGLE_API_KEY or GEMINI_API_KEY, or choose another model for this role)
              what to do: `pipeline doctor` shows which keys are set; `pipeline demo` needs none.
        "#]],
    );
    check(
        World::new(),
        &["Fix it", "--coder", "nobody:x"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not choose the models
              because: find the model `nobody:x` (write `vendor:name`, with a vendor of anthropic, gemini, openai, or `none`)
        "#]],
    );
    check(
        World::new(),
        &["Fix it", "--coder", "openai"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not choose the models
          because: find the model `openai` (write `vendor:name`, with a vendor of anthropic, gemini, openai, or `none`)
    "#]],
    );
    check(
        World::new(),
        &["Fix it", "--coder", "none"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not run without a coder: give at least one --coder that isn't `none`
    "#]],
    );
    check(
        World::new(),
        &["Fix it", "--scripted", "nowhere"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find a coder's script in `[WORLD]/here/nowhere` (it needs a folder `draft` with replies `01.toml`, `02.toml` …; `refine`, `author` and `review` may be beside it)
        "#]],
    );
    let no_script = World::new().file("here/replies/draft/README.md", "");
    check(
        no_script,
        &["Fix it", "--scripted", "replies"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not load the script of scripted:draft
              because: find a reply in the script (it needs files `01.toml`, `02.toml` …)
              what to do: The scripts are in [WORLD]/here/replies.
        "#]],
    );
    let typo = World::new().file("here/replies/draft/01.toml", "txt = 'a typo'");
    check(
        typo,
        &["Fix it", "--scripted", "replies"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not load the script of scripted:draft
              because: read the reply `01.toml`
              because: TOML parse error at line 1, column 1
                  |
                1 | txt = 'a typo'
                  | ^^^
                unknown field `txt`, expected one of `text`, `expect`, `json`, `output`, `stop`, `stop_details`, `usage`, `call`
              what to do: The scripts are in [WORLD]/here/replies.
        "#]],
    );
    check(
        World::new(),
        &["Fix it", "--replay", "nowhere"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not replay [WORLD]/here/nowhere
              because: use the folder `[WORLD]/here/nowhere` for replies
              because: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn nobody_reviews_what_its_own_vendor_wrote() {
    check(
        World::new(),
        &["Fix it", "--coder", "gemini:gemini-3.8-flash"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not let gemini:gemini-3.8-flash review what gemini:gemini-3.8-flash wrote: the reviewer must be of another vendor than the last coder
              what to do: Give a --reviewer of anthropic or openai, or let a coder of another vendor be the last. `--reviewer none` leaves the review out; the change is then at most `unverified`.
        "#]],
    );
    // Two names of one vendor, and whatever stands behind an address of its interface, are one vendor.
    check(
        World::new().variable("OPENAI_BASE_URL", "http://127.0.0.1:9/"),
        &[
            "Fix it",
            "--coder",
            "gpt-6.1-sol",
            "--reviewer",
            "openai:qwen3:8b",
        ],
        expect![[r#"
            exit 2
            --- stderr
            error: could not let openai:qwen3:8b review what openai:gpt-6.1-sol wrote: the reviewer must be of another vendor than the last coder
              what to do: Give a --reviewer of anthropic or gemini, or let a coder of another vendor be the last. `--reviewer none` leaves the review out; the change is then at most `unverified`.
        "#]],
    );
    let configured = "coders = ['gpt-6.1-sol', 'claude-opus-5']\nreviewer = 'claude-sonnet-5-5'";
    check(
        World::new().file("here/pipeline.toml", configured),
        &["Fix it"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not let anthropic:claude-sonnet-5-5 review what anthropic:claude-opus-5 wrote: the reviewer must be of another vendor than the last coder
              what to do: Give a --reviewer of gemini or openai, or let a coder of another vendor be the last. `--reviewer none` leaves the review out; the change is then at most `unverified`.
        "#]],
    );
    check(
        World::new().file("here/recorded/x", ""),
        &[
            "Fix it",
            "--replay",
            "recorded",
            "--reviewer",
            "claude-sonnet-5-5",
        ],
        expect![[r#"
            exit 2
            --- stderr
            error: could not let anthropic:claude-sonnet-5-5 review what anthropic:claude-sonnet-5-5 wrote: the reviewer must be of another vendor than the last coder
              what to do: Give a --reviewer of gemini or openai, or let a coder of another vendor be the last. `--reviewer none` leaves the review out; the change is then at most `unverified`.
        "#]],
    );
}

#[test]
fn only_the_last_coder_and_a_reviewer_that_is_there_are_compared() {
    // What is missing next is a key.
    check(
        World::new().variable("GEMINI_API_KEY", "k"),
        &[
            "Fix it",
            "--coder",
            "gemini-3.8-flash",
            "--coder",
            "claude-opus-5",
            "--test-author",
            "none",
        ],
        expect![[r#"
            exit 2
            --- stderr
            error: could not connect anthropic:claude-opus-5 for the role `refiner`: Anthropic needs a key (set ANTHROPIC_API_KEY, or choose another model for this role)
              what to do: `pipeline doctor` shows which keys are set; `pipeline demo` needs none.
        "#]],
    );
    check(
        World::new(),
        &[
            "Fix it",
            "--coder",
            "gemini-3.8-flash",
            "--test-author",
            "none",
            "--reviewer",
            "none",
        ],
        expect![[r#"
            exit 2
            --- stderr
            error: could not connect gemini:gemini-3.8-flash for the role `drafter`: Gemini needs a key (set GOOGLE_API_KEY or GEMINI_API_KEY, or choose another model for this role)
              what to do: `pipeline doctor` shows which keys are set; `pipeline demo` needs none.
        "#]],
    );
}

#[test]
fn a_repository_that_nobody_names_is_that_of_the_working_folder() {
    let run = |world: &World, folder: &str, more: &[&str], want: Expect| {
        let argv = [&["run", "Count the last page", "--dry-run"], more].concat();
        let ended = world.pipeline_in(folder, &argv);
        want.assert_eq(&world.seen(&ended));
    };
    let world = World::with_repository(PAGES).says("draft", &[ROUND_UP]);
    let scripted = ["--scripted", "[WORLD]/replies"];
    run(
        &world,
        "here",
        &scripted,
        expect![[r#"
        exit 2
        --- stderr
        error: could not tell which repository is meant: the working folder belongs to none
          what to do: Name one with --repo URL|PATH, or say --new to start from nothing.
    "#]],
    );
    // A folder of it will do, and is not all of it.
    run(
        &world,
        "repo/tests",
        &scripted,
        expect![[r#"
        exit 0
        --- stderr
        note        this folder's repository is worked on: [WORLD]/repo (--repo names another one, --new starts from nothing)
        --- stdout
        task        Count the last page
        base        [WORLD]/repo at [COMMIT]
        crew        draft   scripted:draft  nothing
                    US dollars per million tokens on [DAY]
        cap         none; --budget 2.00 would set one
        next        The same command without --dry-run does the work; nothing was asked or paid.
    "#]],
    );
    run(
        &world,
        "repo",
        &[&["--new"], &scripted[..]].concat(),
        expect![[r#"
            exit 0
            --- stdout
            task        Count the last page
            base        an empty repository
            crew        draft   scripted:draft  nothing
                        US dollars per million tokens on [DAY]
            cap         none; --budget 2.00 would set one
            next        The same command without --dry-run does the work; nothing was asked or paid.
        "#]],
    );
    run(
        &world,
        "repo",
        &["--new", "--repo", "."],
        expect![[r#"
        exit 2
        --- stderr
        error: the argument '--new' cannot be used with '--repo <URL|PATH>'

        Usage: pipeline run --dry-run --new <TASK>

        For more information, try '--help'.
    "#]],
    );
    assert_eq!(world.pipeline(&["runs", "--json"]).stdout, "");
}

#[test]
fn what_is_piped_is_the_task_unless_there_is_another() {
    let title = |world: World, more: &[&str]| {
        let argv = [
            &[
                "run",
                "--new",
                "--dry-run",
                "--json",
                "--scripted",
                "[WORLD]/replies",
            ],
            more,
        ]
        .concat();
        let ended = world
            .says("draft", &[ROUND_UP])
            .input("Dates\n\nbefore 1970")
            .pipeline(&argv);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let told: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
        let task = &told["dry_run"]["task"];
        format!("{} | {}", task["title"], task["body"])
    };
    assert_eq!(title(World::new(), &[]), r#""Dates" | "before 1970""#);
    assert_eq!(title(World::new(), &["-"]), r#""Dates" | "before 1970""#);
    assert_eq!(
        title(World::new(), &["--task-file", "-"]),
        r#""Dates" | "before 1970""#
    );
    assert_eq!(title(World::new(), &["Other"]), r#""Other" | """#);
}

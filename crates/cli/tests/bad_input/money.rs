//! What is said of money before anything is paid, and what is refused because its price isn't known.

use std::fs;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::world::{CTRL_C, PAGES, World};

/// A world with keys, whose vendors nobody can reach: whoever asks them fails.
fn keys() -> World {
    keys_for(World::with_repository(PAGES))
}

fn keys_for(world: World) -> World {
    let world = world
        .variable("OPENAI_API_KEY", "k")
        .variable("ANTHROPIC_API_KEY", "k")
        .variable("GOOGLE_API_KEY", "k");
    ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"]
        .iter()
        .fold(world, |world, it| world.variable(it, "http://127.0.0.1:9/"))
}

#[track_caller]
fn check(world: &World, arguments: &[&str], want: Expect) {
    let named = arguments.contains(&"--repo");
    let new: &[&str] = if named { &[] } else { &["--new"] };
    let ended = world.pipeline(&[&["run", "Count the last page"], new, arguments].concat());
    want.assert_eq(&world.seen(&ended));
}

#[test]
fn a_dry_run_needs_no_configuration_says_who_works_for_what_and_leaves_nothing() {
    let world = keys();
    check(
        &world,
        &[
            "--repo",
            "[WORLD]/repo",
            "--crew",
            "cheap",
            "--budget",
            "2.00",
            "--dry-run",
        ],
        expect![[r#"
            exit 0
            --- stdout
            task        Count the last page
            base        [WORLD]/repo at [COMMIT]
            crew        draft   openai:gpt-6-luna, medium           $0.10 in, $0.01 cached, $0.50 out, more above 272 k
                        refine  anthropic:claude-haiku-5-5, medium  $0.10 in, $0.01 cached, $0.50 out, more above 100 k
                        author  anthropic:claude-haiku-5-5, medium  $0.10 in, $0.01 cached, $0.50 out, more above 100 k
                        review  gemini:gemini-3.5-flash-lite        $0.30 in, $0.03 cached, $2.50 out
                        US dollars per million tokens on [DAY]; a typical task costs about $0.05, by an estimate
            note        these are the vendors' own prices; behind OPENAI_BASE_URL, ANTHROPIC_BASE_URL they may be others
            cap         $2.00
            next        The same command without --dry-run does the work; nothing was asked or paid.
        "#]],
    );
    check(
        &world,
        &[
            "--quiet",
            "--coder",
            "openai:qwen3:8b",
            "--test-author",
            "none",
            "--reviewer",
            "gemini-3.5-flash-lite",
            "--flex",
            "--token-budget",
            "500000",
            "--dry-run",
        ],
        expect![[r#"
            exit 0
            --- stdout
            task        Count the last page
            base        an empty repository
            crew        draft   openai:qwen3:8b                     its price isn't known
                        review  gemini:gemini-3.5-flash-lite, flex  $0.15 in, $0.02 cached, $1.25 out
                        US dollars per million tokens on [DAY]
            cap         500.0 k tokens
            next        The same command without --dry-run does the work; nothing was asked or paid.
        "#]],
    );
    let ended = world.pipeline(&[
        "run",
        "Count it",
        "--new",
        "--crew",
        "cheap",
        "--dry-run",
        "--json",
    ]);
    let told: Value = serde_json::from_str(&ended.stdout).expect("it is one object");
    let briefing = &told["dry_run"]["briefing"];
    assert_eq!(told["dry_run"]["task"]["title"], "Count it");
    assert_eq!(briefing["crew"][1]["model"], "anthropic:claude-haiku-5-5");
    assert_eq!(briefing["crew"][1]["effort"], "medium");
    assert_eq!(briefing["money_microusd_max"], Value::Null);
    assert_eq!(told["dry_run"]["lacks"], Value::Null);
    let runs = world.path("home/.local/state/pipeline/runs");
    let left = fs::read_dir(runs).map_or(0, Iterator::count);
    assert_eq!(left, 0, "folders of runs");
    let runs = world.pipeline(&["runs"]).stdout;
    assert!(runs.starts_with("No runs yet."), "{runs}");
}

#[test]
fn a_dry_run_still_finds_what_would_stop_a_run() {
    let world = keys();
    check(
        &world,
        &["--dry-run", "--repo", "[WORLD]/nowhere"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find the repository folder `[WORLD]/nowhere` (is the path right?)
        "#]],
    );
    check(
        &world,
        &["--dry-run", "--repo", "[WORLD]/repo", "--base", "no-branch"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find the branch, tag or commit `no-branch` in `[WORLD]/repo`
        "#]],
    );
    let keyless = World::new()
        .variable("ANTHROPIC_API_KEY", "k")
        .variable("GOOGLE_API_KEY", "k");
    check(
        &keyless,
        &["--dry-run"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not connect openai:gpt-6.1-sol for the role `drafter`: OpenAI needs a key (set OPENAI_API_KEY, or choose another model for this role)
          what to do: `pipeline doctor` shows which keys are set; `pipeline demo` needs none.
    "#]],
    );
}

#[test]
fn a_budget_that_cannot_be_kept_is_refused_before_anything_costs() {
    let world = keys();
    check(
        &world,
        &["--budget", "2.00", "--coder", "openai:qwen3:8b"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not keep the budget in money with openai:qwen3:8b, whose price isn't known (configure its price, or give a budget in tokens)
              what to do: Put [prices."openai:qwen3:8b"] with input, cached, cache_write and output, in US dollars per million tokens, into pipeline.toml; or use --token-budget. `pipeline models` lists the models whose price is known.
        "#]],
    );
    for wrong in ["much", "-1", "NaN"] {
        let ended = world.pipeline(&["run", "Fix it", "--new", "--budget", wrong]);
        let told = format!(
            "error: could not read the budget `{wrong}` (write US dollars, as in --budget 2.00)\n"
        );
        assert_eq!((ended.code, ended.stderr), (2, told));
    }
    // A price of one's own is enough.
    let own = keys().file(
        "here/pipeline.toml",
        "[prices.'openai:qwen3:8b']\ninput = 0.5\ncached = 0.05\ncache_write = 0.5\noutput = 1.25",
    );
    check(
        &own,
        &[
            "--budget",
            "2.00",
            "--coder",
            "openai:qwen3:8b",
            "--test-author",
            "none",
            "--reviewer",
            "none",
            "--dry-run",
        ],
        expect![[r#"
            exit 0
            --- stdout
            task        Count the last page
            base        an empty repository
            crew        draft   openai:qwen3:8b  $0.50 in, $0.05 cached, $1.25 out
                        US dollars per million tokens on [DAY]; a typical task costs about $0.08, by an estimate
            cap         $2.00
            next        The same command without --dry-run does the work; nothing was asked or paid.
        "#]],
    );
}

#[test]
fn crews_and_efforts_that_there_are_not_are_refused() {
    let world = keys();
    check(
        &world,
        &["--crew", "tiny"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'tiny' for '--crew <NAME>'
          [possible values: best, cheap, default]

        For more information, try '--help'.
    "#]],
    );
    check(
        &world,
        &["--effort", "paint=high"],
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'paint=high' for '--effort <ROLE=LEVEL>': `paint` is no role (there are draft, refine, author, review)

        For more information, try '--help'.
    "#]],
    );
    check(
        &world,
        &["--effort", "review=max"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not let gemini:gemini-3.8-flash think with the effort `max` in the role `review`: it takes low, medium, high
    "#]],
    );
    check(
        &world,
        &["--scripted", "[WORLD]/replies", "--flex"],
        expect![[r#"
            exit 2
            --- stderr
            error: the argument '--scripted <FOLDER>' cannot be used with '--flex'

            Usage: pipeline run --new --scripted <FOLDER> <TASK>

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn the_models_are_listed_with_the_crew_marked() {
    let world = World::new().file(
        "here/pipeline.toml",
        "crew = 'cheap'\n[prices.'openai:qwen3:8b']\ninput = 0.5\ncached = 0.05\ncache_write = 0.5\noutput = 1.25\n\
         [prices.'gpt-6-luna']\ninput = 0.2\ncached = 0.02\ncache_write = 0.25\noutput = 1.0",
    );
    let ended = world.pipeline(&["models"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let shown = |line: &&str| {
        ["* ", "configured", "(this crew)"]
            .iter()
            .any(|it| line.contains(it))
    };
    let lines: Vec<&str> = ended.stdout.lines().filter(shown).collect();
    expect![[r#"
        * claude-haiku-5-5             1 M   128 k      0.10     0.01    0.125     0.50  refine, author
        * gemini-3.5-flash-lite        1 M    65 k      0.30     0.03     0.30     2.50  review · flex
        * gpt-6-luna                1.05 M   128 k      0.20     0.02     0.25     1.00  draft · configured
          qwen3:8b                                      0.50     0.05     0.50     1.25  configured
            $0.07  --crew cheap (this crew): gpt-6-luna, claude-haiku-5-5, gemini-3.5-flash-lite"#]].assert_eq(&world.masked(&lines.join("\n")));

    let ended = world.pipeline(&["models", "--json", "--crew", "best"]);
    let list: Value = serde_json::from_str(&ended.stdout).expect("it is one object");
    let models = list["models"].as_array().expect("a list");
    let roles = |name: &str| {
        let found = models.iter().find(|it| it["model"] == name);
        found.expect(name)["roles"].to_string()
    };
    assert_eq!(roles("claude-opus-5-5"), r#"["refine","author"]"#);
    assert_eq!(roles("gpt-6-luna"), "[]");
    let luna = models
        .iter()
        .find(|it| it["model"] == "gpt-6-luna")
        .expect("it is listed");
    assert_eq!(luna["configured"], true);
    assert_eq!(
        luna["price"]["standard"][0]["output_microusd_per_million"],
        1_000_000
    );
    assert_eq!(luna["price"]["flex"].to_string(), "[]");
}

/// A run that is asked about, with how the question and the crew were told; nothing may be left of it.
#[track_caller]
fn asked(world: &World, answer: &str, arguments: &[&str], want: Expect) {
    let ended = world.on_a_terminal(
        answer,
        &[&["run", "Count the last page"], arguments].concat(),
    );
    let told = |it: &&str| {
        ["crew", "note", "cap", "stopping", "error"]
            .iter()
            .any(|word| it.trim_start().starts_with(word))
            || it.contains("[y/N]")
    };
    let lines: Vec<&str> = ended.stdout.lines().filter(told).collect();
    want.assert_eq(&world.masked(&format!("exit {}\n{}\n", ended.code, lines.join("\n"))));
    let runs = world.pipeline(&["runs"]).stdout;
    assert!(runs.starts_with("No runs yet."), "{runs}");
}

#[test]
fn who_says_no_or_stops_at_the_question_leaves_no_run() {
    let dear = ["--repo", "[WORLD]/repo", "--budget", "9.00"];
    let world = keys();
    asked(
        &world,
        "n\n",
        &dear,
        expect![[r#"
        exit 15
        crew        draft   openai:gpt-6.1-sol                   $2.00 in, $0.10 cached, $10.00 out, more above 272 k
        note        gemini:gemini-3.8-flash costs $1.50 in, $0.15 cached, $7.50 out from [DAY] on
        note        these are the vendors' own prices; behind OPENAI_BASE_URL, ANTHROPIC_BASE_URL they may be others
        cap         $9.00
        This run may cost up to $9.00. Go on? [y/N] n
        error: could not begin without your leave: no model was asked, nothing is paid, and no run is left (--budget bounds what a run may cost, --yes asks nothing)
    "#]],
    );
    asked(
        &world,
        CTRL_C,
        &dear,
        expect![[r#"
            exit 15
            crew        draft   openai:gpt-6.1-sol                   $2.00 in, $0.10 cached, $10.00 out, more above 272 k
            note        gemini:gemini-3.8-flash costs $1.50 in, $0.15 cached, $7.50 out from [DAY] on
            note        these are the vendors' own prices; behind OPENAI_BASE_URL, ANTHROPIC_BASE_URL they may be others
            cap         $9.00
            This run may cost up to $9.00. Go on? [y/N] ^C
            stopping; nothing was begun (Ctrl-C again stops at once)
            error: could not begin without your leave: no model was asked, nothing is paid, and no run is left (--budget bounds what a run may cost, --yes asks nothing)
        "#]],
    );
}

#[test]
fn a_repository_without_tests_or_python_is_asked_about_before_it_costs() {
    let bare = |files: &[(&str, &str)]| keys_for(World::with_repository(files));
    let cheap = ["--repo", "[WORLD]/repo", "--budget", "1.00"];
    let world = bare(&[("pages.py", "def pages(): return 1\n")]);
    asked(
        &world,
        "n\n",
        &cheap,
        expect![[r#"
        exit 15
        note        the repository has no test: nothing tells whether what works now still works with a change (--tests gives one)
        crew        draft   openai:gpt-6.1-sol                   $2.00 in, $0.10 cached, $10.00 out, more above 272 k
        note        gemini:gemini-3.8-flash costs $1.50 in, $0.15 cached, $7.50 out from [DAY] on
        note        these are the vendors' own prices; behind OPENAI_BASE_URL, ANTHROPIC_BASE_URL they may be others
        cap         $1.00
        The repository has no test. Go on? [y/N] n
        error: could not begin without your leave: no model was asked, nothing is paid, and no run is left (--budget bounds what a run may cost, --yes asks nothing)
    "#]],
    );
    let world = bare(&[("README.md", "# Words\n")]);
    asked(
        &world,
        "n\n",
        &["--repo", "[WORLD]/repo", "--budget", "9.00"],
        expect![[r#"
            exit 15
            note        the repository has no Python file: only what a change adds in Python can be run and tested
            crew        draft   openai:gpt-6.1-sol                   $2.00 in, $0.10 cached, $10.00 out, more above 272 k
            note        gemini:gemini-3.8-flash costs $1.50 in, $0.15 cached, $7.50 out from [DAY] on
            note        these are the vendors' own prices; behind OPENAI_BASE_URL, ANTHROPIC_BASE_URL they may be others
            cap         $9.00
            The repository has no Python file. This run may cost up to $9.00. Go on? [y/N] n
            error: could not begin without your leave: no model was asked, nothing is paid, and no run is left (--budget bounds what a run may cost, --yes asks nothing)
        "#]],
    );
    // No terminal: it is said, and the run goes on; here as far as a dry run does.
    check(
        &world,
        &["--repo", "[WORLD]/repo", "--crew", "cheap", "--dry-run"],
        expect![[r#"
            exit 0
            --- stdout
            task        Count the last page
            base        [WORLD]/repo at [COMMIT]
            note        the repository has no Python file: only what a change adds in Python can be run and tested
            crew        draft   openai:gpt-6-luna, medium           $0.10 in, $0.01 cached, $0.50 out, more above 272 k
                        refine  anthropic:claude-haiku-5-5, medium  $0.10 in, $0.01 cached, $0.50 out, more above 100 k
                        author  anthropic:claude-haiku-5-5, medium  $0.10 in, $0.01 cached, $0.50 out, more above 100 k
                        review  gemini:gemini-3.5-flash-lite        $0.30 in, $0.03 cached, $2.50 out
                        US dollars per million tokens on [DAY]; a typical task costs about $0.05, by an estimate
            note        these are the vendors' own prices; behind OPENAI_BASE_URL, ANTHROPIC_BASE_URL they may be others
            cap         none; --budget 2.00 would set one
            next        The same command without --dry-run does the work; nothing was asked or paid.
        "#]],
    );
}

#[test]
fn who_says_yes_sees_the_crew_once_and_the_run_begins() {
    let world = keys().variable("PIPELINE_PATIENCE__TRIES_MAX", "1");
    let arguments = [
        "run",
        "Count the last page",
        "--repo",
        "[WORLD]/repo",
        "--budget",
        "9.00",
    ];
    for (answer, more) in [("y\n", &[][..]), ("n\n", &["--yes"])] {
        let ended = world.on_a_terminal(answer, &[&arguments[..], more].concat());
        let crews = ended
            .stdout
            .lines()
            .filter(|it| it.starts_with("crew "))
            .count();
        assert_eq!((ended.code, crews), (16, 1), "{}", ended.stdout);
        assert_eq!(ended.stdout.contains("[y/N]"), more.is_empty());
    }
}

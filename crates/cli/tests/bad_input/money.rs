//! What is said of money before anything is paid, and what is refused because its price isn't known.

use std::fs;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::world::{PAGES, World};

/// A world with keys, whose vendors nobody can reach: whoever asks them fails.
fn keys() -> World {
    let world = World::with_repository(PAGES)
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

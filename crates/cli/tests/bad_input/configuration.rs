//! Configuration that is damaged, and places that aren't there.

use expect_test::{Expect, expect};

use crate::world::World;

#[track_caller]
fn check(world: World, want: Expect) {
    let ended = world.pipeline(&["runs"]);
    want.assert_eq(&world.seen(&ended));
}

#[test]
fn a_configuration_that_cannot_be_read_is_named_with_its_file_and_key() {
    let file = |text: &str| World::new().file("here/pipeline.toml", text);
    check(
        file("limits = {"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not read [WORLD]/here/pipeline.toml
              because: TOML parse error at line 1, column 11
                  |
                1 | limits = {
                  |           ^
                invalid inline table
                expected `}`
        "#]],
    );
    check(
        file("colour = 'green'"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `colour` of [WORLD]/here/pipeline.toml: there is no such key (there are crew, coders, test_author, reviewer, effort, fallback, reply_tokens, flex, budget, token_budget, confirm_above, database_url, index_url, index_hosts, author, pull_request, github, jira, bot, server, prices, openai_api, patience, limits)
        "#]],
    );
    check(
        file("[limits]\niterations_max = 'three'"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `limits.iterations_max` of [WORLD]/here/pipeline.toml: found string "three", expected a whole number
        "#]],
    );
    check(
        file("[limits]\niterations_max = 0"),
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `limits.iterations_max`: it must be at least 1
    "#]],
    );
    check(
        file("[limits]\niteration_max = 2"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `limits.iteration_max` of [WORLD]/here/pipeline.toml: there is no such key (there are iterations_max, turns_max, tool_calls_per_reply_max, visit_tokens_max, visit_seconds_max, reply_tokens_max, command_seconds_max, test_run_seconds_max, install_seconds_max, cpu_seconds_max, memory_bytes_max, file_bytes_max, processes_max, output_bytes_max, output_flood_bytes_max, answer_bytes_max, author_tries_max, patch_bytes_max, patch_files_max, suite_seconds_max, reruns_max, bite_hunks_max, bite_seconds_max)
        "#]],
    );
    check(
        file("budget = -1.0"),
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `budget`: it must be an amount of US dollars such as 2.00
    "#]],
    );
    check(
        file("[prices.'openai:x']\ninput = 1.0"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `prices.openai:x` of [WORLD]/here/pipeline.toml: it needs `cached` as well
        "#]],
    );
    let price = |model: &str, output: &str| {
        let parts = "input = 1.0\ncached = 0.1\ncache_write = 1.0";
        file(&format!("[prices.'{model}']\n{parts}\noutput = {output}"))
    };
    check(
        price("mistral:large", "1.0"),
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `prices."mistral:large"`
          because: find the model `mistral:large` (write `vendor:name`, with a vendor of anthropic, gemini, openai, or `none`)
    "#]],
    );
    check(
        price("openai:x", "nan"),
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `prices."openai:x"`: each part must be an amount of US dollars per million tokens, such as 2.50
    "#]],
    );
    check(
        price("none", "1.0"),
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `prices."none"`: it names no model
    "#]],
    );
    check(
        file("[effort]\nrefine = 'huge'"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `effort.refine` of [WORLD]/here/pipeline.toml: there is no `huge` (there are low, medium, high, xhigh, max)
        "#]],
    );
    check(
        file("[effort]\npaint = 'high'"),
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `effort.paint` of [WORLD]/here/pipeline.toml: there is no such key (there are draft, refine, author, review)
    "#]],
    );
    check(
        file("[reply_tokens]\ndraft = 0"),
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `reply_tokens`: it must be at least 1
    "#]],
    );
    check(
        World::new().file("home/.config/pipeline/pipeline.toml", "coders = 'gpt'"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `coders` of [WORLD]/home/.config/pipeline/pipeline.toml: found string "gpt", expected a list, as in ["one", "two"]
        "#]],
    );
    check(
        World::new().file("here/pipeline.toml", [0xff, 0xfe]),
        expect![[r#"
            exit 2
            --- stderr
            error: could not read [WORLD]/here/pipeline.toml
              because: stream did not contain valid UTF-8
        "#]],
    );
    check(
        World::new().variable("PIPELINE_TOKEN_BUDGET", "lots"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `token_budget` of the variable PIPELINE_TOKEN_BUDGET: found string "lots", expected a whole number
        "#]],
    );
}

#[test]
fn a_database_that_cannot_be_used_is_named() {
    let at = |address: &str| World::new().variable("PIPELINE_DATABASE_URL", address);
    check(
        at("mysql://x"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not understand the database address `mysql://x`: it names no kind of database (use `sqlite:PATH` or `postgres://USER@HOST/NAME`)
              what to do: Correct PIPELINE_DATABASE_URL, or `database_url` in pipeline.toml.
        "#]],
    );
    let folder = World::new();
    let address = format!("sqlite:{}", folder.path("here").display());
    check(
        folder.variable("PIPELINE_DATABASE_URL", &address),
        expect![[r#"
            exit 1
            --- stderr
            error: could not open the list of runs
              because: create `[WORLD]/here` for the database (may this user write there?)
              because: Is a directory (os error 21)
        "#]],
    );
    let file = World::new().file(
        "here/runs.db",
        "this is no database, whatever its name says",
    );
    let address = format!("sqlite:{}", file.path("here/runs.db").display());
    check(
        file.variable("PIPELINE_DATABASE_URL", &address),
        expect![[r#"
            exit 1
            --- stderr
            error: could not open the list of runs
              because: open the database `[WORLD]/here/runs.db` (is it there, and a database of this program?)
              because: error returned from database: (code: 26) file is not a database
        "#]],
    );
}

#[test]
fn a_damaged_env_file_is_named_and_its_secrets_are_not_shown() {
    let file = |text: &str| World::new().file("here/.env", text);
    check(
        file("OPENAI_API_KEY=sk-secret\nthis is no setting\n"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not read line 2 of [WORLD]/here/.env (each line is NAME=value, with quotes closed; the line isn't shown because it may hold a key)
        "#]],
    );
    check(
        file("OPENAI_API_KEY='sk-secret\n"),
        expect![[r#"
            exit 2
            --- stderr
            error: could not read line 1 of [WORLD]/here/.env (each line is NAME=value, with quotes closed; the line isn't shown because it may hold a key)
        "#]],
    );
}

#[test]
fn without_a_home_the_user_is_asked_for_one() {
    check(
        World::new()
            .variable("HOME", "")
            .variable("XDG_CACHE_HOME", ""),
        expect![[r#"
            exit 2
            --- stderr
            error: could not find a place for files: neither HOME nor XDG_CACHE_HOME is set (set HOME)
        "#]],
    );
    let world = World::new().variable("HOME", "");
    let state = world.path("state").display().to_string();
    let config = world.path("config").display().to_string();
    check(
        world
            .variable("XDG_STATE_HOME", &state)
            .variable("XDG_CONFIG_HOME", &config),
        expect![[r#"
            exit 0
            --- stdout
            No runs yet. `pipeline demo` makes one without a key.
        "#]],
    );
}

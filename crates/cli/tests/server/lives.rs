//! Runs over HTTP through all that can happen to them: asked twice, cut off, stopped, killed with their server, somebody else's.

use expect_test::{ExpectFile, expect_file};

use crate::{BEGIN, world};

const CLIENT: &str = include_str!("lives.py");
const AGENT: &str = include_str!("agent.py");
/// Makes all runs of a database forty days older.
const AGE: &str = r#"
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as it:
    it.execute("UPDATE runs SET updated_ms = updated_ms - 40 * 86400000")
"#;
const EDITOR: &str = include_str!("editor.py");

/// Runs a script with a server in a fresh world; what it prints must be this.
fn check(script: &str, want: ExpectFile) {
    let world = world(CLIENT)
        .file("here/agent.py", AGENT)
        .file("here/editor.py", EDITOR)
        .file("here/age.py", AGE);
    let script =
        format!("{BEGIN}\nclient() {{ python3 client.py \"$port\" \"$token\" \"$@\"; }}\n{script}");
    let ended = world.shell("here", &script);
    want.assert_eq(&world.seen(&ended));
}

#[test]
fn a_run_asked_for_twice_is_one_and_the_command_line_knows_it() {
    check(
        r#"
        begin --folder ../repo --scripted ../replies
        client asked_twice
        run=$(cat run)
        pipeline runs | cut -c1-60
        pipeline show $run | head -3
        pipeline diff $run | cmp - $run/patch.diff && echo "the command line's change is the same"
        pipeline verify --quiet $run > verified && tail -1 verified
        kill -TERM $server; wait $server; cat serve.err
        "#,
        expect_file!["lives/asked_twice.txt"],
    );
}

#[test]
fn a_run_is_stopped_gone_on_with_and_delivered_twice() {
    check(
        r#"
        begin --folder ../repo --scripted ../replies
        client stop_and_go_on
        kill -TERM $server; wait $server; cat serve.err
        "#,
        expect_file!["lives/stopped.txt"],
    );
}

#[test]
fn whoever_is_cut_off_has_every_event_once() {
    check(
        r#"
        begin --folder ../repo --scripted ../replies
        client cut_off
        kill -TERM $server; wait $server; cat serve.err
        "#,
        expect_file!["lives/cut_off.txt"],
    );
}

#[test]
fn a_server_that_is_killed_or_stopped_goes_on_with_its_runs() {
    check(
        r#"
        begin --folder ../repo --scripted ../replies
        run=$(client begin)
        for pause in 0.2 1 2; do
          sleep $pause
          kill -9 $server; { wait $server || true; } 2> killed
          begin --folder ../repo --scripted ../replies
        done
        sleep 1
        kill -TERM $server; wait $server; cat serve.err
        begin --folder ../repo --scripted ../replies
        client finish $run
        kill -TERM $server; wait $server
        "#,
        expect_file!["lives/killed.txt"],
    );
}

#[test]
fn each_caller_has_their_own_runs_and_others_need_a_token() {
    check(
        r#"
        serve="serve --listen 0.0.0.0:0 --folder ../repo --scripted ../replies"
        "$PROGRAM" $serve || echo "exit $?"
        ada=$(pipeline token add ada 2> said); cat said
        bob=$(pipeline token add bob 2> said); root=$(pipeline token add root --admin 2> said)
        pipeline token add ada || echo "exit $?"
        pipeline token add owner || echo "exit $?"
        pipeline token add 'a b' || echo "exit $?"
        printf '[server]\nrequests_per_minute = 60\ncaller_parallel = 2\n' > pipeline.toml
        : > serve.log
        "$PROGRAM" $serve > serve.log 2> serve.err & server=$!
        for _ in $(seq 200); do grep -q ^listening serve.log && break; sleep 0.05; done
        port=$(sed -n 's#^listening .*:\([0-9]*\)$#\1#p' serve.log)
        token=$(cat "$HOME"/.local/state/pipeline/serve.token)
        sed 1d serve.log
        client whose "$ada" "$bob" "$root"
        pipeline token revoke ada
        pipeline token revoke ada || echo "exit $?"
        pipeline token list | cut -c1-20
        curl -s -o revoked -w '%{http_code}\n' -H "Authorization: Bearer $ada" http://127.0.0.1:$port/api/me
        grep -rq "$ada" "$HOME" || echo "the token is nowhere"
        chmod 644 "$HOME"/.local/state/pipeline/serve.token
        pipeline serve --listen 127.0.0.1:0 || echo "exit $?"
        kill -TERM $server; wait $server
        "#,
        expect_file!["lives/callers.txt"],
    );
}

#[test]
fn a_caller_has_so_many_streams_and_each_is_whole() {
    check(
        r#"
        printf '[server]\nstreams = 100\nrequests_per_minute = 100000\n' > pipeline.toml
        begin --folder ../repo --scripted ../replies
        client streams 100
        kill -TERM $server; wait $server; cat serve.err
        "#,
        expect_file!["lives/streams.txt"],
    );
}

#[test]
fn another_agent_has_a_run_done_and_verified() {
    check(
        r#"
        python3 agent.py "$PROGRAM" mcp --folder ../repo --scripted ../replies
        pipeline runs | cut -c1-60
        "#,
        expect_file!["lives/agent.txt"],
    );
}

#[test]
fn an_editor_has_a_run_done_on_its_folder_and_is_asked_before_it_costs() {
    check(
        r#"
        folder=$(realpath ../repo)
        python3 editor.py "$folder" "$PROGRAM" acp --scripted ../replies
        git -C "$folder" status --short
        pipeline runs | cut -c1-60
        python3 editor.py "$folder" "$PROGRAM" acp --budget 2.00
        "#,
        expect_file!["lives/editor.txt"],
    );
}

#[test]
fn what_ended_runs_left_goes_after_some_days_and_what_can_be_gone_on_with_stays() {
    check(
        r#"
        begin --folder ../repo --scripted ../replies
        run=$(client begin)
        client finish $run
        other=$(client begin_another)
        kill -TERM $server; wait $server
        state="$HOME/.local/state/pipeline"
        python3 age.py "$state/runs.db"
        there() { test -d "$state/runs/$1" && echo "$2 is there" || echo "$2 is gone"; }
        printf '[server]\nclean_after_days = 41\n' > pipeline.toml
        begin --folder ../repo --scripted ../replies; sleep 1; there $run ended
        kill -TERM $server; wait $server
        printf '[server]\nclean_after_days = 39\n' > pipeline.toml
        begin --folder ../repo --scripted ../replies; sleep 1; there $run ended; there $other other
        kill -TERM $server; wait $server
        test -s "$state/evidence/$run/report.html" && pipeline show $run | sed -n 2p
        "#,
        expect_file!["lives/cleaning.txt"],
    );
}

#[test]
fn a_cap_of_the_server_holds_also_for_what_has_no_price() {
    check(
        r#"
        printf '[server]\nrun_budget_max = 1.0\n' > pipeline.toml
        export OPENAI_API_KEY=k ANTHROPIC_API_KEY=k GOOGLE_API_KEY=k
        begin --folder ../repo
        client capped
        pipeline runs
        kill -TERM $server; wait $server
        "#,
        expect_file!["lives/capped.txt"],
    );
}

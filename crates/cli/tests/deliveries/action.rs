//! The shell part of the GitHub Action, with the real program in it.

use expect_test::{Expect, expect};
use testkit::tracker::Rights;

use crate::{Scene, masked};

const ACTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/action");

/// Runs the step for an event; what the job's summary begins with, and its outputs.
async fn check(scene: &mut Scene, name: &str, payload: &str, want: Expect) {
    // Scripted models, which the action has no option for.
    let script = format!(
        r#"
cat > program <<END
#!/bin/sh
if [ "\$1" = bot ]; then exec "$PROGRAM" "\$@" --scripted "$PWD/../replies"; fi
exec "$PROGRAM" "\$@"
END
chmod +x program
printf '%s' '{payload}' > event.json
export PIPELINE_PROGRAM="$PWD/program" GITHUB_EVENT_NAME={name} GITHUB_EVENT_PATH=event.json
export GITHUB_REPOSITORY=owner/repo GITHUB_STEP_SUMMARY=summary.md GITHUB_OUTPUT=output
rm -f summary.md output
'{ACTION}'
head -1 summary.md
[ ! -e output ] || sed 's#/evidence/.*#/evidence/…#' output
"#
    );
    let ended = scene.shell(&script).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    want.assert_eq(&masked(scene, &ended.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_works_on_the_event_that_it_was_started_for() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    scene.github.permit("ada", "write");
    let payload = |more: &str| {
        format!(
            r#"{{"repository": {{"full_name": "owner/repo"}}, "issue": {{"number": 7}}, {more}}}"#
        )
    };
    let labeled = payload(r#""action": "labeled", "label": {"name": "bug"}"#);
    check(
        &mut scene,
        "issues",
        &labeled,
        expect![[r#"
        nothing      nobody wishes for anything by this event
        Nobody asked for anything here.
    "#]],
    )
    .await;
    // Somebody who may not write, then somebody who may; the label of before isn't what this job is about.
    scene.github.put_label("owner/repo", 7, "ada", "pipeline");
    let number = scene
        .github
        .put_comment("owner/repo", 7, "eve", "/pipeline run");
    let commented = payload(&format!(
        r#""action": "created", "comment": {{"id": {number}, "body": "$(touch /tmp/x)"}}"#
    ));
    check(&mut scene, "issue_comment", &commented, expect![[r#"
        refused     owner/repo#7  run by eve  only those who may write to this repository can ask for a run
        spent       $0.0000 on these
        Nobody asked for anything here.
    "#]]).await;
    let runs = scene.pipeline(&["runs", "--json"]).await.stdout;
    assert_eq!(runs, "");
    let number = scene
        .github
        .put_comment("owner/repo", 7, "ada", "/pipeline run");
    let commented = payload(&format!(
        r#""action": "created", "comment": {{"id": {number}}}"#
    ));
    check(
        &mut scene,
        "issue_comment",
        &commented,
        expect![[r#"
            done        owner/repo#7  run by ada  [RUN]  [GITHUB]/owner/repo/pull/106
            refused     owner/repo#7  run by eve  only those who may write to this repository can ask for a run
            spent       $0.0000 on these
            # Completed: `The last page is lost`
            evidence=[WORLD]/home/.local/state/pipeline/evidence/…
        "#]],
    )
    .await;
    // Sent again, it is worked on once.
    check(
        &mut scene,
        "issue_comment",
        &commented,
        expect![[r#"
            done        owner/repo#7  run by ada  [RUN]  [GITHUB]/owner/repo/pull/106
            refused     owner/repo#7  run by eve  only those who may write to this repository can ask for a run
            spent       $0.0000 on these
            Nobody asked for anything here.
        "#]],
    )
    .await;
    assert_eq!(scene.github.requests().len(), 1);
}

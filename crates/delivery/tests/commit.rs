//! A change on a branch: real git, a real checkout, a repository whose user is in the middle of something.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use delivery::{Signers, commit_change};
use expect_test::{Expect, expect};
use git::{Access, Identity, MirrorLimits, Mirrors};
use protocol::{
    Entry, Reason, RunEvent, RunId, Silent, Status, Task, Tier, TreeId, Workspace as _,
};
use sandbox::command::Door;
use sandbox::confine::Walls;
use sandbox::proxy::Egress;
use tempfile::TempDir;
use testkit::git::{git, repository};
use workspace::checkout::{Checkout, Opening, Origin, SystemPrograms};

/// A user's repository, and a checkout of it in which a change was made.
struct World {
    folder: TempDir,
    checkout: Checkout,
    tree: TreeId,
}

impl World {
    async fn new() -> World {
        let folder = TempDir::new().expect("a folder for the test");
        let files = BTreeMap::from([("pages.py".to_owned(), b"size = 1\n".to_vec())]);
        let user = folder.path().join("user");
        fs::create_dir(&user).expect("a folder for the test");
        repository(&user, &files);
        let checkout = open(folder.path(), &user).await;
        checkout
            .write("pages.py", b"size = 2\n")
            .await
            .expect("the file can be written");
        let tree = checkout.snapshot().await.expect("the tree can be kept");
        World {
            folder,
            checkout,
            tree,
        }
    }

    fn user(&self) -> std::path::PathBuf {
        self.folder.path().join("user")
    }

    /// The journal of a run that ended with the change.
    fn history(&self, status: Status, proposed_code: &str) -> Vec<Entry> {
        let opened = RunEvent::Opened {
            task: Task::from_text("Pages hold two items"),
            base: self.checkout.base().clone(),
            crew: Vec::new(),
            limits: testkit::limits(),
            settings: serde_json::Value::Null,
        };
        let completed = status == Status::Completed;
        let finished = RunEvent::Finished {
            status,
            reason: (!completed).then_some(Reason::RedraftsExhausted),
            explanation: String::new(),
            tier: completed.then_some(Tier::Unverified),
            tree: self.tree.clone(),
            proposed_code: proposed_code.to_owned(),
        };
        let mut events = vec![opened];
        events.extend((status != Status::Running).then_some(finished));
        (0..)
            .zip(events)
            .map(|(seq, event)| Entry {
                seq,
                at_ms: 0,
                event,
            })
            .collect()
    }

    fn commit(&self, status: Status) -> String {
        self.commit_telling(status, "diff --git a/pages.py b/pages.py\n")
    }

    /// Commits the change of a run whose patch says something else.
    fn commit_telling(&self, status: Status, proposed_code: &str) -> String {
        let ada = Identity {
            name: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
        };
        let signers = Signers {
            author: ada.clone(),
            committer: ada,
        };
        let run = RunId("260521-abcd".to_owned());
        let history = self.history(status, proposed_code);
        match commit_change(
            self.checkout.store(),
            &self.user(),
            &run,
            &history,
            &signers,
        ) {
            Ok(delivered) => format!("on {}", delivered.branch),
            Err(error) => format!("could not {error}"),
        }
    }
}

async fn open(world: &Path, user: &Path) -> Checkout {
    let scratch = world.join("scratch");
    let door = Arc::new(Door::new(
        Walls::unconfined(),
        "/nonexistent".into(),
        scratch,
        Egress::default(),
    ));
    let limits = MirrorLimits {
        fetch_seconds_max: 30,
        lock_seconds_max: 30,
        pack_bytes_max: 1 << 20,
        memory_bytes_max: 1 << 30,
    };
    let opening = Opening {
        run_folder: world.join("run"),
        mirrors: Mirrors::new(
            world.join("mirrors"),
            door.clone(),
            Access::default(),
            "/usr/bin:/bin".to_owned(),
            limits,
        ),
        door,
        limits: testkit::limits(),
        findings: world.join("findings"),
        environments: Arc::new(SystemPrograms::default()),
        places: Vec::new(),
        home: Vec::new(),
    };
    Checkout::open(
        opening,
        &Origin::Folder(user.to_owned()),
        None,
        false,
        &Silent,
    )
    .await
    .expect("the user's repository can be opened")
}

#[track_caller]
fn check(shown: &str, want: Expect) {
    want.assert_eq(shown);
}

#[tokio::test]
async fn a_completed_change_is_a_branch_and_the_users_work_stays_as_it_is() {
    let world = World::new().await;
    let user = world.user();
    fs::write(user.join("staged.py"), "x = 1\n").expect("writable");
    git(&user, &["add", "staged.py"]);
    fs::write(user.join("pages.py"), "size = 99\n").expect("writable");

    let before = git(&user, &["status", "--porcelain", "--branch"]);
    check(
        &world.commit(Status::Completed),
        expect!["on pipeline/pages-hold-two-items-260521-abcd"],
    );
    assert_eq!(git(&user, &["status", "--porcelain", "--branch"]), before);
    assert_eq!(
        fs::read_to_string(user.join("pages.py")).expect("readable"),
        "size = 99\n"
    );

    let branch = "pipeline/pages-hold-two-items-260521-abcd";
    check(
        &git(&user, &["show", "--format=%an <%ae>%n%B", branch]),
        expect![[r#"
            Ada <ada@example.org>
            Pages hold two items

            Draft: unverified. A gate was left out or had nothing to look at; see the report.

            This is the first draft. Tests: none ran.
            Review: nobody was asked.

            Pipeline-Run: 260521-abcd
            Pipeline-Tier: unverified


            diff --git a/pages.py b/pages.py
            index 0414bcc..4c6ac5d 100644
            --- a/pages.py
            +++ b/pages.py
            @@ -1 +1 @@
            -size = 1
            +size = 2"#]],
    );
    check(
        &git(&user, &["rev-list", "--count", &format!("main..{branch}")]),
        expect!["1"],
    );
}

#[tokio::test]
async fn the_same_change_twice_is_one_branch() {
    let world = World::new().await;
    assert_eq!(
        world.commit(Status::Completed),
        world.commit(Status::Completed)
    );
    let branches = git(&world.user(), &["branch", "--format=%(refname:short)"]);
    check(
        &branches,
        expect![[r#"
        main
        pipeline/pages-hold-two-items-260521-abcd"#]],
    );
}

#[tokio::test]
async fn a_run_without_a_good_end_becomes_no_branch() {
    let world = World::new().await;
    check(
        &world.commit(Status::Failed),
        expect![
            "could not deliver the change of run 260521-abcd: it failed (its last draft is in its patch and its bundle)"
        ],
    );
    check(
        &world.commit(Status::Running),
        expect![
            "could not deliver the change of run 260521-abcd: it isn't at its end (resume it first)"
        ],
    );
    let branches = git(&world.user(), &["branch", "--format=%(refname:short)"]);
    check(&branches, expect!["main"]);
}

#[tokio::test]
async fn a_tree_that_differs_in_other_files_than_the_change_becomes_no_branch() {
    let mut world = World::new().await;
    let two = "diff --git a/a.py b/a.py\nnew file mode 100644\ndiff --git a/pages.py b/pages.py\n";
    check(
        &world.commit_telling(Status::Completed, two),
        expect![
            "could not deliver the change of run 260521-abcd: its tree and its patch differ in `a.py` (nothing was written; the patch in its bundle is what was reviewed)"
        ],
    );
    world
        .checkout
        .write("beside.py", b"x = 1\n")
        .await
        .expect("it can be written");
    world.tree = world
        .checkout
        .snapshot()
        .await
        .expect("the tree can be kept");
    check(
        &world.commit(Status::Completed),
        expect![
            "could not deliver the change of run 260521-abcd: its tree and its patch differ in `beside.py` (nothing was written; the patch in its bundle is what was reviewed)"
        ],
    );
    world
        .checkout
        .delete("pages.py")
        .await
        .expect("it is there");
    world
        .checkout
        .delete("beside.py")
        .await
        .expect("it is there");
    for number in 0..20 {
        let path = format!("{number:02}.py");
        world
            .checkout
            .write(&path, b"")
            .await
            .expect("it can be written");
    }
    world.tree = world
        .checkout
        .snapshot()
        .await
        .expect("the tree can be kept");
    check(
        &world.commit(Status::Completed),
        expect![
            "could not deliver the change of run 260521-abcd: its tree and its patch differ in `00.py`, `01.py`, `02.py`, `03.py`, `04.py`, `05.py`, `06.py`, `07.py`, `08.py`, `09.py` and 10 more (nothing was written; the patch in its bundle is what was reviewed)"
        ],
    );
    let branches = git(&world.user(), &["branch", "--format=%(refname:short)"]);
    check(&branches, expect!["main"]);
}

//! One fresh database with the means to look behind the store's back.

use std::time::Duration;

use protocol::{Base, Fork, Limits, Reason, RunEvent, RunId, Stage, Status, Task, Tier, TreeId};
use sqlx::{Connection, PgConnection, SqliteConnection};
use store::{NewRun, Owner, RunJournal, Store};
use tempfile::TempDir;

/// Long enough that no test outlives it by accident.
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) struct Bench {
    pub(crate) address: String,
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn sqlite() -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("state/runs.db");
        Bench {
            address: format!("sqlite:{}", file.display()),
            folder,
        }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.address).await.expect("the store opens")
    }

    /// Changes the database the way an accident would.
    pub(crate) async fn tamper(&self, statement: &'static str) {
        if let Some(path) = self.address.strip_prefix("sqlite:") {
            let mut raw = SqliteConnection::connect(&format!("sqlite://{path}"))
                .await
                .unwrap();
            sqlx::query(statement).execute(&mut raw).await.unwrap();
            raw.close().await.unwrap();
        } else {
            let mut raw = PgConnection::connect(&self.address).await.unwrap();
            sqlx::query(statement).execute(&mut raw).await.unwrap();
            raw.close().await.unwrap();
        }
    }

    /// Everything that the database holds about a run, as text.
    pub(crate) async fn dump(&self, run: &RunId) -> Vec<String> {
        const ROW: &str = "SELECT created_ms || ' ' || updated_ms || ' ' || title || ' ' || repository || ' ' || \
            status || ' ' || coalesce(stage, '-') || ' ' || coalesce(reason, '-') || ' ' || coalesce(tier, '-') || \
            ' ' || next_seq || ' ' || coalesce(lease_owner, '-') || ' ' || lease_since_ms || ' ' || lease_until_ms || \
            ' ' || epoch || ' ' || coalesce(CAST(cancel_ms AS TEXT), '-') FROM runs WHERE id = $1";
        const EVENTS: &str = "SELECT seq || ' ' || at_ms || ' ' || kind || ' ' || coalesce(json, '-') || ' ' || \
            coalesce(blob, '-') FROM events WHERE run = $1 ORDER BY seq";
        let mut dumped = Vec::new();
        for statement in [ROW, EVENTS] {
            let found: Vec<String> = if let Some(path) = self.address.strip_prefix("sqlite:") {
                let raw = SqliteConnection::connect(&format!("sqlite://{path}")).await;
                let query = sqlx::query_scalar(statement).bind(&run.0);
                query.fetch_all(&mut raw.unwrap()).await.unwrap()
            } else {
                let raw = PgConnection::connect(&self.address).await;
                let query = sqlx::query_scalar(statement).bind(&run.0);
                query.fetch_all(&mut raw.unwrap()).await.unwrap()
            };
            dumped.extend(found);
        }
        dumped
    }
}

/// A run that this process holds, in a fresh store.
pub(crate) async fn begun(bench: &Bench) -> (Store, RunJournal) {
    let store = bench.open().await;
    let journal = begin(&store, "fix the walk").await;
    (store, journal)
}

pub(crate) async fn begin(store: &Store, title: &str) -> RunJournal {
    let run = NewRun {
        title: title.to_owned(),
        repository: "https://host.example/a/b".to_owned(),
    };
    let lease = store
        .start(&run, &Owner::this_process(), LONG)
        .await
        .unwrap();
    store.journal(lease)
}

/// A process on a machine that can't be seen from here.
pub(crate) fn stranger(pid: u32) -> Owner {
    Owner {
        host: "elsewhere".to_owned(),
        pid,
        started_ticks: 1,
        numbering: "another boot".to_owned(),
    }
}

pub(crate) fn unknown() -> RunId {
    RunId("20200101-0000-aaaaa".to_owned())
}

pub(crate) fn opened(title: &str) -> RunEvent {
    RunEvent::Opened {
        task: Task::from_text(title),
        base: Base {
            repository: "https://host.example/a/b".to_owned(),
            commit: "c0ffee".to_owned(),
            tree: TreeId("7ree".to_owned()),
            uncommitted: false,
        },
        crew: Vec::new(),
        limits: Limits {
            iterations_max: 3,
            turns_max: 1,
            tool_calls_per_reply_max: 1,
            visit_tokens_max: 1,
            visit_seconds_max: 1,
            reply_tokens_max: 1,
            command_seconds_max: 1,
            test_run_seconds_max: 1,
            install_seconds_max: 1,
            cpu_seconds_max: 1,
            memory_bytes_max: 1,
            file_bytes_max: 1,
            processes_max: 1,
            output_bytes_max: 1,
            output_flood_bytes_max: 1,
            answer_bytes_max: 1,
            author_tries_max: 1,
            patch_bytes_max: 1 << 20,
            patch_files_max: 200,
            suite_seconds_max: 600,
            reruns_max: 6,
            bite_hunks_max: 16,
            bite_seconds_max: 120,
        },
        settings: serde_json::json!({"out": "here"}),
    }
}

pub(crate) fn forked(from: &RunId, at: u64) -> RunEvent {
    let RunEvent::Opened {
        crew,
        limits,
        settings,
        ..
    } = opened("")
    else {
        unreachable!("that is how a run is opened");
    };
    RunEvent::Reopened {
        fork: Some(Fork {
            run: from.clone(),
            at,
        }),
        crew,
        replaced: Vec::new(),
        limits,
        settings,
    }
}

pub(crate) fn started(stage: Stage) -> RunEvent {
    RunEvent::Started {
        stage,
        iteration: 1,
        agent: "gpt".to_owned(),
    }
}

pub(crate) fn stepped(text: impl Into<String>) -> RunEvent {
    RunEvent::Stepped {
        agent: "gpt".to_owned(),
        iteration: 1,
        step: "tool".to_owned(),
        value: serde_json::Value::String(text.into()),
        tree: None,
    }
}

pub(crate) fn interrupted() -> RunEvent {
    RunEvent::Interrupted {
        reason: Reason::Cancelled,
        explanation: "somebody pressed Ctrl-C".to_owned(),
    }
}

pub(crate) fn finished() -> RunEvent {
    RunEvent::Finished {
        status: Status::Completed,
        reason: None,
        explanation: "done".to_owned(),
        tier: Some(Tier::RegressionSafe),
        tree: TreeId("7ree".to_owned()),
        proposed_code: String::new(),
    }
}

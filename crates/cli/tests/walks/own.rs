//! Environments that a repository asks for itself, made as a run makes them, and kept for later walks of the same repository.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::Silent;
use python::{Index, MakeDoor, Places, PythonEnvironments};
use sandbox::command::Door;
use sandbox::confine::Walls;
use testkit::Fixture;
use workspace::checkout::Environments;

use crate::scene::STAGE;

/// Environments below `target`, which need the package index for whatever isn't there yet.
pub(crate) async fn environments(
    fixture: &Fixture,
    scratch: &Path,
    walls: &Walls,
) -> Arc<dyn Environments> {
    let variable = |name: &str| env::var(name).ok().filter(|it| !it.is_empty());
    let proxy = variable("https_proxy").or_else(|| variable("HTTPS_PROXY"));
    let upstream = proxy.map(|it| {
        let it = it.trim_start_matches("http://");
        it.trim_end_matches('/').to_owned()
    });
    let places = Places {
        cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("python"),
        search_path: ["/usr/local/bin", "/usr/bin"].map(PathBuf::from).to_vec(),
        interpreters: Vec::new(),
        index: Index {
            url: variable("PIP_INDEX_URL"),
            certificates: variable("SSL_CERT_FILE").map(PathBuf::from),
            upstream,
            ..Index::default()
        },
    };
    let (walls, scratch) = (walls.clone(), scratch.to_owned());
    let make_door: MakeDoor =
        Arc::new(move |egress| Door::new(walls.clone(), STAGE.into(), scratch.clone(), egress));
    let limits = fixture.limits.clone();
    Arc::new(PythonEnvironments::new(
        places,
        make_door,
        limits,
        Arc::new(Silent),
    ))
}

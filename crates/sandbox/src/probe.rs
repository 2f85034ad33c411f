//! Which walls work on this machine: each is put up once, around nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::Network;

use crate::command::{Bounds, Door, Spawn, View};
use crate::confine::{Walls, fence};
use crate::error::CommandError;
use crate::proxy::Egress;

impl Walls {
    /// Finds the strongest walls that work on this machine, by putting them up once.
    ///
    /// `bubblewrap` is the path of `bwrap`, if there is one; `stage` is an executable of ours that calls
    /// [`crate::confine::inner_main`] when its first argument is [`crate::confine::MARKER`]. Never falls back to no walls at all.
    pub async fn probe(bubblewrap: Option<&Path>, stage: &Path) -> Result<Walls, CommandError> {
        let landlock = fence::version();
        let mut refusals = Vec::new();
        if let Some(program) = bubblewrap {
            for modern in [true, false] {
                let walls = Walls::bubblewrap(program.to_owned(), modern, landlock);
                match rehearse(&walls, stage).await {
                    Ok(()) => return Ok(walls),
                    Err(why) => refusals.push(format!("bubblewrap: {why}")),
                }
            }
        } else {
            refusals.push("bubblewrap: not installed".to_owned());
        }
        if landlock < fence::VERSION_MIN_ALONE {
            refusals.push(format!(
                "Landlock: version {landlock}, and {} is needed",
                fence::VERSION_MIN_ALONE
            ));
        } else {
            let walls = Walls::landlock_alone(landlock, refusals.first());
            match rehearse(&walls, stage).await {
                Ok(()) => return Ok(walls),
                Err(why) => refusals.push(format!("Landlock: {why}")),
            }
        }
        refusals.dedup();
        Err(CommandError::NoWalls {
            why: refusals.join("; "),
        })
    }
}

/// Puts the walls up once, around nothing; otherwise tells what refused.
async fn rehearse(walls: &Walls, stage: &Path) -> Result<(), String> {
    const MEMORY_BYTES_MAX: u64 = 1 << 30;
    const OUTPUT_BYTES_MAX: usize = 4096;
    let door = Door::new(
        walls.clone(),
        stage.to_owned(),
        PathBuf::from("/"),
        Egress::default(),
    );
    let rehearsal = Spawn {
        argv: Vec::new(),
        directory: PathBuf::from("/"),
        env: BTreeMap::new(),
        stdin: Vec::new(),
        view: View::Confined {
            writable: Vec::new(),
            readable: Vec::new(),
            sealed: Vec::new(),
            network: Network::Loopback,
        },
        bounds: Bounds {
            wall_seconds_max: 5,
            cpu_seconds_max: 5,
            memory_bytes_max: MEMORY_BYTES_MAX,
            file_bytes_max: 0,
            processes_max: 8,
            output_bytes_max: OUTPUT_BYTES_MAX,
            output_flood_bytes_max: OUTPUT_BYTES_MAX as u64,
        },
        report: false,
    };
    match door.enter(&rehearsal, &mut |_| {}).await {
        Ok(execution) if execution.succeeded() => Ok(()),
        Ok(execution) => Err(format!("{:?} {}", execution.exit, execution.tail())),
        Err(CommandError::Walls { why, .. }) => Err(why),
        Err(CommandError::Lost { .. }) => Err("it ended without a word".to_owned()),
        Err(CommandError::Start { program, source }) => Err(format!("start `{program}`: {source}")),
        Err(error) => Err(error.to_string()),
    }
}

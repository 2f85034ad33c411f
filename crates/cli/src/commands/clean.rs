//! `pipeline clean`: what takes up space and can go.

use std::path::{Path, PathBuf};

use crate::args::CleanArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::{out, words};

/// Newest runs that are looked at.
const RUNS_MAX: u32 = 10_000;

/// Something that can go.
struct Part {
    name: &'static str,
    about: String,
    folders: Vec<PathBuf>,
}

pub(crate) async fn clean(args: &CleanArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let runs = home.store.runs(RUNS_MAX).await;
    let runs = runs.map_err(|it| store_failure("list the runs", it))?;
    let folders = home.runs()?.leftovers(args.days).await?;
    let mut parts = vec![Part {
        name: "runs",
        about: format!(
            "working copies and files of runs at their end for more than {}; their events and their evidence, with the change as a patch, stay",
            delivery::words::counted(args.days as usize, "day")
        ),
        folders,
    }];
    let cache = &home.surroundings.cache;
    if args.cache {
        let busy = runs.iter().filter(|it| it.holder.is_some()).count();
        if 0 < busy {
            return Err(Failure::plain_usage(format!(
                "clean the cache: {} in it",
                match busy {
                    1 => "a run works".to_owned(),
                    more => format!("{more} runs work"),
                }
            ))
            .advise("Wait for its end, or stop it with `pipeline cancel RUN`."));
        }
        parts.push(Part {
            name: "cache",
            about: "mirrors, environments and tools; the next run makes what it needs again"
                .to_owned(),
            folders: Some(cache.clone())
                .filter(|it| it.is_dir())
                .into_iter()
                .collect(),
        });
    }
    let mut left = false;
    for part in &parts {
        let bytes: u64 = part.folders.iter().map(|it| bytes_in(it)).sum();
        let count = delivery::words::counted(part.folders.len(), "folder");
        out::line(&format!(
            "{:<12}{}, {count}: {}",
            part.name,
            words::bytes(bytes),
            part.about
        ));
        left |= !part.folders.is_empty();
        if !args.yes {
            continue;
        }
        for folder in &part.folders {
            std::fs::remove_dir_all(folder).map_err(|it| {
                Failure::broken(format!("remove {}", folder.display()), it)
                    .advise("What was removed before it is gone; the same command goes on.")
            })?;
        }
        if 0 < bytes {
            out::line(&format!("            removed {}", words::bytes(bytes)));
        }
    }
    if !args.cache && cache.is_dir() {
        let bytes = bytes_in(cache);
        out::line(&format!(
            "cache       {}: stays; `pipeline clean --cache` counts it in",
            words::bytes(bytes)
        ));
    }
    if left && !args.yes {
        out::line("next        Nothing was removed; the same command with --yes does it.");
    }
    Ok(Exit::Done)
}

/// What a folder takes up, links not followed; what can't be read counts nothing.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|it| match it.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&it.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

//! `pipeline open`: the report of a run in the user's browser.

use url::Url;

use crate::args::LastRun;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::{out, session};

pub(crate) async fn open(args: &LastRun) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find_or_last(args.run.as_deref()).await?;
    let history = session::history(&home, &run).await?;
    let folder = home.runs()?.bundle_of(&run, &history);
    let report = folder.join("report.html");
    if !report.is_file() {
        return Err(Failure::plain_usage(format!(
            "open the report of {run}: there is none at {}",
            report.display()
        ))
        .advise(format!(
            "A report is written when a run stops or ends: `pipeline show {run}` says how it stands."
        )));
    }
    let address = Url::from_file_path(&report)
        .map_or_else(|()| report.display().to_string(), |it| it.to_string());
    out::line(&format!("report      {address}"));
    if !home.surroundings.has_desktop() {
        out::remark("there is no desktop here to open it on");
    } else if let Err(error) = open::that_detached(&report) {
        out::remark(&format!("no program here opens it: {error}"));
    }
    Ok(Exit::Done)
}

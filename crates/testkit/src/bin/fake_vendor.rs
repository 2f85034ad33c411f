//! Serves fake vendors from folders of scripts, for benchmarks and trials by hand, until it is stopped.
//!
//! `fake_vendor [--key KEY] [--log FILE] [--openai FOLDER[@PORT]] [--anthropic FOLDER[@PORT]] [--gemini FOLDER[@PORT]]`
//! prints the addresses as one line of JSON. A folder holds `01.toml`, `02.toml` …, or one such folder for each
//! conversation; the reply is chosen by how far the request's conversation has come, so one server serves many runs.
//! With `--log`, each request is added to a file as a line of JSON: when it had come in, and its body.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use testkit::vendor::{FakeVendor, Received, Script, Speaks};

#[tokio::main]
async fn main() -> ExitCode {
    match serve(std::env::args().skip(1).collect()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say_why(&why);
            ExitCode::from(2)
        }
    }
}

async fn serve(arguments: Vec<String>) -> Result<(), String> {
    let mut key = "fake-key".to_owned();
    let mut log = None;
    let mut wanted = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or(format!("{flag} needs a value"))?;
        match &*flag {
            "--key" => key = value,
            "--log" => log = Some(value),
            "--openai" => wanted.push(("openai", Speaks::OpenAi, value)),
            "--anthropic" => wanted.push(("anthropic", Speaks::Anthropic, value)),
            "--gemini" => wanted.push(("gemini", Speaks::Gemini, value)),
            _ => {
                return Err(format!(
                    "{flag} is unknown (try --key, --log, --openai, --anthropic, --gemini)"
                ));
            }
        }
    }
    let mut addresses = Map::new();
    let mut vendors = Vec::new();
    for (name, speaks, value) in wanted {
        let (folder, port) = match value.rsplit_once('@') {
            Some((folder, port)) => (
                folder,
                port.parse().map_err(|_| format!("{port} is no port"))?,
            ),
            None => (&*value, 0),
        };
        let mut script =
            Script::from_folder(Path::new(folder)).map_err(|it| format!("{folder}: {it}"))?;
        if let Some(log) = &log {
            script = logged(script, Path::new(log)).map_err(|it| format!("{log}: {it}"))?;
        }
        let vendor = FakeVendor::start_at(port, speaks, &key, script);
        let vendor = vendor.await.map_err(|it| format!("port {port}: {it}"))?;
        addresses.insert(name.to_owned(), Value::from(vendor.base_url()));
        vendors.push(vendor);
    }
    if vendors.is_empty() {
        return Err("no vendor asked for (try --openai FOLDER)".to_owned());
    }
    announce(&Value::Object(addresses));
    for vendor in vendors {
        vendor.serve_forever().await;
    }
    Ok(())
}

fn logged(script: Script, log: &Path) -> std::io::Result<Script> {
    let file = File::options().create(true).append(true).open(log)?;
    Ok(script.watched(move |received| {
        if let Err(why) = (&file).write_all(line_of(received).as_bytes()) {
            say_why(&format!("write the log: {why}"));
        }
    }))
}

/// One line of the log; `at_us` is in microseconds since 1970-01-01 UTC.
fn line_of(received: &Received) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let at_us = since.map_or(0, |it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX));
    let line =
        json!({"at_us": at_us, "path": received.path, "turn": received.turn, "body": received.raw});
    format!("{line}\n")
}

#[expect(
    clippy::print_stdout,
    reason = "whoever started the program reads the addresses there"
)]
fn announce(addresses: &Value) {
    println!("{addresses}");
}

#[expect(
    clippy::print_stderr,
    reason = "a program of its own has nowhere else to complain"
)]
fn say_why(why: &str) {
    eprintln!("fake_vendor: {why}");
}

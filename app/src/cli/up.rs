//! `odin up`: a first look in one command.

use std::net::SocketAddr;
use std::path::Path;

use super::agent::{self, LISTEN};
use super::ledger::{open, tidy};
use super::{End, cost, demo, ingest, load, print, progress, say};
use crate::agent::lock;
use crate::config::{Config, projects_dir};
use crate::ledger::Ledger;

#[derive(clap::Args)]
pub(super) struct Options {
    /// Show a small bundled sample instead of your own transcripts; leaves nothing behind
    #[arg(long)]
    demo: bool,
    /// Read and report, and leave it at that
    #[arg(long)]
    no_agent: bool,
    /// Where the agent serves
    #[arg(long, value_name = "ADDR:PORT", default_value = LISTEN, env = "ODIN_LISTEN")]
    listen: SocketAddr,
}

pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<End> {
    if options.demo {
        return demo::run(config);
    }
    let mut ledger = open(config)?;
    let outcome = ingest::all(&mut ledger, config, &mut *progress::watcher())?;
    ingest::tell_damage(&outcome);
    if ledger.span()?.is_none() {
        print(&nothing_found(config))?;
        return Ok(End::Done);
    }
    say(&ingest::summary(&outcome));
    say("");
    show(&ledger, config, &[])?;
    say(&next(&config.ledger_path()));
    tidy(&mut ledger, config);
    drop(ledger);
    if options.no_agent {
        return Ok(End::Done);
    }
    say("");
    match agent::run(&agent::Options::at(options.listen), config, load) {
        Err(error)
            if error.downcast_ref().is_some_and(|error| matches!(error, lock::Error::Taken { .. })) =>
        {
            say(&format!("{error}"));
            Ok(End::Done)
        }
        ended => ended,
    }
}

/// Prints the report, with options as on the command line.
pub(super) fn show(ledger: &Ledger, config: &Config, options: &[&str]) -> anyhow::Result<()> {
    print(&cost::report(&cost::ReportOptions::of(options), ledger, config)?)
}

fn nothing_found(config: &Config) -> String {
    let mut places: Vec<String> =
        config.claude_dirs.iter().map(|dir| projects_dir(dir).display().to_string()).collect();
    if places.is_empty() {
        places.push("~/.claude/projects and $XDG_CONFIG_HOME/claude/projects, which are not there".into());
    }
    format!(
        "No transcripts of Claude Code found. Looked in
  {}

If yours are elsewhere: CLAUDE_CONFIG_DIR=DIR odin up
To see what odin shows: odin up --demo",
        places.join("\n  ")
    )
}

fn next(ledger: &Path) -> String {
    format!(
        "\nNext:
  odin cost report --by project            where it went
  odin cost report --by model --last all   which models took it
  odin cost report --help                  groupings, periods, filters, formats
The ledger is {}; it keeps what the client deletes.",
        ledger.display()
    )
}

//! `odin ledger`: looks after the ledger.

use super::{End, print};
use crate::config::Config;
use crate::ledger::Ledger;

#[derive(clap::Subcommand)]
pub(super) enum LedgerCommand {
    /// Check that the database is sound and its sums agree with its responses; exit code 1 if not
    Check,
}

pub(super) fn run(command: &LedgerCommand, config: &Config) -> anyhow::Result<End> {
    match command {
        LedgerCommand::Check => check(config),
    }
}

fn check(config: &Config) -> anyhow::Result<End> {
    let path = config.ledger_path();
    if !path.exists() {
        anyhow::bail!("no ledger at {}: `odin ingest` makes one", path.display());
    }
    let wrong = Ledger::open_read_only(&path)?.check()?;
    if wrong.is_empty() {
        print(&format!("{}: all is well", path.display()))?;
        return Ok(End::Done);
    }
    print(&wrong.join("\n"))?;
    Ok(End::Found)
}

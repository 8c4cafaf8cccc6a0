//! `odin launches`: runs of claude as shells saw them.

use super::cost::{self, Place};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::report::Last;
use crate::report::launches;

/// Of a table, where nobody says another limit.
const DEFAULT_LIMIT: usize = 30;

pub(super) const EXAMPLES: &str = "\
Examples:
  odin launches                                 those of the last 7 days, the newest first
  odin launches --last today --project odin
  odin launches --last month --format json      for a program
  odin cost report --by launch --last 7d        what each cost

A shell tells of launches once its hook is installed: odin shell install. A session is of the launch whose shell \
started its process, where odin agent saw that; else of the one that ran in its directory at the time. Where several \
did and nothing tells them apart, it is marked ? and its cost is no launch's.";

#[derive(clap::Args)]
pub(super) struct Options {
    /// At most so many; 0: all [default: 30 in a table, else all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Tell what the ledger has, without reading the spool and new transcripts first
    #[arg(long)]
    pub(super) no_ingest: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, fitted to the terminal
    Table,
    /// For programs; the schema is odin.launches/1
    Json,
    /// For spreadsheets: a line per launch, exact costs
    Csv,
}

/// As text that ends with a newline.
pub(super) fn told(options: &Options, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
    let query = options.place.query(Last::Days(7), config)?;
    let default = if options.format == Format::Table { DEFAULT_LIMIT } else { 0 };
    let limit = Some(options.limit.unwrap_or(default)).filter(|limit| *limit > 0);
    let list = launches::list(ledger, &query, limit).map_err(cost::explained)?;
    Ok(match options.format {
        Format::Table => launches::table::list(&list, cost::width(), cost::is_terminal()),
        Format::Json => launches::json::list(&list)?,
        Format::Csv => launches::csv::list(&list),
    })
}

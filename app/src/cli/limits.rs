//! `odin limits`: the service's rate limits, as clients told of them.

use jiff::ToSpan;

use super::{budget, cost};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::report::limits;

pub(super) const EXAMPLES: &str = "\
Examples:
  odin limits                             the present windows, and those of the last 30 days that were used up
  odin limits --days 90 --format json

The client tells its status line of limits, where it has a subscription; odin statusline keeps what it tells. What a \
window comes to is an estimate: its average so far goes on to its end.";

#[derive(clap::Args)]
pub(super) struct Options {
    /// How far back
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..100_000))]
    days: i64,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Tell what the ledger has, without reading the spool first
    #[arg(long)]
    pub(super) no_ingest: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people, fitted to the terminal
    Table,
    /// For programs; the schema is odin.limits/1
    Json,
}

/// As text that ends with a newline.
pub(super) fn told(options: &Options, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
    let moment = budget::moment(config)?;
    let since = moment.now.checked_sub((options.days * 24).hours())?;
    let windows = limits::windows(ledger, since, moment.now).map_err(cost::explained)?;
    Ok(match options.format {
        Format::Table => {
            limits::table(&windows, &moment.zone, moment.now, cost::width(), cost::is_terminal())
        }
        Format::Json => limits::to_json(&windows, &moment.zone, moment.now)?,
    })
}

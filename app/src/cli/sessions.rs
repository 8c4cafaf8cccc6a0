//! `odin sessions`: many at a glance, or one with all that happened in it.

use super::cost::{self, Choice, Usage};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::report::sessions::{self, Order};
use crate::report::{self, Last};

/// Of a table, where nobody says another limit.
const DEFAULT_LIMIT: usize = 30;

pub(super) const EXAMPLES: &str = "\
Examples:
  odin sessions                                 those of the last 7 days, the newest first
  odin sessions --last month --sort cost        the dearest of this month
  odin sessions --project odin --format csv     of one project, for a spreadsheet
  odin sessions 6513270e                        one: models, agents, tools, events, forks
  odin sessions 6513270e --events --explain     with the time of each event, and why it costs what it costs

A session is listed if something in it passes the filters and lies in the period, and told of as a whole: for what it \
cost within a period, odin cost report --by session. No text of conversations is kept, so none is shown.";

#[derive(clap::Args)]
pub(super) struct Options {
    /// One session: its id or the beginning of it
    #[arg(conflicts_with_all = ["last", "since", "until", "project", "model", "branch", "account", "limit", "sort"])]
    id: Option<String>,
    /// Each event with its time
    #[arg(long, requires = "id")]
    events: bool,
    /// What there is to know of the costs: promotions, prices that were not known, what the usage leaves open
    #[arg(long, requires = "id")]
    explain: bool,
    /// At most so many; 0: all [default: 30 in a table, else all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[arg(long, value_enum, default_value_t = Sort::Recent)]
    sort: Sort,
    #[command(flatten)]
    choice: Choice,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Tell what the ledger has, without reading new transcripts first
    #[arg(long)]
    pub(super) no_ingest: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Sort {
    /// Those that answered last come first
    Recent,
    /// The dearest come first
    Cost,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, fitted to the terminal
    Table,
    /// For programs; the schema is odin.sessions/1, of one session odin.session/1
    Json,
    /// For spreadsheets: a line per session, exact costs
    Csv,
}

/// As text that ends with a newline.
pub(super) fn told(options: &Options, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
    match &options.id {
        Some(id) => one(options, id, ledger, config),
        None => list(options, ledger, config),
    }
}

fn list(options: &Options, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
    let query = options.choice.query(Last::Days(7), config)?;
    let default = if options.format == Format::Table { DEFAULT_LIMIT } else { 0 };
    let limit = Some(options.limit.unwrap_or(default)).filter(|limit| *limit > 0);
    let order = match options.sort {
        Sort::Recent => Order::Recent,
        Sort::Cost => Order::Cost,
    };
    let list = sessions::list(ledger, &query, order, limit).map_err(cost::explained)?;
    Ok(match options.format {
        Format::Table => sessions::table::list(&list, cost::width(), cost::is_terminal()),
        Format::Json => sessions::json::list(&list)?,
        Format::Csv => sessions::csv::list(&list),
    })
}

fn one(options: &Options, id: &str, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
    if options.format == Format::Csv {
        return Err(
            Usage("one session is told as table or json: leave out --format, or say json".into()).into()
        );
    }
    let (projects, zone) = (cost::projects(config)?, options.choice.zone(config)?);
    let session = sessions::one(ledger, id, &projects, &zone).map_err(|error| match error {
        report::Error::Ambiguous { .. } => Usage(error.to_string()).into(),
        error => anyhow::Error::from(error),
    })?;
    if options.format == Format::Json {
        return Ok(sessions::json::one(&session)?);
    }
    let (width, is_terminal) = (cost::width(), cost::is_terminal());
    Ok(sessions::table::one(&session, options.events, options.explain, width, is_terminal))
}

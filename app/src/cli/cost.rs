//! `odin cost`: what was spent.

use std::io::IsTerminal;
use std::iter::once;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::budget;
use crate::config::{self, Config};
use crate::ledger::Ledger;
use crate::report::budgets;
use crate::report::{self, Bound, Key, Last, Period, Projects, Query, Report};

/// Of a table that goes to a file or a pipe.
const DEFAULT_WIDTH: usize = 100;

const EXAMPLES: &str = "\
Examples:
  odin cost report                                     the last 30 days, by day
  odin cost report --by project,model --last month     this month, by project and model
  odin cost report --since 2026-11-01 --project odin   one project since a day
  odin cost report --by project --last 7d --compare    beside the 7 days before
  odin cost report --by week --last 3m --chart         with bars, in a terminal or a file
  odin cost report --last month --explain              with what there is to know of the costs
  odin cost report --by session --last today --format json

Costs are list prices of the API. An amount that misses a price is marked ≥, at least.";

const BLOCKS_EXAMPLES: &str = "\
Examples:
  odin cost blocks                            the last 7 days
  odin cost blocks --last today --format json

A block begins with the hour (UTC) of an account's first response and lasts five hours; the next one begins with \
the first response after its end. Blocks that reach into the period are shown whole. What the current one comes to \
is an estimate: the average since its first response, by quarter hour, goes on to its end.";

/// Options that can be read but make no sense: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub(super) String);

#[derive(clap::Subcommand)]
pub enum CostCommand {
    /// What was spent, by time, project, model and more
    #[command(after_help = EXAMPLES)]
    Report(ReportOptions),
    /// What was spent by window of five hours, and how far the current one has come
    #[command(after_help = BLOCKS_EXAMPLES)]
    Blocks(BlocksOptions),
    /// What is to be spent at most, and how much of it is
    Budget(budget::Options),
}

#[derive(clap::Args)]
pub struct ReportOptions {
    #[arg(long, value_name = "KEY[,KEY2]", value_delimiter = ',', default_value = "day")]
    #[arg(help = format!("Group by one or two of {}", Key::names()))]
    by: Vec<Key>,
    /// Beside each amount, that of the period before: 7d with the 7 days before, month with the same days of the month
    /// before, a range with one as long
    #[arg(long)]
    compare: bool,
    /// Draw a bar for each row below the table, and what was spent a day above it
    #[arg(long)]
    chart: bool,
    /// Say what there is to know of the costs: promotions, prices that were not known, what the usage leaves open
    ///
    /// Looks at every response of the ledger, which takes longer.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    pub scope: Scope,
}

#[derive(clap::Args)]
pub struct BlocksOptions {
    #[command(flatten)]
    pub scope: Scope,
}

/// What is taken in, and how it is told.
#[derive(clap::Args)]
pub struct Scope {
    #[command(flatten)]
    choice: Choice,
    /// Only this session: its id or the beginning of it
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Report what the ledger has, without reading new transcripts first
    #[arg(long)]
    pub no_ingest: bool,
}

/// What is taken in.
#[derive(clap::Args)]
pub(super) struct Choice {
    #[command(flatten)]
    place: Place,
    /// Only this model: its id, the id that it is priced as, or a part of it
    #[arg(long)]
    model: Option<String>,
    /// Only this git branch
    #[arg(long)]
    branch: Option<String>,
    /// Only this Claude config dir: its path or the end of it, as in `.claude`
    #[arg(long, value_name = "DIR")]
    account: Option<String>,
}

/// When, and in which project.
#[derive(clap::Args)]
pub(super) struct Place {
    /// A period that ends now: 24h, 7d, 2w, 3m, 1y, today, yesterday, week, month, year or all
    ///
    /// Days are calendar days and today is one of them: 7d is today and the six days before.
    #[arg(long, value_name = "PERIOD", conflicts_with_all = ["since", "until"])]
    last: Option<Last>,
    /// From a day (2026-11-01), a month (2026-11) or a time (2026-11-01T14:30, with an offset or without) on
    #[arg(long, value_name = "WHEN")]
    since: Option<Bound>,
    /// Up to the end of a day or month, or a time [default: today]
    #[arg(long, value_name = "WHEN")]
    until: Option<Bound>,
    /// Time zone of hours and days, as in Europe/Berlin [default: the configured one, else the system's]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// First day of weeks, as in sunday [default: the configured one, else monday]
    #[arg(long, value_name = "DAY", value_parser = config::weekday)]
    week_start: Option<Weekday>,
    /// Only this project: its path or the end of it, as in `odin` or `work/odin`; or an alias or a group of the config
    #[arg(long)]
    project: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, fitted to the terminal
    Table,
    /// For programs; the schema is odin.cost.report/1 or odin.cost.blocks/1
    Json,
    /// For spreadsheets: a line per row, exact costs, no total
    Csv,
    /// For issues and chats
    Markdown,
}

impl ReportOptions {
    /// As if given on the command line.
    pub fn of(options: &[&str]) -> Self {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            options: ReportOptions,
        }
        let Alone { options } = clap::Parser::parse_from(once(&"report").chain(options));
        options
    }
}

/// The report as text that ends with a newline.
pub fn report(options: &ReportOptions, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
    if options.chart && options.scope.format != Format::Table {
        return Err(Usage("--chart draws for people: leave out --format, or say table".into()).into());
    }
    if options.explain && options.scope.format == Format::Csv {
        return Err(Usage("--explain has no place in CSV: say table, json or markdown".into()).into());
    }
    let query = Query {
        by: options.by.clone(),
        compares: options.compare,
        charts: options.chart,
        explains: options.explain,
        ..options.scope.query(Last::Days(30), config)?
    };
    let report = report::cost(ledger, &query).map_err(explained)?;
    Ok(match options.scope.format {
        Format::Table => {
            let notes = notes(&report, ledger, config)?;
            report::table::render(&report, width(), is_terminal()) + &notes
        }
        Format::Json => report::json::render(&report)?,
        Format::Csv => report::csv::render(&report),
        Format::Markdown => report::markdown::render(&report),
    })
}

/// How budgets stand, below a report that goes up to the present.
fn notes(report: &Report, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
    let moment = budget::moment(config)?;
    let today = moment.now.to_zoned_datetime(moment.zone.clone()).date();
    if report.until.is_some_and(|until| until < today) {
        return Ok(String::new());
    }
    let standings = budgets::standings(ledger, &moment).map_err(explained)?;
    let gap = if standings.is_empty() { "" } else { "\n" };
    Ok(format!("{gap}{}", budgets::notes(&standings, &moment.zone)))
}

/// The same by window of five hours.
pub fn blocks(options: &BlocksOptions, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
    let query = options.scope.query(Last::Days(7), config)?;
    let blocks = report::blocks(ledger, &query).map_err(explained)?;
    Ok(match options.scope.format {
        Format::Table => report::table::blocks(&blocks, width(), is_terminal()),
        Format::Json => report::json::blocks(&blocks)?,
        Format::Csv => report::csv::blocks(&blocks),
        Format::Markdown => report::markdown::blocks(&blocks),
    })
}

impl Scope {
    fn query(&self, default: Last, config: &Config) -> anyhow::Result<Query> {
        Ok(Query { session: self.session.clone(), ..self.choice.query(default, config)? })
    }
}

impl Choice {
    /// Of the period that is meant where none is named, if need be.
    pub(super) fn query(&self, default: Last, config: &Config) -> anyhow::Result<Query> {
        Ok(Query {
            model: self.model.clone(),
            branch: self.branch.clone(),
            account: self.account.clone(),
            ..self.place.query(default, config)?
        })
    }

    pub(super) fn zone(&self, config: &Config) -> Result<TimeZone, Usage> {
        self.place.zone(config)
    }
}

impl Place {
    /// Of the period that is meant where none is named, if need be.
    pub(super) fn query(&self, default: Last, config: &Config) -> anyhow::Result<Query> {
        let Self { since, until, .. } = *self;
        let period = match self.last {
            Some(last) => Period::Last(last),
            None if since.is_none() && until.is_none() => Period::Last(default),
            None => Period::Between { since, until },
        };
        let now = Timestamp::try_from(SystemTime::now())?;
        Ok(Query {
            project: self.project.clone(),
            week_starts: self.week_start.unwrap_or(config.week_starts),
            projects: projects(config)?,
            ..Query::new(vec![], period, self.zone(config)?, now)
        })
    }

    fn zone(&self, config: &Config) -> Result<TimeZone, Usage> {
        zone(self.tz.as_deref(), config.timezone.as_deref())
    }
}

/// What the user calls projects.
pub(super) fn projects(config: &Config) -> Result<Projects, Usage> {
    Projects::new(&config.projects.aliases, &config.projects.groups).map_err(|error| Usage(error.to_string()))
}

pub(super) fn explained(error: report::Error) -> anyhow::Error {
    match error {
        report::Error::Ledger(error) => error.into(),
        error => Usage(error.to_string()).into(),
    }
}

/// The option's, else the config's, else the system's zone; UTC where the system has none.
pub(super) fn zone(option: Option<&str>, config: Option<&str>) -> Result<TimeZone, Usage> {
    let Some(name) = option.or(config) else {
        let system = TimeZone::try_system().unwrap_or(TimeZone::UTC);
        return Ok(system.iana_name().and_then(installed_zone).unwrap_or(system));
    };
    if let Some(zone) = installed_zone(name) {
        return Ok(zone);
    }
    TimeZone::get(name).map_err(|_| {
        let origin = if option.is_some() { "--tz" } else { "the config" };
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let near = report::nearest(name, known.iter().map(String::as_str)).join(", ");
        Usage(format!("no time zone `{name}`, as {origin} says; the nearest: {near}"))
    })
}

/// A zone as this machine knows it, which may be newer than the copy in the program; read by itself, because jiff's
/// own look at the folder walks all 1,800 files of it.
fn installed_zone(name: &str) -> Option<TimeZone> {
    let is_plain = name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    let bytes = std::fs::read(Path::new("/usr/share/zoneinfo").join(name)).ok().filter(|_| is_plain)?;
    TimeZone::tzif(name, &bytes).ok()
}

pub(super) fn width() -> usize {
    let of_terminal = || {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    };
    let of_environment = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
    of_terminal().or_else(of_environment).unwrap_or(DEFAULT_WIDTH)
}

/// That wants to see bold text (<https://no-color.org>).
pub(super) fn is_terminal() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

#[cfg(test)]
mod tests {
    use super::{ReportOptions, zone};
    use crate::report::Key;
    use clap::{CommandFactory, Parser};

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        options: ReportOptions,
    }

    fn parse(line: &str) -> Result<ReportOptions, String> {
        let parsed = Alone::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())?;
        Ok(parsed.options)
    }

    #[test]
    fn options_are_sound() {
        Alone::command().debug_assert();
        assert_eq!(ReportOptions::of(&["--by", "project,model"]).by.len(), 2);
        assert_eq!(
            parse("report").unwrap_or_else(|error| panic!("{error}")).by,
            ["day".parse::<Key>().unwrap()]
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_can() {
        for (line, want) in [
            ("report --by day,colour", "use hour, day, week"),
            ("report --last 7x", "use 24h, 7d"),
            ("report --since 2026-11-01T10:07", "use minute 00, 15, 30 or 45"),
            ("report --until tomorrow", "use a day (2026-11-01)"),
            ("report --week-start sun", "use monday, tuesday"),
            ("report --last 7d --since 2026-11-01", "cannot be used with"),
        ] {
            let error = parse(line).err().unwrap();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn the_option_beats_the_config() {
        assert_eq!(
            zone(Some("Asia/Kolkata"), Some("Europe/Berlin")).unwrap().iana_name(),
            Some("Asia/Kolkata")
        );
        assert_eq!(zone(None, Some("Europe/Berlin")).unwrap().iana_name(), Some("Europe/Berlin"));
        let error = zone(None, Some("Europe/Berln")).unwrap_err().to_string();
        assert!(
            error.starts_with("no time zone `Europe/Berln`, as the config says; the nearest: Europe/Berlin"),
            "{error}"
        );
    }
}

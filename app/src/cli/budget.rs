//! `odin cost budget`: what is to be spent at most, and how much of it is.

use std::cell::Cell;
use std::path::Path;

use anyhow::bail;
use jiff::Timestamp;
use jiff::civil::Weekday;

use super::cost::{self, Usage};
use super::{End, ingest, ledger, now, print, up_to_date};
use crate::config::Config;
use crate::ingest::Look;
use crate::ledger::{Budget, BudgetPeriod, Ledger};
use crate::pricing::decimal;
use crate::report;
use crate::report::budgets::{self, Moment, Standing};
use crate::source::folders::Extent;
use crate::source::project;

const EXAMPLES: &str = "\
Examples:
  odin cost budget set month 200                    no more than $200 a month
  odin cost budget set week 50 --project odin       of that, $50 a week in one project
  odin cost budget                                  how they stand
  odin cost budget check || echo enough for today   for a script: exit code 1 when over
  odin cost budget rm month

Budgets count list prices, in the periods of the configured zone. They are kept in the ledger: an agent knows of them \
within a second, and neither a restored backup nor a rebuilt ledger changes them.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    command: Option<BudgetCommand>,
    #[command(flatten)]
    shown: Shown,
}

#[derive(clap::Subcommand)]
enum BudgetCommand {
    /// Have a budget, or another amount for it
    Set {
        #[arg(value_enum)]
        period: Of,
        /// In dollars, as in 200 or 12.50
        #[arg(value_name = "AMOUNT", value_parser = amount)]
        amount_picousd: i64,
        #[command(flatten)]
        place: Place,
    },
    /// Have it no more
    #[command(visible_alias = "clear")]
    Rm {
        #[arg(value_enum)]
        period: Of,
        #[command(flatten)]
        place: Place,
    },
    /// Exit code 1 if more was spent than a budget has, which is told
    Check {
        /// Of the project's budgets and of those for everything; not of other projects' [default: of all]
        #[arg(long, value_name = "P")]
        project: Option<String>,
        #[command(flatten)]
        shown: Shown,
    },
}

#[derive(clap::Args)]
struct Place {
    /// Only of this project: its path or the end of it, or an alias of the config
    #[arg(long, value_name = "P")]
    project: Option<String>,
}

#[derive(clap::Args)]
struct Shown {
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Tell what the ledger has, without reading new transcripts first
    #[arg(long)]
    no_ingest: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, fitted to the terminal
    Table,
    /// For programs; the schema is odin.cost.budgets/1
    Json,
}

/// A period.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Of {
    Day,
    Week,
    Month,
    /// Five hours, as in odin cost blocks; of everything only
    Block,
}

impl Of {
    fn period(self) -> BudgetPeriod {
        match self {
            Self::Day => BudgetPeriod::Day,
            Self::Week => BudgetPeriod::Week,
            Self::Month => BudgetPeriod::Month,
            Self::Block => BudgetPeriod::Block,
        }
    }
}

const NONE: &str = "No budgets. To have one: odin cost budget set month 200";
const NONE_OVER: &str = "No more was spent than any budget has.";

/// Of a cent.
const PICOUSD: i64 = 10_000_000_000;

/// Picodollars, more than none.
fn amount(text: &str) -> Result<i64, String> {
    let cents = decimal(text.strip_prefix('$').unwrap_or(text), 2, 8).ok().filter(|cents| *cents > 0);
    cents.map(|cents| cents * PICOUSD).ok_or_else(|| "use dollars, as in 200 or 12.50".into())
}

pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<End> {
    match &options.command {
        None => told(&options.shown, config, NONE, budgets::standings).map(|_| End::Done),
        Some(BudgetCommand::Check { project, shown }) => {
            let is_over = told(shown, config, NONE_OVER, |ledger, moment| {
                let project = project.as_deref().map(|project| place(project, ledger, config)).transpose()?;
                budgets::over(ledger, project.as_deref(), moment)
            })?;
            Ok(if is_over { End::Found } else { End::Done })
        }
        Some(BudgetCommand::Set { period, amount_picousd, place }) => {
            let ledger = up_to_now(config)?;
            let project = place.of(*period, &ledger, config)?;
            let budget = Budget { period: period.period(), project, amount_picousd: *amount_picousd };
            ledger.set_budget(&budget)?;
            let standings = budgets::standings_of(&ledger, vec![budget], &moment(config)?)?;
            print(&budgets::notes(&standings, &moment(config)?.zone))?;
            Ok(End::Done)
        }
        Some(BudgetCommand::Rm { period, place }) => {
            let ledger = up_to_now(config)?;
            let project = place.of(*period, &ledger, config)?;
            let period = period.period();
            if !ledger.remove_budget(period, &project)? {
                let of = if project.is_empty() { String::new() } else { format!(" for {project}") };
                bail!("there is no budget of the {}{of}; those there are: odin cost budget", period.name());
            }
            Ok(End::Done)
        }
    }
}

/// A project is known once something was spent in it, so that this is looked for first.
fn up_to_now(config: &Config) -> anyhow::Result<Ledger> {
    let mut ledger = ledger::open(config)?;
    let spooled = ingest::spool(&mut ledger, config)?;
    let found = ingest::looks(&ledger, config, Extent::Awake)?.into_iter().map(Look::finish).collect();
    ingest::quietly(&mut ledger, found, spooled)?;
    Ok(ledger)
}

/// Prints what is asked for, and says whether there was anything.
fn told(
    shown: &Shown,
    config: &Config,
    none: &str,
    ask: impl Fn(&Ledger, &Moment) -> Result<Vec<Standing>, report::Error>,
) -> anyhow::Result<bool> {
    let is_any = Cell::new(false);
    up_to_date(shown.no_ingest, config, |ledger| {
        let moment = moment(config)?;
        let standings = ask(ledger, &moment).map_err(cost::explained)?;
        is_any.set(!standings.is_empty());
        Ok(match shown.format {
            Format::Table if standings.is_empty() => none.into(),
            Format::Table => budgets::table(&standings, &moment.zone, cost::width(), cost::is_terminal()),
            Format::Json => budgets::to_json(&standings, &moment.zone)?,
        })
    })?;
    Ok(is_any.get())
}

/// Now, by the clocks of the configured zone.
pub(super) fn moment(config: &Config) -> anyhow::Result<Moment> {
    moment_of(config.timezone.as_deref(), config.week_starts)
}

/// The same of a zone by its name; none: the system's.
pub(super) fn moment_of(zone: Option<&str>, week_starts: Weekday) -> anyhow::Result<Moment> {
    let now = Timestamp::from_millisecond(i64::try_from(now().as_millis())?)?;
    Ok(Moment { now, zone: cost::zone(None, zone)?, week_starts })
}

impl Place {
    /// The project's path; empty: all.
    fn of(&self, period: Of, ledger: &Ledger, config: &Config) -> anyhow::Result<String> {
        match &self.project {
            None => Ok(String::new()),
            Some(_) if matches!(period, Of::Block) => {
                Err(Usage("a block is of an account, not of a project: leave out --project".into()).into())
            }
            // One that is gone from all else can still have its budget taken.
            Some(project) if ledger.budgets()?.iter().any(|budget| budget.project == *project) => {
                Ok(project.clone())
            }
            Some(project) => place(project, ledger, config).map_err(cost::explained),
        }
    }
}

/// A project by what people call it; one that nothing was spent in yet, by a folder in it.
fn place(project: &str, ledger: &Ledger, config: &Config) -> Result<String, report::Error> {
    let projects = cost::projects(config).unwrap_or_default();
    match report::project(ledger, &projects, project) {
        Err(error @ report::Error::NoMatch { .. }) => match Path::new(project).canonicalize() {
            Ok(folder) if folder.is_dir() => Ok(project::root(&folder.to_string_lossy())),
            _ => Err(error),
        },
        found => found,
    }
}

//! The command line: wiring, and the only place that prints, reads the clock and the environment.

mod agent;
mod budget;
pub mod cost;
mod demo;
mod doctor;
mod generate;
mod hook;
mod ingest;
mod launches;
mod ledger;
mod limits;
mod prices;
mod progress;
mod sessions;
mod setup;
mod shell;
mod statusline;
mod top;
mod up;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};

use crate::agent::word;
use crate::config::Config;
use crate::ingest::{Found, Look};
use crate::ledger::{Error as LedgerError, Ledger};
use crate::source::folders::Extent;

/// What Claude Code costs: an exact, permanent ledger of every API response.
#[derive(Parser)]
#[command(name = "odin", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything for a first look: read the transcripts, show what they cost, say what to do next
    Up(up::Options),
    /// What was spent
    #[command(subcommand)]
    Cost(cost::CostCommand),
    /// Sessions: what each cost and did; or one, with its agents, tools, events and forks
    #[command(after_help = sessions::EXAMPLES)]
    Sessions(sessions::Options),
    /// Runs of claude as shells saw them, with the sessions and the cost of each
    #[command(after_help = launches::EXAMPLES)]
    Launches(launches::Options),
    /// Rate limits: how much is used, when all will be, and when it was
    #[command(after_help = limits::EXAMPLES)]
    Limits(limits::Options),
    /// Read what is new in the transcripts and the shells' spool
    Ingest(ingest::Options),
    /// What models cost, when and why
    #[command(after_help = prices::EXAMPLES)]
    Prices(prices::Options),
    /// Let shells and the client tell odin what they do, and run the agent; or take that back
    #[command(after_help = setup::EXAMPLES)]
    Setup(setup::Options),
    /// Check every link from the client to the scrape, each in a line with its fix; exit code 1 if one is broken
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::Options),
    /// One line for the client's status line, made of what it writes to standard input
    #[command(after_help = statusline::EXAMPLES)]
    Statusline(statusline::Options),
    /// Note each run of claude in bash, zsh and fish
    #[command(subcommand)]
    Shell(shell::ShellCommand),
    /// Note when a session begins and ends: for the client's hooks, not for people
    #[command(after_help = hook::NOTES)]
    Hook,
    /// Keep the ledger up to date all day, and serve Prometheus
    #[command(after_help = agent::EXAMPLES)]
    Agent(agent::Options),
    /// Live sessions: what each costs, and what its processes take, once a second
    #[command(after_help = top::EXAMPLES)]
    Top(top::Options),
    /// Look after the ledger
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Shell completions and manual pages
    #[command(subcommand)]
    Generate(generate::GenerateCommand),
}

/// How a command ended, where it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    /// It worked, and what it looked for is there: a check's findings, say.
    Found,
}

/// Parses, runs, and turns the result into an exit code: 0 done, 1 failed or found something, 2 wrong usage.
pub fn main() -> ExitCode {
    if hook::is_called(std::env::args_os()) {
        return hook::run();
    }
    if let Some(options) = statusline::called(std::env::args_os()) {
        statusline::run(&options, load());
        return ExitCode::SUCCESS;
    }
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Found) => ExitCode::FAILURE,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("odin: {error:#}"));
            if error.is::<cost::Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn load() -> anyhow::Result<Config> {
    Ok(Config::load(&|name| std::env::var_os(name))?)
}

fn run(command: &Command) -> anyhow::Result<End> {
    let config = load()?;
    match run_once(command, &config) {
        Err(error) if is_damaged(&error) && !matches!(command, Command::Ledger(_)) => {
            say(&format!("odin: {error}"));
            ledger::recover(&config)?;
            run_once(command, &config)
        }
        done => done,
    }
}

fn run_once(command: &Command, config: &Config) -> anyhow::Result<End> {
    match command {
        Command::Up(options) => up::run(options, config),
        Command::Cost(cost::CostCommand::Report(options)) => {
            up_to_date(options.scope.no_ingest, config, |ledger| cost::report(options, ledger, config))
        }
        Command::Cost(cost::CostCommand::Blocks(options)) => {
            up_to_date(options.scope.no_ingest, config, |ledger| cost::blocks(options, ledger, config))
        }
        Command::Cost(cost::CostCommand::Budget(options)) => budget::run(options, config),
        Command::Sessions(options) => {
            up_to_date(options.no_ingest, config, |ledger| sessions::told(options, ledger, config))
        }
        Command::Launches(options) => {
            up_to_date(options.no_ingest, config, |ledger| launches::told(options, ledger, config))
        }
        Command::Limits(options) => {
            up_to_date(options.no_ingest, config, |ledger| limits::told(options, ledger, config))
        }
        Command::Ingest(options) => ingest::run(options, config),
        Command::Prices(options) => prices::run(options, config),
        Command::Setup(options) => setup::run(options, config),
        Command::Doctor(options) => doctor::run(options, config),
        Command::Shell(command) => shell::run(command, config),
        // What was told apart from a request for help, before anything was parsed.
        Command::Hook | Command::Statusline(_) => Ok(End::Done),
        Command::Agent(options) => agent::run(options, config, load),
        Command::Top(options) => top::run(options, config),
        Command::Ledger(command) => ledger::run(command, config),
        Command::Generate(command) => generate::run(command),
    }
}

/// The ledger cannot be used any more, and can be made anew.
fn is_damaged(error: &anyhow::Error) -> bool {
    let is_damaged = |error: &LedgerError| matches!(error, LedgerError::Damaged { .. });
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_damaged))
}

/// Prints a report of all that there is by now.
///
/// Shows the ledger as it is even where it cannot be brought up to date, but then says so and fails.
///
/// Most often nothing is new, so the report is made while that is found out; where something is, again.
fn up_to_date(
    no_ingest: bool,
    config: &Config,
    report: impl Fn(&Ledger) -> anyhow::Result<String>,
) -> anyhow::Result<End> {
    let (mut ledger, writable) = ledger::open_at_least_to_read(config)?;
    let (mut text, mut ingested) = (None, Ok(()));
    let is_writable = writable.is_ok();
    match writable {
        _ if no_ingest => {}
        // The agent has taken in all that was written.
        Ok(()) if word::is_current(&config.state_dir, &config.claude_dirs) => {}
        Ok(()) => {
            let spooled = ingest::spool(&mut ledger, config);
            let looks = ingest::looks(&ledger, config, Extent::Awake)?;
            let early = ingest::while_looking(&looks, || report(&ledger));
            let found: Vec<Found> = looks.into_iter().map(Look::finish).collect();
            text = (!found.iter().any(Found::is_any)).then_some(early);
            ingested = spooled.and_then(|spooled| ingest::quietly(&mut ledger, found, spooled));
        }
        Err(error) => ingested = Err(error),
    }
    if ingested.as_ref().is_err_and(is_damaged) {
        return ingested.map(|()| End::Done);
    }
    print(&text.unwrap_or_else(|| report(&ledger))?)?;
    if is_writable {
        ledger::tidy(&mut ledger, config);
    }
    match ingested {
        Ok(()) => Ok(End::Done),
        Err(error) => Err(error.context("the report lacks what is new since the last ingest")),
    }
}

/// Standard output: what was asked for, alone.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Standard error: everything else.
fn say(text: &str) {
    // Nobody is left to tell of a standard error that is closed.
    _ = writeln!(io::stderr(), "{text}");
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Time since the epoch; a clock before it counts as at it.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

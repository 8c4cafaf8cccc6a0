//! `odin shell`: the hooks that note each run of claude.

use std::collections::BTreeMap;
use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::cost::{self, Usage};
use super::{End, ingest, print};
use crate::config::Config;
use crate::ledger::Ledger;
use crate::model::{Launch, Shell};
use crate::report::shell::{json, steps, table};
use crate::shell::install::{self, Step};
use crate::shell::places::Places;
use crate::shell::spool::Offsets;
use crate::shell::status::{self, ShellStatus};

#[derive(clap::Subcommand)]
pub(super) enum ShellCommand {
    /// Note each run of claude from now on, in new shells
    ///
    /// Writes the hook to ~/.local/share/odin/shell, and one marked block that sources it into ~/.bashrc, ~/.zshrc or
    /// fish's conf.d, wherever ZDOTDIR and the XDG variables have these. Done again, it brings both up to date.
    #[command(after_help = INSTALL_EXAMPLES)]
    Install(Options),
    /// Take out what install put in, to the byte; what was noted stays
    #[command(after_help = UNINSTALL_EXAMPLES)]
    Uninstall(Options),
    /// Show what is installed, the last launches, and what is wrong; exit code 1 if something is
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusOptions),
}

const INSTALL_EXAMPLES: &str = "\
Examples:
  odin shell install --dry-run      what it would do
  odin shell install                for your shell, as $SHELL has it
  odin shell install --shell fish   for another one

Where $SHELL has no hook, all shells with an rc file get theirs. The rc file as it was is kept in `backups/shell` of the state folder. Links stay links, and the mode and owner of what \
they lead to stay, too.";

const UNINSTALL_EXAMPLES: &str = "\
Examples:
  odin shell uninstall --dry-run
  odin shell uninstall               for all that have it
  odin shell uninstall --shell zsh

Shells that are open keep their hook until they end.";

const STATUS_EXAMPLES: &str = "\
Examples:
  odin shell status
  odin shell status --format json";

#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    shells: Shells,
    /// Show the steps, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
pub(super) struct StatusOptions {
    #[command(flatten)]
    shells: Shells,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(clap::Args)]
struct Shells {
    /// Only this shell; may be given more than once
    #[arg(long = "shell", value_name = "SHELL", value_parser = parser())]
    named: Vec<Shell>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people, fitted to the terminal
    Table,
    /// For programs; the schema is odin.shell.status/1
    Json,
}

fn parser() -> impl TypedValueParser<Value = Shell> {
    PossibleValuesParser::new(Shell::ALL.map(Shell::name)).try_map(|name| named(&name).ok_or("no such shell"))
}

fn named(name: &str) -> Option<Shell> {
    Shell::ALL.into_iter().find(|shell| shell.name() == name)
}

pub(super) fn run(command: &ShellCommand, config: &Config) -> anyhow::Result<End> {
    let places = Places::locate(&|name| std::env::var_os(name), &config.backups_path())?;
    match command {
        ShellCommand::Install(options) => install(options, &places),
        ShellCommand::Uninstall(options) => uninstall(options, &places),
        ShellCommand::Status(options) => status(options, &places, config),
    }
}

fn install(options: &Options, places: &Places) -> anyhow::Result<End> {
    let shells = options.shells.or(|| meant(places));
    if shells.is_empty() {
        return Err(Usage("there is a hook for bash, zsh and fish: say which with --shell".into()).into());
    }
    for (shell, steps) in plan(&shells, |shell| install::install(shell, places))? {
        let name = shell.name();
        if steps.is_empty() {
            print(&format!("{name}: installed already"))?;
            continue;
        }
        carry_out(shell, &steps, options, places)?;
        if !options.dry_run {
            let hook = places.hook(shell);
            print(&format!("  New shells have it; for an open one: source {}", hook.display()))?;
        }
    }
    Ok(End::Done)
}

fn uninstall(options: &Options, places: &Places) -> anyhow::Result<End> {
    let shells = options.shells.or(|| installed(places));
    if shells.is_empty() {
        print("no hook is installed")?;
    }
    for (shell, steps) in plan(&shells, |shell| install::uninstall(shell, places))? {
        if steps.is_empty() {
            print(&format!("{}: not installed", shell.name()))?;
        } else {
            carry_out(shell, &steps, options, places)?;
        }
    }
    Ok(End::Done)
}

/// What each shell takes, before anything is done for one of them.
fn plan(
    shells: &[Shell],
    steps: impl Fn(Shell) -> Result<Vec<Step>, install::Error>,
) -> Result<Vec<(Shell, Vec<Step>)>, install::Error> {
    shells.iter().map(|shell| Ok((*shell, steps(*shell)?))).collect()
}

fn carry_out(shell: Shell, steps: &[Step], options: &Options, places: &Places) -> anyhow::Result<()> {
    if !options.dry_run {
        for step in steps {
            install::apply(step)?;
        }
    }
    print(&format!("{}:\n{}", shell.name(), steps::render(steps, &places.home, options.dry_run)))
}

fn status(options: &StatusOptions, places: &Places, config: &Config) -> anyhow::Result<End> {
    let shells = options.shells.or(|| Shell::ALL.to_vec());
    let (read, last) = known(config)?;
    let mut status = status::look(&shells, places, &config.spool_path(), &read);
    // Files of the spool are removed a week after they have been read.
    for (shell, launch) in last {
        status.survey.last.entry(shell).or_insert(launch);
    }
    let zone = cost::zone(None, config.timezone.as_deref())?;
    print(&match options.format {
        Format::Table => table::render(&status, &zone, cost::width(), cost::is_terminal()),
        Format::Json => json::render(&status, &zone)?,
    })?;
    Ok(if status.problems.is_empty() { End::Done } else { End::Found })
}

/// How much of the spool the ledger has read, and the last launch of each shell that it knows.
pub(super) fn known(config: &Config) -> anyhow::Result<(Offsets, BTreeMap<Shell, Launch>)> {
    let path = config.ledger_path();
    if !path.exists() {
        return Ok(Default::default());
    }
    let ledger = Ledger::open_read_only(&path)?;
    let files = ledger.spool(&ingest::host())?;
    let offsets = files.into_iter().map(|file| (file.name, file.progress.offset.unsigned_abs()));
    let launches = ledger.launches(0..i64::MAX)?;
    let last = launches.into_iter().map(|stored| (stored.launch.shell, stored.launch));
    Ok((offsets.collect(), last.collect()))
}

/// The shell of the user, if there is a hook for it; else those that they have set up.
pub(super) fn meant(places: &Places) -> Vec<Shell> {
    let program = std::env::var_os("SHELL").unwrap_or_default();
    let own = Path::new(&program).file_name().and_then(|name| named(&name.to_string_lossy()));
    own.map_or_else(
        || Shell::ALL.into_iter().filter(|shell| places.is_used(*shell)).collect(),
        |shell| vec![shell],
    )
}

fn installed(places: &Places) -> Vec<Shell> {
    let is_installed = |shell: &Shell| ShellStatus::of(*shell, places).is_installed();
    Shell::ALL.into_iter().filter(is_installed).collect()
}

impl Shells {
    /// Those that are named, each once; if none is, those of `default`.
    fn or(&self, default: impl Fn() -> Vec<Shell>) -> Vec<Shell> {
        let mut shells = if self.named.is_empty() { default() } else { self.named.clone() };
        shells.sort_unstable();
        shells.dedup();
        shells
    }
}

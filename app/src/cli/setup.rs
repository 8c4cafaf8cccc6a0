//! `odin setup`: shows what it would change, asks, does it; and takes it back.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::agent::LISTEN;
use super::cost::Usage;
use super::{End, print, say, shell};
use crate::config::{Config, Lookup, base_dir, home_dir};
use crate::model::Shell;
use crate::report::shell::{short, steps};
use crate::setup::record::Record;
use crate::setup::settings::{Found, Has, Wanted};
use crate::setup::{self, Change, Service, command, diff, service};
use crate::shell::install::{self, Step};
use crate::shell::places::Places;

pub(super) const EXAMPLES: &str = "\
Examples:
  odin setup --dry-run             what it would change, as a diff
  odin setup                       shows it, asks, and does it
  odin setup --yes --skip service  without asking; the agent is started by hand
  odin setup --over-budget block   prompts are not sent once a budget is spent
  odin setup --undo                everything as it was before, to the byte

What another program has put in the client's settings, a statusline or a telemetry endpoint, stays unless --replace is \
said. No prompts are sent or kept.";

/// Variables that decide which ledger is meant. A service does not have them from the shell.
const LEDGER: [&str; 3] = ["ODIN_STATE_DIR", "ODIN_CONFIG", "CLAUDE_CONFIG_DIR"];

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Options {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
    /// Take back what a setup changed
    #[arg(long, conflicts_with_all = ["replace", "skip", "over_budget"])]
    undo: bool,
    /// Take the place of another program's statusline, telemetry or service
    #[arg(long)]
    replace: bool,
    /// Leave this out; may be given more than once
    #[arg(long, value_enum, value_name = "PART")]
    skip: Vec<Part>,
    /// What the client is to do with a prompt once a budget is spent [default: nothing]
    #[arg(long, value_enum, value_name = "DO")]
    over_budget: Option<OverBudget>,
    /// Where the agent serves, and takes telemetry
    #[arg(long, value_name = "ADDR:PORT", default_value = LISTEN, env = "ODIN_LISTEN")]
    listen: SocketAddr,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum OverBudget {
    /// Say so, and send it
    Warn,
    /// Say so, and do not send it
    Block,
}

impl OverBudget {
    /// Of the client's hooks.
    fn command(self) -> &'static str {
        match self {
            Self::Warn => "hook --over-budget=warn",
            Self::Block => "hook --over-budget=block",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The hook of your shell, as of odin shell install
    Shell,
    /// The client's statusline
    Statusline,
    /// The client's telemetry, sent to the agent
    Telemetry,
    /// The client's hooks, which tell of sessions
    Hooks,
    /// The agent, as a service of your systemd
    Service,
}

/// What is to be done, and what is not.
#[derive(Default)]
struct Plan {
    shells: Vec<(Shell, Vec<Step>)>,
    /// Settings, and then the service.
    changes: Vec<Change>,
    /// Commands that follow, by words.
    commands: Vec<Vec<&'static str>>,
    /// Where the commands come first: a service is stopped before its file goes.
    is_stopping: bool,
    notes: Vec<String>,
}

impl Plan {
    fn is_empty(&self) -> bool {
        self.shells.is_empty() && self.changes.is_empty()
    }

    fn text(&self, home: &Path) -> String {
        let of_shell = |(shell, steps): &(Shell, Vec<Step>)| {
            format!("{}:\n{}\n", shell.name(), steps::render(steps, home, true))
        };
        let of_change = |Change { path, before, after, .. }: &Change| {
            let what = match (before, after) {
                (None, _) => " (new)",
                (_, None) => " (removed)",
                _ => "",
            };
            let [before, after] = [before, after].map(|text| text.as_deref().unwrap_or_default());
            let lines: Vec<String> =
                diff::diff(before, after).lines().map(|line| format!("  {line}\n")).collect();
            format!("{}{what}:\n{}\n", short(path, home), lines.concat())
        };
        let mut parts: Vec<String> = self.shells.iter().map(of_shell).collect();
        parts.extend(self.changes.iter().map(of_change));
        parts.extend(self.commands.iter().map(|command| format!("{}\n", command.join(" "))));
        if !self.notes.is_empty() {
            parts.push(format!("Left as it is:\n  {}\n", self.notes.join("\n  ")));
        }
        parts.concat()
    }

    fn carry_out(&self) -> anyhow::Result<()> {
        let run = || self.commands.iter().try_for_each(|words| call(words));
        // A systemd that is gone must not keep the rest from being taken back.
        if let Some(error) = self.is_stopping.then(run).and_then(Result::err) {
            say(&format!("odin: {error:#}"));
        }
        for step in self.shells.iter().flat_map(|(_, steps)| steps) {
            install::apply(step)?;
        }
        self.changes.iter().try_for_each(Change::apply)?;
        if !self.is_stopping {
            run()?;
        }
        Ok(())
    }
}

pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<End> {
    let variable: Lookup = &|name| std::env::var_os(name);
    let places = Places::locate(variable, &config.backups_path())?;
    let path = Record::path(&config.state_dir);
    let known = Record::read(&path)?;
    if options.undo {
        let Some(record) = known else {
            print("nothing was set up")?;
            return Ok(End::Done);
        };
        let plan = undoing(&record, &places)?;
        if !is_agreed(&plan, options, &places.home)? {
            return Ok(End::Done);
        }
        plan.carry_out()?;
        install::remove(&path, 0)?;
        say("All is as it was. What was noted stays in the ledger.");
        return Ok(End::Done);
    }
    let mut record = known.clone().unwrap_or_default();
    let plan = doing(options, config, &places, variable, &mut record)?;
    if !is_agreed(&plan, options, &places.home)? {
        return Ok(End::Done);
    }
    record.write(&path)?;
    plan.carry_out()?;
    say(&format!(
        "Done; what was there before is kept in {}, for odin setup --undo.\nOpen a new shell, start claude, and let odin doctor tell whether all of it works.",
        short(&path, &places.home)
    ));
    Ok(End::Done)
}

/// Shows the plan; whether it is to be carried out.
fn is_agreed(plan: &Plan, options: &Options, home: &Path) -> anyhow::Result<bool> {
    let text = plan.text(home);
    if !text.is_empty() {
        print(&text)?;
    }
    // What was taken back by hand still has its record to go.
    if plan.is_empty() && !options.undo {
        say("Nothing to do: all of it is there.");
        return Ok(false);
    }
    if options.dry_run || options.yes {
        return Ok(!options.dry_run);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage("nobody can be asked here: say --yes to do it, or --dry-run to look".into()).into());
    }
    write!(std::io::stderr(), "Do this? [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn doing(
    options: &Options,
    config: &Config,
    places: &Places,
    variable: Lookup,
    record: &mut Record,
) -> anyhow::Result<Plan> {
    let mut plan = Plan::default();
    let takes = |part| !options.skip.contains(&part);
    if takes(Part::Shell) {
        for shell in shell::meant(places) {
            let steps = install::install(shell, places)?;
            if steps.is_empty() {
                continue;
            }
            if !record.shells.iter().any(|name| name == shell.name()) {
                record.shells.push(shell.name().into());
            }
            plan.shells.push((shell, steps));
        }
    }
    let program = program(variable)?;
    let command = |name: &str| {
        let line = command::line(&program, name);
        line.with_context(|| format!("the client cannot call {}: its path is not UTF-8", program.display()))
    };
    let wanted = Wanted {
        statusline: takes(Part::Statusline).then(|| command("statusline")).transpose()?,
        hook: takes(Part::Hooks)
            .then(|| command(options.over_budget.map_or("hook", OverBudget::command)))
            .transpose()?,
        endpoint: takes(Part::Telemetry).then(|| endpoint(options.listen)),
    };
    for path in settings_files(config, variable)? {
        let (change, found) = setup::settings(&path, &wanted, options.replace, record)?;
        plan.changes.extend(change);
        plan.notes.extend(notes(&found, &wanted, options.replace, &short(&path, &places.home)));
    }
    if takes(Part::Service) {
        plan_service(options, &program, variable, record, &mut plan)?;
    }
    Ok(plan)
}

fn plan_service(
    options: &Options,
    program: &Path,
    variable: Lookup,
    record: &mut Record,
    plan: &mut Plan,
) -> anyhow::Result<()> {
    if !has_systemd(variable) {
        plan.notes.push("no systemd of yours runs here: start `odin agent` in another way".into());
        return Ok(());
    }
    let arguments = match options.listen.to_string() {
        listen if listen == LISTEN => vec![],
        listen => vec!["--listen".into(), listen],
    };
    let named = |name| Some((name, variable(name)?.into_string().ok().filter(|value| !value.is_empty())?));
    let environment: Vec<(&str, String)> = LEDGER.into_iter().filter_map(named).collect();
    let text = service::unit(program, &arguments, &environment);
    let folder = base_dir(variable, "XDG_CONFIG_HOME", ".config").context("no home directory: set HOME")?;
    match setup::service(&folder.join("systemd/user/odin.service"), &text, options.replace, record)? {
        Service::Current => {}
        Service::Due(change) => {
            plan.changes.push(change);
            plan.commands.push(vec!["systemctl", "--user", "daemon-reload"]);
            plan.commands.push(vec!["systemctl", "--user", "enable", "--now", "odin.service"]);
        }
        Service::Others => plan.notes.push("an odin.service that is not of odin setup (--replace)".into()),
    }
    Ok(())
}

fn undoing(record: &Record, places: &Places) -> anyhow::Result<Plan> {
    let mut plan = Plan { is_stopping: true, ..Plan::default() };
    for shell in Shell::ALL.into_iter().filter(|shell| record.shells.iter().any(|name| name == shell.name()))
    {
        let steps = install::uninstall(shell, places)?;
        if !steps.is_empty() {
            plan.shells.push((shell, steps));
        }
    }
    for edited in &record.settings {
        let Some((change, is_edited)) = setup::settings_undone(edited)? else { continue };
        if is_edited {
            let path = short(&edited.path, &places.home);
            plan.notes.push(format!("what has changed in {path} since the setup: only odin's part goes"));
        }
        plan.changes.push(change);
    }
    if let Some(change) = record.service.as_ref().map(setup::service_undone).transpose()?.flatten() {
        plan.changes.push(change);
        plan.commands.push(vec!["systemctl", "--user", "disable", "--now", "odin.service"]);
    }
    Ok(plan)
}

fn notes(found: &Found, wanted: &Wanted, replaces: bool, path: &str) -> Vec<String> {
    let note = |part: &str, is_wanted: bool, has: &Has| match has {
        Has::Others(what) if is_wanted && !replaces => Some(format!("{part} in {path}: {what} (--replace)")),
        _ => None,
    };
    let mut notes: Vec<String> = [
        note("the statusline", wanted.statusline.is_some(), &found.statusline),
        note("telemetry", wanted.endpoint.is_some(), &found.telemetry),
    ]
    .into_iter()
    .flatten()
    .collect();
    if found.is_disabled {
        notes.push(format!("disableAllHooks in {path}: the client calls neither hooks nor statusline"));
    }
    notes
}

/// The client's settings, for each config dir; for a client that has never run, where it will have them.
pub(super) fn settings_files(config: &Config, variable: Lookup) -> anyhow::Result<Vec<PathBuf>> {
    let mut dirs = config.claude_dirs.clone();
    if dirs.is_empty() {
        dirs.push(home_dir(variable).context("no home directory: set HOME")?.join(".claude"));
    }
    let of = |dir: PathBuf| match dir.parent() {
        Some(parent) if dir.ends_with("projects") => parent.join("settings.json"),
        _ => dir.join("settings.json"),
    };
    Ok(dirs.into_iter().map(of).collect())
}

/// This program, as `PATH` leads to it where it does: what a package manager updates is a link often.
pub(super) fn program(variable: Lookup) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where odin lies")?;
    let path = variable("PATH").unwrap_or_default();
    let mut named = std::env::split_paths(&path).filter(|dir| dir.is_absolute()).map(|dir| dir.join("odin"));
    let is_this = |path: &PathBuf| path.canonicalize().ok() == this.canonicalize().ok();
    Ok(named.find(is_this).unwrap_or(this))
}

/// Where the client on this machine reaches the agent.
pub(super) fn endpoint(listen: SocketAddr) -> String {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

/// Whether the user has a systemd of their own here.
pub(super) fn has_systemd(variable: Lookup) -> bool {
    let runtime = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime =
        runtime.unwrap_or_else(|| format!("/run/user/{}", rustix::process::getuid().as_raw()).into());
    runtime.join("systemd/private").exists()
}

fn call(words: &[&str]) -> anyhow::Result<()> {
    let line = words.join(" ");
    let output = Command::new(words[0]).args(&words[1..]).output();
    let output = output.with_context(|| format!("cannot run {line}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{line} failed: {}; systemctl --user status odin tells more", said.trim());
    }
    Ok(())
}

//! `odin statusline`: one line for the client's status line.
//!
//! The client runs it again and again and waits for it, so it reads the few sums that it shows, and nothing of what it
//! does can wait for somebody else: what the client told is left in the spool, which an agent or the next report takes
//! into the ledger.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::iter;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser as _;
use jiff::Timestamp;

use super::{budget, print, say};
use crate::config::Config;
use crate::ledger::{BudgetPeriod, Ledger};
use crate::model::status::Status;
use crate::report::budgets::{self, Moment, Scope, Spending, Standing};
use crate::report::statusline::{Facts, Part, line};
use crate::source::status::{self, Told};
use crate::source::{branch, project};

pub(super) const EXAMPLES: &str = "\
Examples, for settings.json of the client:
  {\"statusLine\": {\"type\": \"command\", \"command\": \"odin statusline\"}}
  {\"statusLine\": {\"type\": \"command\", \"command\": \"odin statusline --parts session,today,budget\"}}

Parts: model, branch, session (the client's own reckoning), today and block (list prices, from the ledger as an agent \
keeps it), context, limits (rate limits of a subscription, as the client tells them), budget (the one that most is \
spent of). The config has parts and separator in [statusline], too.";

/// A client writes about 1 kB.
const MOST_BYTES: u64 = 1 << 20;

/// Of the spool's file: where the last line of each session is looked for.
const TAIL_BYTES: u64 = 8 << 10;

/// After so long, what has not changed is kept again, so that it can be told how old it is.
const AGAIN_MS: i64 = 60_000;

const SEPARATOR: &str = " · ";

#[derive(clap::Args)]
pub(super) struct Options {
    /// What to show, in this order [default: the configured ones, else all that is known]
    #[arg(long, value_name = "PART[,PART]", value_delimiter = ',')]
    parts: Option<Vec<Part>>,
    /// Between parts [default: the configured one, else ` · `]
    #[arg(long, value_name = "TEXT")]
    separator: Option<String>,
}

/// The command by itself. To make up the whole command line costs more than all that a refresh does, and 1 MiB.
#[derive(clap::Parser)]
struct Alone {
    #[command(flatten)]
    options: Options,
}

/// The options of a call; none: it is another command's, or there is something to say of the command line.
pub(super) fn called(arguments: impl Iterator<Item = OsString>) -> Option<Options> {
    let mut arguments = arguments.skip(1).peekable();
    arguments.next_if(|command| command == "statusline")?;
    let alone = Alone::try_parse_from(iter::once("odin statusline".into()).chain(arguments)).ok()?;
    Some(alone.options)
}

/// Whatever is wrong is told on standard error, and what can be shown is.
pub(super) fn run(options: &Options, config: anyhow::Result<Config>) {
    let told = told();
    let config = config.map_err(|error| complain(&error)).ok();
    if let Err(error) = show(options, &told, config.as_ref()) {
        complain(&error);
    }
    if let Some(config) = &config
        && let Err(error) = keep(&told, config)
    {
        complain(&error);
    }
}

fn complain(error: &anyhow::Error) {
    say(&format!("odin: {error:#}"));
}

/// What the client writes to standard input; nothing where a person types.
fn told() -> Told {
    let mut json = vec![];
    let stdin = io::stdin().lock();
    if stdin.is_terminal() {
        return Told::default();
    }
    // What was read before an error may be all there is.
    if let Err(error) = stdin.take(MOST_BYTES).read_to_end(&mut json) {
        say(&format!("odin: cannot read what the client told: {error}"));
    }
    status::read(&json)
}

fn show(options: &Options, told: &Told, config: Option<&Config>) -> anyhow::Result<()> {
    let configured = config.map(|config| &config.statusline);
    let parts = match (&options.parts, configured.and_then(|of| of.parts.as_ref())) {
        (Some(parts), _) => parts.clone(),
        (None, Some(names)) => names
            .iter()
            .filter_map(|name| name.parse().map_err(|error| complain(&anyhow::Error::new(error))).ok())
            .collect(),
        (None, None) => Part::all().collect(),
    };
    let separator = options.separator.as_deref().or(configured.and_then(|of| of.separator.as_deref()));
    let moment = match config {
        Some(config) => budget::moment(config)?,
        None => budget::moment_of(None, jiff::civil::Weekday::Monday)?,
    };
    let spent = config.map(|config| spent(&parts, told, config, &moment));
    let spent = spent.transpose().unwrap_or_else(|error| {
        complain(&error);
        None
    });
    let Spent { today, block, budgets } = spent.unwrap_or_default();
    let facts = Facts {
        now: moment.now,
        zone: moment.zone,
        model: told.model.clone(),
        branch: branch_of(told).filter(|_| parts.contains(&Part::Branch)),
        session_usd: told.cost_usd,
        context: told.context,
        limits: told.limits.clone(),
        today,
        block,
        budgets,
    };
    let has_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    print(&line(&facts, &parts, separator.unwrap_or(SEPARATOR), has_colour))
}

fn branch_of(told: &Told) -> Option<String> {
    Some(&told.cwd).filter(|cwd| !cwd.is_empty()).and_then(|cwd| branch::of(Path::new(cwd)))
}

/// What the ledger has to say.
#[derive(Default)]
struct Spent {
    today: Option<Spending>,
    block: Option<Spending>,
    budgets: Vec<Standing>,
}

fn spent(parts: &[Part], told: &Told, config: &Config, moment: &Moment) -> anyhow::Result<Spent> {
    let path = config.ledger_path();
    let wants = |part| parts.contains(&part);
    if !path.exists() || ![Part::Today, Part::Block, Part::Budget].into_iter().any(wants) {
        return Ok(Spent::default());
    }
    let ledger = Ledger::open_to_glance(&path)?;
    let scope = |period, account: &Option<String>| Scope {
        period,
        project: String::new(),
        account: account.clone().unwrap_or_default(),
    };
    let mut scopes = vec![];
    if wants(Part::Today) {
        scopes.push(scope(BudgetPeriod::Day, &None));
    }
    if wants(Part::Block) {
        scopes.push(scope(BudgetPeriod::Block, &account(told, config)));
    }
    let mut spendings = budgets::spendings(&ledger, &scopes, moment)?.into_iter();
    let mut next = |part| wants(part).then(|| spendings.next()).flatten();
    let (today, block) = (next(Part::Today), next(Part::Block));
    let mut known = if wants(Part::Budget) { ledger.budgets()? } else { vec![] };
    if known.iter().any(|budget| !budget.project.is_empty()) {
        let project = project::root(&told.cwd);
        known.retain(|budget| budget.project.is_empty() || budget.project == project);
    }
    Ok(Spent { today, block, budgets: budgets::standings_of(&ledger, known, moment)? })
}

/// The config dir of the client, as the ledger calls it.
fn account(told: &Told, config: &Config) -> Option<String> {
    let dir = status::config_dir(Path::new(&told.transcript))?;
    let real = |path: &Path| path.canonicalize().ok();
    let is_same =
        |known: &&PathBuf| *known == dir || real(known).is_some_and(|known| Some(known) == real(dir));
    let known = config.claude_dirs.iter().find(is_same);
    Some(known.map_or(dir, PathBuf::as_path).to_string_lossy().into_owned())
}

/// Leaves in the spool what is new.
fn keep(told: &Told, config: &Config) -> anyhow::Result<()> {
    let Some(config_dir) = account(told, config) else { return Ok(()) };
    if told.session.is_empty() || told.context.is_none() && told.limits.is_empty() {
        return Ok(());
    }
    let at_ms = i64::try_from(super::now().as_millis())?;
    let day = Timestamp::from_millisecond(at_ms)?.strftime("%F").to_string();
    let path = config.spool_path().join(format!("status-{day}.tsv"));
    let status = Status {
        at_ms,
        session: told.session.clone(),
        config_dir,
        context: told.context,
        limits: told.limits.clone(),
    };
    add(&path, &status).with_context(|| format!("cannot keep what the client told in {}", path.display()))
}

/// One write, which the kernel keeps apart from those of others.
fn add(path: &Path, status: &Status) -> io::Result<()> {
    let mut options = File::options();
    options.read(true).append(true).create(true).mode(0o600);
    let mut file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path);
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            options.open(path)?
        }
        opened => opened?,
    };
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES)))?;
    let mut tail = vec![];
    (&file).take(TAIL_BYTES).read_to_end(&mut tail)?;
    if status::says(&tail, status, AGAIN_MS) {
        Ok(())
    } else {
        file.write_all(status::line(status).as_bytes())
    }
}

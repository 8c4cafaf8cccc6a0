//! `odin doctor`: gathers what the checks need to know, and shows what they find.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::agent::LISTEN;
use super::{End, ingest, ledger, now, prices, print, setup, shell};
use crate::agent::word;
use crate::config::{Config, Lookup, base_dir, projects_dir};
use crate::doctor::checks::verdicts;
use crate::doctor::show::{is_sound, json, text};
use crate::doctor::{AgentState, ClaudeDir, Facts, LedgerState, Prices, State, Transcripts};
use crate::ingest::Look;
use crate::ledger::{Dimension, Ledger};
use crate::model::Shell;
use crate::setup::command;
use crate::setup::settings::{self, Wanted};
use crate::shell::install::may_be_written;
use crate::shell::places::Places;
use crate::shell::status;
use crate::source::folders::Extent;
use crate::source::watch::is_told_of_changes;

pub(super) const EXAMPLES: &str = "\
Examples:
  odin doctor
  odin doctor --format json

A note is worth knowing, and may be meant. Nothing is changed, but that what is new is read into the ledger.";

/// An agent of this machine answers at once; collectors that hang take their time.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(15);

/// Of an answer. A page has at most 2,000 series.
const MAX_ANSWER: u64 = 4 << 20;

#[derive(clap::Args)]
pub(super) struct Options {
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Where the agent serves
    #[arg(long, value_name = "ADDR:PORT", default_value = LISTEN, env = "ODIN_LISTEN")]
    listen: SocketAddr,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people, a line a check
    Table,
    /// For programs; the schema is odin.doctor/1
    Json,
}

pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<End> {
    let verdicts = verdicts(&facts(options, config)?);
    print(&match options.format {
        Format::Table => text(&verdicts),
        Format::Json => json(&verdicts)?,
    })?;
    Ok(if is_sound(&verdicts) { End::Done } else { End::Found })
}

fn facts(options: &Options, config: &Config) -> anyhow::Result<Facts> {
    let variable: Lookup = &|name| std::env::var_os(name);
    let places = Places::locate(variable, &config.backups_path())?;
    let ledger = ledger_state(config);
    let (read, _) = shell::known(config).unwrap_or_default();
    let shells = status::look(&Shell::ALL, &places, &config.spool_path(), &read);
    let installed = shells.shells.iter().filter(|shell| shell.is_installed());
    let files = setup::settings_files(config, variable)?;
    let wanted = wanted(options, variable)?;
    let dirs = config.claude_dirs.iter().zip(files);
    let watched = config.claude_dirs.iter().map(|dir| projects_dir(dir));
    Ok(Facts {
        now_ms: i64::try_from(now().as_millis()).unwrap_or(i64::MAX),
        state: state(&config.state_dir),
        ledger,
        claude: dirs.map(|(dir, path)| claude_dir(dir, path, &wanted)).collect(),
        folders: watched.map(|dir| folders(&dir)).sum::<u64>() + 1,
        watches: fs::read_to_string("/proc/sys/fs/inotify/max_user_watches")
            .ok()
            .and_then(|text| text.trim().parse().ok()),
        agent: agent(options.listen),
        address: options.listen.to_string(),
        start: start(variable),
        prices: price_list(config)?,
        shells: installed.map(|shell| shell.shell.name()).collect(),
        shell_problems: shells.problems,
    })
}

fn wanted(options: &Options, variable: Lookup) -> anyhow::Result<Wanted> {
    let program = setup::program(variable)?;
    Ok(Wanted {
        statusline: command::line(&program, "statusline"),
        hook: command::line(&program, "hook"),
        endpoint: Some(setup::endpoint(options.listen)),
    })
}

fn state(path: &Path) -> State {
    // Of one that is not there, the nearest folder above it.
    let near = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    let free = rustix::fs::statvfs(near).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize)).ok();
    State {
        path: path.into(),
        mode: fs::metadata(path).map(|meta| meta.permissions().mode() & 0o777).ok(),
        is_writable: may_be_written(&path.join("ledger.db")),
        free_bytes: free,
    }
}

/// Of the ledger with all that is new.
fn ledger_state(config: &Config) -> LedgerState {
    if !config.ledger_path().exists() {
        return LedgerState::Absent;
    }
    sound(config).unwrap_or_else(|error| LedgerState::Broken(format!("{error:#}")))
}

fn sound(config: &Config) -> anyhow::Result<LedgerState> {
    let (mut ledger, writable) = ledger::open_at_least_to_read(config)?;
    writable?;
    if !word::is_current(&config.state_dir, &config.claude_dirs) {
        let spooled = ingest::spool(&mut ledger, config)?;
        let found = ingest::looks(&ledger, config, Extent::Awake)?.into_iter().map(Look::finish).collect();
        ingest::quietly(&mut ledger, found, spooled)?;
    }
    Ok(LedgerState::Sound {
        last_answer_ms: ledger.last_answer_ms()?,
        last_hook_ms: ledger.last_hook_call()?.map(|at_us| at_us / 1000),
        unpriced: unpriced(&ledger)?,
    })
}

fn unpriced(ledger: &Ledger) -> anyhow::Result<Vec<(String, i64)>> {
    let (terms, names) = (ledger.terms()?, ledger.names(Dimension::Model)?);
    let mut responses: BTreeMap<String, i64> = BTreeMap::new();
    ledger.cells(0..i64::MAX, |cell| {
        let terms = usize::try_from(cell.terms).ok().and_then(|at| terms.get(at));
        if let Some(name) = terms.filter(|_| !cell.is_priced).and_then(|terms| names.get(&terms.model)) {
            *responses.entry(name.clone()).or_default() += cell.sums.responses;
        }
    })?;
    Ok(responses.into_iter().filter(|(_, responses)| *responses > 0).collect())
}

fn claude_dir(dir: &Path, settings_path: PathBuf, wanted: &Wanted) -> ClaudeDir {
    let projects = projects_dir(dir);
    let transcripts = match fs::read_dir(&projects) {
        Ok(_) if is_told_of_changes(&projects) => Transcripts::Readable,
        Ok(_) => Transcripts::Untold,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Transcripts::None,
        Err(error) => Transcripts::Unreadable(format!("cannot read {}: {error}", projects.display())),
    };
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", settings_path.display());
    let text = match fs::read(&settings_path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some).map_err(|error| told(&error)),
    };
    let of = |text: Option<Vec<u8>>| -> Result<_, settings::Malformed> {
        let programs = text.as_deref().map(settings::programs).transpose()?;
        Ok((settings::look(text.as_deref(), wanted)?, programs.unwrap_or_default()))
    };
    let found = text.and_then(|text| of(text).map_err(|error| told(&error)));
    let (settings, programs) = match found {
        Ok((found, programs)) => (Ok(found), programs),
        Err(why) => (Err(why), vec![]),
    };
    // A bare name is looked for in a PATH that is not known here.
    let is_missing = |program: &String| program.starts_with('/') && !Path::new(program).exists();
    let missing_programs = programs.into_iter().filter(is_missing).collect();
    ClaudeDir { path: dir.into(), transcripts, settings, settings_path, missing_programs }
}

/// How many there are below one, and itself. What cannot be read has none.
fn folders(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 1 };
    let below = entries.filter_map(Result::ok);
    let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    1 + below.map(|entry| folders(&entry.path())).sum::<u64>()
}

fn start(variable: Lookup) -> String {
    let folder = base_dir(variable, "XDG_CONFIG_HOME", ".config");
    let has_unit = folder.is_some_and(|folder| folder.join("systemd/user/odin.service").exists());
    let start = match (setup::has_systemd(variable), has_unit) {
        (true, true) => "systemctl --user restart odin",
        (true, false) => "odin setup",
        (false, _) => "odin agent, kept running",
    };
    start.into()
}

fn price_list(config: &Config) -> anyhow::Result<Prices> {
    let version = &prices::load(config)?.version;
    let as_of = version.split('/').next().unwrap_or_default();
    let day: Date = as_of.parse()?;
    let as_of_ms = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0))?.as_millisecond();
    Ok(Prices { as_of: as_of.into(), as_of_ms })
}

/// What the agent says of itself.
fn agent(listen: SocketAddr) -> AgentState {
    let answer = match ask(listen) {
        Ok(answer) => answer,
        Err(error) => return AgentState::Unreachable(error.to_string()),
    };
    let Some((head, body)) = answer.split_once("\r\n\r\n").filter(|_| answer.starts_with("HTTP/1.")) else {
        return AgentState::Guarded("it does not speak HTTP: it may want TLS".into());
    };
    let about: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let about = about.filter(|about| about["schema"] == "odin.agent/1");
    let Some(about) = about else {
        let status = head.lines().next().unwrap_or_default();
        return AgentState::Guarded(format!("it says {}", status.trim_start_matches("HTTP/1.1 ")));
    };
    AgentState::Answers {
        state_dir: about["state_dir"].as_str().unwrap_or_default().into(),
        scraped_s_ago: about["scraped_seconds_ago"].as_f64(),
        metrics: about["metrics"].as_str().unwrap_or_default().into(),
    }
}

fn ask(listen: SocketAddr) -> io::Result<String> {
    let address: SocketAddr =
        setup::endpoint(listen).trim_start_matches("http://").parse().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    write!(stream, "GET /api/agent HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = vec![];
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

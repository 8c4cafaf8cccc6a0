//! `odin ledger`: looks after the ledger.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{End, ingest, now, prices, print, progress, say};
use crate::config::Config;
use crate::ledger::{self, Ledger, contents};
use crate::report::{self, export};

#[derive(clap::Subcommand)]
pub(super) enum LedgerCommand {
    /// Check that the database is sound and its sums agree with its responses; exit code 1 if not
    Check,
    /// Write a copy of the ledger, which others may go on using; odin makes one a day by itself
    Backup {
        /// The file to write, which must not be there yet [default: one in the state folder's `backups`]
        file: Option<PathBuf>,
    },
    /// Put a backup in the ledger's place; what transcripts still hold is read again afterwards
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore {
        /// The backup: a path, a name in `backups`, or a day as in 2026-11-23 [default: the newest]
        #[arg(conflicts_with = "list")]
        backup: Option<PathBuf>,
        /// Show the backups there are
        #[arg(long)]
        list: bool,
    },
    /// Make the ledger anew, from the newest good backup, the transcripts, and what can be read of the present one
    Rebuild,
    /// Write every response: one JSON object a line (schema odin.ledger.response/1), or CSV
    Export {
        #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
        format: ExportFormat,
        /// Write to a file instead of standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Export what the ledger has, without reading new transcripts first
        #[arg(long)]
        no_ingest: bool,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum ExportFormat {
    Json,
    Csv,
}

const RESTORE_EXAMPLES: &str = "\
Examples:
  odin ledger restore --list         the backups there are
  odin ledger restore                the newest of them
  odin ledger restore 2026-11-23     the one of a day

The present ledger is backed up first.";

pub(super) fn run(command: &LedgerCommand, config: &Config) -> anyhow::Result<End> {
    match command {
        LedgerCommand::Check => check(config),
        LedgerCommand::Backup { file } => backup(file.as_deref(), config),
        LedgerCommand::Restore { list: true, .. } => list(config),
        LedgerCommand::Restore { backup, .. } => restore(backup.as_deref(), config),
        LedgerCommand::Rebuild => {
            existing(config)?;
            rebuild(config)
        }
        LedgerCommand::Export { format, output, no_ingest } => {
            write_export(*format, output.as_deref(), *no_ingest, config)
        }
    }
}

/// Opens the ledger, made if need be, and brings it to the present prices.
pub(super) fn open(config: &Config) -> anyhow::Result<Ledger> {
    let prices = prices::load(config)?;
    let mut ledger = Ledger::open(&config.ledger_path())?.priced_by(prices);
    if let Some(moved) = ledger.reprice()?.filter(|moved| !moved.is_empty()) {
        say(&format!("odin: priced anew by {}:", prices.version));
        for (model, moved) in &moved {
            say(&format!("  {}", report::moved(model, moved)));
        }
    }
    Ok(ledger)
}

/// Opens the ledger, to read at least; beside it, why it cannot be written to.
pub(super) fn open_at_least_to_read(config: &Config) -> anyhow::Result<(Ledger, anyhow::Result<()>)> {
    match open(config) {
        Err(error) if config.ledger_path().exists() && is_no_room_to_write(&error) => {
            let ledger = Ledger::open_read_only(&config.ledger_path())?.priced_by(prices::load(config)?);
            Ok((ledger, Err(error)))
        }
        opened => Ok((opened?, Ok(()))),
    }
}

fn is_no_room_to_write(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ledger::Error::ReadOnly { .. } | ledger::Error::Full { .. }))
}

fn existing(config: &Config) -> anyhow::Result<PathBuf> {
    let path = config.ledger_path();
    if !path.exists() {
        bail!("no ledger at {}: `odin ingest` makes one", path.display());
    }
    Ok(path)
}

fn check(config: &Config) -> anyhow::Result<End> {
    let path = existing(config)?;
    let prices = prices::load(config)?;
    let wrong = match Ledger::open_read_only(&path).and_then(|ledger| ledger.priced_by(prices).check()) {
        Err(error @ ledger::Error::Damaged { .. }) => vec![format!("{:#}", anyhow::Error::from(error))],
        checked => checked?,
    };
    if wrong.is_empty() {
        print(&format!("{}: all is well", path.display()))?;
        return Ok(End::Done);
    }
    print(&wrong.join("\n"))?;
    say("To make it anew from the newest good backup and the transcripts: odin ledger rebuild");
    Ok(End::Found)
}

fn backup(file: Option<&Path>, config: &Config) -> anyhow::Result<End> {
    existing(config)?;
    let ledger = open(config)?;
    let file = match file {
        Some(file) => file.into(),
        None => backups_folder(config)?.join(format!("manual-{}.db", stamp()?)),
    };
    if file.exists() {
        bail!("{} is there already: name another file, or remove it", file.display());
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        bail!("no folder {} to write {} to", folder.display(), file.display());
    }
    ledger.backup(&file)?;
    let bytes = fs::metadata(&file).map(|meta| meta.len()).unwrap_or_default();
    print(&format!("{}: {}, {}", file.display(), told(&contents(&file)?)?, HumanBytes(bytes)))?;
    Ok(End::Done)
}

fn list(config: &Config) -> anyhow::Result<End> {
    let backups = backups(config)?;
    if backups.is_empty() {
        print(&format!("no backups in {}", config.backups_path().display()))?;
    }
    for path in backups {
        let told = contents(&path).map_err(anyhow::Error::from).and_then(|contents| told(&contents));
        print(&format!("{}: {}", path.display(), told.unwrap_or_else(|error| format!("{error:#}"))))?;
    }
    Ok(End::Done)
}

fn told(contents: &ledger::Contents) -> anyhow::Result<String> {
    let responses = HumanCount(u64::try_from(contents.responses).unwrap_or_default());
    Ok(match contents.last_at_ms {
        Some(at) => format!(
            "{responses} responses, the last at {}",
            Timestamp::from_millisecond(at)?.strftime("%F %H:%M UTC")
        ),
        None => format!("{responses} responses"),
    })
}

fn restore(backup: Option<&Path>, config: &Config) -> anyhow::Result<End> {
    let backups = backups(config)?;
    let chosen = match backup {
        Some(wanted) => named(wanted, &backups, config)?,
        None => newest_good(&backups).context("no good backup: see `odin ledger restore --list`")?,
    };
    let held = contents(&chosen)?;
    let mut ledger = open(config)?;
    let before = backups_folder(config)?.join(format!("before-restore-{}.db", stamp()?));
    ledger.backup(&before)?;
    ledger.restore(&chosen)?;
    print(&format!("restored {}: {}", chosen.display(), told(&held)?))?;
    say(&format!("The former ledger is {}.", before.display()));
    say("What the transcripts hold beyond it is read by the next command, or by: odin ingest");
    Ok(End::Done)
}

/// A path, a name in the folder of backups, or the day of an automatic one.
fn named(wanted: &Path, backups: &[PathBuf], config: &Config) -> anyhow::Result<PathBuf> {
    let folder = config.backups_path();
    let day = folder.join(format!("daily-{}.db", wanted.display()));
    let places = [wanted.to_path_buf(), folder.join(wanted), day];
    places.into_iter().find(|path| path.is_file()).with_context(|| {
        let known: Vec<String> =
            backups.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into())).collect();
        format!("no backup `{}`; there are: {}", wanted.display(), known.join(", "))
    })
}

/// Those in the state folder, the newest first.
fn backups(config: &Config) -> anyhow::Result<Vec<PathBuf>> {
    let folder = config.backups_path();
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.with_context(|| format!("cannot read {}", folder.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "db") {
            found.push((fs::metadata(&path)?.modified()?, path));
        }
    }
    found.sort();
    Ok(found.into_iter().rev().map(|(_, path)| path).collect())
}

fn newest_good(backups: &[PathBuf]) -> Option<PathBuf> {
    backups.iter().find(|path| is_good(path)).cloned()
}

/// Fit to be chosen unasked: sound, and not what somebody has chosen to leave.
fn is_good(path: &Path) -> bool {
    let is_left =
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"before-restore-"));
    !is_left && contents(path).is_ok()
}

fn backups_folder(config: &Config) -> anyhow::Result<PathBuf> {
    let folder = config.backups_path();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// What a command leaves to be done until it has said what it had to say: nothing else depends on it, and what goes
/// wrong is told.
pub(super) fn tidy(ledger: &mut Ledger, config: &Config) {
    for dir in &config.claude_dirs {
        if let Err(error) = ledger.pack_known(&dir.to_string_lossy()) {
            say(&format!("odin: {:#}", anyhow::Error::from(error)));
        }
    }
    backup_daily(ledger, config);
}

/// Makes the backup of the day if it is due, and removes those that are too many.
fn backup_daily(ledger: &mut Ledger, config: &Config) {
    let mut made = || -> anyhow::Result<()> {
        let now_ms = i64::try_from(now().as_millis())?;
        if !ledger.is_backup_due(now_ms)? {
            return Ok(());
        }
        let day = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(now_ms)?).date();
        let folder = backups_folder(config)?;
        let file = folder.join(format!("daily-{day}.db"));
        if !file.exists()
            && let Err(error) = ledger.backup(&file)
        {
            ledger.postpone_backup(now_ms)?;
            return Err(error.into());
        }
        let backups = backups(config)?;
        let names = backups.iter().filter_map(|path| path.file_name()?.to_str());
        for name in ledger::expired(names, config.backups.daily, config.backups.weekly) {
            let path = folder.join(name);
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    };
    if let Err(error) = made() {
        say(&format!("odin: no backup was made today: {error:#}"));
    }
}

/// Makes a damaged ledger anew, unless another process has done so meanwhile.
pub(super) fn recover(config: &Config) -> anyhow::Result<()> {
    let path = config.ledger_path();
    let _alone = ledger::alone(&path)?;
    let checked = || Ledger::open_read_only(&path)?.check();
    if contents(&path).is_err() || !checked().is_ok_and(|wrong| wrong.is_empty()) {
        rebuild_alone(config)?;
    }
    Ok(())
}

fn rebuild(config: &Config) -> anyhow::Result<End> {
    let _alone = ledger::alone(&config.ledger_path())?;
    rebuild_alone(config)?;
    Ok(End::Done)
}

/// Begins from the newest backup that a sound ledger comes of; from none, if none does.
fn rebuild_alone(config: &Config) -> anyhow::Result<()> {
    let backups = backups(config)?;
    let candidates = backups.iter().filter(|path| is_good(path)).map(Some).chain([None]);
    let mut failed = None;
    for backup in candidates {
        match rebuild_from(backup, config) {
            Err(error) if backup.is_some() && (error.is::<Unsound>() || super::is_damaged(&error)) => {
                failed = Some(error);
            }
            done => return done,
        }
    }
    Err(failed.context("no ledger could be made anew")?)
}

/// The new ledger does not agree with itself.
#[derive(Debug, thiserror::Error)]
#[error("the new ledger is not sound, so the present one was left alone: {0}")]
struct Unsound(String);

fn rebuild_from(backup: Option<&PathBuf>, config: &Config) -> anyhow::Result<()> {
    let path = config.ledger_path();
    let mut anew = Ledger::begin_anew(&path, backup.map(PathBuf::as_path))?.priced_by(prices::load(config)?);
    anew.reprice()?;
    let outcome = ingest::all(&mut anew, config, &mut *progress::watcher())?;
    ingest::tell_damage(&outcome);
    let saved = match anew.absorb(&path) {
        // Of the former ledger, not of the new one.
        Err(ledger::Error::Damaged { path: of, .. }) if of == path => None,
        saved => Some(saved?),
    };
    let wrong = anew.check()?;
    if !wrong.is_empty() {
        return Err(Unsound(wrong.join("; ")).into());
    }
    let aside = anew.take_place_of(&path, &stamp()?)?;
    let from = backup.map_or("no backup".into(), |path| path.display().to_string());
    let files = HumanCount(outcome.files as u64);
    say(&format!("odin: the ledger was made anew from {from} and {files} transcripts"));
    let aside = aside.display();
    match saved {
        Some(saved) => say(&format!(
            "odin: {} responses were found nowhere else than in the former ledger{}, which is now {aside}",
            saved.added,
            if saved.is_damaged { " (parts of it cannot be read)" } else { "" },
        )),
        None => say(&format!("odin: nothing can be read of the former ledger, which is now {aside}")),
    }
    Ok(())
}

fn write_export(
    format: ExportFormat,
    output: Option<&Path>,
    no_ingest: bool,
    config: &Config,
) -> anyhow::Result<End> {
    let (mut ledger, writable) = open_at_least_to_read(config)?;
    if !no_ingest {
        writable?;
        ingest::all(&mut ledger, config, &mut *progress::watcher())?;
    }
    let mut out: Box<dyn Write> = match output {
        Some(path) => {
            Box::new(fs::File::create(path).with_context(|| format!("cannot create {}", path.display()))?)
        }
        None => Box::new(io::stdout().lock()),
    };
    let mut out = BufWriter::new(&mut out);
    if matches!(format, ExportFormat::Csv) {
        out.write_all(export::CSV_HEADER.as_bytes())?;
    }
    let mut failed: anyhow::Result<()> = Ok(());
    ledger.export(|response| {
        failed = write_response(&mut out, format, &response);
        failed.is_ok()
    })?;
    failed?;
    out.flush()?;
    Ok(End::Done)
}

fn write_response(
    out: &mut impl Write,
    format: ExportFormat,
    response: &ledger::Exported,
) -> anyhow::Result<()> {
    let line = match format {
        ExportFormat::Json => export::json(response)?,
        ExportFormat::Csv => export::csv(response),
    };
    Ok(out.write_all(line.as_bytes())?)
}

/// Now, for names of files.
fn stamp() -> anyhow::Result<String> {
    let now = Timestamp::from_millisecond(i64::try_from(now().as_millis())?)?;
    Ok(now.strftime("%Y%m%dT%H%M%S%.3fZ").to_string())
}

//! The agent's one writer: takes into the ledger what watched folders tell, and keeps what there is to say of it ready.
//!
//! It sleeps until something is written below a config dir or into the spool, reads just that, and publishes. Whatever
//! watching cannot tell (folders that came, a queue that ran over, network file systems, no more watches) is found by a
//! look at everything, soon where it is known that something may be missing, and now and then in any case.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use rustix::event::{EventfdFlags, eventfd};
use tracing::{info, warn};

use super::claude::Claude;
use super::memory;
use super::sessions::Seen;
use crate::config::{Config, projects_dir};
use crate::ingest::{self, Damaged, Found, Look};
use crate::ledger::{self, Ledger, Reader};
use crate::metrics::families::{claude as families, ledger as ledger_families};
use crate::metrics::snapshot::{Builder, Snapshot};
use crate::model::telemetry::Fact;
use crate::report;
use crate::source::folders::{self, Extent};
use crate::source::project;
use crate::source::watch::{self, Watcher};

/// Between two rounds: what is written meanwhile is taken in together.
const ROUND: Duration = Duration::from_millis(100);

/// How often it is asked whether another process has written to the ledger.
const GLANCE: Duration = Duration::from_secs(1);

/// How often everything is looked at: where watching is not enough, and where it is.
const RESCAN_BLIND: Duration = Duration::from_secs(5);
const RESCAN: Duration = Duration::from_secs(600);

/// How often what there is to tell is made ready if nothing happens: days end meanwhile, and blocks.
const RETELL: Duration = Duration::from_secs(60);

/// How often a tree that goes on is written to the ledger.
const TREES_MS: i64 = 30_000;

/// How long who sends telemetry is kept waiting.
const TELEMETRY_PATIENCE: Duration = Duration::from_secs(5);

/// After a failure, before it is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// Bodies of telemetry that wait to be taken in. Who brings another is told to come back.
const MOST_TELEMETRY: usize = 4;

/// What one body of telemetry tells, and who hears how many of its facts are new once they are in the ledger.
struct Telemetry {
    facts: Vec<Fact>,
    answer: Sender<Option<usize>>,
}

/// What the keeper is asked.
enum Ask {
    /// Whether the ledger has all that was written so far below these config dirs; it has when this is answered.
    IsCurrent(Vec<PathBuf>, Sender<bool>),
    Stop,
}

/// What others see of the keeper.
pub struct Kept {
    wake: OwnedFd,
    asks: Mutex<Sender<Ask>>,
    telemetry: SyncSender<Telemetry>,
    snapshot: Mutex<Arc<Snapshot>>,
    is_ready: AtomicBool,
}

impl Kept {
    /// What there is to tell now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the first look at everything found can be had.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// Whether the ledger has all that was written so far below some config dirs. Waits until it is known, and at most
    /// for `patience`.
    pub fn is_current(&self, dirs: Vec<PathBuf>, patience: Duration) -> bool {
        let (answer, answered) = channel();
        self.ask(Ask::IsCurrent(dirs, answer));
        answered.recv_timeout(patience).unwrap_or_default()
    }

    /// Takes in what telemetry tells, and returns how many of the facts are new. None: they may not be in the ledger, for
    /// now. Waits at most for `patience`.
    pub fn take_in(&self, facts: Vec<Fact>, patience: Duration) -> Option<usize> {
        if !self.is_ready() {
            return None;
        }
        let (answer, answered) = channel();
        self.telemetry.try_send(Telemetry { facts, answer }).ok()?;
        self.wake();
        answered.recv_timeout(patience.min(TELEMETRY_PATIENCE)).ok()?
    }

    pub fn stop(&self) {
        self.ask(Ask::Stop);
    }

    fn ask(&self, ask: Ask) {
        // A keeper that is gone answers nobody.
        _ = self.asks.lock().unwrap_or_else(PoisonError::into_inner).send(ask);
        self.wake();
    }

    fn wake(&self) {
        // It fails only where a wake is due already.
        _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

/// What a keeper needs to begin.
pub struct Setup<'c> {
    pub config: &'c Config,
    pub host: String,
    pub ledger: Ledger,
    pub claude: Claude,
    /// Live sessions, as their collector last saw them.
    pub seen: Arc<Mutex<Seen>>,
    /// What is left to be done when nothing else is, such as a backup of the day.
    pub tidy: fn(&mut Ledger, &Config),
    /// Hears that clients came or went.
    pub poke: Box<dyn Fn() + Send>,
}

pub struct Keeper {
    host: String,
    ledger: Ledger,
    claude: Claude,
    seen: Arc<Mutex<Seen>>,
    /// Sessions that were live when last told of.
    live: Vec<String>,
    dirs: Vec<Account>,
    spool: PathBuf,
    config: Config,
    tidy: fn(&mut Ledger, &Config),
    poke: Box<dyn Fn() + Send>,
    ledger_path: PathBuf,
    watcher: Option<Watcher>,
    /// Not all that is written is told.
    is_blind: bool,
    asks: Receiver<Ask>,
    telemetry: Receiver<Telemetry>,
    kept: Arc<Kept>,
    /// The first look at everything is done.
    has_all: bool,
    /// Of the ledger; none: it was not looked at yet.
    epoch: Option<i64>,
    /// Of the ledger, when it was last told of.
    data_version: i64,
    /// The look at processes that was last remembered.
    remembered_ms: i64,
    /// What there is to tell could not be made ready.
    is_unpublished: bool,
    /// Failed operations of the ledger: busy, io, full, corrupt, other.
    errors: [u64; 5],
    /// Since when something is known to have changed that is not in the ledger.
    behind_since: Option<Instant>,
}

struct Account {
    config_dir: PathBuf,
    projects: PathBuf,
    /// The client's registry of its processes.
    registry: PathBuf,
}

/// What is to be done.
#[derive(Default)]
struct Work {
    files: BTreeSet<PathBuf>,
    has_spool: bool,
    is_all: bool,
}

impl Work {
    fn is_any(&self) -> bool {
        self.is_all || self.has_spool || !self.files.is_empty()
    }
}

impl Keeper {
    pub fn new(setup: Setup) -> io::Result<Self> {
        let Setup { config, host, ledger, claude, seen, tidy, poke } = setup;
        let (sender, asks) = channel();
        let (telemetry_sender, telemetry) = sync_channel(MOST_TELEMETRY);
        let kept = Kept {
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            asks: Mutex::new(sender),
            telemetry: telemetry_sender,
            snapshot: Mutex::default(),
            is_ready: AtomicBool::new(false),
        };
        let watcher = Watcher::new().inspect_err(|error| warn!("{error}: looking every 5 s instead")).ok();
        let dirs = config.claude_dirs.iter().map(|dir| Account {
            config_dir: dir.clone(),
            projects: projects_dir(dir),
            registry: dir.join("sessions"),
        });
        let mut keeper = Self {
            host,
            ledger,
            claude,
            seen,
            live: vec![],
            dirs: dirs.collect(),
            spool: config.spool_path(),
            config: config.clone(),
            tidy,
            poke,
            ledger_path: config.ledger_path(),
            is_blind: watcher.is_none(),
            watcher,
            asks,
            telemetry,
            kept: Arc::new(kept),
            has_all: false,
            epoch: None,
            data_version: 0,
            remembered_ms: 0,
            is_unpublished: false,
            errors: [0; 5],
            behind_since: None,
        };
        keeper.publish();
        Ok(keeper)
    }

    pub fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.kept)
    }

    fn take_in_all(&mut self) -> Result<(), ledger::Error> {
        self.watch_roots();
        self.look_at_all()?;
        // Folders that were found are watched from now on; what came into them in between is found by a second look.
        self.watch_known();
        self.look_at_all()?;
        self.take_in_spool()
    }

    /// Takes in all that there is, and makes ready what there is to tell of it.
    pub fn be_ready(&mut self) -> Result<(), ledger::Error> {
        self.take_in_all()?;
        self.has_all = true;
        self.publish();
        Ok(())
    }

    /// Runs until it is told to stop.
    pub fn run(mut self) {
        let mut work = Work { is_all: true, has_spool: true, ..Work::default() };
        let (mut next_look, mut next_round) = (Instant::now(), Instant::now());
        let mut next_tell = Instant::now() + RETELL;
        loop {
            let mut waiting = vec![];
            loop {
                match self.asks.try_recv() {
                    Ok(Ask::IsCurrent(dirs, answer)) => waiting.push((dirs, answer)),
                    Ok(Ask::Stop) | Err(TryRecvError::Disconnected) => return self.remember(0),
                    Err(TryRecvError::Empty) => break,
                }
            }
            let telemetry: Vec<Telemetry> = self.telemetry.try_iter().collect();
            self.drain(&mut work);
            match self.is_other_ledger() {
                Ok(is_other) => work.is_all |= is_other,
                Err(error) => {
                    self.failed(&error);
                    work.is_all = true;
                    next_round = Instant::now() + PAUSE;
                }
            }
            let mut has_news = self.seen.lock().unwrap_or_else(PoisonError::into_inner).live != self.live;
            let mut is_to_tidy = false;
            let now = Instant::now();
            if now >= next_look {
                work.is_all = true;
            }
            // What was written before telemetry came is taken in before it: most of it tells of the same.
            let is_asked = !waiting.is_empty() || !telemetry.is_empty();
            if work.is_any() && (now >= next_round || is_asked) {
                self.behind_since.get_or_insert(now);
                next_round = now + ROUND;
                match self.round(&mut work) {
                    Ok(was_all) => {
                        self.behind_since = None;
                        if was_all {
                            let again = if self.is_blind { RESCAN_BLIND } else { RESCAN };
                            next_look = Instant::now() + again;
                            is_to_tidy = true;
                        }
                    }
                    Err(error) => {
                        self.failed(&error);
                        work.is_all = true;
                        next_round = Instant::now() + PAUSE;
                    }
                }
                has_news = true;
            }
            let is_current = !work.is_any() && !self.is_blind;
            for (dirs, answer) in waiting {
                let is_watched = |dir: &PathBuf| self.dirs.iter().any(|known| known.config_dir == *dir);
                _ = answer.send(is_current && dirs.iter().all(is_watched));
            }
            if !telemetry.is_empty() {
                self.take_in_telemetry(telemetry);
                next_tell = next_tell.min(next_round.max(now));
            }
            if has_news || now >= next_tell || self.has_been_written() {
                next_round = next_round.max(now + ROUND);
                self.publish();
                next_tell = Instant::now() + RETELL;
            }
            if is_to_tidy {
                (self.tidy)(&mut self.ledger, &self.config);
                self.give_memory_back();
            }
            self.remember(TREES_MS);
            let until = if work.is_any() { next_round } else { next_look.min(next_tell) };
            self.wait(until.saturating_duration_since(Instant::now()).min(GLANCE), work.is_any());
        }
    }

    /// Other contents have taken the ledger's place: a backup, or what was made anew. Transcripts are to be read on from
    /// where these are.
    fn is_other_ledger(&mut self) -> Result<bool, ledger::Error> {
        if self.ledger.is_set_aside() {
            self.ledger.reopen()?;
            self.claude.remember(&mut self.ledger)?;
            info!("{} was made anew", self.ledger_path.display());
        }
        let epoch = self.ledger.epoch()?;
        if epoch == self.epoch {
            return Ok(false);
        }
        self.ledger.reprice()?;
        self.epoch = epoch;
        Ok(true)
    }

    /// Until something happens, or only until somebody asks.
    fn wait(&self, timeout: Duration, has_work: bool) {
        let waited = match &self.watcher {
            Some(watcher) if !has_work => watcher.wait(self.kept.wake.as_fd(), Some(timeout)).map(|_| ()),
            _ => {
                let mut wake = [rustix::event::PollFd::new(&self.kept.wake, rustix::event::PollFlags::IN)];
                let timeout = rustix::event::Timespec::try_from(timeout).ok();
                rustix::event::poll(&mut wake, timeout.as_ref()).map(|_| ()).map_err(io::Error::from)
            }
        };
        if let Err(error) = waited {
            warn!("cannot wait for changes: {error}");
            std::thread::sleep(PAUSE);
        }
        // Read empty; that it is empty already is no news.
        _ = rustix::io::read(&self.kept.wake, &mut [0_u8; 8]);
    }

    /// What has happened so far becomes work.
    fn drain(&mut self, work: &mut Work) {
        let Some(watcher) = &mut self.watcher else { return };
        let changes = match watcher.changes() {
            Ok(changes) => changes,
            Err(error) => {
                warn!("{error}");
                work.is_all = true;
                return;
            }
        };
        work.is_all |= changes.is_lost;
        let registries: Vec<&Path> = self.dirs.iter().map(|dir| dir.registry.as_path()).collect();
        let is_registry = |path: &Path| registries.contains(&path);
        let mut have_clients_moved = changes.is_lost;
        for folder in changes.folders {
            if is_registry(&folder) {
                have_clients_moved = true;
            } else if folder == self.spool {
                work.has_spool = true;
            } else {
                work.is_all = true;
            }
        }
        for file in changes.files {
            if file.parent().is_some_and(is_registry) {
                have_clients_moved = true;
            } else if file.parent() == Some(&self.spool) {
                work.has_spool = true;
            } else {
                work.files.insert(file);
            }
        }
        if have_clients_moved {
            (self.poke)();
        }
        for (path, error) in changes.unwatched {
            self.blinded(&path, &error);
        }
    }

    fn blinded(&mut self, path: &Path, error: &watch::Error) {
        if !std::mem::replace(&mut self.is_blind, true) {
            warn!("{}: {error}: looking every 5 s as well", path.display());
        }
    }

    /// Whether all was looked at.
    fn round(&mut self, work: &mut Work) -> Result<bool, ledger::Error> {
        let Work { files, has_spool, is_all } = std::mem::take(work);
        if is_all {
            self.take_in_all()?;
            self.has_all = true;
            return Ok(true);
        }
        if has_spool {
            self.take_in_spool()?;
        }
        for dir in &self.dirs {
            let changed = files.iter().filter_map(|path| folders::transcript(&dir.projects, path));
            let changed: Vec<_> = changed.collect();
            if !changed.is_empty() {
                let reader = reader(&self.host, dir);
                let found = Found::of(reader, dir.projects.clone(), changed);
                tell(&found.take_in(&mut self.ledger, &mut ())?.damages);
            }
        }
        Ok(false)
    }

    /// A look at everything, and a first reading above all, takes more than what follows.
    fn give_memory_back(&mut self) {
        if let Err(error) = self.ledger.give_memory_back() {
            self.failed(&error);
        }
        memory::give_back();
    }

    fn watch_roots(&mut self) {
        let mut roots: Vec<PathBuf> =
            self.dirs.iter().flat_map(|dir| [dir.projects.clone(), dir.registry.clone()]).collect();
        roots.push(self.spool.clone());
        self.watch(roots);
    }

    fn watch_known(&mut self) {
        let mut folders = vec![];
        for dir in &self.dirs {
            match self.ledger.known(&dir.config_dir.to_string_lossy()) {
                Ok(known) => {
                    let known = known.folders();
                    folders.extend(known.iter().map(|known| dir.projects.join(&*known.folder.path)));
                }
                Err(error) => warn!("{error}"),
            }
        }
        self.watch(folders);
    }

    fn watch(&mut self, folders: Vec<PathBuf>) {
        for folder in folders {
            let Some(watcher) = &mut self.watcher else { return };
            if let Err(error) = watcher.add(&folder) {
                self.blinded(&folder, &error);
            } else if !watch::is_told_of_changes(&folder) && !std::mem::replace(&mut self.is_blind, true) {
                warn!("{} may be written to from elsewhere: looking every 5 s as well", folder.display());
            }
        }
    }

    fn look_at_all(&mut self) -> Result<(), ledger::Error> {
        let now_ns = i64::try_from(since_epoch().as_nanos()).unwrap_or(i64::MAX);
        for dir in &self.dirs {
            let reader = reader(&self.host, dir);
            let look = Look::new(&self.ledger, reader, dir.projects.clone(), now_ns, Extent::All)?;
            let outcome = look.finish().take_in(&mut self.ledger, &mut ())?;
            for (path, error) in &outcome.unreadable {
                warn!("cannot read {}: {error}", path.display());
            }
            if outcome.responses > 0 {
                info!("{} new responses in {}", outcome.responses, dir.config_dir.display());
            }
            tell(&outcome.damages);
        }
        Ok(())
    }

    fn take_in_spool(&mut self) -> Result<(), ledger::Error> {
        let now_ms = i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX);
        let outcome = ingest::spool::take_in(&mut self.ledger, &self.host, &self.spool, now_ms)?;
        tell(&outcome.damages);
        Ok(())
    }

    /// In one transaction; who brought it hears of it when it is permanent.
    fn take_in_telemetry(&mut self, telemetry: Vec<Telemetry>) {
        let mut take_in = || {
            let config_dir = match &self.dirs[..] {
                [dir] => dir.config_dir.to_string_lossy().into_owned(),
                // A session's transcript tells.
                _ => String::new(),
            };
            let reader = Reader { host: self.host.clone(), config_dir };
            let mut project_of = project::root;
            let mut batch = self.ledger.batch(&reader, &mut project_of)?;
            let mut new = Vec::new();
            for Telemetry { facts, .. } in &telemetry {
                let mut news = 0;
                for fact in facts {
                    news += usize::from(batch.telemetry(fact)?);
                }
                new.push(news);
            }
            batch.commit()?;
            Ok(new)
        };
        let taken = take_in().inspect_err(|error| self.failed(error)).ok();
        for (n, Telemetry { answer, .. }) in telemetry.into_iter().enumerate() {
            // Who no longer waits sends it again.
            _ = answer.send(taken.as_ref().and_then(|new| new.get(n)).copied());
        }
    }

    /// Keeps what was seen of processes since this was last done.
    fn remember(&mut self, every_ms: i64) {
        let seen = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.has_all || seen.looked_ms == self.remembered_ms && every_ms > 0 {
                return;
            }
            seen.clone()
        };
        // What fails is tried again with the next look.
        self.remembered_ms = seen.looked_ms;
        if let Err(error) = seen.remember(&mut self.ledger, &self.host, every_ms) {
            self.failed(&error);
        }
    }

    /// Another process has written to the ledger since it was told of, or it could not be.
    fn has_been_written(&self) -> bool {
        self.is_unpublished
            || self.has_all && self.ledger.data_version().is_ok_and(|version| version != self.data_version)
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes ready what there is to tell. Nothing is told of Claude before all was looked at: a counter that only catches
    /// up looks like spending.
    fn publish(&mut self) {
        let mut out = Builder::new();
        if self.has_all {
            if let Ok(version) = self.ledger.data_version() {
                self.data_version = version;
            }
            let seen = self.seen();
            self.live.clone_from(&seen.live);
            let told = self.claude.tell(&mut self.ledger, &seen, Timestamp::now(), &mut out);
            self.is_unpublished = told.is_err();
            if let Err(error) = told {
                match error {
                    report::Error::Ledger(error) => self.failed(&error),
                    error => warn!("{error}"),
                }
                out = Builder::new();
            }
        }
        out.push(&families::SCAN_COMPLETE, &[], f64::from(u8::from(self.has_all)));
        let lag = self.behind_since.map_or(0.0, |since| since.elapsed().as_secs_f64());
        out.push(&families::INGEST_LAG_SECONDS, &[], lag);
        self.tell_of_ledger(&mut out);
        *self.kept.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(out.build());
        if self.has_all && !self.is_unpublished {
            self.kept.is_ready.store(true, Ordering::Release);
        }
    }

    fn tell_of_ledger(&self, out: &mut Builder) {
        for (kind, count) in ["busy", "io", "full", "corrupt", "other"].into_iter().zip(self.errors) {
            out.push(&ledger_families::ERRORS, &[kind], count as f64);
        }
        let wal = self.ledger_path.with_file_name("ledger.db-wal");
        for (file, path) in [("db", &self.ledger_path), ("wal", &wal)] {
            if let Ok(meta) = std::fs::metadata(path) {
                out.push(&ledger_families::SIZE_BYTES, &[file], meta.len() as f64);
            }
        }
    }

    fn failed(&mut self, error: &ledger::Error) {
        let kind = match error {
            ledger::Error::Locked { .. } => 0,
            ledger::Error::Full { .. } => 2,
            ledger::Error::Damaged { .. } => 3,
            ledger::Error::Sql { .. } | ledger::Error::ReadOnly { .. } => 1,
            _ => 4,
        };
        self.errors[kind] += 1;
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        warn!("{error}{cause}");
    }
}

fn reader(host: &str, dir: &Account) -> Reader {
    Reader { host: host.into(), config_dir: dir.config_dir.to_string_lossy().into_owned() }
}

fn tell(damages: &[Damaged]) {
    for Damaged { path, offset, kind } in damages {
        warn!("{}, byte {offset}: a line could not be read as it is ({kind})", path.display());
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

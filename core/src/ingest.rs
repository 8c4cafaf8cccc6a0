//! Reads what transcripts have gained into the ledger.
//!
//! One pass over each config dir: compare with what is known, read the new lines of what changed, oldest file first
//! (the earliest written file of a copied history names its session). Progress is stored with the responses, at least
//! every [`BATCH_BYTES`], so that other writers wait for a moment only and a crash repeats little.

pub mod spool;

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::ledger::{self, Batch, Known, Ledger, Progress, Reader};
use crate::model::{FileStamp, TranscriptFile, fnv1a};
use crate::source::agent_meta;
use crate::source::folders::{Extent, News, Survey};
use crate::source::lines;
use crate::source::project;
use crate::source::transcript::{self, FileFacts, Parser, Told};

const BATCH_BYTES: u64 = 64 << 20;

/// Of what is known: some 200 files and folders.
const WORTH_A_THREAD: usize = 16 << 10;

/// How long a look at all may do without another.
const BETWEEN_LOOKS_NS: i64 = 3_600_000_000_000;

/// Length of the parts of a file that tell whether it is still the one that was read.
const PROBE_BYTES: usize = 256;

/// How far from its end the last time in a file is looked for, and if there is none, how far then.
const TAIL_BYTES: [usize; 2] = [8 << 10, 256 << 10];

/// What a pass did.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Transcripts known to be there, and those that had something new.
    pub files: usize,
    pub files_read: usize,
    pub bytes_read: u64,
    /// How many responses more the ledger counts than before.
    pub responses: i64,
    /// Launches that the spool has gained.
    pub launches: usize,
    pub damages: Vec<Damaged>,
    /// What could not be looked at or read.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

impl Outcome {
    pub fn add(&mut self, other: Self) {
        self.files += other.files;
        self.files_read += other.files_read;
        self.bytes_read += other.bytes_read;
        self.responses += other.responses;
        self.launches += other.launches;
        self.damages.extend(other.damages);
        self.unreadable.extend(other.unreadable);
    }
}

/// A line that could not be read, or only with a repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    pub path: PathBuf,
    /// Where the line starts, in bytes.
    pub offset: u64,
    pub kind: &'static str,
}

/// Hears how far a pass has come.
pub trait Watcher {
    /// So many bytes are to be read.
    fn found(&mut self, bytes: u64);
    /// So many of them were.
    fn read(&mut self, bytes: u64);
}

/// Hears nothing.
impl Watcher for () {
    fn found(&mut self, _: u64) {}
    fn read(&mut self, _: u64) {}
}

/// One config dir, and what is new in it.
pub struct Look {
    reader: Reader,
    projects: PathBuf,
    known: Known,
    now_ns: i64,
    extent: Extent,
    /// Made by the first thread that works on it.
    survey: OnceLock<Survey>,
    /// A look at all is to be remembered.
    is_due: bool,
}

impl Look {
    /// Prepares to compare a config dir's `projects` with what the ledger knows. `now_ns`: nanoseconds since the epoch.
    ///
    /// A look at less than all is one at all where that is due.
    pub fn new(
        ledger: &Ledger,
        reader: Reader,
        projects: PathBuf,
        now_ns: i64,
        wanted: Extent,
    ) -> Result<Self, ledger::Error> {
        let known = ledger.known(&reader.config_dir)?;
        let looked_ns = ledger.looked_ns(&reader.config_dir)?;
        let is_due = !(looked_ns..looked_ns.saturating_add(BETWEEN_LOOKS_NS)).contains(&now_ns);
        let extent = if is_due { Extent::All } else { wanted };
        Ok(Self { reader, projects, known, now_ns, extent, survey: OnceLock::new(), is_due })
    }

    /// Whether a second thread would save more time than it takes to start.
    pub fn is_large(&self) -> bool {
        self.known.size() > WORTH_A_THREAD
    }

    /// Looks at what is known until all of it is taken; any number of threads may.
    pub fn work(&self) {
        self.survey().work();
    }

    fn survey(&self) -> &Survey {
        self.survey
            .get_or_init(|| Survey::new(&self.projects, self.known.folders(), self.now_ns, self.extent))
    }

    /// Does what is left.
    pub fn finish(self) -> Found {
        self.survey();
        let Self { reader, projects, survey, is_due, now_ns, .. } = self;
        let news = survey.into_inner().map(Survey::finish).unwrap_or_default();
        Found { reader, projects, news, looked_ns: is_due.then_some(now_ns) }
    }
}

/// What is new in one config dir.
pub struct Found {
    reader: Reader,
    pub projects: PathBuf,
    news: News,
    looked_ns: Option<i64>,
}

impl Found {
    /// Some transcripts below a config dir's `projects`, which are known to have changed.
    pub fn of(reader: Reader, projects: PathBuf, changed: Vec<TranscriptFile>) -> Self {
        let news = News { files: changed.len(), changed, ..News::default() };
        Self { reader, projects, news, looked_ns: None }
    }

    /// Whether the ledger would gain something.
    pub fn is_any(&self) -> bool {
        self.news.is_any()
    }

    /// Brings the ledger up to date.
    pub fn take_in(
        mut self,
        ledger: &mut Ledger,
        watcher: &mut dyn Watcher,
    ) -> Result<Outcome, ledger::Error> {
        let mut pass = Pass {
            projects: &self.projects,
            watcher,
            parser: Parser::default(),
            lines: lines::Reader::default(),
            outcome: Outcome {
                files: self.news.files,
                files_read: self.news.changed.len(),
                unreadable: std::mem::take(&mut self.news.unreadable),
                ..Outcome::default()
            },
            bytes_in_batch: 0,
        };
        self.news.changed.sort_by(|a, b| {
            let by_time = a.stamp.modified_ns.cmp(&b.stamp.modified_ns);
            by_time.then_with(|| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)))
        });
        pass.take_in(ledger, &self.reader, &self.news)?;
        if let Some(looked_ns) = self.looked_ns {
            let remembered = ledger.looked(&self.reader.config_dir, looked_ns);
            // Without news, nothing is lost but the time of another such look.
            if self.news.is_any() {
                remembered?;
            }
        }
        Ok(pass.outcome)
    }
}

struct Pass<'a> {
    projects: &'a Path,
    watcher: &'a mut dyn Watcher,
    parser: Parser,
    lines: lines::Reader,
    outcome: Outcome,
    bytes_in_batch: u64,
}

impl Pass<'_> {
    fn take_in(&mut self, ledger: &mut Ledger, reader: &Reader, news: &News) -> Result<(), ledger::Error> {
        if !news.is_any() {
            return Ok(());
        }
        self.watcher.found(news.bytes);
        let mut project_of = project::root;
        let mut batch = ledger.batch(reader, &mut project_of)?;
        for file in &news.changed {
            let same = |gone: &&TranscriptFile| {
                (gone.stamp.device, gone.stamp.inode) == (file.stamp.device, file.stamp.inode)
            };
            if let Some(from) = news.gone_files.iter().find(same) {
                batch.moved(from, file)?;
            }
        }
        batch.gone(&news.gone_files, &news.gone_folders)?;
        for file in &news.changed {
            loop {
                let is_done = self.file(&mut batch, file)?;
                if self.bytes_in_batch >= BATCH_BYTES {
                    self.outcome.responses += batch.commit()?;
                    self.bytes_in_batch = 0;
                    batch = ledger.batch(reader, &mut project_of)?;
                }
                if is_done {
                    break;
                }
            }
        }
        batch.listed(&news.folders)?;
        self.outcome.responses += batch.commit()?;
        Ok(())
    }

    /// Reads on in a file until its end (true) or until the batch is full.
    fn file(&mut self, batch: &mut Batch, file: &TranscriptFile) -> Result<bool, ledger::Error> {
        let path = self.projects.join(&*file.folder).join(&file.name);
        let (id, mut progress) = batch.transcript(file)?;
        let mut opened = match open(&path, &mut progress, file.stamp.inode) {
            Ok(opened) => opened,
            // Gone since it was found; the next look will say so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => {
                self.outcome.unreadable.push((path, error));
                return Ok(true);
            }
        };
        let modified_ms = file.stamp.modified_ns / 1_000_000;
        let mut facts = FileFacts::of(&file.folder, &file.name, modified_ms);
        facts.last_at_ms = progress.last_at_ms;
        if progress.offset > 0 {
            (facts.begun_at_ms, facts.ended_at_ms) = batch.known_span(&facts.session)?;
        } else {
            batch.restart(id)?;
            if !facts.agent.is_empty()
                && let Some(meta) = agent_meta::beside(&path)
            {
                batch.agent(&facts.agent, &meta.parent_agent)?;
            }
        }
        let begun_at = progress.offset;
        let read = self.lines(batch, &path, id, &mut opened, &mut facts, &mut progress)?;
        let read = read.and_then(|is_done| {
            close(&opened, progress.offset.unsigned_abs(), &mut facts)?;
            probe(&opened, &mut progress)?;
            Ok(is_done)
        });
        if let (Some(begun_ms), Some(ended_ms)) = (facts.begun_at_ms, facts.ended_at_ms) {
            batch.span(&facts.session, begun_ms, ended_ms)?;
        }
        self.watcher.read((progress.offset - begun_at).unsigned_abs());
        progress.last_at_ms = facts.last_at_ms;

        // A file that is not read to its end must look changed next time.
        let unfinished = FileStamp { size_bytes: -1, ..file.stamp };
        let stamp = if matches!(read, Ok(true)) { &file.stamp } else { &unfinished };
        batch.read_to(id, stamp, &progress)?;
        read.or_else(|error| {
            self.outcome.unreadable.push((path, error));
            Ok(true)
        })
    }

    /// Takes in lines from `progress` on, and moves it.
    fn lines(
        &mut self,
        batch: &mut Batch,
        path: &Path,
        id: i64,
        file: &mut File,
        facts: &mut FileFacts,
        progress: &mut Progress,
    ) -> Result<io::Result<bool>, ledger::Error> {
        let Self { lines, parser, outcome, bytes_in_batch, .. } = self;
        let claim_ms = facts.modified_ms;
        lines.begin(progress.offset.unsigned_abs());
        loop {
            let line = match lines.next(file) {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(Ok(true)),
                Err(error) => return Ok(Err(error)),
            };
            let (mut failed, mut state) = (None, None);
            parser.read(line.bytes, line.is_terminated, facts, &mut |told| {
                let done = match told {
                    Told::Response(response) => batch.add(&response, claim_ms),
                    Told::ToolResult(result) => batch.tool_result(&result),
                    Told::Event(event) => batch.event(&event, claim_ms),
                    Told::Fork(fork) => batch.fork(&fork),
                    Told::CostState(told) => {
                        state = Some(told);
                        Ok(())
                    }
                    Told::Damage(damage) => {
                        let kind = damage.name();
                        outcome.damages.push(Damaged { path: path.into(), offset: line.offset, kind });
                        batch.parse_error(id, line.offset.cast_signed(), kind)
                    }
                };
                failed = failed.take().or(done.err());
            });
            if let Some(error) = failed {
                return Err(error);
            }
            if let Some(state) = state {
                match time_before(file, line.offset) {
                    Ok(at_ms) => batch.cost_state(&state, at_ms.or(state.started_ms).unwrap_or(claim_ms))?,
                    Err(error) => return Ok(Err(error)),
                }
            }
            let length = line.bytes.len() as u64;
            outcome.bytes_read += length;
            *bytes_in_batch += length;
            if line.is_terminated {
                progress.offset = line.end().cast_signed();
                if *bytes_in_batch >= BATCH_BYTES {
                    return Ok(Ok(false));
                }
            }
        }
    }
}

/// Finds the time of the last line before an offset.
fn close(file: &File, offset: u64, facts: &mut FileFacts) -> io::Result<()> {
    in_tails(file, offset, |tail| Parser::close(tail, facts).then_some(()))?;
    Ok(())
}

/// Looks for something before an offset, in what lies near first.
fn in_tails<T>(file: &File, offset: u64, mut find: impl FnMut(&[u8]) -> Option<T>) -> io::Result<Option<T>> {
    for bytes in TAIL_BYTES {
        let mut tail = vec![0; usize::try_from(offset).map_or(bytes, |offset| offset.min(bytes))];
        let start = offset - tail.len() as u64;
        file.read_exact_at(&mut tail, start)?;
        let found = find(&tail);
        if found.is_some() || tail.len() < bytes {
            return Ok(found);
        }
    }
    Ok(None)
}

/// When a line without a time was written: the time of the last line before it that has one.
fn time_before(file: &File, offset: u64) -> io::Result<Option<i64>> {
    Ok(in_tails(file, offset, transcript::last_time)?.flatten())
}

/// Opens a file where it was left off; at its start, and so in `progress`, where it is not the file it was.
fn open(path: &Path, progress: &mut Progress, inode: i64) -> io::Result<File> {
    let mut file = File::open(path)?;
    if progress.offset > 0 {
        let mut found = *progress;
        let is_same = progress.inode == inode && probe(&file, &mut found).is_ok() && found == *progress;
        if !is_same {
            *progress = Progress::default();
        }
        file.seek(SeekFrom::Start(progress.offset.unsigned_abs()))?;
    }
    Ok(file)
}

/// Hashes the first and the last bytes before `progress.offset`.
fn probe(file: &File, progress: &mut Progress) -> io::Result<()> {
    let offset = progress.offset.unsigned_abs();
    let mut buffer = [0; PROBE_BYTES];
    let part = &mut buffer[..usize::try_from(offset).map_or(PROBE_BYTES, |offset| offset.min(PROBE_BYTES))];
    file.read_exact_at(part, 0)?;
    progress.head_hash = fnv1a(part);
    file.read_exact_at(part, offset - part.len() as u64)?;
    progress.tail_hash = fnv1a(part);
    Ok(())
}

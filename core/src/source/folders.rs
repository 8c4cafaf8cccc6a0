//! Finds what is new below a Claude config dir's `projects/`: transcripts lie at any depth (sessions, their
//! `subagents/` and `workflows/`), and any `*.jsonl` may carry responses.
//!
//! A folder is listed only when its modification time has moved since it was last listed; otherwise its
//! transcripts are known, and one stat each tells whether they grew.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};

use crate::model::{FileStamp, Folder, KnownFolder, TranscriptFile, path_order};

/// A folder that changed this recently may change again without its time moving: the kernel's clock for
/// modification times ticks coarsely.
const SETTLED_NS: i64 = 2_000_000_000;

/// A session rests when it was not written to for so long.
const REST_NS: i64 = 3_600_000_000_000;

/// The same of the folders below it, which tell that files arrived with older times.
const FOLDER_REST_NS: i64 = 60_000_000_000;

/// How many files and folders are looked at in one go.
const PORTION: usize = 100;

/// What has changed since.
#[derive(Debug, Default)]
pub struct News {
    /// Transcripts that are there.
    pub files: usize,
    /// Folders with a time to remember.
    pub folders: Vec<Folder>,
    /// Transcripts that are new, or differ from what is known, and by how many bytes they grew.
    pub changed: Vec<TranscriptFile>,
    pub bytes: u64,
    /// Known transcripts and folders that are no more.
    pub gone_files: Vec<TranscriptFile>,
    pub gone_folders: Vec<Folder>,
    /// What could not be looked at.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

impl News {
    /// Whether there is anything to remember.
    pub fn is_any(&self) -> bool {
        !self.changed.is_empty()
            || !self.gone_files.is_empty()
            || !self.gone_folders.is_empty()
            || !self.folders.is_empty()
    }

    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.folders.extend(other.folders);
        self.changed.extend(other.changed);
        self.bytes += other.bytes;
        self.gone_files.extend(other.gone_files);
        self.gone_folders.extend(other.gone_folders);
        self.unreadable.extend(other.unreadable);
    }
}

/// How far a look goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// To everything that is known, and what is new.
    All,
    /// Not below sessions that rest: the client that runs a session writes to its main transcript when a subagent
    /// begins and when it ends. Where the main transcript was written last of all, long ago, and has not been since,
    /// nothing below it is expected to have changed.
    Awake,
}

/// A comparison of `root` (a `projects` folder) with what is known of it.
///
/// Any number of threads may [`work`](Self::work) on it: nearly all of its time is the kernel's, which finds paths.
pub struct Survey {
    root: PathBuf,
    opened: io::Result<OwnedFd>,
    /// By path.
    known: Vec<KnownFolder>,
    /// Folders of sessions that rest, by path.
    resting: Vec<KnownFolder>,
    /// Nanoseconds since the epoch.
    now_ns: i64,
    /// Of `known`: what nobody has taken yet.
    next: AtomicUsize,
    seen: Mutex<Seen>,
}

/// What the portions so far have told.
#[derive(Default)]
struct Seen {
    news: News,
    /// Device and inode of folders.
    folders: HashSet<(u64, u64)>,
    /// Folders that nobody knew.
    found: Vec<Arc<str>>,
}

impl Survey {
    /// Nothing is looked at yet.
    pub fn new(root: &Path, mut known: Vec<KnownFolder>, now_ns: i64, extent: Extent) -> Self {
        known.sort_unstable_by(KnownFolder::order);
        for known in &mut known {
            known.files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        }
        let resting = match extent {
            Extent::All => vec![],
            Extent::Awake => take_resting(&mut known, now_ns),
        };
        Self {
            root: root.into(),
            opened: open_folder(CWD, root),
            known,
            resting,
            now_ns,
            next: AtomicUsize::new(0),
            seen: Mutex::default(),
        }
    }

    /// Looks at what is known, a portion at a time, until all of it is taken.
    pub fn work(&self) {
        let Ok(opened) = &self.opened else { return };
        while let Some(portion) = self.portion() {
            let mut look = Look::new(self, opened);
            for known in portion {
                look.known_folder(known);
            }
            let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            all.news.add(look.seen.news);
            all.folders.extend(look.seen.folders);
            all.found.extend(look.seen.found);
        }
    }

    fn portion(&self) -> Option<&[KnownFolder]> {
        let mut first = self.next.load(Ordering::Relaxed);
        loop {
            let rest = self.known.get(first..).filter(|rest| !rest.is_empty())?;
            let mut weight = 0;
            let fits = |known: &&KnownFolder| {
                let is_room = weight < PORTION;
                weight += 1 + known.files.len();
                is_room
            };
            let length = rest.iter().take_while(fits).count();
            match self.next.compare_exchange(first, first + length, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(&rest[..length]),
                Err(moved) => first = moved,
            }
        }
    }

    /// Does what is left, then looks below sessions that turned out not to rest, and into folders that nobody knew.
    ///
    /// A missing root is no news. Symbolic links are followed; a folder that is reached twice is read once.
    pub fn finish(self) -> News {
        self.work();
        let Self { root, opened, known, resting, now_ns, seen, .. } = self;
        let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return News::default(),
            Err(error) => return News { unreadable: vec![(root, error)], ..News::default() },
        };
        let mut look = Look { root: &root, opened: &opened, project: None, now_ns, seen };
        let News { changed, gone_files, .. } = &look.seen.news;
        let awake: Vec<String> = changed.iter().chain(gone_files).map(session_of_main).collect();
        let mut looked_at = 0;
        for session in awake {
            let first = resting.partition_point(|known| path_order(&known.folder.path, &session).is_lt());
            let folders =
                resting[first..].iter().take_while(|known| session_of(&known.folder.path) == Some(&session));
            for known in folders {
                looked_at += known.files.len();
                look.known_folder(known);
            }
        }
        look.seen.news.files += resting.iter().map(|known| known.files.len()).sum::<usize>() - looked_at;
        let is_known = |path: &str| {
            let is_in = |folders: &[KnownFolder]| {
                folders.binary_search_by(|known| path_order(&known.folder.path, path)).is_ok()
            };
            is_in(&known) || is_in(&resting)
        };
        if !is_known("") {
            look.seen.found.push("".into());
        }
        while let Some(path) = look.seen.found.pop() {
            if !is_known(&path) {
                look.new_folder(&path);
            }
        }
        look.seen.news
    }
}

/// A transcript below `root`, by its path, as it is now; none where there is no such file, or it is none.
pub fn transcript(root: &Path, path: &Path) -> Option<TranscriptFile> {
    let name = path.file_name().filter(|name| is_transcript(name))?.to_str()?;
    let folder = path.parent()?.strip_prefix(root).ok()?.to_str()?;
    let stat = rustix::fs::statat(CWD, path, AtFlags::empty()).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode).is_file();
    is_file.then(|| TranscriptFile { folder: folder.into(), name: name.into(), stamp: stamp(&stat) })
}

/// Looks at folders, one after another.
struct Look<'s> {
    root: &'s Path,
    opened: &'s OwnedFd,
    /// The folder of `root` that was last looked into: paths are shorter from there.
    project: Option<(String, OwnedFd)>,
    now_ns: i64,
    seen: Seen,
}

impl<'s> Look<'s> {
    fn new(survey: &'s Survey, opened: &'s OwnedFd) -> Self {
        Self { root: &survey.root, opened, project: None, now_ns: survey.now_ns, seen: Seen::default() }
    }

    fn known_folder(&mut self, known: &KnownFolder) {
        let path = &known.folder.path;
        match self.stat(path) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => {
                self.seen.folders.insert((stat.st_dev, stat.st_ino));
                if known.folder.modified_ns == modified_ns(&stat) {
                    known.files.iter().for_each(|(name, stamp)| self.known_file(path, name, *stamp));
                } else {
                    self.list(path, &stat, Some(known));
                }
            }
            // A file is there now.
            Ok(_) => self.gone(known),
            Err(error) if is_gone(&error) => self.gone(known),
            Err(error) => self.unreadable(path, error),
        }
    }

    fn new_folder(&mut self, path: &Arc<str>) {
        match self.stat(path) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => {
                if self.seen.folders.insert((stat.st_dev, stat.st_ino)) {
                    self.list(path, &stat, None);
                }
            }
            Ok(_) => {}
            // Gone since the folder above was listed.
            Err(error) if is_gone(&error) => {}
            Err(error) => self.unreadable(path, error),
        }
    }

    fn known_file(&mut self, folder: &Arc<str>, name: &str, known: FileStamp) {
        // A file that went away since its folder was looked at is found missing at the next listing.
        let Ok(stat) = self.stat(&join(folder, name)) else { return };
        self.seen.news.files += 1;
        let stamp = stamp(&stat);
        if stamp != known {
            self.changed(
                TranscriptFile { folder: folder.clone(), name: name.into(), stamp },
                known.size_bytes,
            );
        }
    }

    fn changed(&mut self, file: TranscriptFile, known_bytes: i64) {
        let size = file.stamp.size_bytes;
        let grown = if size >= known_bytes { size - known_bytes.max(0) } else { size };
        self.seen.news.bytes += grown.unsigned_abs();
        self.seen.news.changed.push(file);
    }

    fn gone(&mut self, known: &KnownFolder) {
        let path = &known.folder.path;
        let files = known.files.iter().map(|(name, stamp)| TranscriptFile {
            folder: path.clone(),
            name: name.clone(),
            stamp: *stamp,
        });
        self.seen.news.gone_files.extend(files);
        self.seen.news.gone_folders.push(known.folder.clone());
    }

    /// Finds files, and folders for [`Survey::finish`] to look into; remembers the folder's time.
    fn list(&mut self, path: &Arc<str>, stat: &Stat, known: Option<&KnownFolder>) {
        if let Err(error) = self.entries(path, known.map_or(&[], |known| &known.files)) {
            return self.unreadable(path, error);
        }
        let modified_ns = modified_ns(stat);
        let modified_ns = if self.now_ns - modified_ns > SETTLED_NS { modified_ns } else { 0 };
        if known.map(|known| known.folder.modified_ns) != Some(modified_ns) {
            self.seen.news.folders.push(Folder { path: path.clone(), modified_ns });
        }
    }

    fn entries(&mut self, path: &Arc<str>, known: &[(String, FileStamp)]) -> io::Result<()> {
        let mut missing: HashMap<&str, FileStamp> =
            known.iter().map(|(name, stamp)| (name.as_str(), *stamp)).collect();
        for entry in fs::read_dir(self.root.join(&**path))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let name = entry.file_name();
            let is_transcript = is_transcript(&name);
            if kind.is_file() && !is_transcript {
                continue;
            }
            let Some(name) = name.to_str() else {
                self.unreadable(
                    &join(path, &name.to_string_lossy()),
                    io::Error::other("its name is not UTF-8"),
                );
                continue;
            };
            let below = join(path, name);
            let stat = match self.stat(&below) {
                Ok(stat) => stat,
                // A dangling link, or gone since it was listed.
                Err(error) if is_gone(&error) => continue,
                Err(error) => {
                    self.unreadable(&below, error);
                    continue;
                }
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => self.seen.found.push(below.into()),
                FileType::RegularFile if is_transcript => {
                    self.seen.news.files += 1;
                    let stamp = stamp(&stat);
                    let known = missing.remove(name);
                    if known != Some(stamp) {
                        let file = TranscriptFile { folder: path.clone(), name: name.into(), stamp };
                        self.changed(file, known.map_or(0, |stamp| stamp.size_bytes));
                    }
                }
                _ => {}
            }
        }
        let gone = missing.into_iter().map(|(name, stamp)| TranscriptFile {
            folder: path.clone(),
            name: name.into(),
            stamp,
        });
        self.seen.news.gone_files.extend(gone);
        Ok(())
    }

    fn stat(&mut self, path: &str) -> io::Result<Stat> {
        let (folder, path) = match path.split_once('/') {
            Some((project, path)) => (self.project(project)?, path),
            None if path.is_empty() => (self.opened, "."),
            None => (self.opened, path),
        };
        Ok(rustix::fs::statat(folder, path, AtFlags::empty())?)
    }

    fn project(&mut self, name: &str) -> io::Result<&OwnedFd> {
        let kept = self.project.take().filter(|(kept, _)| kept == name);
        let project = match kept {
            Some(kept) => kept,
            None => (name.into(), open_folder(self.opened, Path::new(name))?),
        };
        Ok(&self.project.insert(project).1)
    }

    fn unreadable(&mut self, path: &str, error: io::Error) {
        self.seen.news.unreadable.push((self.root.join(path), error));
    }
}

/// Takes the folders below sessions that rest out of `known`; both in the order of paths.
fn take_resting(known: &mut Vec<KnownFolder>, now_ns: i64) -> Vec<KnownFolder> {
    let projects: HashMap<&str, &KnownFolder> = known
        .iter()
        .filter(|known| session_of(&known.folder.path).is_none())
        .map(|known| (&*known.folder.path, known))
        .collect();
    let mut rest = Vec::with_capacity(known.len());
    let mut name = String::new();
    for folders in known.chunk_by(|a, b| session_of(&a.folder.path) == session_of(&b.folder.path)) {
        let session = session_of(&folders[0].folder.path).and_then(|session| session.split_once('/'));
        let main = session.and_then(|(project, session)| {
            name.clear();
            name.extend([session, ".jsonl"]);
            let files = &projects.get(project)?.files;
            let place = files.binary_search_by(|(file, _)| file.as_str().cmp(&name)).ok()?;
            Some(files[place].1)
        });
        let rests = main.is_some_and(|main| is_at_rest(main, folders, now_ns));
        rest.extend(folders.iter().map(|_| rests));
    }
    let mut rest = rest.into_iter();
    known.extract_if(.., |_| rest.next().unwrap_or_default()).collect()
}

/// Whether a session's main transcript was written last of all its files, and that long ago.
fn is_at_rest(main: FileStamp, folders: &[KnownFolder], now_ns: i64) -> bool {
    now_ns - main.modified_ns > REST_NS
        && folders.iter().all(|KnownFolder { folder, files }| {
            let is_settled = folder.modified_ns != 0 && now_ns - folder.modified_ns > FOLDER_REST_NS;
            is_settled && files.iter().all(|(_, stamp)| stamp.modified_ns <= main.modified_ns)
        })
}

/// The session that a folder below a project's belongs to, as `project/session`; none for a project's own.
fn session_of(folder: &str) -> Option<&str> {
    let (project, below) = folder.split_once('/')?;
    let session = below.split('/').next()?;
    Some(&folder[..=project.len() + session.len()])
}

/// The same of a main transcript.
fn session_of_main(file: &TranscriptFile) -> String {
    format!("{}/{}", file.folder, file.name.trim_end_matches(".jsonl"))
}

/// Nothing is there, or no folder is where one must be on the way.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// To look up what is below it, not to list it.
fn open_folder(from: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(from, path, flags, Mode::empty())?)
}

/// A workflow's `journal.jsonl` repeats what its agents' own files say.
fn is_transcript(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(b".jsonl") && name != "journal.jsonl"
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.into() } else { format!("{folder}/{name}") }
}

fn stamp(stat: &Stat) -> FileStamp {
    FileStamp {
        device: stat.st_dev.cast_signed(),
        inode: stat.st_ino.cast_signed(),
        size_bytes: stat.st_size,
        modified_ns: modified_ns(stat),
    }
}

fn modified_ns(stat: &Stat) -> i64 {
    stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::{Extent, News, Survey};
    use crate::model::KnownFolder;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    /// Long after anything the tests write: every folder has settled.
    const LATER_NS: i64 = i64::MAX;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn changed(news: &News) -> Vec<String> {
        let mut files: Vec<_> =
            news.changed.iter().map(|file| format!("{}/{}", file.folder, file.name)).collect();
        files.sort();
        files
    }

    /// Once by this thread and once by two more; both must tell the same.
    fn survey(root: &Path, known: &[KnownFolder], now_ns: i64) -> News {
        let alone = Survey::new(root, known.to_vec(), now_ns, Extent::All).finish();
        let shared = Survey::new(root, known.to_vec(), now_ns, Extent::All);
        std::thread::scope(|scope| {
            scope.spawn(|| shared.work());
            scope.spawn(|| shared.work());
        });
        let shared = shared.finish();
        assert_eq!(
            (changed(&alone), alone.files, alone.bytes),
            (changed(&shared), shared.files, shared.bytes)
        );
        shared
    }

    fn remember(known: &mut Vec<KnownFolder>, news: &News) {
        known.retain(|known| !news.gone_folders.contains(&known.folder));
        for folder in &news.folders {
            match known.iter_mut().find(|known| known.folder.path == folder.path) {
                Some(known) => known.folder.modified_ns = folder.modified_ns,
                None => known.push(KnownFolder { folder: folder.clone(), files: vec![] }),
            }
        }
        for known in known {
            let path = &known.folder.path;
            known.files.retain(|(name, _)| {
                news.changed
                    .iter()
                    .chain(&news.gone_files)
                    .all(|new| (&new.folder, &new.name) != (path, name))
            });
            let new = news.changed.iter().filter(|new| new.folder == *path);
            known.files.extend(new.map(|new| (new.name.clone(), new.stamp)));
        }
    }

    #[test]
    fn what_has_not_changed_is_no_news() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "p/s.jsonl", "{}\n");
        write(root.path(), "p/s/subagents/workflows/w/agent-a.jsonl", "{}\n");
        write(root.path(), "p/s/subagents/workflows/w/journal.jsonl", "{}\n");
        write(root.path(), "p/s/subagents/agent-a.meta.json", "{}\n");
        let mut known = vec![];
        let news = survey(root.path(), &known, LATER_NS);
        assert_eq!(changed(&news), ["p/s.jsonl", "p/s/subagents/workflows/w/agent-a.jsonl"]);
        remember(&mut known, &news);
        assert!(!survey(root.path(), &known, LATER_NS).is_any());

        write(root.path(), "p/s.jsonl", "{}\n{}\n");
        write(root.path(), "q/t.jsonl", "{}\n");
        let news = survey(root.path(), &known, LATER_NS);
        assert_eq!((changed(&news), news.bytes), (vec!["p/s.jsonl".into(), "q/t.jsonl".into()], 6));
    }

    #[test]
    fn a_folder_that_changed_a_moment_ago_is_listed_again() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "p/s.jsonl", "{}\n");
        let news = survey(root.path(), &[], 0);
        assert!(news.folders.iter().all(|folder| folder.modified_ns == 0));
    }

    #[test]
    fn what_is_gone_is_told() {
        let root = tempfile::tempdir().unwrap();
        for file in ["p/s.jsonl", "p/t.jsonl", "p/t/subagents/agent-a.jsonl"] {
            write(root.path(), file, "{}\n");
        }
        let mut known = vec![];
        let news = survey(root.path(), &known, LATER_NS);
        remember(&mut known, &news);
        fs::remove_file(root.path().join("p/t.jsonl")).unwrap();
        fs::remove_dir_all(root.path().join("p/t")).unwrap();
        let news = survey(root.path(), &known, LATER_NS);
        let mut files: Vec<_> = news.gone_files.iter().map(|f| f.name.as_str()).collect();
        files.sort_unstable();
        assert_eq!(files, ["agent-a.jsonl", "t.jsonl"]);
        assert_eq!(news.gone_folders.iter().map(|f| &*f.path).collect::<Vec<_>>(), ["p/t", "p/t/subagents"]);
    }

    #[test]
    fn below_a_session_that_rests_nothing_is_looked_at_until_it_is_written_to() {
        let root = tempfile::tempdir().unwrap();
        let (main, agent) = ("p/s.jsonl", "p/s/subagents/agent-a.jsonl");
        write(root.path(), main, "{}\n");
        write(root.path(), agent, "{}\n");
        let age = |file: &str, seconds: u64| {
            let at = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
            fs::File::options().append(true).open(root.path().join(file)).unwrap().set_modified(at).unwrap();
        };
        age(main, 7200);
        age(agent, 7300);
        let mut known = vec![];
        let news = survey(root.path(), &known, LATER_NS);
        remember(&mut known, &news);
        let now_ns = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap();
        let awake = |now_ns| Survey::new(root.path(), known.clone(), now_ns, Extent::Awake).finish();

        write(root.path(), agent, "{}\n{}\n");
        age(agent, 7300);
        let later_ns = now_ns + 2 * super::FOLDER_REST_NS;
        assert_eq!((changed(&awake(later_ns)), awake(later_ns).files), (vec![], 2), "it rests");
        assert_eq!(changed(&awake(now_ns)), [agent], "its folders are new");
        assert_eq!(changed(&survey(root.path(), &known, later_ns)), [agent], "all are looked at");

        age(main, 0);
        assert_eq!(changed(&awake(later_ns)), [main, agent], "it was written to");
    }

    #[test]
    fn a_session_whose_agent_wrote_last_or_lately_does_not_rest() {
        let root = tempfile::tempdir().unwrap();
        let (main, agent) = ("p/s.jsonl", "p/s/subagents/agent-a.jsonl");
        for (main_age, agent_age) in [(7300, 7200), (1800, 1900)] {
            write(root.path(), main, "{}\n");
            write(root.path(), agent, "{}\n");
            let age = |file: &str, seconds: u64| {
                let at = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
                fs::File::options()
                    .append(true)
                    .open(root.path().join(file))
                    .unwrap()
                    .set_modified(at)
                    .unwrap();
            };
            age(main, main_age);
            age(agent, agent_age);
            let mut known = vec![];
            let news = survey(root.path(), &known, LATER_NS);
            remember(&mut known, &news);
            write(root.path(), agent, "{}\n{}\n");
            let now_ns = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap();
            let later_ns = now_ns + 2 * super::FOLDER_REST_NS;
            let news = Survey::new(root.path(), known, later_ns, Extent::Awake).finish();
            assert_eq!(changed(&news), [agent]);
        }
    }

    #[test]
    fn links_are_followed_once() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(elsewhere.path(), "s.jsonl", "{}\n");
        write(root.path(), "p/own.jsonl", "{}\n");
        symlink(elsewhere.path(), root.path().join("linked")).unwrap();
        symlink(root.path(), root.path().join("p/loop")).unwrap();
        symlink("nowhere", root.path().join("p/dangling.jsonl")).unwrap();
        let news = survey(root.path(), &[], LATER_NS);
        assert_eq!(changed(&news), ["linked/s.jsonl", "p/own.jsonl"]);
        assert!(news.unreadable.is_empty(), "{:?}", news.unreadable);
    }

    #[test]
    fn a_missing_root_is_empty() {
        let news = survey(Path::new("/does/not/exist"), &[], LATER_NS);
        assert!(!news.is_any() && news.unreadable.is_empty());
    }
}

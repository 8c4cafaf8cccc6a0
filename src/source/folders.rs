//! Finds what is new below a Claude config dir's `projects/`: transcripts lie at any depth (sessions, their
//! `subagents/` and `workflows/`), and any `*.jsonl` may carry responses.
//!
//! A folder is listed only when its modification time has moved since it was last listed; otherwise its
//! transcripts are known, and one stat each tells whether they grew.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};

use crate::model::{FileStamp, Folder, TranscriptFile};

/// A folder that changed this recently may change again without its time moving: the kernel's clock for
/// modification times ticks coarsely.
const SETTLED_NS: i64 = 2_000_000_000;

/// With this many files it pays to look with two threads: waiting for the kernel to find files is what takes time.
const WORTH_A_THREAD: usize = 200;

/// What the ledger knows of one config dir.
#[derive(Debug, Default)]
pub struct Known {
    pub folders: Vec<Folder>,
    pub files: Vec<TranscriptFile>,
}

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

/// Compares `root` (a `projects` folder) with what is known of it. `now_ns`: nanoseconds since the epoch.
///
/// A missing root is no news. Symbolic links are followed; a folder that is reached twice is read once.
pub fn survey(root: &Path, known: &Known, now_ns: i64) -> News {
    match open_folder(CWD, root) {
        Ok(opened) => Survey::new(root, &opened, now_ns).all(known),
        Err(error) if error.kind() == io::ErrorKind::NotFound => News::default(),
        Err(error) => News { unreadable: vec![(root.into(), error)], ..News::default() },
    }
}

struct Survey<'a> {
    root: &'a Path,
    opened: &'a OwnedFd,
    /// The folder of `root` that was last looked into. Nearly all the time goes into finding paths, and they are
    /// shorter from there.
    project: Option<(String, OwnedFd)>,
    now_ns: i64,
    news: News,
    /// Device and inode of the folders walked.
    seen: HashSet<(u64, u64)>,
}

/// The known entries of one folder.
#[derive(Default)]
struct Entries<'k> {
    listed_ns: Option<i64>,
    folders: Vec<&'k Folder>,
    files: Vec<&'k TranscriptFile>,
}

impl<'a> Survey<'a> {
    fn new(root: &'a Path, opened: &'a OwnedFd, now_ns: i64) -> Self {
        Self { root, opened, project: None, now_ns, news: News::default(), seen: HashSet::new() }
    }

    fn all(mut self, known: &Known) -> News {
        let mut entries: HashMap<&str, Entries> = HashMap::with_capacity(known.folders.len());
        for folder in &known.folders {
            entries.entry(&folder.path).or_default().listed_ns = Some(folder.modified_ns);
            if let Some((parent, _)) = split(&folder.path) {
                entries.entry(parent).or_default().folders.push(folder);
            }
        }
        for file in &known.files {
            entries.entry(&file.folder).or_default().files.push(file);
        }
        let mut projects = vec![];
        self.folder(&"".into(), entries.get("").unwrap_or(&Entries::default()), &mut projects);
        if known.files.len() < WORTH_A_THREAD {
            self.walk(projects, &entries);
            return self.news;
        }
        let [mine, theirs] = halves(projects, &entries);
        let mut other = Survey::new(self.root, self.opened, self.now_ns);
        std::thread::scope(|scope| {
            scope.spawn(|| other.walk(theirs, &entries));
            self.walk(mine, &entries);
        });
        self.news.add(other.news);
        self.news
    }

    fn walk(&mut self, mut stack: Vec<Arc<str>>, entries: &HashMap<&str, Entries>) {
        while let Some(path) = stack.pop() {
            self.folder(&path, entries.get(&*path).unwrap_or(&Entries::default()), &mut stack);
        }
    }

    fn folder(&mut self, path: &Arc<str>, known: &Entries, stack: &mut Vec<Arc<str>>) {
        let stat = match self.stat(path) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => stat,
            Ok(_) => return,
            // Gone since the folder above was looked at.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.unreadable(path, error),
        };
        if !self.seen.insert((stat.st_dev, stat.st_ino)) {
            return;
        }
        let modified_ns = modified_ns(&stat);
        if known.listed_ns == Some(modified_ns) {
            stack.extend(known.folders.iter().map(|f| f.path.clone()));
            for file in &known.files {
                self.known_file(file);
            }
            return;
        }
        match self.list(path, known, stack) {
            Ok(()) => {
                let modified_ns = if self.now_ns - modified_ns > SETTLED_NS { modified_ns } else { 0 };
                if known.listed_ns != Some(modified_ns) {
                    self.news.folders.push(Folder { path: path.clone(), modified_ns });
                }
            }
            Err(error) => self.unreadable(path, error),
        }
    }

    fn known_file(&mut self, file: &TranscriptFile) {
        // A file that went away since its folder was looked at is found missing at the next listing.
        let Ok(stat) = self.stat(&join(&file.folder, &file.name)) else { return };
        self.news.files += 1;
        let stamp = stamp(&stat);
        if stamp != file.stamp {
            self.changed(TranscriptFile { stamp, ..file.clone() }, file.stamp.size_bytes);
        }
    }

    fn changed(&mut self, file: TranscriptFile, known_bytes: i64) {
        let size = file.stamp.size_bytes;
        let grown = if size >= known_bytes { size - known_bytes.max(0) } else { size };
        self.news.bytes += grown.unsigned_abs();
        self.news.changed.push(file);
    }

    fn list(&mut self, path: &Arc<str>, known: &Entries, stack: &mut Vec<Arc<str>>) -> io::Result<()> {
        let mut missing: HashMap<&str, &TranscriptFile> =
            known.files.iter().map(|&file| (file.name.as_str(), file)).collect();
        let mut folders: HashSet<Arc<str>> = HashSet::new();
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
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.unreadable(&below, error);
                    continue;
                }
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => _ = folders.insert(below.into()),
                FileType::RegularFile if is_transcript => {
                    self.news.files += 1;
                    let stamp = stamp(&stat);
                    let known = missing.remove(name).map(|known| known.stamp);
                    if known != Some(stamp) {
                        let file = TranscriptFile { folder: path.clone(), name: name.into(), stamp };
                        self.changed(file, known.map_or(0, |stamp| stamp.size_bytes));
                    }
                }
                _ => {}
            }
        }
        self.news.gone_files.extend(missing.into_values().cloned());
        let gone = known.folders.iter().filter(|f| !folders.contains(&f.path));
        self.news.gone_folders.extend(gone.map(|&f| f.clone()));
        stack.extend(folders);
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
        self.news.unreadable.push((self.root.join(path), error));
    }
}

/// Deals folders out so that both halves have about as many files.
fn halves(mut projects: Vec<Arc<str>>, entries: &HashMap<&str, Entries>) -> [Vec<Arc<str>>; 2] {
    let files = |path: &Arc<str>| entries.get(&**path).map_or(0, |entries| entries.files.len());
    projects.sort_by_key(|path| Reverse(files(path)));
    let (mut halves, mut weights) = ([vec![], vec![]], [0, 0]);
    for path in projects {
        let lighter = usize::from(weights[1] < weights[0]);
        weights[lighter] += files(&path) + 1;
        halves[lighter].push(path);
    }
    halves
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

fn split(path: &str) -> Option<(&str, &str)> {
    if path.is_empty() { None } else { Some(path.rsplit_once('/').unwrap_or(("", path))) }
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
    use super::{Known, News, survey};
    use crate::model::Folder;
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

    fn remember(known: &mut Known, news: &News) {
        let is_new = |f: &&Folder| news.folders.iter().all(|new| new.path != f.path);
        known.folders = known.folders.iter().filter(is_new).chain(&news.folders).cloned().collect();
        known.files.retain(|f| {
            news.changed
                .iter()
                .chain(&news.gone_files)
                .all(|new| (&new.folder, &new.name) != (&f.folder, &f.name))
        });
        known.files.extend(news.changed.iter().cloned());
    }

    #[test]
    fn what_has_not_changed_is_no_news() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "p/s.jsonl", "{}\n");
        write(root.path(), "p/s/subagents/workflows/w/agent-a.jsonl", "{}\n");
        write(root.path(), "p/s/subagents/workflows/w/journal.jsonl", "{}\n");
        write(root.path(), "p/s/subagents/agent-a.meta.json", "{}\n");
        let mut known = Known::default();
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
        let news = survey(root.path(), &Known::default(), 0);
        assert!(news.folders.iter().all(|folder| folder.modified_ns == 0));
    }

    #[test]
    fn what_is_gone_is_told() {
        let root = tempfile::tempdir().unwrap();
        for file in ["p/s.jsonl", "p/t.jsonl", "p/t/subagents/agent-a.jsonl"] {
            write(root.path(), file, "{}\n");
        }
        let mut known = Known::default();
        let news = survey(root.path(), &known, LATER_NS);
        remember(&mut known, &news);
        fs::remove_file(root.path().join("p/t.jsonl")).unwrap();
        fs::remove_dir_all(root.path().join("p/t")).unwrap();
        let news = survey(root.path(), &known, LATER_NS);
        assert_eq!(news.gone_files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["t.jsonl"]);
        assert_eq!(news.gone_folders.iter().map(|f| &*f.path).collect::<Vec<_>>(), ["p/t"]);
    }

    #[test]
    fn links_are_followed_once() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(elsewhere.path(), "s.jsonl", "{}\n");
        write(root.path(), "p/own.jsonl", "{}\n");
        symlink(elsewhere.path(), root.path().join("linked")).unwrap();
        symlink(root.path(), root.path().join("p/loop")).unwrap();
        symlink("nowhere", root.path().join("p/dangling.jsonl")).unwrap();
        let news = survey(root.path(), &Known::default(), LATER_NS);
        assert_eq!(changed(&news), ["linked/s.jsonl", "p/own.jsonl"]);
        assert!(news.unreadable.is_empty(), "{:?}", news.unreadable);
    }

    #[test]
    fn a_missing_root_is_empty() {
        let news = survey(Path::new("/does/not/exist"), &Known::default(), LATER_NS);
        assert!(!news.is_any() && news.unreadable.is_empty());
    }
}

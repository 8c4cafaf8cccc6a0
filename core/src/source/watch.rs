//! Tells what changed in watched folders, by `inotify(7)`.
//!
//! Whoever asks reads the kernel's queue itself; no thread stands between. The kernel queues an event before the call
//! that caused it returns, so whatever was written before a question is in its answer. A folder found anew is first
//! [added](Watcher::add) and then listed: what comes in between is told, at worst in addition.
//!
//! Watched are also the folders on the way to a watched one, for names that come and go. So a folder is found again
//! when it, or one above it, comes, goes, or is replaced, however many times, even while somebody has it open, which
//! holds back what the kernel has to say of the folder itself.
//!
//! What the kernel does not tell, and only a look finds: changes that another machine makes
//! ([`is_told_of_changes`]), writes through a `mmap(2)` or under a name outside of the watched folders (another hard
//! link, the target of a link), another file system mounted over a folder, and what becomes of the way that a symbolic
//! link to a folder leads, except of the folder itself.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::mem::{self, MaybeUninit};
use std::ops::Bound;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FsWord;
use rustix::fs::inotify::{self, CreateFlags, Event, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Of a folder on the way: names that come and go, and that it goes itself.
const WAY: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// Of a watched folder. Not `ATTRIB`: modes and owners are not content, and no reason to wake up.
const FOLDER: WatchFlags = WAY.union(WatchFlags::MODIFY);

/// `f_type` of file systems that others change too, and of those whose changes are known not to be told: the remote
/// ones of `statfs(2)`, `linux/magic.h`, and of `stat -f` of GNU coreutils, which `tail -f` polls. Overlays are none of
/// them: changes made through one are told to who watches its folders.
const UNTOLD: &[u32] = &[
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB2
    0x0102_1997, // 9p, as of virtual machines and WSL
    0x6573_5546, // FUSE, virtiofs
    0x5346_414f, // AFS
    0x6b41_4653, // kAFS
    0x00c3_6400, // Ceph
    0x0bd0_0bd0, // Lustre
    0x7375_7245, // Coda
    0x564c,      // NCP
    0x1983_0326, // BeeGFS
    0x4750_4653, // GPFS
    0x0116_1970, // GFS2
    0x7461_636f, // OCFS2
    0xaad7_aaea, // PanFS
    0xa501_fcf5, // VxFS
    0x786f_4256, // VirtualBox shared folders
    0xbacb_acbc, // VMware shared folders
    0x7c7c_6673, // Parallels shared folders
    0x00c0_ffee, // UML's hostfs
    0x6175_6673, // aufs
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user has no more watches or instances.
    #[error("the limit {sysctl} is reached: raise it with sysctl to have more folders watched")]
    Limit { sysctl: &'static str },
    #[error("cannot start to watch folders")]
    Start { source: io::Error },
    #[error("cannot watch {}", path.display())]
    Watch { path: PathBuf, source: io::Error },
    #[error("cannot read what changed in watched folders")]
    Read { source: io::Error },
}

/// What happened since the last question, each path once.
#[derive(Debug, Default)]
pub struct Changes {
    /// Below a watched folder: written, created or moved here. They may be gone by now.
    pub files: BTreeSet<PathBuf>,
    /// Watched folders to look at as a whole: entries other than files came, any went, or the folder itself came, went
    /// or was replaced.
    pub folders: BTreeSet<PathBuf>,
    /// More happened than the kernel's queue holds: anything may have changed.
    pub is_lost: bool,
    /// Folders whose changes will not be told from now on, although they are there or may come.
    pub unwatched: BTreeMap<PathBuf, Error>,
}

/// Why a wait is over; neither: its time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Woken {
    /// There is something to read, even if it may turn out to concern no watched folder.
    pub by_changes: bool,
    pub by_owner: bool,
}

/// Paths are absolute.
#[derive(Debug)]
pub struct Watcher {
    inotify: Arc<OwnedFd>,
    /// Watched folders, and all folders above them.
    nodes: BTreeMap<Arc<Path>, Node>,
    /// By watch descriptor; more than one where links lead to the same folder.
    paths: HashMap<i32, Vec<Arc<Path>>>,
}

#[derive(Debug)]
struct Node {
    /// Otherwise it is only on the way.
    is_watched: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// By its watch descriptor, which the kernel does not use again.
    There(i32),
    /// The folder above it tells when it comes.
    Missing,
    Refused(Errno),
}

impl Watcher {
    pub fn new() -> Result<Self, Error> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map_err(Error::of_start)?;
        Ok(Self { inotify: Arc::new(inotify), nodes: BTreeMap::new(), paths: HashMap::new() })
    }

    /// From now on changes in the folder itself are told, not of folders below it. One that is not there is awaited.
    /// Asked again, it makes sure that the watch is on what is at that path now. After an error it is not watched.
    pub fn add(&mut self, folder: &Path) -> Result<(), Error> {
        let placed = self.place_with_way(folder);
        if placed.is_err() {
            self.retain(|path| path != folder);
        }
        placed
    }

    /// Watches no others any more.
    pub fn retain(&mut self, keep: impl Fn(&Path) -> bool) {
        for (path, node) in &mut self.nodes {
            node.is_watched = node.is_watched && keep(path);
        }
        let mut kept: Option<&Path> = None;
        let mut gone = vec![];
        // From below: the last that was kept is below a folder, or none is.
        for (path, node) in self.nodes.iter().rev() {
            if node.is_watched || kept.is_some_and(|kept| kept.starts_with(path)) {
                kept = Some(path);
            } else {
                gone.push(Arc::clone(path));
            }
        }
        for path in gone {
            self.set(&path, State::Missing);
            self.nodes.remove(&path);
        }
    }

    /// How many are watched or awaited.
    pub fn folders(&self) -> usize {
        self.nodes.values().filter(|node| node.is_watched).count()
    }

    /// What has happened up to this call and was not told yet. Does not wait. After an error nothing is lost.
    pub fn changes(&mut self) -> Result<Changes, Error> {
        let read = |errno: Errno| Error::Read { source: errno.into() };
        let mut changes = Changes::default();
        // What is queued by now, so that somebody who never stops writing cannot keep us here.
        let size_bytes = usize::try_from(rustix::io::ioctl_fionread(&*self.inotify).map_err(read)?);
        let size_bytes = size_bytes.unwrap_or(usize::MAX);
        if size_bytes == 0 {
            return Ok(changes);
        }
        // With room for the reader to align it.
        let mut buffer = vec![MaybeUninit::uninit(); size_bytes + align_of::<u32>()];
        let inotify = Arc::clone(&self.inotify);
        let mut events = Reader::new(&*inotify, &mut buffer);
        loop {
            self.take(&events.next().map_err(read)?, &mut changes);
            if events.is_buffer_empty() {
                return Ok(changes);
            }
        }
    }

    /// Until there is something to read, here or from `wake`, or the time is over; or a signal comes, which looks like
    /// that.
    pub fn wait(&self, wake: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<Woken> {
        // What is too long for the kernel is as good as forever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = [PollFd::new(&*self.inotify, PollFlags::IN), PollFd::new(&wake, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {
                let [by_changes, by_owner] = fds.map(|fd| !fd.revents().is_empty());
                Ok(Woken { by_changes, by_owner })
            }
            Err(Errno::INTR) => Ok(Woken::default()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// From above: a folder that comes meanwhile is told by the one above it.
    fn place_with_way(&mut self, folder: &Path) -> Result<(), Error> {
        let above = folder.ancestors().skip(1);
        let way: Vec<&Path> = above.take_while(|path| !self.nodes.contains_key(*path)).collect();
        for path in way.into_iter().rev().chain([folder]) {
            let path: Arc<Path> = path.into();
            let unknown = Node { is_watched: false, state: State::Missing };
            self.nodes.entry(Arc::clone(&path)).or_insert(unknown).is_watched |= *path == *folder;
            self.place(&path)?;
        }
        Ok(())
    }

    /// Sets the watch of a node on what is at its path now. Whether that is another folder than before.
    fn place(&mut self, path: &Arc<Path>) -> Result<bool, Error> {
        let is_watched = self.is_watched(path);
        // A folder that two paths lead to has one watch: what the other needs is added to.
        let mask = if is_watched { FOLDER } else { WAY } | WatchFlags::MASK_ADD | WatchFlags::ONLYDIR;
        let state = match inotify::add_watch(&*self.inotify, &**path, mask) {
            Ok(watch) => State::There(watch),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => State::Missing,
            Err(errno) => State::Refused(errno),
        };
        let is_other = self.set(path, state);
        self.fault(path, is_watched).map_or(Ok(is_other), Err)
    }

    /// Why changes of a node would not be told, with the states as they are.
    fn fault(&self, path: &Path, is_watched: bool) -> Option<Error> {
        if !is_watched {
            // What may be passed but not read, as `/home` may be, is nothing that comes and goes.
            return match self.nodes.get(path)?.state {
                State::Refused(errno) if errno != Errno::ACCESS => Some(Error::of_watch(path, errno)),
                _ => None,
            };
        }
        for path in path.ancestors() {
            match self.nodes.get(path)?.state {
                State::There(_) => return None,
                State::Refused(errno) => return Some(Error::of_watch(path, errno)),
                State::Missing => {}
            }
        }
        None
    }

    /// Whether it was another.
    fn set(&mut self, path: &Arc<Path>, state: State) -> bool {
        let Some(node) = self.nodes.get_mut(path) else { return false };
        let before = mem::replace(&mut node.state, state);
        if before == state {
            return false;
        }
        if let State::There(watch) = before {
            self.release(watch, path);
        }
        if let State::There(watch) = state {
            self.paths.entry(watch).or_insert_with(|| Vec::with_capacity(1)).push(Arc::clone(path));
        }
        true
    }

    fn release(&mut self, watch: i32, path: &Path) {
        let Entry::Occupied(mut paths) = self.paths.entry(watch) else { return };
        paths.get_mut().retain(|other| **other != *path);
        if paths.get().is_empty() {
            paths.remove();
            // It fails where the kernel has removed it already, with its folder.
            let _ = inotify::remove_watch(&*self.inotify, watch);
        }
    }

    fn take(&mut self, event: &Event, changes: &mut Changes) {
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            changes.is_lost = true;
            // All of them: folders may have come and gone.
            self.renew(Path::new(""), changes);
            return;
        }
        // Of a watch that was removed there may still be events in the queue.
        let Some(paths) = self.paths.get(&event.wd()).cloned() else { return };
        for path in &paths {
            match event.file_name() {
                Some(name) => {
                    self.take_entry(path, OsStr::from_bytes(name.to_bytes()), event.events(), changes);
                }
                // The folder itself was deleted, moved or unmounted.
                None => self.renew(path, changes),
            }
        }
    }

    fn take_entry(&mut self, folder: &Path, name: &OsStr, what: ReadFlags, changes: &mut Changes) {
        let entry = folder.join(name);
        if !what.contains(ReadFlags::MODIFY) {
            self.renew(&entry, changes);
        }
        if !self.is_watched(folder) {
            return;
        }
        let is_here = what.intersects(ReadFlags::MODIFY | ReadFlags::CREATE | ReadFlags::MOVED_TO);
        // A link may lead to a folder; a file that is written to is none.
        let is_link = || !what.contains(ReadFlags::MODIFY) && entry.is_symlink();
        if is_here && !what.contains(ReadFlags::ISDIR) && !is_link() {
            changes.files.insert(entry);
        } else {
            changes.folders.insert(folder.into());
        }
    }

    /// Sets the watches of a folder and of all below it on what is there now.
    fn renew(&mut self, root: &Path, changes: &mut Changes) {
        let from = self.nodes.range::<Path, _>((Bound::Included(root), Bound::Unbounded));
        let paths = from.map(|(path, _)| path).take_while(|path| path.starts_with(root));
        for path in paths.cloned().collect::<Vec<_>>() {
            let placed = self.place(&path);
            if self.is_watched(&path) && !matches!(placed, Ok(false)) {
                changes.folders.insert(path.to_path_buf());
            }
            match placed {
                Ok(_) => changes.unwatched.remove(&*path),
                Err(error) => changes.unwatched.insert(path.to_path_buf(), error),
            };
        }
    }

    fn is_watched(&self, path: &Path) -> bool {
        self.nodes.get(path).is_some_and(|node| node.is_watched)
    }
}

impl Error {
    fn of_start(errno: Errno) -> Self {
        match errno {
            // The same is said when the process may open no more files; then that would be noticed everywhere.
            Errno::MFILE => Self::Limit { sysctl: "fs.inotify.max_user_instances" },
            _ => Self::Start { source: errno.into() },
        }
    }

    fn of_watch(path: &Path, errno: Errno) -> Self {
        match errno {
            Errno::NOSPC => Self::Limit { sysctl: "fs.inotify.max_user_watches" },
            _ => Self::Watch { path: path.into(), source: errno.into() },
        }
    }
}

/// Whether all changes in a folder are told, or, as on a network file system, only those of this machine. Of one that
/// is not there, its place is asked about; where nothing can be found out, none is promised.
pub fn is_told_of_changes(folder: &Path) -> bool {
    for path in folder.ancestors() {
        match rustix::fs::statfs(path) {
            Ok(stat) => return !UNTOLD.contains(&number(stat.f_type)),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(_) => return false,
        }
    }
    false
}

/// The kernel's number has 32 bits, whatever the width and the sign of the field.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn number(file_system: FsWord) -> u32 {
    file_system as u32
}

#[cfg(test)]
mod tests {
    use super::{Changes, Error, Node, State, UNTOLD, Watcher, Woken, is_told_of_changes, number};
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::io::Errno;
    use std::collections::BTreeSet;
    use std::ffi::OsStr;
    use std::fs::{self, File};
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc;
    use std::time::Duration;

    struct Place {
        root: tempfile::TempDir,
        watcher: Watcher,
    }

    impl Place {
        /// With folders of these names, none of them watched.
        fn new(folders: &[&str]) -> Self {
            let place = Self { root: tempfile::tempdir().unwrap(), watcher: Watcher::new().unwrap() };
            for folder in folders {
                fs::create_dir_all(place.path(folder)).unwrap();
            }
            place
        }

        fn watched(folders: &[&str]) -> Self {
            let mut place = Self::new(folders);
            for folder in folders {
                place.add(folder);
            }
            place
        }

        fn path(&self, name: impl AsRef<Path>) -> PathBuf {
            self.root.path().join(name)
        }

        fn add(&mut self, folder: &str) {
            self.watcher.add(&self.root.path().join(folder)).unwrap();
        }

        fn append(&self, file: impl AsRef<Path>) {
            let mut file = File::options().create(true).append(true).open(self.path(file)).unwrap();
            file.write_all(b"{}\n").unwrap();
        }

        fn changes(&mut self) -> Changes {
            self.watcher.changes().unwrap()
        }

        /// Exactly these files and folders, and nothing else.
        #[track_caller]
        fn told(&mut self, files: &[&str], folders: &[&str]) {
            let changes = self.changes();
            let paths = |names: &[&str]| names.iter().map(|name| self.path(name)).collect::<BTreeSet<_>>();
            assert_eq!((&changes.files, &changes.folders), (&paths(files), &paths(folders)));
            assert!(!changes.is_lost && changes.unwatched.is_empty(), "{changes:?}");
        }
    }

    #[test]
    fn what_was_written_is_told_at_once_and_once() {
        let mut place = Place::watched(&["p", "q"]);
        place.told(&[], &[]);
        place.append("p/s.jsonl");
        place.told(&["p/s.jsonl"], &[]);
        for _ in 0..1000 {
            place.append("p/s.jsonl");
            place.append("q/t.jsonl");
        }
        place.told(&["p/s.jsonl", "q/t.jsonl"], &[]);
        place.told(&[], &[]);
    }

    #[test]
    fn what_another_thread_says_it_has_written_is_told() {
        let mut place = Place::watched(&["p"]);
        let path = place.path("p/s.jsonl");
        let mut file = File::create(&path).unwrap();
        place.told(&["p/s.jsonl"], &[]);
        let (written, wrote) = mpsc::sync_channel(0);
        let (asked, ask) = mpsc::sync_channel(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for () in ask {
                    file.write_all(b"{}\n").unwrap();
                    written.send(()).unwrap();
                }
            });
            for _ in 0..1000 {
                asked.send(()).unwrap();
                wrote.recv().unwrap();
                place.told(&["p/s.jsonl"], &[]);
            }
            drop(asked);
        });
    }

    #[test]
    fn reads_and_modes_are_no_changes() {
        let mut place = Place::watched(&["p"]);
        place.append("p/s.jsonl");
        place.changes();
        let path = place.path("p/s.jsonl");
        fs::read(&path).unwrap();
        assert_eq!(fs::read_dir(place.path("p")).unwrap().count(), 1);
        fs::set_permissions(&path, fs::metadata(&path).unwrap().permissions()).unwrap();
        place.told(&[], &[]);
    }

    #[test]
    fn files_that_move_here_are_told_and_those_that_go_change_their_folder() {
        let mut place = Place::watched(&["p", "q"]);
        for name in ["moved", "deleted", "new"] {
            place.append(format!("p/{name}"));
        }
        place.changes();
        fs::rename(place.path("p/moved"), place.path("q/moved")).unwrap();
        place.told(&["q/moved"], &["p"]);
        fs::remove_file(place.path("p/deleted")).unwrap();
        place.told(&[], &["p"]);
        fs::hard_link(place.path("p/new"), place.path("q/new")).unwrap();
        place.told(&["q/new"], &[]);
        File::options().write(true).open(place.path("q/moved")).unwrap().set_len(0).unwrap();
        place.told(&["q/moved"], &[]);
    }

    #[test]
    fn names_that_are_not_utf_8_stay_what_they_are() {
        let mut place = Place::new(&[]);
        let folder = place.path(OsStr::from_bytes(b"p\xff"));
        let file = folder.join(OsStr::from_bytes(b"\xfes.jsonl"));
        place.watcher.add(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        assert_eq!(place.changes().folders, BTreeSet::from([folder]));
        place.append(&file);
        assert_eq!(place.changes().files, BTreeSet::from([file]));
    }

    #[test]
    fn folders_and_links_change_the_folder_they_come_to() {
        let mut place = Place::watched(&["p"]);
        fs::create_dir(place.path("p/s")).unwrap();
        place.told(&[], &["p"]);
        place.append("p/s/not-watched");
        place.told(&[], &[]);
        symlink(place.path("p/s"), place.path("p/link")).unwrap();
        place.told(&[], &["p"]);
        fs::remove_dir_all(place.path("p/s")).unwrap();
        place.told(&[], &["p"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_when_it_comes() {
        let mut place = Place::new(&[]);
        place.add("a/b/c");
        fs::create_dir(place.path("a")).unwrap();
        fs::create_dir(place.path("other")).unwrap();
        place.told(&[], &[]);
        fs::create_dir_all(place.path("a/b/c")).unwrap();
        place.told(&[], &["a/b/c"]);
        place.append("a/b/c/s.jsonl");
        place.told(&["a/b/c/s.jsonl"], &[]);

        fs::remove_dir_all(place.path("a")).unwrap();
        place.told(&[], &["a/b/c"]);
        fs::create_dir_all(place.path("elsewhere/b/c")).unwrap();
        place.told(&[], &[]);
        fs::rename(place.path("elsewhere"), place.path("a")).unwrap();
        place.told(&[], &["a/b/c"]);
    }

    #[test]
    fn a_folder_takes_the_place_of_a_file_or_a_broken_link() {
        let mut place = Place::new(&[]);
        place.append("file");
        symlink("loop", place.path("loop")).unwrap();
        for folder in ["file", "loop"] {
            place.add(folder);
            fs::remove_file(place.path(folder)).unwrap();
            fs::create_dir(place.path(folder)).unwrap();
            place.told(&[], &[folder]);
        }
    }

    #[test]
    fn a_folder_that_replaces_another_is_watched_in_its_place() {
        let mut place = Place::watched(&["a/p", "b"]);
        fs::create_dir_all(place.path("new/p")).unwrap();
        fs::rename(place.path("a/p"), place.path("old")).unwrap();
        fs::rename(place.path("new/p"), place.path("a/p")).unwrap();
        place.told(&[], &["a/p"]);
        place.append("old/s.jsonl");
        place.told(&[], &[]);
        place.append("a/p/s.jsonl");
        place.told(&["a/p/s.jsonl"], &[]);

        fs::rename(place.path("a"), place.path("away")).unwrap();
        fs::create_dir_all(place.path("a/p")).unwrap();
        place.append("away/p/s.jsonl");
        place.changes();
        place.append("away/p/s.jsonl");
        place.told(&[], &[]);
        place.append("a/p/t.jsonl");
        place.told(&["a/p/t.jsonl"], &[]);
    }

    #[test]
    fn a_folder_is_replaced_even_while_somebody_has_it_open() {
        let mut place = Place::watched(&["p"]);
        let open = File::open(place.path("p")).unwrap();
        fs::remove_dir(place.path("p")).unwrap();
        place.told(&[], &["p"]);
        fs::create_dir(place.path("p")).unwrap();
        place.told(&[], &["p"]);
        drop(open);
        place.append("p/s.jsonl");
        place.told(&["p/s.jsonl"], &[]);
    }

    #[test]
    fn a_folder_that_moves_away_and_back_is_still_watched() {
        let mut place = Place::watched(&["p"]);
        fs::rename(place.path("p"), place.path("q")).unwrap();
        place.append("q/s.jsonl");
        fs::rename(place.path("q"), place.path("p")).unwrap();
        place.told(&["p/s.jsonl"], &[]);
        place.append("p/s.jsonl");
        place.told(&["p/s.jsonl"], &[]);
    }

    #[test]
    fn links_are_watched_where_they_lead() {
        let mut place = Place::new(&["one", "two", "three"]);
        symlink("one", place.path("link")).unwrap();
        place.add("link");
        place.append("one/s.jsonl");
        place.told(&["link/s.jsonl"], &[]);
        place.add("one");
        place.append("one/s.jsonl");
        place.told(&["link/s.jsonl", "one/s.jsonl"], &[]);

        symlink("two", place.path("new")).unwrap();
        fs::rename(place.path("new"), place.path("link")).unwrap();
        place.told(&[], &["link"]);
        place.append("one/s.jsonl");
        place.append("two/s.jsonl");
        place.told(&["one/s.jsonl", "link/s.jsonl"], &[]);

        fs::rename(place.path("two"), place.path("gone")).unwrap();
        place.told(&[], &["link"]);
    }

    #[test]
    fn below_a_watched_folder_another_may_be_watched() {
        let mut place = Place::watched(&["p/s", "p"]);
        place.append("p/main");
        place.append("p/s/agent");
        place.told(&["p/main", "p/s/agent"], &[]);
        fs::remove_dir_all(place.path("p")).unwrap();
        place.told(&[], &["p", "p/s"]);
    }

    #[test]
    fn nothing_is_told_of_folders_that_are_not_kept() {
        let mut place = Place::watched(&["p", "q", "q/s"]);
        place.add("p");
        assert_eq!(place.watcher.folders(), 3);
        let kept = place.path("q/s");
        place.watcher.retain(|path| path == kept);
        assert_eq!(place.watcher.folders(), 1);
        for file in ["p/a", "q/b", "q/s/c"] {
            place.append(file);
        }
        place.told(&["q/s/c"], &[]);
        place.watcher.retain(|_| false);
        assert!(place.watcher.nodes.is_empty() && place.watcher.paths.is_empty());
    }

    #[test]
    fn more_than_the_queue_holds_is_told_as_lost_and_the_next_change_exactly() {
        let limit: usize =
            fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
        let mut place = Place::watched(&["p", "q"]);
        place.add("late");
        let [mut one, mut two] = ["p/1", "p/2"].map(|name| File::create(place.path(name)).unwrap());
        // Equal events are merged only where one follows the other.
        for _ in 0..=limit / 2 {
            one.write_all(b"1").unwrap();
            two.write_all(b"2").unwrap();
        }
        fs::create_dir(place.path("late")).unwrap();
        fs::remove_dir(place.path("q")).unwrap();
        let changes = place.changes();
        assert!(changes.is_lost);
        assert_eq!(changes.folders, BTreeSet::from([place.path("late"), place.path("q")]));
        place.append("late/s.jsonl");
        place.told(&["late/s.jsonl"], &[]);
        fs::create_dir(place.path("q")).unwrap();
        place.told(&[], &["q"]);
    }

    #[test]
    fn limits_name_what_to_raise() {
        let full = Error::of_watch(Path::new("/p"), Errno::NOSPC).to_string();
        assert!(full.contains("fs.inotify.max_user_watches"), "{full}");
        let full = Error::of_start(Errno::MFILE).to_string();
        assert!(full.contains("fs.inotify.max_user_instances"), "{full}");
        let other = Error::of_watch(Path::new("/p"), Errno::ACCESS);
        assert!(matches!(other, Error::Watch { path, .. } if path == Path::new("/p")));
    }

    #[test]
    fn a_folder_that_cannot_be_watched_is_not_counted() {
        let mut place = Place::new(&[]);
        let path = place.path("n".repeat(256));
        let error = place.watcher.add(&path).unwrap_err();
        assert!(matches!(error, Error::Watch { path: at, .. } if at == path));
        assert!(place.watcher.nodes.is_empty() && place.watcher.paths.is_empty());
    }

    #[test]
    fn a_closed_folder_on_the_way_matters_only_to_who_waits_below_it() {
        let mut watcher = Watcher::new().unwrap();
        let mut fault = |folder: State| {
            for (path, state) in [
                ("/", State::There(1)),
                ("/home", State::Refused(Errno::ACCESS)),
                ("/home/u", folder),
                ("/home/u/p", State::Missing),
            ] {
                watcher.nodes.insert(Path::new(path).into(), Node { is_watched: false, state });
            }
            assert!(watcher.fault(Path::new("/home"), false).is_none());
            watcher.fault(Path::new("/home/u/p"), true).map(|error| error.to_string())
        };
        assert_eq!(fault(State::There(2)), None);
        assert_eq!(fault(State::Missing), Some("cannot watch /home".into()));
        let full = fault(State::Refused(Errno::NOSPC)).unwrap();
        assert!(full.contains("max_user_watches"), "{full}");
    }

    #[test]
    fn a_wait_ends_with_a_change_or_at_the_wish_of_the_owner() {
        let mut place = Place::new(&["p"]);
        let wake = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        let wait = |watcher: &Watcher, timeout| watcher.wait(wake.as_fd(), timeout).unwrap();
        // Without a watched folder, because others may write to those on the way.
        assert_eq!(wait(&place.watcher, Some(Duration::ZERO)), Woken::default());
        place.add("p");
        place.append("p/s.jsonl");
        assert_eq!(wait(&place.watcher, None), Woken { by_changes: true, by_owner: false });
        rustix::io::write(&wake, &1_u64.to_ne_bytes()).unwrap();
        assert_eq!(wait(&place.watcher, Some(Duration::MAX)), Woken { by_changes: true, by_owner: true });
        let idle = Watcher::new().unwrap();
        assert_eq!(wait(&idle, None), Woken { by_changes: false, by_owner: true });
    }

    #[test]
    fn what_other_machines_change_is_not_told() {
        assert!(UNTOLD.contains(&number(rustix::fs::NFS_SUPER_MAGIC)));
        // Negative where the field has 32 bits: CIFS.
        assert!(UNTOLD.contains(&number(-0x00ac_b2be)));
        assert!(is_told_of_changes(Path::new("/proc/self/no/such/folder")));
    }
}

//! Reads a `/proc`, relative to its open folder.
//!
//! Anything may end while it is read: what is gone is not there, and no error. Under `hidepid`, or in a container, the
//! processes of others are not listed or cannot be read; those that are listed are counted as unreadable. What only
//! their owner may read (`environ`, `io`, `exe`, `fd`) is absent for the rest of the world, and counted as denied.

use std::fmt::Write;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;
use rustix::param;

use super::stat::{self, Marker, Snapshot, Stat, Units};
use super::trees::{Detail, Host};
use crate::config::Roots;

/// A `stat` has 400 bytes, a `status` 1,500.
const BUFFER_BYTES: usize = 8 * 1024;
/// More than a kernel takes by default.
const MAX_ENVIRON_BYTES: usize = 8 << 20;
/// What the file system says it is, where it is one (`statfs(2)`).
const PROC_MAGIC: u64 = 0x9fa0;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not what the kernel writes there", path.display())]
    Parse { path: PathBuf },
}

/// Which boot of the machine this is; none where the kernel does not say.
pub fn boot_id(roots: &Roots) -> Option<String> {
    let text = std::fs::read_to_string(roots.proc.join("sys/kernel/random/boot_id")).ok()?;
    Some(text.trim().to_string()).filter(|id| !id.is_empty())
}

pub struct Procfs {
    path: PathBuf,
    root: OwnedFd,
    /// Whether it is the kernel's own, not a copy.
    is_proc: bool,
    units: Units,
    wants_pss: bool,
    name: String,
    buffer: Vec<u8>,
    /// Files that this user may not read, since it was opened.
    pub denied: u64,
}

impl Procfs {
    /// `wants_pss`: also read how much memory processes have for themselves, for which the kernel walks their pages.
    pub fn open(roots: &Roots, wants_pss: bool) -> Result<Self, Error> {
        let path = roots.proc.clone();
        let read = |errno: Errno| Error::Read { path: path.clone(), source: errno.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, &path, flags, Mode::empty()).map_err(read)?;
        let magic = rustix::fs::fstatfs(&root).map_err(read)?.f_type;
        let units = Units {
            ticks_per_second: param::clock_ticks_per_second(),
            page_bytes: param::page_size() as u64,
        };
        Ok(Self {
            path,
            root,
            is_proc: u64::try_from(magic) == Ok(PROC_MAGIC),
            units,
            wants_pss,
            name: String::new(),
            buffer: vec![0; BUFFER_BYTES],
            denied: 0,
        })
    }

    /// Lists all processes. Fails if that cannot be done as a whole, as when there is no file descriptor left.
    pub fn snapshot(&mut self) -> Result<Snapshot, Error> {
        let uptime = self.path.join("uptime");
        let length = self.read_path("uptime").map_err(|errno| failed(uptime.clone(), errno))?;
        let uptime_ms = stat::uptime_ms(&self.buffer[..length]).ok_or(Error::Parse { path: uptime })?;
        let mut snapshot = Snapshot { uptime_ms, ..Snapshot::default() };
        let listing = |errno| failed(self.path.clone(), errno);
        let mut pids: Vec<u32> = vec![];
        for entry in Dir::read_from(&self.root).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            pids.extend(entry.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
        }
        for pid in pids {
            match self.read(pid, "stat") {
                Ok(length) => match Stat::parse(&self.buffer[..length], self.units) {
                    Some(stat) if stat.id.pid == pid => snapshot.processes.push(stat),
                    _ => snapshot.unreadable += 1,
                },
                Err(errno) if is_gone(errno) => {}
                Err(Errno::ACCESS | Errno::PERM) => snapshot.unreadable += 1,
                Err(errno) => return Err(failed(self.path.join(format!("{pid}/stat")), errno)),
            }
        }
        Ok(snapshot)
    }

    /// Reads a file of a process into the buffer, as far as it goes; the kernel hands out short ones in one piece.
    fn read(&mut self, pid: u32, file: &str) -> Result<usize, Errno> {
        self.name_of(pid, file);
        let name = std::mem::take(&mut self.name);
        let read = self.read_path(&name);
        self.name = name;
        read
    }

    fn read_path(&mut self, path: &str) -> Result<usize, Errno> {
        let file = self.open_file(path)?;
        rustix::io::read(&file, &mut self.buffer)
    }

    fn open_file(&self, path: &str) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.root, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    }

    fn name_of(&mut self, pid: u32, file: &str) {
        self.name.clear();
        // Writing to a String does not fail.
        let _ = write!(self.name, "{pid}/{file}");
    }

    /// As [`read`](Self::read), for what may be absent.
    fn text(&mut self, pid: u32, file: &str) -> Option<&[u8]> {
        let read = self.read(pid, file);
        let length = self.allowed(read)?;
        Some(&self.buffer[..length])
    }

    fn allowed<T>(&mut self, read: Result<T, Errno>) -> Option<T> {
        if let Err(Errno::ACCESS | Errno::PERM) = read {
            self.denied += 1;
        }
        read.ok()
    }

    /// What it read from storage and wrote to it.
    pub fn io_bytes(&mut self, pid: u32) -> Option<[u64; 2]> {
        self.text(pid, "io").and_then(stat::storage_io).map(|(read, written)| [read, written])
    }

    pub fn swap_bytes(&mut self, pid: u32) -> Option<u64> {
        self.text(pid, "status").and_then(stat::swap_bytes)
    }

    /// Since Linux 6.2 the size of `fd` says how many there are.
    fn count_fds(&mut self, pid: u32) -> Result<u64, Errno> {
        self.name_of(pid, "fd");
        if self.is_proc {
            let size = rustix::fs::statat(&self.root, &*self.name, AtFlags::empty())?.st_size;
            if size > 0 {
                return Ok(size.cast_unsigned());
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&self.root, &*self.name, flags, Mode::empty())?;
        let mut count = 0;
        for entry in Dir::new(folder)? {
            count += u64::from(!entry?.file_name().to_bytes().starts_with(b"."));
        }
        Ok(count)
    }

    /// Inodes of the sockets that a process holds; none: that is not this user's to know, or it is gone.
    pub fn sockets(&mut self, pid: u32) -> Option<Vec<u32>> {
        self.name_of(pid, "fd");
        let listed = self.list_sockets();
        self.allowed(listed)
    }

    fn list_sockets(&self) -> Result<Vec<u32>, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&self.root, &*self.name, flags, Mode::empty())?;
        let mut inodes = vec![];
        for entry in Dir::read_from(&folder)? {
            // What has been closed since is no link, and no socket.
            if let Ok(link) = rustix::fs::readlinkat(&folder, entry?.file_name(), vec![]) {
                inodes.extend(link.to_str().ok().and_then(socket_inode));
            }
        }
        Ok(inodes)
    }

    /// An environment of any size, read into the buffer.
    fn read_environ(&mut self, pid: u32) -> Result<usize, Errno> {
        self.name_of(pid, "environ");
        let file = self.open_file(&self.name)?;
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                if length >= MAX_ENVIRON_BYTES {
                    return Ok(length);
                }
                self.buffer.resize(2 * length, 0);
            }
            match rustix::io::read(&file, &mut self.buffer[length..])? {
                0 => return Ok(length),
                read => length += read,
            }
        }
    }
}

impl Host for Procfs {
    fn uid(&mut self, pid: u32) -> Option<u32> {
        self.name_of(pid, "");
        rustix::fs::statat(&self.root, &*self.name, AtFlags::empty()).ok().map(|stat| stat.st_uid)
    }

    /// There are keys in an environment: nothing of it stays in memory but the marker.
    fn marker(&mut self, pid: u32) -> Option<Marker> {
        let read = self.read_environ(pid);
        let marker = self.allowed(read).and_then(|length| Marker::parse(&self.buffer[..length]));
        self.buffer.fill(0);
        self.buffer.truncate(BUFFER_BYTES);
        self.buffer.shrink_to_fit();
        marker
    }

    fn program(&mut self, pid: u32) -> Option<String> {
        self.name_of(pid, "exe");
        let read = rustix::fs::readlinkat(&self.root, &*self.name, vec![]);
        let path = self.allowed(read)?.into_string().ok()?;
        let path = path.strip_suffix(" (deleted)").unwrap_or(&path);
        path.rsplit('/').next().map(Into::into)
    }

    fn detail(&mut self, pid: u32) -> Detail {
        let mut detail = Detail::default();
        if let Some(status) = self.text(pid, "status") {
            detail.swap_bytes = stat::swap_bytes(status);
            detail.context_switches = stat::context_switches(status);
        }
        detail.io = self.text(pid, "io").and_then(stat::storage_io);
        if self.wants_pss {
            detail.pss_bytes = self.text(pid, "smaps_rollup").and_then(stat::pss_bytes);
        }
        let counted = self.count_fds(pid);
        detail.open_fds = self.allowed(counted);
        detail
    }

    fn max_fds(&mut self, pid: u32) -> Option<u64> {
        self.text(pid, "limits").and_then(stat::max_fds)
    }
}

/// Of the link that a descriptor of a socket is: `socket:[7]`.
fn socket_inode(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::SRCH)
}

fn failed(path: PathBuf, errno: Errno) -> Error {
    Error::Read { path, source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::{Error, Procfs};
    use crate::config::Roots;
    use crate::source::process::stat::Marker;
    use crate::source::process::trees::{Detail, Host};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn open(proc: &Path) -> Procfs {
        Procfs::open(&Roots { proc: proc.into(), ..Roots::default() }, false).unwrap()
    }

    fn write(proc: &Path, file: &str, text: impl AsRef<[u8]>) {
        let path = proc.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn stat(pid: u32) -> String {
        format!("{pid} (x) S 1 {pid} {pid} 0 -1 0 {}", "7 ".repeat(43))
    }

    #[test]
    fn processes_are_what_has_a_number_and_what_cannot_be_read_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let proc = folder.path();
        write(proc, "uptime", "70.50 1.00\n");
        for pid in [1, 20, 300] {
            write(proc, &format!("{pid}/stat"), stat(pid));
        }
        write(proc, "4/stat", "4 (torn) S 1");
        write(proc, "5/stat", stat(6));
        write(proc, "self/stat", stat(1));
        write(proc, "1x/stat", stat(1));
        fs::create_dir(proc.join("7")).unwrap();
        let mut snapshot = open(proc).snapshot().unwrap();
        snapshot.processes.sort_by_key(|process| process.id.pid);
        let pids: Vec<u32> = snapshot.processes.iter().map(|process| process.id.pid).collect();
        assert_eq!((pids, snapshot.unreadable, snapshot.uptime_ms), (vec![1, 20, 300], 2, 70_500));
    }

    #[test]
    fn a_look_that_cannot_be_whole_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let error = |proc: &Path| open(proc).snapshot().unwrap_err().to_string();
        let shown = folder.path().display();
        assert_eq!(error(folder.path()), format!("cannot read {shown}/uptime"));
        write(folder.path(), "uptime", "soon");
        assert_eq!(error(folder.path()), format!("{shown}/uptime is not what the kernel writes there"));
        write(folder.path(), "uptime", "70.50 1.00\n");
        fs::create_dir_all(folder.path().join("8/stat")).unwrap();
        assert_eq!(error(folder.path()), format!("cannot read {shown}/8/stat"));
        let missing = Roots { proc: folder.path().join("missing"), ..Roots::default() };
        assert!(matches!(Procfs::open(&missing, false), Err(Error::Read { .. })));
    }

    #[test]
    fn what_is_not_there_is_absent_and_the_rest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let proc = folder.path();
        let mut procfs = open(proc);
        assert_eq!((procfs.detail(9), procfs.max_fds(9), procfs.program(9)), (Detail::default(), None, None));
        write(proc, "9/io", "read_bytes: 4096\nwrite_bytes: 1\n");
        for fd in 0..3 {
            write(proc, &format!("9/fd/{fd}"), "");
        }
        write(proc, "9/limits", "Max open files   1024   4096   files\n");
        symlink("/opt/a b/claude (deleted)", proc.join("9/exe")).unwrap();
        let detail = Detail { io: Some((4096, 1)), open_fds: Some(3), ..Detail::default() };
        assert_eq!((procfs.detail(9), procfs.max_fds(9)), (detail, Some(1024)));
        assert_eq!(procfs.program(9).as_deref(), Some("claude"));
        write(proc, "9/status", "VmSwap: 1 kB\nvoluntary_ctxt_switches: 2\nnonvoluntary_ctxt_switches: 3\n");
        let detail = Detail { swap_bytes: Some(1024), context_switches: Some(5), ..detail };
        assert_eq!((procfs.detail(9), procfs.denied), (detail, 0));
    }

    #[test]
    fn the_sockets_of_a_process_are_among_its_descriptors() {
        let folder = tempfile::tempdir().unwrap();
        let fd = folder.path().join("9/fd");
        fs::create_dir_all(&fd).unwrap();
        for (name, target) in [
            ("0", "/dev/null"),
            ("1", "pipe:[5]"),
            ("2", "socket:[77]"),
            ("3", "socket:[x]"),
            ("4", "socket:[78]"),
        ] {
            symlink(target, fd.join(name)).unwrap();
        }
        let mut procfs = open(folder.path());
        let mut sockets = procfs.sockets(9).unwrap();
        sockets.sort_unstable();
        assert_eq!(sockets, [77, 78]);
        assert_eq!((procfs.sockets(10), procfs.denied), (None, 0));
    }

    #[test]
    fn a_marker_is_found_in_an_environment_of_any_size_and_nothing_of_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let secret = format!("KEY={}\0", "secret".repeat(50_000));
        write(folder.path(), "9/environ", format!("{secret}CLAUDE_PID=7\0{secret}"));
        let mut procfs = open(folder.path());
        assert_eq!(procfs.marker(9), Some(Marker { client_pid: Some(7), session: None }));
        assert!(procfs.buffer.iter().all(|byte| *byte == 0));
        assert_eq!(procfs.buffer.len(), super::BUFFER_BYTES);
        assert_eq!((procfs.marker(10), procfs.denied), (None, 0));
    }
}

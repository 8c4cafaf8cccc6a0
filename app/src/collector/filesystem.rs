//! File systems: their size and what room is left, from `statfs(2)` of what is mounted (`proc_pid_mountinfo(5)`).
//!
//! Of a dead network or FUSE mount `statfs` never returns, and no call can be taken back. So calls are made on threads
//! that can be given up: one walks all local mounts, some others the remote ones. A mount that does not answer for
//! [`PATIENCE`] is told as such; the thread stays with it, and another one walks the rest. While it does not come back
//! the mount is not asked again: one that hangs costs one thread, and one scrape half a second.
//!
//! Mounts of the kernel and of containers, and kinds of file systems that store nothing, are left out, as `node_exporter`
//! does; those of pods, too, of which there may be any number.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::Errno;

use super::{Collector, Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::filesystem::{
    AVAIL_BYTES, DEVICE_ERROR, FILES, FILES_FREE, FREE_BYTES, READONLY, SIZE_BYTES,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "filesystem";

/// How long nothing may answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// What `node_exporter` calls that.
const TIMEOUT: &str = "mountpoint timeout";

const REMOTE_WALKS: usize = 4;
const MAX_MOUNTS: usize = 50;
const STACK_BYTES: usize = 64 << 10;

/// Kinds that store nothing, or what others store.
const PSEUDO: [&str; 26] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "erofs",
    "fusectl",
    "fuse.lxcfs",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
];
/// Where containers and the kernel mount theirs.
const NOBODYS: [&str; 9] = [
    "/dev",
    "/proc",
    "/sys",
    "/run/containerd/",
    "/run/credentials/",
    "/run/k3s/containerd/",
    "/var/lib/containers/storage/",
    "/var/lib/docker/",
    "/var/lib/kubelet/pods/",
];
/// Kinds, and beginnings of kinds, behind which is another machine or process.
const REMOTE: [&str; 13] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse",
    "gfs2",
    "glusterfs",
    "lustre",
    "nfs",
    "ocfs2",
    "smb",
    "virtiofs",
];

/// What is mounted where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mount {
    device: String,
    mountpoint: String,
    fstype: String,
    is_readonly: bool,
}

/// What `statfs` says.
#[derive(Debug, Clone, Copy)]
struct Room {
    block_bytes: f64,
    blocks: u64,
    free: u64,
    available: u64,
    files: u64,
    files_free: u64,
}

type Statfs = fn(&Path) -> Result<Room, Errno>;

pub struct Filesystem {
    roots: Roots,
    statfs: Statfs,
    patience: Duration,
    /// The threads that mounts keep, by mount point.
    stuck: HashMap<String, JoinHandle<()>>,
}

/// A thread, and the mounts that it has yet to ask, the one it is at being the first.
struct Walk {
    todo: VecDeque<usize>,
    thread: JoinHandle<()>,
}

/// Of a mount by its index.
type Answer = (usize, Result<Room, Errno>);

impl Filesystem {
    pub fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), statfs, patience: PATIENCE, stuck: HashMap::new() }
    }

    /// The first that are to be told, and how many are not.
    fn mounts(&self) -> Result<(Vec<Mount>, usize), Error> {
        let of = |process: &str| self.roots.proc.join(process).join("mountinfo");
        // Those of the host, which in a container are not one's own.
        let (path, text) = match read(&of("1")) {
            Ok(text) => (of("1"), text),
            Err(_) => (of("self"), read(&of("self"))?),
        };
        let parsed: Option<Vec<Mount>> = text.lines().map(|line| parse(line, &self.roots.root)).collect();
        let mut mounts = parsed.ok_or_else(|| unexpected(&path, "a mount lacks fields"))?;
        let mut seen = BTreeSet::new();
        mounts.retain(|mount| is_told(mount) && seen.insert(mount.clone()));
        let more = mounts.len().saturating_sub(MAX_MOUNTS);
        mounts.truncate(MAX_MOUNTS);
        Ok((mounts, more))
    }

    /// Asks all mounts; none: no answer in time.
    fn ask(&mut self, mounts: &[Mount]) -> io::Result<Vec<Option<Result<Room, Errno>>>> {
        let (sender, answers) = channel();
        let mut answered = vec![None; mounts.len()];
        self.stuck.retain(|_, thread| !thread.is_finished());
        let asked: Vec<usize> =
            (0..mounts.len()).filter(|index| !self.stuck.contains_key(&mounts[*index].mountpoint)).collect();
        let (remote, local): (Vec<usize>, _) =
            asked.into_iter().partition(|index| is_remote(&mounts[*index].fstype));
        let mut todos = vec![VecDeque::new(); REMOTE_WALKS];
        for (walk, index) in (0..REMOTE_WALKS).cycle().zip(remote) {
            todos[walk].push_back(index);
        }
        todos.push(local.into());
        let mut walks = vec![];
        for todo in todos {
            walks.extend(self.walk(mounts, todo, &sender)?);
        }
        while !walks.is_empty() {
            if let Ok((index, answer)) = answers.recv_timeout(self.patience) {
                answered[index] = Some(answer);
                for walk in &mut walks {
                    if walk.todo.front() == Some(&index) {
                        walk.todo.pop_front();
                    }
                }
                walks.retain(|walk| !walk.todo.is_empty());
            } else {
                for Walk { mut todo, thread } in std::mem::take(&mut walks) {
                    let stuck = todo.pop_front().map(|index| mounts[index].mountpoint.clone());
                    self.stuck.extend(stuck.map(|mountpoint| (mountpoint, thread)));
                    walks.extend(self.walk(mounts, todo, &sender)?);
                }
            }
        }
        Ok(answered)
    }

    /// Starts to walk, where there is something to ask.
    fn walk(
        &self,
        mounts: &[Mount],
        todo: VecDeque<usize>,
        sender: &Sender<Answer>,
    ) -> io::Result<Option<Walk>> {
        if todo.is_empty() {
            return Ok(None);
        }
        let path = |index: &usize| self.roots.root.join(mounts[*index].mountpoint.trim_start_matches('/'));
        let paths: Vec<(usize, PathBuf)> = todo.iter().map(|index| (*index, path(index))).collect();
        let (sender, statfs) = (sender.clone(), self.statfs);
        let thread = thread::Builder::new().name(NAME.into()).stack_size(STACK_BYTES).spawn(move || {
            for (index, path) in paths {
                // Nobody listens to what comes late.
                if sender.send((index, statfs(&path))).is_err() {
                    return;
                }
            }
        })?;
        Ok(Some(Walk { todo, thread }))
    }
}

impl Collector for Filesystem {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let (mounts, more) = self.mounts()?;
        out.leave_out(&SIZE_BYTES, more as u64);
        let answers = self.ask(&mounts).map_err(|source| Error::at(Path::new(NAME), source))?;
        for (Mount { device, mountpoint, fstype, is_readonly }, answer) in mounts.iter().zip(answers) {
            let error = match answer {
                Some(Ok(_)) => String::new(),
                Some(Err(errno)) => words(errno),
                None => TIMEOUT.into(),
            };
            let labels = [device, mountpoint, fstype, error.as_str()];
            out.push(&DEVICE_ERROR, &labels, f64::from(u8::from(!error.is_empty())));
            out.push(&READONLY, &labels, f64::from(u8::from(*is_readonly)));
            let Some(Ok(room)) = answer else { continue };
            for (family, value) in [
                (&SIZE_BYTES, room.blocks as f64 * room.block_bytes),
                (&FREE_BYTES, room.free as f64 * room.block_bytes),
                (&AVAIL_BYTES, room.available as f64 * room.block_bytes),
                (&FILES, room.files as f64),
                (&FILES_FREE, room.files_free as f64),
            ] {
                out.push(family, &labels, value);
            }
        }
        Ok(())
    }
}

fn statfs(path: &Path) -> Result<Room, Errno> {
    let told = rustix::fs::statfs(path)?;
    Ok(Room {
        block_bytes: told.f_bsize as f64,
        blocks: told.f_blocks,
        free: told.f_bfree,
        available: told.f_bavail,
        files: told.f_files,
        files_free: told.f_ffree,
    })
}

/// As the C library and `node_exporter` put it.
fn words(errno: Errno) -> String {
    let words = errno.to_string();
    words.split(" (os error").next().unwrap_or_default().to_lowercase()
}

fn is_told(mount: &Mount) -> bool {
    let is_below = |place: &str| match mount.mountpoint.strip_prefix(place) {
        Some(rest) => place.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
        None => false,
    };
    !PSEUDO.contains(&mount.fstype.as_str()) && !NOBODYS.iter().any(|place| is_below(place))
}

fn is_remote(fstype: &str) -> bool {
    REMOTE.iter().any(|kind| fstype.starts_with(kind))
}

/// A line. Where the root file system is mounted elsewhere, mount points below that are the host's.
fn parse(line: &str, root: &Path) -> Option<Mount> {
    let (own, shared) = line.split_once(" - ")?;
    let mut own = own.split(' ').skip(4);
    let (mountpoint, options) = (own.next()?, own.next()?);
    let mut shared = shared.split(' ');
    let (fstype, device, more) = (shared.next()?, shared.next()?, shared.next()?);
    let mountpoint = unescaped(mountpoint);
    let below = Path::new(&mountpoint).strip_prefix(root).ok().and_then(Path::to_str);
    let mountpoint = below.map_or_else(|| mountpoint.clone(), |below| format!("/{below}"));
    let is_readonly = options.split(',').chain(more.split(',')).any(|option| option == "ro");
    Some(Mount { device: device.into(), mountpoint, fstype: fstype.into(), is_readonly })
}

/// Blanks and backslashes are written as octal numbers.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii);
        if let Some(byte) = byte {
            out.push(byte.into());
            out.push_str(&part[3..]);
        } else {
            out.push('\\');
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_mount_has_its_options_and_those_of_its_file_system() {
        let mount = |device: &str, mountpoint: &str, fstype: &str, is_readonly| {
            Some(Mount {
                device: device.into(),
                mountpoint: mountpoint.into(),
                fstype: fstype.into(),
                is_readonly,
            })
        };
        let host = Path::new("/");
        let line =
            "36 35 98:0 /mnt1 /my\\040disk rw,noatime master:1 shared:2 - ext4 /dev/sda1 rw,errors=continue";
        assert_eq!(parse(line, host), mount("/dev/sda1", "/my disk", "ext4", false));
        let line = "36 35 0:9 / /mnt rw - nfs4 nas:/a ro,vers=4";
        assert_eq!(parse(line, host), mount("nas:/a", "/mnt", "nfs4", true));
        assert_eq!(parse("36 35 98:0 / / rw", host), None);
        let pod = Path::new("/host");
        for (mountpoint, told) in
            [("/host/home", "/home"), ("/host", "/"), ("/data", "/data"), ("/hosting", "/hosting")]
        {
            let line = format!("36 35 98:0 / {mountpoint} rw - ext4 /dev/sda1 rw");
            assert_eq!(parse(&line, pod), mount("/dev/sda1", told, "ext4", false));
        }
    }

    #[test]
    fn what_is_nobodys_is_left_out() {
        let told = |mountpoint: &str, fstype: &str| {
            let (device, mountpoint, fstype) = ("d".into(), mountpoint.into(), fstype.into());
            is_told(&Mount { device, mountpoint, fstype, is_readonly: false })
        };
        for (mountpoint, fstype) in
            [("/", "ext4"), ("/devel", "ext4"), ("/var/lib/docker", "xfs"), ("/mnt", "fuse.sshfs")]
        {
            assert!(told(mountpoint, fstype), "{mountpoint}");
        }
        for (mountpoint, fstype) in [
            ("/", "overlay"),
            ("/dev/shm", "tmpfs"),
            ("/sys", "tmpfs"),
            ("/var/lib/docker/zfs/graph/1", "zfs"),
            ("/var/lib/kubelet/pods/1/volumes/token", "tmpfs"),
        ] {
            assert!(!told(mountpoint, fstype), "{mountpoint}");
        }
    }

    #[test]
    fn octal_numbers_are_characters() {
        assert_eq!(unescaped("/a\\040b\\011c\\134d"), "/a b\tc\\d");
        assert_eq!(unescaped("/a\\9\\"), "/a\\9\\");
    }

    #[test]
    fn errors_are_told_in_the_words_of_the_c_library() {
        assert_eq!(words(Errno::ACCESS), "permission denied");
        assert_eq!(words(Errno::NOTCONN), "transport endpoint is not connected");
    }

    /// Of a mount that hangs it waits for whoever opens the FIFO there.
    fn hanging(path: &Path) -> Result<Room, Errno> {
        if path.ends_with("dead") {
            File::open(path.join("fifo")).map_err(|error| Errno::from_io_error(&error).unwrap())?;
        }
        Ok(Room { block_bytes: 512.0, blocks: 8, free: 4, available: 2, files: 1, files_free: 1 })
    }

    #[test]
    fn a_mount_that_hangs_costs_itself_alone_and_is_asked_again_when_it_is_back() {
        let host = tempfile::tempdir().unwrap();
        for folder in ["proc/1", "dead"] {
            fs::create_dir_all(host.path().join(folder)).unwrap();
        }
        let line = |point: &str, fstype: &str| format!("1 1 0:1 / {point} rw - {fstype} {point} rw\n");
        for kind in ["ext4", "nfs4"] {
            let fifo = host.path().join("dead/fifo");
            _ = fs::remove_file(&fifo);
            mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            let mounts = line("/a", "ext4") + &line("/dead", kind) + &line("/b", "ext4") + &line("/c", "nfs");
            fs::write(host.path().join("proc/1/mountinfo"), mounts).unwrap();
            let root = host.path().to_path_buf();
            let roots = Roots { proc: root.join("proc"), root, ..Roots::default() };
            // Nothing else takes that long, however busy the machine is.
            let mut collector =
                Filesystem { statfs: hanging, patience: Duration::from_secs(2), ..Filesystem::new(&roots) };
            let mut errors = || {
                let mut out = Builder::new();
                collector.collect(&mut out).unwrap();
                let snapshot = out.build();
                let errors = snapshot.samples().filter(|sample| *sample.family == DEVICE_ERROR);
                errors.map(|sample| (sample.value > 0.0, sample.labels.contains(TIMEOUT))).collect::<Vec<_>>()
            };
            let fine = (false, false);
            let dead = [fine, fine, fine, (true, true)];
            assert_eq!(errors(), dead);
            assert_eq!(errors(), dead);
            File::options().write(true).open(&fifo).unwrap();
            fs::remove_file(&fifo).unwrap();
            fs::write(&fifo, "").unwrap();
            while errors() == dead {
                thread::yield_now();
            }
            assert_eq!(errors().len(), 4);
        }
    }
}

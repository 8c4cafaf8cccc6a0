//! The processes of sessions, as facts: who runs a session, what was started below it, and what all of it used.

use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::path::PathBuf;

/// One process. A pid is given out again; a pid with its start is not, as long as the machine is up.
///
/// Ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId {
    /// Clock ticks after boot, field 22 of `/proc/PID/stat`.
    pub start_ticks: u64,
    pub pid: u32,
}

/// What the client's registry says of one of its processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub id: ProcessId,
    /// The session that it runs at present: `/clear` and `/branch` begin another in the same process.
    pub session: String,
    /// Where the registry lies.
    pub config_dir: PathBuf,
    /// Who owns the entry.
    pub uid: u32,
    pub cwd: String,
    /// `cli` for the terminal, `sdk-cli` for `-p`.
    pub entrypoint: String,
    /// `interactive` (also of `-p`), `bg`.
    pub kind: String,
    pub version: String,
    /// `busy`, `idle`.
    pub status: String,
    /// Milliseconds since the epoch, UTC; 0 where the entry says nothing.
    pub started_ms: i64,
    pub updated_ms: i64,
}

/// What a process is, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProcessKind {
    Claude,
    Node,
    Shell,
    /// A stdio server of the Model Context Protocol, and what serves it.
    Mcp,
    /// A language server.
    Lsp,
    /// Version control.
    Vcs,
    /// Compilers, linkers, and what drives them.
    Compiler,
    Browser,
    Python,
    Other,
}

impl ProcessKind {
    pub const ALL: [Self; 10] = [
        Self::Claude,
        Self::Node,
        Self::Shell,
        Self::Mcp,
        Self::Lsp,
        Self::Vcs,
        Self::Compiler,
        Self::Browser,
        Self::Python,
        Self::Other,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Node => "node",
            Self::Shell => "shell",
            Self::Mcp => "mcp",
            Self::Lsp => "lsp",
            Self::Vcs => "vcs",
            Self::Compiler => "compiler",
            Self::Browser => "browser",
            Self::Python => "python",
            Self::Other => "other",
        }
    }
}

/// What processes used. Each of these the kernel also adds to the parent that waits for a process's end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    pub cpu_user_ms: u64,
    pub cpu_system_ms: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// From storage, and to it; what the page cache served is not in here.
    pub read_bytes: u64,
    pub written_bytes: u64,
}

impl Spent {
    pub fn cpu_ms(&self) -> u64 {
        self.cpu_user_ms + self.cpu_system_ms
    }

    /// Field by field.
    #[must_use]
    pub fn zip(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            cpu_user_ms: with(self.cpu_user_ms, other.cpu_user_ms),
            cpu_system_ms: with(self.cpu_system_ms, other.cpu_system_ms),
            minor_faults: with(self.minor_faults, other.minor_faults),
            major_faults: with(self.major_faults, other.major_faults),
            read_bytes: with(self.read_bytes, other.read_bytes),
            written_bytes: with(self.written_bytes, other.written_bytes),
        }
    }

    #[must_use]
    pub fn min(self, other: Self) -> Self {
        self.zip(other, u64::min)
    }

    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, u64::max)
    }
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Never below zero.
impl Sub for Spent {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }
}

impl SubAssign for Spent {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// A process that lives, or waits to be waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: ProcessId,
    pub ppid: u32,
    /// Milliseconds since the epoch, UTC.
    pub started_ms: i64,
    pub kind: ProcessKind,
    /// Its program's name, never more of a command line.
    pub name: String,
    /// Of itself alone. I/O has in it what children that it waited for used: the kernel does not tell them apart.
    pub spent: Spent,
    /// Of its main thread; the kernel tells those of other threads only one by one.
    pub context_switches: u64,
    pub threads: u64,
    pub rss_bytes: u64,
    /// None where it cannot be read, here and below.
    pub swap_bytes: Option<u64>,
    /// Only where it was asked for: reading it is dear.
    pub pss_bytes: Option<u64>,
    pub open_fds: Option<u64>,
    /// The soft limit; none also where there is none.
    pub max_fds: Option<u64>,
}

impl Member {
    /// Of which no more is known yet.
    pub fn new(id: ProcessId, started_ms: i64) -> Self {
        Self {
            id,
            ppid: 0,
            started_ms,
            kind: ProcessKind::Other,
            name: String::new(),
            spent: Spent::default(),
            context_switches: 0,
            threads: 0,
            rss_bytes: 0,
            swap_bytes: None,
            pss_bytes: None,
            open_fds: None,
            max_fds: None,
        }
    }

    pub fn fd_ratio(&self) -> Option<f64> {
        let (open, max) = (self.open_fds?, self.max_fds.filter(|max| *max > 0)?);
        Some(open as f64 / max as f64)
    }
}

/// All processes of a session that had one name and were started from one place of the tree: what is left of a tree
/// when its processes have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The place in [`SessionTree::programs`] of what started it; none for the client.
    pub parent: Option<usize>,
    pub kind: ProcessKind,
    pub name: String,
    /// Ended ones included; those that came and went between two looks are not among them.
    pub processes: u64,
    /// With what children used that no look ever met.
    pub spent: Spent,
    /// The most that any one process was seen with.
    pub peak_rss_bytes: u64,
    /// Milliseconds since the epoch, UTC: the start of the first, and the last look that met one.
    pub first_ms: i64,
    pub last_ms: i64,
}

/// What a session used since its client started, exited processes included. None of it ever decreases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub spent: Spent,
    /// Whether anything in the tree let its I/O be read; `spent` has none otherwise.
    pub is_io_known: bool,
    /// Of main threads.
    pub context_switches: u64,
    /// Processes that were seen to start below the client.
    pub spawned: u64,
    /// The most that all of them had at one look.
    pub peak_rss_bytes: u64,
}

impl Totals {
    /// Field by field.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            spent: self.spent.max(other.spent),
            is_io_known: self.is_io_known || other.is_io_known,
            context_switches: self.context_switches.max(other.context_switches),
            spawned: self.spawned.max(other.spawned),
            peak_rss_bytes: self.peak_rss_bytes.max(other.peak_rss_bytes),
        }
    }
}

/// What was told of a session's tree, for an agent that goes on from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub session: String,
    /// Those that ran it last.
    pub clients: Vec<ProcessId>,
    pub started_ms: i64,
    pub totals: Totals,
    pub programs: Vec<Program>,
}

/// The processes of one session, and what they used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTree {
    pub session: String,
    /// The session whose client started this one's, directly or through others.
    pub parent_session: Option<String>,
    /// Those that run it now: none after its end, two where it was resumed in a second terminal.
    pub clients: Vec<ProcessId>,
    pub config_dir: PathBuf,
    pub cwd: String,
    pub entrypoint: String,
    pub kind: String,
    pub version: String,
    pub status: String,
    /// Milliseconds since the epoch, UTC: the start of its first client.
    pub started_ms: i64,
    /// When it was found to have no client any more.
    pub ended_ms: Option<i64>,
    /// By age. They outlive their clients.
    pub members: Vec<Member>,
    pub totals: Totals,
    /// Parents before their children.
    pub programs: Vec<Program>,
}

impl SessionTree {
    pub fn processes(&self, kind: ProcessKind) -> usize {
        self.members.iter().filter(|member| member.kind == kind).count()
    }

    pub fn rss_bytes(&self) -> u64 {
        self.members.iter().map(|member| member.rss_bytes).sum()
    }

    /// Of those that let it be read; none if none did, here and below.
    pub fn swap_bytes(&self) -> Option<u64> {
        self.sum(|member| member.swap_bytes)
    }

    pub fn pss_bytes(&self) -> Option<u64> {
        self.sum(|member| member.pss_bytes)
    }

    pub fn open_fds(&self) -> Option<u64> {
        self.sum(|member| member.open_fds)
    }

    pub fn threads(&self) -> u64 {
        self.members.iter().map(|member| member.threads).sum()
    }

    /// How near the nearest process is to its limit of open files.
    pub fn worst_fd_ratio(&self) -> Option<f64> {
        self.members.iter().filter_map(Member::fd_ratio).max_by(f64::total_cmp)
    }

    /// The last look that met a process of it.
    pub fn last_ms(&self) -> i64 {
        self.programs.iter().map(|program| program.last_ms).max().unwrap_or(self.started_ms)
    }

    pub fn oldest_start_ms(&self) -> Option<i64> {
        self.members.iter().map(|member| member.started_ms).min()
    }

    fn sum(&self, of: impl Fn(&Member) -> Option<u64>) -> Option<u64> {
        self.members.iter().filter_map(of).reduce(|a, b| a + b)
    }
}

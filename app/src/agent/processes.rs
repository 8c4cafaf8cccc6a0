//! All processes of the host: by state, and by their commands in groups.
//!
//! Counters of a group add up what its members used since they were last looked at, so that they do not fall when a
//! member ends; what it used between the last look and its end is not known. They begin with the agent: what was used
//! before is not told, or a restart would look like work. A group has series of its own from when it is worth them; until
//! then it counts as `other`, and goes on to if there is no room. One without processes makes room.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::sessions::of_procfs;
use crate::collector::{Collector, Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::capped::OTHER;
use crate::metrics::families::processes::{
    PIDS_MAX, PROCESS_GROUP_CPU_SECONDS, PROCESS_GROUP_IO_BYTES, PROCESS_GROUP_MEMORY_BYTES,
    PROCESS_GROUP_PROCESSES, PROCESSES, THREADS,
};
use crate::metrics::snapshot::Builder;
use crate::model::process::ProcessId;
use crate::source::process::kind;
use crate::source::process::procfs::Procfs;
use crate::source::process::stat::Stat;

pub const NAME: &str = "processes";

const MAX_GROUPS: usize = 20;
/// What the members of a group have used, or hold, to be worth series of its own.
const WORTH_CPU_MS: u64 = 10_000;
const WORTH_BYTES: u64 = 100 << 20;

/// All threads of the kernel.
const KERNEL: &str = "kernel";
/// Which letters are which state; those that none has are `other`.
const STATES: [(&str, &[u8]); 6] =
    [("R", b"R"), ("S", b"S"), ("D", b"D"), ("Z", b"Z"), ("T", b"Tt"), ("I", b"I")];

pub struct Processes {
    roots: Roots,
    procfs: Option<Procfs>,
    /// What was last seen.
    members: HashMap<ProcessId, Member>,
    /// Those with series of their own, and the others.
    groups: BTreeMap<String, Group>,
    has_looked: bool,
}

/// A process as it was last seen.
#[derive(Debug, Clone, Copy, Default)]
struct Member {
    /// User and system.
    cpu_ms: [u64; 2],
    faults: u64,
    /// Read and written; none: not to be known.
    io_bytes: Option<[u64; 2]>,
    is_io_denied: bool,
    rss_bytes: u64,
    swap_bytes: u64,
}

#[derive(Debug, Default)]
struct Group {
    processes: u64,
    rss_bytes: u64,
    swap_bytes: u64,
    is_io_denied: bool,
    cpu_ms: [u64; 2],
    io_bytes: [u64; 2],
}

impl Processes {
    pub fn new(roots: &Roots) -> Self {
        Self {
            roots: roots.clone(),
            procfs: None,
            members: HashMap::new(),
            groups: BTreeMap::from([(OTHER.into(), Group::default())]),
            has_looked: false,
        }
    }

    /// Takes in what processes are and used.
    fn take(&mut self, processes: &[Stat], procfs: &mut Procfs, has_swap: bool) {
        for group in self.groups.values_mut() {
            *group = Group { cpu_ms: group.cpu_ms, io_bytes: group.io_bytes, ..Group::default() };
        }
        let names: Vec<&str> = processes.iter().map(group_of).collect();
        self.keep(&names, processes);
        let mut members = HashMap::with_capacity(processes.len());
        for (stat, name) in processes.iter().zip(names) {
            let known = self.members.get(&stat.id);
            let now = Member::read(stat, known, procfs, has_swap);
            let began = Member { io_bytes: Some([0; 2]), ..Member::default() };
            let before = known.copied().unwrap_or(if self.has_looked { began } else { now });
            let name = if self.groups.contains_key(name) { name } else { OTHER };
            if let Some(group) = self.groups.get_mut(name) {
                group.add(&now, &before);
            }
            members.insert(stat.id, now);
        }
        self.members = members;
        self.has_looked = true;
    }

    /// Gives series to groups that have become worth them, the largest first.
    fn keep(&mut self, names: &[&str], processes: &[Stat]) {
        let mut sizes = BTreeMap::<&str, (u64, u64)>::new();
        for (stat, name) in processes.iter().zip(names) {
            let (cpu_ms, rss_bytes) = sizes.entry(name).or_default();
            *cpu_ms += stat.own.cpu_user_ms + stat.own.cpu_system_ms;
            *rss_bytes += stat.rss_bytes;
        }
        let is_worth = |(_, (cpu_ms, rss_bytes)): &(&str, (u64, u64))| {
            *cpu_ms >= WORTH_CPU_MS || *rss_bytes >= WORTH_BYTES
        };
        let mut worth: Vec<_> = sizes.iter().map(|(name, size)| (*name, *size)).filter(is_worth).collect();
        worth.sort_by_key(|(_, size)| Reverse(*size));
        for (name, _) in worth {
            if self.groups.contains_key(name) {
                continue;
            }
            // One more than that: the others.
            if self.groups.len() > MAX_GROUPS {
                let is_empty = |group: &&String| *group != OTHER && !sizes.contains_key(group.as_str());
                let Some(empty) = self.groups.keys().find(is_empty).cloned() else { break };
                self.groups.remove(&empty);
            }
            self.groups.insert(name.into(), Group::default());
        }
    }

    fn tell(&self, out: &mut Builder) {
        for (name, group) in &self.groups {
            out.push(&PROCESS_GROUP_PROCESSES, &[name], group.processes as f64);
            out.push(&PROCESS_GROUP_MEMORY_BYTES, &[name, "rss"], group.rss_bytes as f64);
            out.push(&PROCESS_GROUP_MEMORY_BYTES, &[name, "swap"], group.swap_bytes as f64);
            for (mode, ms) in ["user", "system"].iter().zip(group.cpu_ms) {
                out.push(&PROCESS_GROUP_CPU_SECONDS, &[name, mode], ms as f64 / 1000.0);
            }
            if !group.is_io_denied {
                for (op, bytes) in ["read", "write"].iter().zip(group.io_bytes) {
                    out.push(&PROCESS_GROUP_IO_BYTES, &[name, op], bytes as f64);
                }
            }
        }
    }
}

impl Collector for Processes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let mut procfs = match self.procfs.take() {
            Some(procfs) => procfs,
            None => Procfs::open(&self.roots, false).map_err(of_procfs)?,
        };
        let processes = procfs.snapshot().map_err(of_procfs)?.processes;
        let states = states(&processes);
        for (state, count) in states {
            out.push(&PROCESSES, &[state], count as f64);
        }
        self.take(&processes, &mut procfs, has_swap(&self.roots)?);
        self.procfs = Some(procfs);
        self.tell(out);
        let path = self.roots.proc.join("loadavg");
        let threads = read(&path)?.split(['/', ' ']).nth(4).and_then(|threads| threads.parse::<u32>().ok());
        out.push(&THREADS, &[], threads.ok_or_else(|| unexpected(&path, "no number of threads"))?.into());
        let path = self.roots.proc.join("sys/kernel/pid_max");
        let most: u32 = read(&path)?.trim().parse().map_err(|_| unexpected(&path, "no number"))?;
        out.push(&PIDS_MAX, &[], most.into());
        Ok(())
    }
}

/// Whether anything can be swapped out.
fn has_swap(roots: &Roots) -> Result<bool, Error> {
    match read(&roots.proc.join("swaps")) {
        Err(Error::Absent { .. }) => Ok(false),
        // The first line is a heading.
        text => Ok(text?.lines().count() > 1),
    }
}

fn states(processes: &[Stat]) -> [(&'static str, usize); STATES.len() + 1] {
    let count = |is_it: &dyn Fn(u8) -> bool| processes.iter().filter(|stat| is_it(stat.state)).count();
    let is_other = |state: u8| !STATES.iter().any(|(_, letters)| letters.contains(&state));
    std::array::from_fn(|index| match STATES.get(index) {
        Some((name, letters)) => (*name, count(&|state| letters.contains(&state))),
        None => (OTHER, count(&is_other)),
    })
}

fn group_of(stat: &Stat) -> &str {
    if stat.is_kernel_thread { KERNEL } else { kind::group(&stat.name) }
}

impl Member {
    /// What costs another read is read of those alone that ran since, or whose memory changed.
    fn read(stat: &Stat, known: Option<&Self>, procfs: &mut Procfs, has_swap: bool) -> Self {
        let now = Self {
            cpu_ms: [stat.own.cpu_user_ms, stat.own.cpu_system_ms],
            faults: stat.own.minor_faults + stat.own.major_faults,
            rss_bytes: stat.rss_bytes,
            ..known.copied().unwrap_or_default()
        };
        if stat.is_kernel_thread || stat.is_zombie {
            return Self { swap_bytes: 0, ..now };
        }
        let ran = known.is_none_or(|known| (known.cpu_ms, known.faults) != (now.cpu_ms, now.faults));
        let mut now = now;
        if ran {
            let denied = procfs.denied;
            now.io_bytes = procfs.io_bytes(stat.id.pid);
            now.is_io_denied = procfs.denied > denied;
        }
        if !has_swap {
            now.swap_bytes = 0;
        } else if ran || known.is_none_or(|known| known.rss_bytes != now.rss_bytes) {
            now.swap_bytes = procfs.swap_bytes(stat.id.pid).unwrap_or_default();
        }
        now
    }
}

impl Group {
    fn add(&mut self, now: &Member, before: &Member) {
        self.processes += 1;
        self.rss_bytes += now.rss_bytes;
        self.swap_bytes += now.swap_bytes;
        self.is_io_denied |= now.is_io_denied;
        let grow = |sum: &mut [u64; 2], now: [u64; 2], before: [u64; 2]| {
            for ((sum, now), before) in sum.iter_mut().zip(now).zip(before) {
                *sum += now.saturating_sub(before);
            }
        };
        grow(&mut self.cpu_ms, now.cpu_ms, before.cpu_ms);
        if let (Some(now), Some(before)) = (now.io_bytes, before.io_bytes) {
            grow(&mut self.io_bytes, now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// A process: its pid, name, state and flags, ticks of user time, pages.
    fn process(proc: &Path, pid: u32, name: &str, state: char, ticks: u64, pages: u64) {
        let folder = proc.join(pid.to_string());
        fs::create_dir_all(&folder).unwrap();
        let stat = format!(
            "{pid} ({name}) {state} 1 {pid} {pid} 0 -1 4194304 7 0 0 0 {ticks} 0 0 0 20 0 1 0 {pid} 9000 {pages} 1\n"
        );
        fs::write(folder.join("stat"), stat).unwrap();
        fs::write(folder.join("io"), format!("read_bytes: {ticks}\nwrite_bytes: {}\n", 2 * ticks)).unwrap();
    }

    fn host() -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        for (file, text) in [("uptime", "1000.0 1.0\n"), ("loadavg", "0.1 0.2 0.3 1/719 12\n")] {
            fs::write(proc.path().join(file), text).unwrap();
        }
        fs::create_dir_all(proc.path().join("sys/kernel")).unwrap();
        fs::write(proc.path().join("sys/kernel/pid_max"), "4194304\n").unwrap();
        proc
    }

    fn lines(collector: &mut Processes, of: &str) -> Vec<String> {
        let mut out = Builder::new();
        collector.collect(&mut out).unwrap();
        let snapshot = out.build();
        let samples = snapshot.samples().filter(|sample| sample.family.name.contains(of));
        samples.map(|sample| format!("{} {}", sample.labels, sample.value)).collect()
    }

    #[test]
    fn a_group_keeps_what_members_used_that_are_gone_and_begins_with_nothing() {
        let proc = host();
        let mut collector = Processes::new(&Roots { proc: proc.path().into(), ..Roots::default() });
        let mut used = || {
            let user = |line: &String| !line.contains("system") && !line.contains(" 0");
            lines(&mut collector, "cpu_seconds").into_iter().filter(user).collect::<Vec<_>>()
        };
        process(proc.path(), 10, "python3.11", 'S', 100_000, 1);
        assert_eq!(used(), [""; 0]);
        process(proc.path(), 10, "python3.11", 'R', 100_100, 1);
        process(proc.path(), 11, "python3", 'S', 200, 1);
        assert_eq!(used(), [r#"group="python",mode="user" 3"#]);
        fs::remove_dir_all(proc.path().join("10")).unwrap();
        assert_eq!(used(), [r#"group="python",mode="user" 3"#]);
        // The pid of another process.
        fs::remove_dir_all(proc.path().join("11")).unwrap();
        process(proc.path(), 12, "python3", 'S', 50, 1);
        assert_eq!(used(), [r#"group="python",mode="user" 3.5"#]);
    }

    #[test]
    fn groups_are_bounded_and_the_rest_is_other() {
        let proc = host();
        let mut collector = Processes::new(&Roots { proc: proc.path().into(), ..Roots::default() });
        // Each larger than the one before.
        for pid in 1..=30 {
            let name = char::from(b'A' + u8::try_from(pid).unwrap());
            process(proc.path(), pid, &format!("x{name}"), 'S', u64::from(pid) * 1000, 1);
        }
        let groups = lines(&mut collector, "group_processes");
        assert_eq!(groups.len(), MAX_GROUPS + 1);
        assert!(groups.contains(&format!(r#"group="other" {}"#, 30 - MAX_GROUPS)), "{groups:?}");
        assert!(
            groups.contains(&r#"group="xL" 1"#.into()) && !groups.contains(&r#"group="xK" 1"#.into()),
            "{groups:?}"
        );
        for gone in [20, 25] {
            fs::remove_dir_all(proc.path().join(gone.to_string())).unwrap();
        }
        process(proc.path(), 40, "new", 'S', 50_000, 1);
        let groups = lines(&mut collector, "group_processes");
        assert_eq!(groups.len(), MAX_GROUPS + 1);
        assert!(groups.contains(&r#"group="new" 1"#.into()), "{groups:?}");
        assert!(groups.iter().filter(|group| group.ends_with(" 0")).count() == 0, "{groups:?}");
    }

    #[test]
    fn states_are_counted_and_unknown_ones_are_other() {
        let proc = host();
        let mut collector = Processes::new(&Roots { proc: proc.path().into(), ..Roots::default() });
        for (pid, state) in (1..).zip(['R', 'S', 'S', 'D', 'T', 't', 'Z', 'I', 'X']) {
            process(proc.path(), pid, "a b) c", state, 1, 1);
        }
        let states = [("D", 1), ("I", 1), ("R", 1), ("S", 2), ("T", 2), ("Z", 1), ("other", 1)];
        let expected = states.map(|(state, count)| format!(r#"state="{state}" {count}"#));
        assert_eq!(lines(&mut collector, "odin_processes"), expected);
        assert_eq!(lines(&mut collector, "odin_threads"), [" 719"]);
        assert_eq!(lines(&mut collector, "odin_pids_max"), [" 4194304"]);
    }

    #[test]
    fn memory_and_io_are_those_of_all_members() {
        let proc = host();
        let mut collector = Processes::new(&Roots { proc: proc.path().into(), ..Roots::default() });
        process(proc.path(), 1, "a", 'S', 5, 2);
        lines(&mut collector, "");
        process(proc.path(), 1, "a", 'S', 9, 3);
        fs::write(proc.path().join("swaps"), "head\n/dev/sda2 partition\n").unwrap();
        fs::write(proc.path().join("1/status"), "VmSwap:\t3 kB\n").unwrap();
        let page = rustix::param::page_size();
        assert_eq!(
            lines(&mut collector, "memory_bytes"),
            [format!(r#"group="other",type="rss" {}"#, 3 * page), r#"group="other",type="swap" 3072"#.into()]
        );
        let io = [r#"group="other",op="read" 4"#, r#"group="other",op="write" 8"#];
        assert_eq!(lines(&mut collector, "io_bytes"), io);
    }
}

//! The agent's own process, from `/proc/self` (`proc_pid_stat(5)`, `proc_pid_limits(5)`), under the names that
//! Prometheus' client libraries give it; and its build.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};

use rustix::param::{clock_ticks_per_second, page_size};

use super::{Collector, Error, read};
use crate::config::Roots;
use crate::metrics::families::agent::{
    BUILD_INFO, PROCESS_CPU_SECONDS, PROCESS_MAX_FDS, PROCESS_OPEN_FDS, PROCESS_RESIDENT_MEMORY_BYTES,
    PROCESS_START_TIME_SECONDS, PROCESS_THREADS, PROCESS_VIRTUAL_MEMORY_BYTES,
    PROCESS_VIRTUAL_MEMORY_MAX_BYTES,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "agent";

/// Which commit was built, where the build was told.
const REVISION: &str = match option_env!("ODIN_REVISION") {
    Some(revision) => revision,
    None => "",
};

pub struct Agent {
    proc: PathBuf,
}

impl Agent {
    pub fn new(roots: &Roots) -> Self {
        Self { proc: roots.proc.clone() }
    }
}

impl Collector for Agent {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        out.push(&BUILD_INFO, &[env!("CARGO_PKG_VERSION"), REVISION, &target()], 1.0);

        let own = self.proc.join("self");
        let stat = parsed(&own.join("stat"), Stat::parse)?;
        let ticks = clock_ticks_per_second() as f64;
        out.push(&PROCESS_CPU_SECONDS, &[], stat.cpu_ticks as f64 / ticks);
        out.push(&PROCESS_THREADS, &[], stat.threads as f64);
        out.push(&PROCESS_VIRTUAL_MEMORY_BYTES, &[], stat.virtual_bytes as f64);
        out.push(&PROCESS_RESIDENT_MEMORY_BYTES, &[], stat.resident_pages as f64 * page_size() as f64);
        let boot_seconds = parsed(&self.proc.join("stat"), boot_seconds)?;
        out.push(&PROCESS_START_TIME_SECONDS, &[], boot_seconds as f64 + stat.start_ticks as f64 / ticks);

        let limits = read(&own.join("limits"))?;
        for (family, limit) in
            [(&PROCESS_MAX_FDS, "Max open files"), (&PROCESS_VIRTUAL_MEMORY_MAX_BYTES, "Max address space")]
        {
            if let Some(limit) = soft_limit(&limits, limit) {
                out.push(family, &[], limit as f64);
            }
        }
        let fds = own.join("fd");
        let open = fs::read_dir(&fds).map_err(|source| Error::at(&fds, source))?.count();
        // One of them is this listing.
        out.push(&PROCESS_OPEN_FDS, &[], open.saturating_sub(1) as f64);
        Ok(())
    }
}

/// As in the names of targets, but for the vendor.
fn target() -> String {
    let libc = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
    format!("{ARCH}-{OS}-{libc}")
}

fn parsed<T>(path: &Path, parse: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
    let text = read(path)?;
    let unexpected = || Error::Parse { path: path.into(), what: "fields are missing".into() };
    parse(&text).ok_or_else(unexpected)
}

/// What is read of `/proc/self/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// User and system.
    cpu_ticks: u64,
    threads: u64,
    /// Since the boot.
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is a name in brackets, which may hold anything.
        let (_, after) = text.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        // Numbered from 1 by the manual, and the third is the first after the name.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// When the host booted, from `/proc/stat`.
fn boot_seconds(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// None: unlimited.
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let values = limits.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::Format;
    use crate::metrics::filter::Filter;
    use crate::metrics::page::Page;

    const STAT: &str = "4242 (a b) c) S 1 4242 4242 0 -1 4194560 2203 0 12 0 150 25 7 3 20 0 9 0 8500 \
                        23068672 1792 18446744073709551615 94 95 140 0 0 0 0 4096 17642 0 0 0 17 1 0 0 0 0 0\n";
    const LIMITS: &str = "\
Limit                     Soft Limit           Hard Limit           Units
Max address space         unlimited            unlimited            bytes
Max open files            1024                 524288               files
";

    fn lines(out: Builder) -> Vec<String> {
        let text = Page::new([&out.build()], &Filter::All, 99).write(Format::Text);
        text.lines().filter(|line| !line.starts_with('#')).map(Into::into).collect()
    }

    #[test]
    fn a_process_is_told_as_client_libraries_tell_it() {
        let host = tempfile::tempdir().unwrap();
        let own = host.path().join("self");
        fs::create_dir_all(own.join("fd")).unwrap();
        for fd in ["0", "1", "2", "3"] {
            fs::write(own.join("fd").join(fd), "").unwrap();
        }
        fs::write(own.join("stat"), STAT).unwrap();
        fs::write(own.join("limits"), LIMITS).unwrap();
        fs::write(host.path().join("stat"), "cpu  1 2 3\nbtime 1700000000\nprocesses 7\n").unwrap();
        let roots = Roots { proc: host.path().into(), ..Roots::default() };
        let mut out = Builder::new();
        Agent::new(&roots).collect(&mut out).unwrap();
        let resident = 1792 * page_size();
        assert_eq!(
            lines(out)[1..],
            [
                "process_cpu_seconds_total 1.75".to_owned(),
                "process_max_fds 1024".into(),
                "process_open_fds 3".into(),
                format!("process_resident_memory_bytes {resident}"),
                "process_start_time_seconds 1700000085".into(),
                "process_threads 9".into(),
                "process_virtual_memory_bytes 23068672".into(),
            ]
        );
    }

    #[test]
    fn this_process_can_be_told() {
        let mut out = Builder::new();
        Agent::new(&Roots::default()).collect(&mut out).unwrap();
        let lines = lines(out);
        let version = env!("CARGO_PKG_VERSION");
        let build = format!(
            r#"odin_build_info{{version="{version}",revision="{REVISION}",target="{}"}} 1"#,
            target()
        );
        assert_eq!(lines[0], build);
        assert!(lines.len() >= 8, "{lines:?}");
    }

    #[test]
    fn what_lacks_fields_is_not_guessed() {
        assert_eq!(Stat::parse("1 (odin) S 1 2 3"), None);
        assert_eq!(boot_seconds("cpu 1 2\n"), None);
    }
}

//! What the CPUs spend their time on, from `/proc/stat` (`proc_stat(5)`); how fast they run, from `/proc/cpuinfo`, where
//! the architecture tells; and which of them the scheduler leaves alone, from sysfs.

use std::collections::BTreeMap;

use rustix::param::clock_ticks_per_second;

use super::{Collector, Error, KERNEL_LANE, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::cpu::{FREQUENCY_HERTZ, GUEST_SECONDS, ISOLATED, SECONDS};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "cpu";

/// In the order of the file. That of guests is part of `user` and `nice`, and has a family of its own.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST_MODES: [&str; 2] = ["user", "nice"];
const IDLE: usize = 3;

/// Ticks by mode, those of guests last.
type Ticks = [u64; MODES.len() + GUEST_MODES.len()];

/// What idle time goes back by when a CPU was taken out and put in again; what goes back by less is an error of the
/// kernel's accounting.
const REPLUGGED_SECONDS: u64 = 3;

pub struct Cpu {
    roots: Roots,
    ticks_per_second: u64,
    told: BTreeMap<u32, Ticks>,
}

impl Cpu {
    pub fn new(roots: &Roots) -> Self {
        Self {
            roots: roots.clone(),
            ticks_per_second: clock_ticks_per_second().max(1),
            told: BTreeMap::new(),
        }
    }
}

impl Collector for Cpu {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lane(&self) -> &'static str {
        KERNEL_LANE
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        let path = self.roots.proc.join("stat");
        let text = read(&path)?;
        let now: Option<BTreeMap<u32, Ticks>> = lines(&text).map(parse).collect();
        let mut now = now.ok_or_else(|| unexpected(&path, "a CPU has less than ten numbers"))?;
        for (cpu, ticks) in &mut now {
            if let Some(told) = self.told.get(cpu) {
                *ticks = grown(told, ticks, REPLUGGED_SECONDS * self.ticks_per_second);
            }
        }
        self.told = now;
        for (cpu, ticks) in &self.told {
            let cpu = cpu.to_string();
            let seconds = ticks.map(|ticks| ticks as f64 / self.ticks_per_second as f64);
            let (own, guests) = seconds.split_at(MODES.len());
            for (family, modes, seconds) in
                [(&SECONDS, &MODES[..], own), (&GUEST_SECONDS, &GUEST_MODES, guests)]
            {
                for (mode, seconds) in modes.iter().zip(seconds) {
                    out.push(family, &[&cpu, mode], *seconds);
                }
            }
        }

        if let Some(text) = present(read(&self.roots.proc.join("cpuinfo")))? {
            for [core, cpu, package, mhz] in text.split("\n\n").filter_map(clocked) {
                if let Ok(mhz) = mhz.parse::<f64>() {
                    out.push(&FREQUENCY_HERTZ, &[core, cpu, package], mhz * 1000.0 * 1000.0);
                }
            }
        }
        let path = self.roots.sys.join("devices/system/cpu/isolated");
        if let Some(text) = present(read(&path))? {
            for cpu in listed(text.trim()).ok_or_else(|| unexpected(&path, text.trim()))? {
                out.push(&ISOLATED, &[&cpu.to_string()], 1.0);
            }
        }
        Ok(())
    }
}

/// Of a file that a kernel may do without.
fn present(text: Result<String, Error>) -> Result<Option<String>, Error> {
    match text {
        Err(Error::Absent { .. }) => Ok(None),
        text => text.map(Some),
    }
}

/// Lines of `/proc/stat` that are a CPU's, from its number on; that of all CPUs has none.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("cpu")).filter(|rest| !rest.starts_with(' '))
}

fn parse(line: &str) -> Option<(u32, Ticks)> {
    let mut words = line.split_ascii_whitespace();
    let cpu = words.next()?.parse().ok()?;
    let mut ticks = Ticks::default();
    for ticks in &mut ticks {
        *ticks = words.next()?.parse().ok()?;
    }
    Some((cpu, ticks))
}

/// No counter falls, unless the CPU is one anew.
fn grown(told: &Ticks, now: &Ticks, replugged: u64) -> Ticks {
    if told[IDLE].saturating_sub(now[IDLE]) >= replugged {
        return *now;
    }
    std::array::from_fn(|mode| told[mode].max(now[mode]))
}

/// Core, CPU, package and MHz of a paragraph of `/proc/cpuinfo`, if it has them.
fn clocked(paragraph: &str) -> Option<[&str; 4]> {
    let value = |name| {
        let lines = paragraph.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(key, _)| key.trim_end() == name).map(|(_, value)| value.trim())
    };
    Some([value("core id")?, value("processor")?, value("physical id")?, value("cpu MHz")?])
}

/// `1,3-5`.
fn listed(text: &str) -> Option<Vec<u32>> {
    let mut cpus = vec![];
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_line_of_all_cpus_is_no_cpu_and_a_cpu_has_ten_numbers() {
        let text =
            "cpu  1 2 3 4 5 6 7 8 9 10\ncpu12 1 2 3 4 5 6 7 8 9 10 11\ncpu0 1 2 3 4 5 6 7 8 9\nintr 1\n";
        let parsed: Vec<_> = lines(text).map(parse).collect();
        assert_eq!(parsed, [Some((12, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), None]);
    }

    #[test]
    fn counters_never_fall_but_for_a_cpu_that_is_put_in_again() {
        let told = [10, 10, 10, 1000, 10, 10, 10, 10, 10, 10];
        let now = [11, 9, 10, 701, 9, 10, 10, 10, 10, 10];
        assert_eq!(grown(&told, &now, 300), [11, 10, 10, 1000, 10, 10, 10, 10, 10, 10]);
        let replugged = [0, 0, 0, 700, 0, 0, 0, 0, 0, 0];
        assert_eq!(grown(&told, &replugged, 300), replugged);
    }

    #[test]
    fn cpus_that_are_gone_are_told_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots { proc: folder.path().into(), sys: folder.path().into(), ..Roots::default() };
        let mut collector = Cpu::new(&roots);
        let mut cpus = |text: &str| {
            fs::write(folder.path().join("stat"), text).unwrap();
            let mut out = Builder::new();
            collector.collect(&mut out).unwrap();
            let is_idle = |labels: &&str| labels.contains("idle");
            out.build()
                .samples()
                .map(|sample| sample.labels)
                .filter(is_idle)
                .map(Into::into)
                .collect::<Vec<String>>()
        };
        let line = |cpu: u32| format!("cpu{cpu} 1 2 3 4 5 6 7 8 9 10\n");
        assert_eq!(cpus(&(line(0) + &line(1))), [r#"cpu="0",mode="idle""#, r#"cpu="1",mode="idle""#]);
        assert_eq!(cpus(&line(1)), [r#"cpu="1",mode="idle""#]);
    }

    #[test]
    fn isolated_cpus_are_ranges() {
        assert_eq!(listed("1,3-5,9"), Some(vec![1, 3, 4, 5, 9]));
        assert_eq!(listed(""), Some(vec![]));
        assert_eq!(listed("1-"), None);
    }
}

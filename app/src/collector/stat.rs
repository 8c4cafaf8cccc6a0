//! Interrupts, context switches, forks and the boot, from `/proc/stat` (`proc_stat(5)`). Its CPU lines are `cpu`'s.

use super::{Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::stat::{
    BOOT_TIME_SECONDS, CONTEXT_SWITCHES, FORKS, INTR, PROCS_BLOCKED, PROCS_RUNNING,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "stat";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let path = roots.proc.join(NAME);
    let text = read(&path)?;
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(family) = family(word) {
            // That of interrupts goes on with each of them.
            let value = rest.split(' ').next().and_then(|value| value.parse::<u64>().ok());
            out.push(family, &[], value.ok_or_else(|| unexpected(&path, word))? as f64);
        }
    }
    Ok(())
}

fn family(word: &str) -> Option<&'static Family> {
    match word {
        "intr" => Some(&INTR),
        "ctxt" => Some(&CONTEXT_SWITCHES),
        "btime" => Some(&BOOT_TIME_SECONDS),
        "processes" => Some(&FORKS),
        "procs_running" => Some(&PROCS_RUNNING),
        "procs_blocked" => Some(&PROCS_BLOCKED),
        _ => None,
    }
}

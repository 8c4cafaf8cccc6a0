//! Packets on their way through the CPUs, from `softnet_stat` of the host's network: a line of hexadecimal numbers a
//! CPU, more of them with each kernel (`net/core/net-procfs.c`).

use super::{Error, net, read, unexpected};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::softnet::{
    BACKLOG_LEN, CPU_COLLISION, DROPPED, FLOW_LIMIT_COUNT, PROCESSED, RECEIVED_RPS, TIMES_SQUEEZED,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "softnet";

/// Which number of a line is which.
const COLUMNS: [(usize, &Family); 7] = [
    (0, &PROCESSED),
    (1, &DROPPED),
    (2, &TIMES_SQUEEZED),
    (8, &CPU_COLLISION),
    (9, &RECEIVED_RPS),
    (10, &FLOW_LIMIT_COUNT),
    (11, &BACKLOG_LEN),
];
/// Where a kernel has it, the CPU's own number; otherwise no CPU is missing.
const CPU: usize = 12;
/// Above that all CPUs share one series.
const MAX_CPUS: usize = 64;

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let path = net(roots).join("softnet_stat");
    let cpus = parse(&read(&path)?).ok_or_else(|| unexpected(&path, "a number is none"))?;
    for (column, family) in COLUMNS {
        let values = cpus.iter().filter_map(|numbers| numbers.get(column));
        if cpus.len() > MAX_CPUS && values.clone().next().is_some() {
            out.push(family, &["all"], values.sum::<u64>() as f64);
        } else {
            for (line, (numbers, value)) in (0..).zip(cpus.iter().zip(values)) {
                let cpu = numbers.get(CPU).copied().unwrap_or(line);
                out.push(family, &[&cpu.to_string()], *value as f64);
            }
        }
    }
    Ok(())
}

fn parse(text: &str) -> Option<Vec<Vec<u64>>> {
    let number = |number: &str| u64::from_str_radix(number, 16).ok();
    text.lines().map(|line| line.split_ascii_whitespace().map(number).collect()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("net")).unwrap();
        fs::write(folder.path().join("net/softnet_stat"), text).unwrap();
        let mut out = Builder::new();
        collect(&Roots { proc: folder.path().into(), ..Roots::default() }, &mut out).unwrap();
        let snapshot = out.build();
        snapshot
            .samples()
            .map(|sample| format!("{} {} {}", &sample.family.name[13..], sample.labels, sample.value))
            .collect()
    }

    #[test]
    fn cpus_that_are_off_leave_gaps_and_columns_that_the_kernel_lacks_are_absent() {
        let text = "0000000a 00000001 00000000\n00000014 00000000 00000002\n";
        assert_eq!(
            lines(text),
            [
                r#"dropped_total cpu="0" 1"#,
                r#"dropped_total cpu="1" 0"#,
                r#"processed_total cpu="0" 10"#,
                r#"processed_total cpu="1" 20"#,
                r#"times_squeezed_total cpu="0" 0"#,
                r#"times_squeezed_total cpu="1" 2"#,
            ]
        );
        let line = |cpu| format!("00000001 0 0 0 0 0 0 0 0 0 0 0 {cpu:08x} 0 0\n");
        let processed: Vec<_> =
            lines(&(line(0) + &line(3))).into_iter().filter(|l| l.starts_with("proc")).collect();
        assert_eq!(processed, [r#"processed_total cpu="0" 1"#, r#"processed_total cpu="3" 1"#]);
    }

    #[test]
    fn many_cpus_share_a_series() {
        let text = "00000002 00000001\n".repeat(65);
        assert_eq!(lines(&text), [r#"dropped_total cpu="all" 65"#, r#"processed_total cpu="all" 130"#]);
    }
}

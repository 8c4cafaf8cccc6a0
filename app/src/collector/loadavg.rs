//! Load averages, from `/proc/loadavg`.
//!
//! One line: three averages, running/total threads, last pid (`proc_loadavg(5)`).

use super::{Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::loadavg::{LOAD1, LOAD5, LOAD15};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "loadavg";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let path = roots.proc.join(NAME);
    let loads = parse(&read(&path)?).ok_or_else(|| unexpected(&path, "three averages are missing"))?;
    for (family, load) in [&LOAD1, &LOAD5, &LOAD15].into_iter().zip(loads) {
        out.push(family, &[], load);
    }
    Ok(())
}

fn parse(text: &str) -> Option<[f64; 3]> {
    let mut loads = text.split_ascii_whitespace().map(|load| load.parse().ok());
    Some([loads.next()??, loads.next()??, loads.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_averages_are_read_and_less_is_none() {
        assert_eq!(parse("0.21 0.37 0.39 1/719 19737\n"), Some([0.21, 0.37, 0.39]));
        assert_eq!(parse("0.21 0.37"), None);
        assert_eq!(parse("a b c"), None);
    }
}

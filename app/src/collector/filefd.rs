//! Open files of the host, from `/proc/sys/fs/file-nr`: allocated, free, maximum (`proc_sys_fs(5)`).

use super::{Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::filefd::{ALLOCATED, MAXIMUM};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "filefd";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let path = roots.proc.join("sys/fs/file-nr");
    let (allocated, maximum) =
        parse(&read(&path)?).ok_or_else(|| unexpected(&path, "three numbers are missing"))?;
    out.push(&ALLOCATED, &[], allocated as f64);
    out.push(&MAXIMUM, &[], maximum as f64);
    Ok(())
}

fn parse(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_ascii_whitespace().map(|number| number.parse().ok());
    let (allocated, _free) = (numbers.next()??, numbers.next()??);
    Some((allocated, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_of_three_numbers_count() {
        assert_eq!(parse("1024\t0\t9223372036854775807\n"), Some((1024, 9_223_372_036_854_775_807)));
        assert_eq!(parse("1024\t0\n"), None);
    }
}

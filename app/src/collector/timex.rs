//! How well the clock is kept, from `adjtimex(2)`, which changes nothing when it is asked to change nothing.
//!
//! A service that systemd keeps from the clock may not ask either; then there is nothing to tell.

use std::io;
use std::mem::MaybeUninit;

use rustix::io::Errno;

use super::Error;
use crate::config::Roots;
use crate::metrics::families::timex::{MAXERROR_SECONDS, OFFSET_SECONDS, SYNC_STATUS};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "timex";

pub fn collect(_: &Roots, out: &mut Builder) -> Result<(), Error> {
    let path = || NAME.into();
    let (state, clock) = ask().map_err(|source| match Errno::from_io_error(&source) {
        Some(Errno::PERM | Errno::NOSYS) => Error::Absent { path: path() },
        _ => Error::Read { path: path(), source },
    })?;
    let units_per_second = if clock.status & libc::STA_NANO == 0 { 1e6 } else { 1e9 };
    out.push(&OFFSET_SECONDS, &[], clock.offset as f64 / units_per_second);
    out.push(&MAXERROR_SECONDS, &[], clock.maxerror as f64 / 1e6);
    out.push(&SYNC_STATUS, &[], f64::from(u8::from(state != libc::TIME_ERROR)));
    Ok(())
}

#[allow(unsafe_code)]
fn ask() -> io::Result<(i32, libc::timex)> {
    // SAFETY: the structure is numbers alone, for which zeros are values; without modes the call only writes to it.
    let (state, clock) = unsafe {
        let mut clock = MaybeUninit::<libc::timex>::zeroed();
        (libc::adjtimex(clock.as_mut_ptr()), clock.assume_init())
    };
    if state < 0 { Err(io::Error::last_os_error()) } else { Ok((state, clock)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_a_state_and_an_error() {
        let mut out = Builder::new();
        let collected = collect(&Roots::default(), &mut out);
        if matches!(collected, Err(Error::Absent { .. })) {
            return;
        }
        collected.unwrap();
        let snapshot = out.build();
        let values: Vec<_> = snapshot.samples().map(|sample| (sample.family.name, sample.value)).collect();
        assert_eq!(
            values.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["node_timex_maxerror_seconds", "node_timex_offset_seconds", "node_timex_sync_status",]
        );
        assert!(
            values[0].1 >= 0.0 && values[1].1.abs() < 1.0 && [0.0, 1.0].contains(&values[2].1),
            "{values:?}"
        );
    }
}

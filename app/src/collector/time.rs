//! The clock of the host, in seconds since the epoch. It is itself what is measured here, so this is the one place
//! below `agent` that reads it.

use rustix::time::{ClockId, clock_gettime};

use super::Error;
use crate::config::Roots;
use crate::metrics::families::time::TIME_SECONDS;
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "time";

#[allow(clippy::unnecessary_wraps)] // Others fail.
pub fn collect(_: &Roots, out: &mut Builder) -> Result<(), Error> {
    let now = clock_gettime(ClockId::Realtime);
    out.push(&TIME_SECONDS, &[], now.tv_sec as f64 + now.tv_nsec as f64 / 1e9);
    Ok(())
}

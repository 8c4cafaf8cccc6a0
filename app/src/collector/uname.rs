//! What the kernel calls itself and the host, from `uname(2)`.

use super::Error;
use crate::config::Roots;
use crate::metrics::families::uname::UNAME_INFO;
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "uname";

#[allow(clippy::unnecessary_wraps)] // Others fail.
pub fn collect(_: &Roots, out: &mut Builder) -> Result<(), Error> {
    let names = rustix::system::uname();
    let labels = [
        names.sysname(),
        names.release(),
        names.version(),
        names.machine(),
        names.nodename(),
        names.domainname(),
    ]
    .map(|name| name.to_string_lossy().into_owned());
    out.push(&UNAME_INFO, &labels.each_ref().map(String::as_str), 1.0);
    Ok(())
}

//! Tells systemd how the service fares (`sd_notify(3)`): a datagram to the socket that it names. Elsewhere, nothing.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Where systemd listens.
#[derive(Debug)]
pub struct Notify(Option<SocketAddr>);

impl Notify {
    pub fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET");
        let address = socket.and_then(|socket| match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
            _ => SocketAddr::from_pathname(&socket).ok(),
        });
        Self(address)
    }

    /// As in `READY=1`.
    pub fn tell(&self, state: &str) -> io::Result<()> {
        let Some(address) = &self.0 else { return Ok(()) };
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), address).map(|_| ())
    }
}

/// How often systemd wants to hear of a service that is alive: twice as often as it would end it.
pub fn watchdog() -> Option<Duration> {
    let microseconds: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    let is_ours = std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
    (is_ours && microseconds > 0).then(|| Duration::from_micros(microseconds / 2))
}

//! Whether a request was meant for this server, by its `Host` header.
//!
//! A web page can have its own name resolved to 127.0.0.1 and then read, as being of its own origin, whatever answers
//! there (DNS rebinding). Its name stays in the `Host` header, so a server on loopback answers to none but its own.

use std::net::{IpAddr, SocketAddr};

/// Names that a server answers to.
#[derive(Debug)]
pub(super) struct Names {
    bound: SocketAddr,
    further: Vec<String>,
}

impl Names {
    pub(super) fn new(bound: SocketAddr, further: Vec<String>) -> Self {
        Self { bound, further }
    }

    /// A server that other machines reach has names that only they know, and auth.
    pub(super) fn has(&self, host: &str) -> bool {
        if !self.bound.ip().to_canonical().is_loopback() {
            return true;
        }
        let name = without_port(host);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let name = name.strip_suffix('.').unwrap_or(name);
        address.is_ok_and(|ip| ip.to_canonical().is_loopback())
            || name.eq_ignore_ascii_case("localhost")
            || self.further.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // A colon within brackets belongs to the address.
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_loopback_only_own_names_are_answered_to() {
        let names =
            Names::new("127.0.0.1:9477".parse().unwrap(), vec!["odin.test".into(), "10.0.0.9".into()]);
        for own in [
            "localhost",
            "LocalHost:9477",
            "localhost.:9477",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.4.5.6:9477",
            "[::1]",
            "[::1]:9477",
            "odin.test:9477",
            "ODIN.test",
            "10.0.0.9:9477",
        ] {
            assert!(names.has(own), "{own}");
        }
        for other in [
            "",
            ":",
            "evil.example",
            "evil.example:9477",
            "localhost.evil.example",
            "127.0.0.1.evil.example:9477",
            "evil-localhost",
            "192.168.1.4:9477",
            "[2001:db8::1]:9477",
            "0.0.0.0:9477",
        ] {
            assert!(!names.has(other), "{other}");
        }
    }

    #[test]
    fn elsewhere_every_name_is_fine() {
        assert!(Names::new("0.0.0.0:9477".parse().unwrap(), vec![]).has("monitor.lan:9477"));
    }
}

//! The DNS servers of the host, from `/etc/resolv.conf` (`resolv.conf(5)`); and where that names systemd's own one,
//! those behind it, too, from `/run/systemd/resolve/resolv.conf` (`systemd-resolved.service(8)`).

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};

use crate::collector::{Error, read as read_file};
use crate::config::Roots;

const MOST_SERVERS: usize = 4;
const PORT: u16 = 53;

/// Where systemd listens, with its search list and without.
const STUBS: [[u8; 4]; 2] = [[127, 0, 0, 53], [127, 0, 0, 54]];

/// Fails where none is named.
pub fn read(roots: &Roots) -> Result<Vec<SocketAddr>, Error> {
    let path = below(&roots.root, "etc/resolv.conf");
    let mut servers = parse(roots, &read_file(&path)?);
    let is_stub = |server: &SocketAddr| STUBS.iter().any(|stub| server.ip() == IpAddr::from(*stub));
    if servers.iter().any(is_stub) {
        let behind = read_file(&roots.root.join("run/systemd/resolve/resolv.conf"));
        servers.extend(behind.map(|text| parse(roots, &text)).unwrap_or_default());
    }
    let mut kept: Vec<SocketAddr> = vec![];
    for server in servers {
        if !kept.contains(&server) && kept.len() < MOST_SERVERS {
            kept.push(server);
        }
    }
    if kept.is_empty() { Err(Error::Absent { path }) } else { Ok(kept) }
}

/// A link to a path from the root means that root, which need not be this one.
fn below(root: &Path, name: &str) -> PathBuf {
    let path = root.join(name);
    match fs::read_link(&path) {
        Ok(target) if target.is_absolute() => root.join(target.strip_prefix("/").unwrap_or(&target)),
        _ => path,
    }
}

fn parse(roots: &Roots, text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        if words.next() != Some("nameserver") {
            return None;
        }
        let word = words.next()?;
        if let Ok(address) = word.parse::<IpAddr>() {
            return Some(SocketAddr::new(address, PORT));
        }
        // An address of a link, which only means something with its interface.
        let (address, interface) = word.split_once('%')?;
        let index = roots.sys.join("class/net").join(interface).join("ifindex");
        let scope = interface.parse().ok().or_else(|| read_file(&index).ok()?.trim().parse().ok())?;
        Some(SocketAddrV6::new(address.parse::<Ipv6Addr>().ok()?, PORT, 0, scope).into())
    };
    text.lines().filter_map(server).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn host() -> (tempfile::TempDir, Roots) {
        let host = tempfile::tempdir().unwrap();
        for folder in ["etc", "run/systemd/resolve", "class/net/wlan7"] {
            fs::create_dir_all(host.path().join(folder)).unwrap();
        }
        fs::write(host.path().join("class/net/wlan7/ifindex"), "12\n").unwrap();
        let roots = Roots { root: host.path().into(), sys: host.path().into(), ..Roots::default() };
        (host, roots)
    }

    fn servers(roots: &Roots) -> Vec<String> {
        read(roots).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn servers_are_those_that_the_resolver_asks_each_once() {
        let (host, roots) = host();
        let text = "# nameserver 9.9.9.9\nsearch a.test\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 # two\n\
                    nameserver fe80::1%wlan7\nnameserver fe80::2%none\nnameserver 192.0.2.1\nnameserver 192.0.2.3\n\
                    nameserver 192.0.2.4\noptions edns0\n";
        fs::write(host.path().join("etc/resolv.conf"), text).unwrap();
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%12]:53", "192.0.2.3:53"];
        assert_eq!(servers(&roots), expected);
    }

    #[test]
    fn behind_systemds_own_server_are_those_it_asks() {
        let (host, roots) = host();
        let resolve = host.path().join("run/systemd/resolve");
        fs::write(resolve.join("stub-resolv.conf"), "nameserver 127.0.0.53\n").unwrap();
        // As it is on the host; from outside this path leads elsewhere.
        symlink("/run/systemd/resolve/stub-resolv.conf", host.path().join("etc/resolv.conf")).unwrap();
        assert_eq!(servers(&roots), ["127.0.0.53:53"]);
        fs::write(resolve.join("resolv.conf"), "nameserver 192.0.2.1\n").unwrap();
        assert_eq!(servers(&roots), ["127.0.0.53:53", "192.0.2.1:53"]);
    }

    #[test]
    fn without_servers_there_is_nothing_to_ask() {
        let (host, roots) = host();
        assert!(matches!(read(&roots), Err(Error::Absent { .. })));
        fs::write(host.path().join("etc/resolv.conf"), "search a.test\n").unwrap();
        assert!(matches!(read(&roots), Err(Error::Absent { .. })));
    }
}

//! Routes, from `route` and `ipv6_route` of the host's network (`proc_pid_net(5)`), in hexadecimal.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::{Error, net};
use crate::config::Roots;
use crate::config::network::Prefix;

/// A router of the internet's own has millions; what is behind these is not looked at.
const MOST_BYTES: u64 = 64 << 10;

/// What a route's flags say.
const IS_UP: u32 = 0x1;
const IS_REJECTING: u32 = 0x200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub to: Prefix,
    /// None: what is there is reached at once.
    pub gateway: Option<IpAddr>,
    pub device: String,
    /// The lowest is taken.
    pub metric: u32,
}

impl Route {
    pub fn is_default(&self) -> bool {
        self.to.length == 0
    }
}

/// Those of both versions.
pub fn read(roots: &Roots) -> Result<Vec<Route>, Error> {
    let net = net(roots);
    let mut routes: Vec<Route> = read_file(&net.join("route"))?.lines().filter_map(version_4).collect();
    match read_file(&net.join("ipv6_route")) {
        Ok(text) => routes.extend(text.lines().filter_map(version_6)),
        // The kernel may do without it.
        Err(Error::Absent { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(routes)
}

fn read_file(path: &Path) -> Result<String, Error> {
    let at = |source| Error::at(path, source);
    let mut text = String::new();
    File::open(path).map_err(at)?.take(MOST_BYTES).read_to_string(&mut text).map_err(at)?;
    Ok(text)
}

fn version_4(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [device, to, gateway, flags, _, _, metric, mask, ..] = words[..] else { return None };
    // As the bytes lie in memory.
    let address = |word| Some(Ipv4Addr::from(hexadecimal(word)?.to_ne_bytes()));
    let flags = hexadecimal(flags)?;
    let route = Route {
        to: Prefix {
            address: address(to)?.into(),
            length: u8::try_from(hexadecimal(mask)?.count_ones()).ok()?,
        },
        gateway: Some(address(gateway)?).filter(|gateway| !gateway.is_unspecified()).map(IpAddr::V4),
        device: device.into(),
        metric: metric.parse().ok()?,
    };
    (flags & (IS_UP | IS_REJECTING) == IS_UP).then_some(route)
}

fn version_6(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [to, length, _, _, gateway, metric, _, _, flags, device] = words[..] else { return None };
    let address = |word| Some(Ipv6Addr::from_bits(u128::from_str_radix(word, 16).ok()?));
    let flags = hexadecimal(flags)?;
    let route = Route {
        to: Prefix { address: address(to)?.into(), length: u8::from_str_radix(length, 16).ok()? },
        gateway: Some(address(gateway)?).filter(|gateway| !gateway.is_unspecified()).map(IpAddr::V6),
        device: device.into(),
        metric: hexadecimal(metric)?,
    };
    (flags & (IS_UP | IS_REJECTING) == IS_UP).then_some(route)
}

fn hexadecimal(word: &str) -> Option<u32> {
    u32::from_str_radix(word, 16).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn routes_of_both_versions_are_read_and_those_that_reject_are_none() {
        let proc = tempfile::tempdir().unwrap();
        fs::create_dir_all(proc.path().join("1/net")).unwrap();
        let words = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let [default, gateway, local, mask] =
            [[0; 4], [192, 168, 1, 1], [10, 42, 0, 0], [255, 255, 0, 0]].map(words);
        let text = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
             eth0\t{default}\t{gateway}\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
             cni0\t{local}\t{default}\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n\
             lo\t{local}\t{default}\t0201\t0\t0\t0\t{mask}\t0\t0\t0\n"
        );
        fs::write(proc.path().join("1/net/route"), text).unwrap();
        let roots = Roots { proc: proc.path().into(), ..Roots::default() };
        let route = |to: &str, gateway: Option<&str>, device: &str, metric| Route {
            to: to.parse().unwrap(),
            gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            device: device.into(),
            metric,
        };
        let mut expected = vec![
            route("0.0.0.0/0", Some("192.168.1.1"), "eth0", 100),
            route("10.42.0.0/16", None, "cni0", 0),
        ];
        assert_eq!(read(&roots).unwrap(), expected);

        let (zero, link) = ("0".repeat(32), "fe800000000000000000000000000001");
        let text = format!(
            "{zero} 00 {zero} 00 {link} 00000400 00000001 00000000 00000003     eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
        );
        fs::write(proc.path().join("1/net/ipv6_route"), text).unwrap();
        expected.push(route("::/0", Some("fe80::1"), "eth0", 1024));
        let routes = read(&roots).unwrap();
        assert_eq!(routes, expected);
        assert!(routes[0].is_default() && routes[2].is_default() && !routes[1].is_default());
    }
}

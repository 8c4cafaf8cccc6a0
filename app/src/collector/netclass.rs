//! Network interfaces: what they are, from `/sys/class/net` (kernel documentation, `ABI/testing/sysfs-class-net`).
//!
//! An interface has series of its own if it is a link of the host: physical, wireless, a bond of such, loopback, or
//! whatever the default route goes over, such as a bridge, or the end of a container that odin itself is in. Of the others
//! there may be one a container; `netdev` tells of them in sums of their kind. The kernel refuses to read
//! some files of an interface that is down; what cannot be read is absent, and so is a speed of -1. A driver may ask its
//! hardware for the speed, so this has a thread of its own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::{Collector, Error, attribute, list, net, read};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::netclass::{
    ADDRESS_ASSIGN_TYPE, CARRIER, CARRIER_CHANGES, CARRIER_DOWN_CHANGES, CARRIER_UP_CHANGES, DEVICE_ID,
    DORMANT, FLAGS, IFACE_ID, IFACE_LINK, IFACE_LINK_MODE, INFO, MTU_BYTES, NAME_ASSIGN_TYPE, NET_DEV_GROUP,
    NETWORK_CARRIER_DOWN, NETWORK_INTERFACE_INFO, NETWORK_SPEED_BITS_PER_SECOND, PROTOCOL_TYPE, SPEED_BYTES,
    TRANSMIT_QUEUE_LENGTH, UP,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "netclass";

/// Files with a number.
const NUMBERS: [(&str, &Family); 17] = [
    ("addr_assign_type", &ADDRESS_ASSIGN_TYPE),
    ("carrier", &CARRIER),
    ("carrier_changes", &CARRIER_CHANGES),
    ("carrier_down_count", &CARRIER_DOWN_CHANGES),
    ("carrier_down_count", &NETWORK_CARRIER_DOWN),
    ("carrier_up_count", &CARRIER_UP_CHANGES),
    ("dev_id", &DEVICE_ID),
    ("dormant", &DORMANT),
    ("flags", &FLAGS),
    ("ifindex", &IFACE_ID),
    ("iflink", &IFACE_LINK),
    ("link_mode", &IFACE_LINK_MODE),
    ("mtu", &MTU_BYTES),
    ("name_assign_type", &NAME_ASSIGN_TYPE),
    ("netdev_group", &NET_DEV_GROUP),
    ("tx_queue_len", &TRANSMIT_QUEUE_LENGTH),
    ("type", &PROTOCOL_TYPE),
];

/// `IFF_UP`.
const IS_UP: i64 = 1;
/// `ARPHRD_LOOPBACK`.
const LOOPBACK: &str = "772";
/// What network plugins of containers call interfaces that are no container's.
const CNI: [&str; 7] = ["cali", "cbr", "cilium", "cni", "flannel", "lxc", "weave"];

pub struct Netclass {
    roots: Roots,
    interfaces: Interfaces,
}

impl Netclass {
    pub fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), interfaces: Interfaces::default() }
    }
}

impl Collector for Netclass {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        self.interfaces.look(&self.roots)?;
        for (device, interface) in &self.interfaces.0 {
            if interface.is_link {
                tell(&self.roots.sys.join("class/net").join(device), device, interface.kind, out);
            }
        }
        Ok(())
    }
}

fn tell(folder: &Path, device: &str, kind: &str, out: &mut Builder) {
    let text = |file: &str| attribute(&folder.join(file));
    let number = |file: &str| text(file).and_then(|text| number(&text));
    for (file, family) in NUMBERS {
        if let Some(value) = number(file) {
            out.push(family, &[device], value as f64);
        }
    }
    let operstate = text("operstate").unwrap_or_default();
    out.push(&UP, &[device], f64::from(u8::from(operstate == "up")));
    let adminstate = match number("flags") {
        None => "unknown",
        Some(flags) if flags & IS_UP != 0 => "up",
        Some(_) => "down",
    };
    let [address, broadcast, duplex, ifalias] =
        ["address", "broadcast", "duplex", "ifalias"].map(|file| text(file).unwrap_or_default());
    out.push(&INFO, &[&address, adminstate, &broadcast, device, &duplex, &ifalias, &operstate], 1.0);
    if let Some(megabits) = number("speed").filter(|megabits| *megabits > 0) {
        let bits = megabits as f64 * 1e6;
        out.push(&SPEED_BYTES, &[device], bits / 8.0);
        out.push(&NETWORK_SPEED_BITS_PER_SECOND, &[device], bits);
    }
    let driver = fs::read_link(folder.join("device/driver")).unwrap_or_default();
    let driver = driver.file_name().unwrap_or_default().to_string_lossy();
    out.push(&NETWORK_INTERFACE_INFO, &[device, kind, &driver, &duplex, &operstate], 1.0);
}

/// The interfaces there are, by name.
#[derive(Default)]
pub(super) struct Interfaces(pub(super) HashMap<String, Interface>);

pub(super) struct Interface {
    /// No other one ever has it.
    pub(super) index: String,
    pub(super) kind: &'static str,
    /// Has series of its own.
    pub(super) is_link: bool,
}

impl Interfaces {
    /// Finds out what those are that are new: there may be hundreds, and each takes a dozen files.
    pub(super) fn look(&mut self, roots: &Roots) -> Result<(), Error> {
        let folder = roots.sys.join("class/net");
        // A host without routes has none that matter here.
        let routes = read(&net(roots).join("route")).unwrap_or_default();
        let mut now = HashMap::new();
        for name in list(&folder)? {
            let folder = folder.join(&name);
            let Some(index) = attribute(&folder.join("ifindex")) else { continue };
            let known = self.0.get(&name).filter(|known| known.index == index);
            let kind = known.map_or_else(|| kind(&folder, &name), |known| known.kind);
            let is_link = matches!(kind, "physical" | "wireless" | "bond" | "loopback")
                || defaults(&routes).any(|device| device == name);
            now.insert(name, Interface { index, kind, is_link });
        }
        self.0 = now;
        Ok(())
    }
}

/// The interfaces of default routes, from `route`: the second and the eighth field are net and mask, in hex.
fn defaults(routes: &str) -> impl Iterator<Item = &str> {
    routes.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let is_default = fields.get(1) == Some(&"00000000") && fields.get(7) == Some(&"00000000");
        fields.first().copied().filter(|_| is_default)
    })
}

fn kind(folder: &Path, name: &str) -> &'static str {
    let loopback = attribute(&folder.join("type")).is_some_and(|number| number == LOOPBACK);
    let uevent = attribute(&folder.join("uevent")).unwrap_or_default();
    let devtype = uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE=")).unwrap_or_default();
    let has = |file| folder.join(file).exists();
    // The folder is a link to that of the device, which lies among virtual ones unless there is hardware.
    let is_virtual =
        fs::read_link(folder).map_or(true, |link| link.components().any(|c| c.as_os_str() == "virtual"));
    if loopback {
        "loopback"
    } else if devtype == "wlan" || has("phy80211") {
        "wireless"
    } else if !is_virtual || has("device") {
        "physical"
    } else if CNI.iter().any(|prefix| name.starts_with(prefix)) {
        "cni"
    } else if devtype == "bond" || has("bonding") {
        "bond"
    } else if devtype == "bridge" || has("bridge") {
        "bridge"
    } else if devtype == "vlan" {
        "vlan"
    } else if has("tun_flags") {
        "tun"
    } else if devtype.is_empty() && attribute(&folder.join("iflink")) != attribute(&folder.join("ifindex")) {
        // The other end is another interface, and nothing else that has one is without a type.
        "veth"
    } else {
        "other"
    }
}

/// Decimal, or hexadecimal where the kernel says so.
fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::os::unix::fs::symlink;

    use super::*;

    /// An interface: whether there is hardware, its files, its folders.
    fn interface(net: &Path, name: &str, is_virtual: bool, files: &[(&str, &str)], folders: &[&str]) {
        let place = if is_virtual { "devices/virtual/net" } else { "devices/pci0000:00/0000:00:03.0/net" };
        let folder = net.join("../..").join(place).join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(net).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        for name in folders {
            fs::create_dir(folder.join(name)).unwrap();
        }
        symlink(Path::new("../..").join(place).join(name), net.join(name)).unwrap();
    }

    #[test]
    fn an_interface_is_what_the_kernel_knows_and_not_what_it_is_called() {
        let sys = tempfile::tempdir().unwrap();
        let net = sys.path().join("class/net");
        let ether = ("type", "1\n");
        let ends = |own, other| [ether, ("ifindex", own), ("iflink", other), ("uevent", "INTERFACE=x\n")];
        let alone = [ether, ("ifindex", "7"), ("iflink", "7")];
        let typed = |uevent| [ether, ("ifindex", "7"), ("iflink", "7"), ("uevent", uevent)];
        interface(&net, "lo", true, &[("type", "772\n"), ("ifindex", "1")], &[]);
        interface(&net, "veth0", false, &alone, &[]);
        interface(&net, "wlp3s0", false, &alone, &["phy80211"]);
        interface(&net, "eth1", true, &ends("7", "8"), &[]);
        interface(&net, "dummy0", true, &ends("7", "7"), &[]);
        interface(&net, "br0", true, &typed("DEVTYPE=bridge\n"), &["bridge"]);
        interface(&net, "cni0", true, &typed("DEVTYPE=bridge\n"), &["bridge"]);
        interface(&net, "eth0.5", true, &typed("DEVTYPE=vlan\n"), &[]);
        interface(&net, "uplink", true, &typed("DEVTYPE=bond\n"), &["bonding"]);
        interface(&net, "tun0", true, &[ether, ("ifindex", "7"), ("tun_flags", "0x1001\n")], &[]);
        interface(
            &net,
            "vx0",
            true,
            &[ether, ("ifindex", "7"), ("iflink", "3"), ("uevent", "DEVTYPE=vxlan\n")],
            &[],
        );
        fs::write(net.join("bonding_masters"), "uplink\n").unwrap();
        let roots = Roots { sys: sys.path().into(), proc: sys.path().into(), ..Roots::default() };
        let mut interfaces = Interfaces::default();
        interfaces.look(&roots).unwrap();
        let kinds = interfaces.0.iter().map(|(name, interface)| (&**name, interface.kind));
        let found: BTreeMap<&str, &str> = kinds.collect();
        let expected = [
            ("lo", "loopback"),
            ("veth0", "physical"),
            ("wlp3s0", "wireless"),
            ("eth1", "veth"),
            ("dummy0", "other"),
            ("br0", "bridge"),
            ("cni0", "cni"),
            ("eth0.5", "vlan"),
            ("uplink", "bond"),
            ("tun0", "tun"),
            ("vx0", "other"),
        ];
        assert_eq!(found, BTreeMap::from(expected));
        let links = |interfaces: &Interfaces| {
            let links = interfaces.0.iter().filter(|(_, interface)| interface.is_link);
            links.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
        };
        assert_eq!(links(&interfaces), ["lo", "uplink", "veth0", "wlp3s0"].map(Into::into).into());

        let route = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                     tun0 0000000A 00000000 0001 0 0 0 000000FF 0 0 0\n\
                     br0 00000000 0100000A 0003 0 0 0 00000000 0 0 0\n";
        fs::create_dir(sys.path().join("net")).unwrap();
        fs::write(sys.path().join("net/route"), route).unwrap();
        interfaces.look(&roots).unwrap();
        assert_eq!(links(&interfaces), ["br0", "lo", "uplink", "veth0", "wlp3s0"].map(Into::into).into());
    }

    #[test]
    fn a_speed_that_is_not_known_is_absent() {
        let sys = tempfile::tempdir().unwrap();
        let net = sys.path().join("class/net");
        interface(&net, "eth0", false, &[("type", "1"), ("ifindex", "2"), ("speed", "-1\n")], &[]);
        interface(&net, "eth1", false, &[("type", "1"), ("ifindex", "3"), ("speed", "2500\n")], &[]);
        let roots = Roots { sys: sys.path().into(), proc: sys.path().into(), ..Roots::default() };
        let mut out = Builder::new();
        Netclass::new(&roots).collect(&mut out).unwrap();
        let snapshot = out.build();
        let speeds = snapshot.samples().filter(|sample| sample.family.name.contains("speed"));
        let speeds: Vec<_> =
            speeds.map(|sample| (sample.family.name, sample.labels, sample.value.to_string())).collect();
        assert_eq!(
            speeds,
            [
                ("node_network_speed_bytes", r#"device="eth1""#, "312500000".into()),
                ("odin_network_speed_bits_per_second", r#"device="eth1""#, "2500000000".into()),
            ]
        );
    }

    #[test]
    fn numbers_are_in_the_base_they_say() {
        assert_eq!(["0x1003", "12", "-1", "x"].map(number), [Some(0x1003), Some(12), Some(-1), None]);
    }
}

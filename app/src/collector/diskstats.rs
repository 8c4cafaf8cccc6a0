//! Disks: what they did, from `/proc/diskstats` (kernel documentation, `admin-guide/iostats`), and what they are, as udev
//! noted it in `/run/udev/data`.
//!
//! A line a device, with more numbers in each newer kernel: those that a kernel lacks are absent. Memory that calls itself
//! a disk, and partitions of disks that have the numbers of all their partitions, are left out, as `node_exporter` does.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Error, read, unexpected};
use crate::config::Roots;
use crate::metrics::Family;
use crate::metrics::families::diskstats::{
    ATA_ROTATION_RATE_RPM, ATA_WRITE_CACHE, ATA_WRITE_CACHE_ENABLED, DEVICE_MAPPER_INFO,
    DISCARD_TIME_SECONDS, DISCARDED_SECTORS, DISCARDS_COMPLETED, DISCARDS_MERGED, FILESYSTEM_INFO,
    FLUSH_REQUESTS, FLUSH_REQUESTS_TIME_SECONDS, INFO, IO_NOW, IO_TIME_SECONDS, IO_TIME_WEIGHTED_SECONDS,
    READ_BYTES, READ_TIME_SECONDS, READS_COMPLETED, READS_MERGED, WRITE_TIME_SECONDS, WRITES_COMPLETED,
    WRITES_MERGED, WRITTEN_BYTES,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "diskstats";

const SECTOR_BYTES: f64 = 512.0;
const MS: f64 = 1.0 / 1000.0;

/// The numbers of a line, and what one of each is.
const NUMBERS: [(&Family, f64); 17] = [
    (&READS_COMPLETED, 1.0),
    (&READS_MERGED, 1.0),
    (&READ_BYTES, SECTOR_BYTES),
    (&READ_TIME_SECONDS, MS),
    (&WRITES_COMPLETED, 1.0),
    (&WRITES_MERGED, 1.0),
    (&WRITTEN_BYTES, SECTOR_BYTES),
    (&WRITE_TIME_SECONDS, MS),
    (&IO_NOW, 1.0),
    (&IO_TIME_SECONDS, MS),
    (&IO_TIME_WEIGHTED_SECONDS, MS),
    (&DISCARDS_COMPLETED, 1.0),
    (&DISCARDS_MERGED, 1.0),
    (&DISCARDED_SECTORS, 1.0),
    (&DISCARD_TIME_SECONDS, MS),
    (&FLUSH_REQUESTS, 1.0),
    (&FLUSH_REQUESTS_TIME_SECONDS, MS),
];

const ATA: [(&str, &Family); 3] = [
    ("ID_ATA_ROTATION_RATE_RPM", &ATA_ROTATION_RATE_RPM),
    ("ID_ATA_WRITE_CACHE", &ATA_WRITE_CACHE),
    ("ID_ATA_WRITE_CACHE_ENABLED", &ATA_WRITE_CACHE_ENABLED),
];

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let path = roots.proc.join(NAME);
    let text = read(&path)?;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(major), Some(minor), Some(device)) = (words.next(), words.next(), words.next()) else {
            return Err(unexpected(&path, line));
        };
        if is_left_out(device) {
            continue;
        }
        for ((family, scale), number) in NUMBERS.into_iter().zip(words) {
            let number: u64 = number.parse().map_err(|_| unexpected(&path, line))?;
            out.push(family, &[device], number as f64 * scale);
        }
        tell(roots, [device, major, minor], out);
    }
    Ok(())
}

/// What udev knows of a device.
fn tell(roots: &Roots, [device, major, minor]: [&str; 3], out: &mut Builder) {
    // Without udev, and in a container without its folder, there is nothing to know.
    let noted = read(&roots.root.join(format!("run/udev/data/b{major}:{minor}"))).unwrap_or_default();
    let properties = properties(&noted);
    let get = |name| properties.get(name).copied().unwrap_or_default();
    let first = |names: &[&'static str]| {
        names.iter().map(|name| get(*name)).find(|value| !value.is_empty()).unwrap_or_default()
    };
    // Behind that what is on the label of the disk; that of virtual disks comes last.
    let serial = first(&["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"]);
    let rotational = is_rotational(&roots.sys.join("block").join(device));
    out.push(
        &INFO,
        &[
            device,
            major,
            minor,
            get("ID_MODEL"),
            get("ID_PATH"),
            get("ID_REVISION"),
            if rotational { "1" } else { "0" },
            serial,
            get("ID_WWN"),
        ],
        1.0,
    );
    if !get("ID_FS_TYPE").is_empty() {
        let values = ["ID_FS_TYPE", "ID_FS_USAGE", "ID_FS_UUID", "ID_FS_VERSION"].map(get);
        out.push(&FILESYSTEM_INFO, &[device, values[0], values[1], values[2], values[3]], 1.0);
    }
    if !get("DM_NAME").is_empty() {
        let values = ["DM_LV_LAYER", "DM_LV_NAME", "DM_NAME", "DM_UUID", "DM_VG_NAME"].map(get);
        out.push(&DEVICE_MAPPER_INFO, &[device, values[0], values[1], values[2], values[3], values[4]], 1.0);
    }
    if !get("ID_ATA").is_empty() {
        for (name, family) in ATA {
            if let Ok(value) = get(name).parse() {
                out.push(family, &[device], value);
            }
        }
    }
}

/// Partitions have no queue of their own, and count as not.
fn is_rotational(block: &Path) -> bool {
    read(&block.join("queue/rotational")).is_ok_and(|text| text.trim() == "1")
}

/// `E:NAME=value` a line, among others.
fn properties(noted: &str) -> BTreeMap<&str, &str> {
    noted.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('=')).collect()
}

/// `^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`
fn is_left_out(device: &str) -> bool {
    let base = device.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_disk = |base: &str| {
        let letter = ["hd", "sd", "vd", "xvd"].iter().find_map(|disk| base.strip_prefix(disk));
        letter.is_some_and(|letter| letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    let is_nvme = |base: &str| {
        let numbers = base.strip_prefix("nvme").and_then(|rest| rest.strip_suffix('p')?.split_once('n'));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        numbers.is_some_and(|(controller, namespace)| is_number(controller) && is_number(namespace))
    };
    base.len() < device.len()
        && (matches!(base, "ram" | "zram" | "loop" | "fd") || is_disk(base) || is_nvme(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_memory_are_left_out() {
        for device in ["ram0", "zram1", "loop12", "fd0", "sda1", "hdb12", "vdc3", "xvda1", "nvme0n1p2"] {
            assert!(is_left_out(device), "{device}");
        }
        for device in
            ["sda", "sdaa1", "sr0", "dm-0", "md127", "mmcblk0p1", "nvme0n1", "nvmep1", "vda", "zd0", "0"]
        {
            assert!(!is_left_out(device), "{device}");
        }
    }

    #[test]
    fn of_what_udev_noted_only_properties_count() {
        let noted = "S:disk/by-id/x\nE:ID_MODEL=A=B\nE:ID_FS_TYPE=\nI:12\n";
        assert_eq!(properties(noted), BTreeMap::from([("ID_MODEL", "A=B"), ("ID_FS_TYPE", "")]));
    }
}

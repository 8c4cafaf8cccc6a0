//! The wireless link, by nl80211 (`linux/nl80211.h`), which is spoken over generic netlink: a family whose number the
//! kernel gives out, and a command and attributes in each message. Anyone may ask.
//!
//! Told is the link to an access point. One that this host is itself has many, whose numbers are not its own.

use rustix::net::netlink::GENERIC;

use super::Error;
use super::netlink::{Socket, attribute, failed, text, u16_at, u32_at};
use crate::config::Roots;
use crate::metrics::families::wifi::{
    BEACON_LOSS, BITRATE_BITS_PER_SECOND, FREQUENCY_HERTZ, INTERFACE_FREQUENCY_HERTZ, RETRIES, SIGNAL_DBM,
};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "wifi";

/// Command and version.
const HEADER_BYTES: usize = 4;

/// The family that knows of families, its command, and its attributes.
const CONTROL: u16 = 0x10;
const GET_FAMILY: u8 = 3;
const FAMILY_NUMBER: u16 = 1;
const FAMILY_NAME: u16 = 2;

const GET_INTERFACE: u8 = 5;
const GET_STATION: u8 = 17;

/// Attributes of interfaces, and the kinds that are at an access point: stations, and those of peers' groups.
const INDEX: u16 = 3;
const NAME_OF_INTERFACE: u16 = 4;
const KIND: u16 = 5;
const FREQUENCY: u16 = 38;
const STATIONS: [u32; 2] = [2, 8];

/// What is known of the other end, and of the rate of a direction.
const STATION: u16 = 21;
const SIGNAL: u16 = 7;
const TRANSMIT_RATE: u16 = 8;
const TRANSMIT_RETRIES: u16 = 11;
const RECEIVE_RATE: u16 = 14;
const LOST_BEACONS: u16 = 18;
const RATE_16: u16 = 1;
const RATE_32: u16 = 5;

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let mut socket = Socket::of_host(roots, Some(GENERIC))?;
    let mut number = None;
    let question = question(GET_FAMILY, FAMILY_NAME, b"nl80211\0");
    socket.get(CONTROL, &question, |body| number = family(body)).map_err(failed)?;
    let Some(number) = number else {
        return Err(Error::UnsupportedNew { what: "what the kernel says of nl80211".into() });
    };
    let mut interfaces = vec![];
    let all = [GET_INTERFACE, 0, 0, 0];
    socket.dump(number, &all, |body| interfaces.extend(Interface::parse(body))).map_err(failed)?;
    for interface in interfaces {
        let device = interface.name.as_str();
        if let Some(hertz) = interface.frequency_hertz {
            out.push(&FREQUENCY_HERTZ, &[device], hertz);
            out.push(&INTERFACE_FREQUENCY_HERTZ, &[device], hertz);
        }
        if interface.is_station {
            let question = self::question(GET_STATION, INDEX, &interface.index.to_ne_bytes());
            socket
                .dump(number, &question, |body| {
                    if let Some(station) = Station::parse(body) {
                        station.tell(device, out);
                    }
                })
                .map_err(failed)?;
        }
    }
    Ok(())
}

/// A command with one attribute.
fn question(command: u8, number: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![command, 1, 0, 0];
    bytes.extend(length.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn family(body: &[u8]) -> Option<u16> {
    u16_at(attribute(body.get(HEADER_BYTES..)?, FAMILY_NUMBER)?, 0)
}

#[derive(Debug, PartialEq)]
struct Interface {
    index: u32,
    name: String,
    is_station: bool,
    /// None: it is on no channel.
    frequency_hertz: Option<f64>,
}

impl Interface {
    /// None as well for a device that is no interface.
    fn parse(body: &[u8]) -> Option<Self> {
        let attributes = body.get(HEADER_BYTES..)?;
        let number = |number| u32_at(attribute(attributes, number)?, 0);
        let megahertz = number(FREQUENCY).filter(|frequency| *frequency > 0);
        Some(Self {
            index: number(INDEX)?,
            name: text(attribute(attributes, NAME_OF_INTERFACE)?)?.into(),
            is_station: STATIONS.contains(&number(KIND)?),
            frequency_hertz: megahertz.map(|megahertz| f64::from(megahertz) * 1e6),
        })
    }
}

/// What a driver does not tell is none.
#[derive(Debug, Default, PartialEq)]
struct Station {
    signal_dbm: Option<i8>,
    /// Bits per second.
    receive_rate: Option<f64>,
    transmit_rate: Option<f64>,
    retries: Option<u32>,
    lost_beacons: Option<u32>,
}

impl Station {
    fn parse(body: &[u8]) -> Option<Self> {
        let station = attribute(body.get(HEADER_BYTES..)?, STATION)?;
        let number = |number| u32_at(attribute(station, number)?, 0);
        let rate = |number| rate(attribute(station, number)?);
        Some(Self {
            signal_dbm: attribute(station, SIGNAL)
                .and_then(|value| value.first())
                .map(|dbm| dbm.cast_signed()),
            receive_rate: rate(RECEIVE_RATE),
            transmit_rate: rate(TRANSMIT_RATE),
            retries: number(TRANSMIT_RETRIES),
            lost_beacons: number(LOST_BEACONS),
        })
    }

    fn tell(&self, device: &str, out: &mut Builder) {
        if let Some(dbm) = self.signal_dbm {
            out.push(&SIGNAL_DBM, &[device], dbm.into());
        }
        for (direction, rate) in [("receive", self.receive_rate), ("transmit", self.transmit_rate)] {
            if let Some(rate) = rate {
                out.push(&BITRATE_BITS_PER_SECOND, &[device, direction], rate);
            }
        }
        for (family, count) in [(&RETRIES, self.retries), (&BEACON_LOSS, self.lost_beacons)] {
            if let Some(count) = count {
                out.push(family, &[device], count.into());
            }
        }
    }
}

/// In steps of 100 kbit/s. Faster ones than 6.5 Gbit/s only fit the wider number.
fn rate(attributes: &[u8]) -> Option<f64> {
    let wide = attribute(attributes, RATE_32).and_then(|value| u32_at(value, 0));
    let narrow = || u16_at(attribute(attributes, RATE_16)?, 0).map(u32::from);
    wide.or_else(narrow).filter(|rate| *rate > 0).map(|rate| f64::from(rate) * 1e5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::netlink::tests::attribute_bytes;

    fn message(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        [vec![0; HEADER_BYTES], nested(attributes)].concat()
    }

    fn nested(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        attributes.iter().flat_map(|(number, value)| attribute_bytes(*number, value)).collect()
    }

    fn number(number: u32) -> [u8; 4] {
        number.to_ne_bytes()
    }

    #[test]
    fn an_interface_is_read_and_one_without_a_channel_has_no_frequency() {
        let common: [(u16, &[u8]); 2] = [(INDEX, &number(3)), (NAME_OF_INTERFACE, b"wlp0s20f3\0")];
        let with = |more: &[(u16, &[u8])]| Interface::parse(&message(&[&common, more].concat()));
        let interface = |is_station, frequency_hertz| {
            Some(Interface { index: 3, name: "wlp0s20f3".into(), is_station, frequency_hertz })
        };
        let on_channel: [(u16, &[u8]); 2] = [(KIND, &number(2)), (FREQUENCY, &number(5180))];
        assert_eq!(with(&on_channel), interface(true, Some(5.18e9)));
        assert_eq!(with(&[(KIND, &number(3))]), interface(false, None));
        // A device of a peers' group has no interface.
        assert_eq!(Interface::parse(&message(&[(KIND, &number(10))])), None);
    }

    #[test]
    fn a_station_is_read_as_far_as_its_driver_tells() {
        let rates = |attributes: &[(u16, &[u8])]| nested(attributes);
        let (receive, transmit) = (
            rates(&[(RATE_16, &u16::MAX.to_ne_bytes()), (RATE_32, &number(86_470))]),
            rates(&[(RATE_16, &8667_u16.to_ne_bytes())]),
        );
        let station = nested(&[
            (SIGNAL, &[(-52_i8).cast_unsigned()]),
            (RECEIVE_RATE, &receive),
            (TRANSMIT_RATE, &transmit),
            (TRANSMIT_RETRIES, &number(17)),
            (LOST_BEACONS, &number(2)),
        ]);
        let body = message(&[(STATION, &station)]);
        let expected = Station {
            signal_dbm: Some(-52),
            receive_rate: Some(8.647e9),
            transmit_rate: Some(8.667e8),
            retries: Some(17),
            lost_beacons: Some(2),
        };
        assert_eq!(Station::parse(&body), Some(expected));
        assert_eq!(Station::parse(&message(&[(STATION, &[])])), Some(Station::default()));
        assert_eq!(Station::parse(&message(&[])), None);
        for length in 0..body.len() {
            assert_eq!(Station::parse(&body[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_question_for_a_family_is_answered_by_a_number_or_there_is_none() {
        assert_eq!(
            question(3, 2, b"nl80211\0"),
            [&[3, 1, 0, 0, 12, 0, 2, 0], b"nl80211\0".as_slice()].concat()
        );
        assert_eq!(family(&message(&[(FAMILY_NAME, b"nl80211\0"), (FAMILY_NUMBER, &[0x1c, 0])])), Some(0x1c));
        assert_eq!(family(&message(&[])), None);
    }
}

//! Bodies in protobuf: the few fields of `opentelemetry/proto/{logs,metrics,common}/v1` that are of use.

use super::attributes::{Attributes, Scalar};
use super::events::Record;
use super::sums::{DataPoint, Metric, measure};
use super::{Error, Signal, Told};

pub(super) fn read(signal: Signal, body: &[u8]) -> Result<Told, Error> {
    let mut told = Told::default();
    // Export…ServiceRequest, Resource…, Scope…: their lists have these numbers for both signals.
    each(body, 1, |resource| {
        each(resource, 2, |scope| {
            each(scope, 2, |bytes| {
                match signal {
                    Signal::Logs => {
                        told.count()?;
                        told.event(&record(bytes)?);
                    }
                    Signal::Metrics => {
                        let metric = metric(bytes, &mut told)?;
                        told.metric(&metric);
                    }
                }
                Ok(())
            })
        })
    })?;
    Ok(told)
}

/// `LogRecord`
fn record(bytes: &[u8]) -> Result<Record, Error> {
    let mut record = Record::default();
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => record.time_ns = value.fixed64()?,
            6 => attribute(value.bytes()?, &mut record.attributes)?,
            _ => {}
        }
    }
    Ok(record)
}

/// `Metric`: what is no sum has no points here.
fn metric(bytes: &[u8], told: &mut Told) -> Result<Metric, Error> {
    let mut metric = Metric::default();
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => metric.measure = measure(value.text()?),
            7 => sum(value.bytes()?, &mut metric, told)?,
            _ => {}
        }
    }
    Ok(metric)
}

/// `Sum`
fn sum(bytes: &[u8], metric: &mut Metric, told: &mut Told) -> Result<(), Error> {
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => {
                told.count()?;
                metric.points.push(point(value.bytes()?)?);
            }
            2 => metric.temporality = value.varint()?,
            3 => metric.is_monotonic = value.varint()? != 0,
            _ => {}
        }
    }
    Ok(())
}

/// `NumberDataPoint`
fn point(bytes: &[u8]) -> Result<DataPoint, Error> {
    let mut point = DataPoint::default();
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            2 => point.start_ns = value.fixed64()?,
            3 => point.time_ns = value.fixed64()?,
            4 => point.value = f64::from_bits(value.fixed64()?),
            6 => point.value = value.fixed64()?.cast_signed() as f64,
            7 => attribute(value.bytes()?, &mut point.attributes)?,
            _ => {}
        }
    }
    Ok(point)
}

/// `KeyValue`
fn attribute(bytes: &[u8], attributes: &mut Attributes) -> Result<(), Error> {
    let (mut key, mut scalar) = ("", None);
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = value.text()?,
            2 => scalar = any_value(value.bytes()?)?,
            _ => {}
        }
    }
    if let Some(scalar) = scalar {
        attributes.add(key, scalar);
    }
    Ok(())
}

/// `AnyValue`
fn any_value(bytes: &[u8]) -> Result<Option<Scalar<'_>>, Error> {
    let mut scalar = None;
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        scalar = match number {
            1 => Some(Scalar::Text(value.text()?)),
            2 => Some(Scalar::Flag(value.varint()? != 0)),
            3 => Some(Scalar::Whole(value.varint()?.cast_signed())),
            4 => Some(Scalar::Float(f64::from_bits(value.fixed64()?))),
            _ => None,
        };
    }
    Ok(scalar)
}

/// The messages of a repeated field.
fn each<'b>(
    bytes: &'b [u8],
    wanted: u64,
    mut told: impl FnMut(&'b [u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        if number == wanted {
            told(value.bytes()?)?;
        }
    }
    Ok(())
}

/// The fields of a message, in the order of the wire: <https://protobuf.dev/programming-guides/encoding>.
struct Fields<'b>(&'b [u8]);

#[derive(Debug, Clone, Copy)]
enum Value<'b> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'b [u8]),
    Fixed32,
}

impl<'b> Fields<'b> {
    fn next(&mut self) -> Result<Option<(u64, Value<'b>)>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                let (bytes, rest) = self.0.split_first_chunk().ok_or_else(|| malformed(ENDS))?;
                self.0 = rest;
                Value::Fixed64(u64::from_le_bytes(*bytes))
            }
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| malformed(ENDS))?;
                Value::Bytes(self.split(length)?)
            }
            5 => {
                self.split(4)?;
                Value::Fixed32
            }
            _ => return Err(malformed("a field of a kind that there is not")),
        };
        if tag >> 3 == 0 { Err(malformed("a field without a number")) } else { Ok(Some((tag >> 3, value))) }
    }

    fn split(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(|| malformed(ENDS))?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Seven bits a byte, the lowest first.
    fn varint(&mut self) -> Result<u64, Error> {
        let mut varint = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or_else(|| malformed(ENDS))?;
            self.0 = rest;
            varint |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(varint);
            }
        }
        Err(malformed("a number is too long"))
    }
}

impl<'b> Value<'b> {
    fn varint(self) -> Result<u64, Error> {
        if let Self::Varint(value) = self { Ok(value) } else { Err(malformed(OTHER_KIND)) }
    }

    fn fixed64(self) -> Result<u64, Error> {
        if let Self::Fixed64(value) = self { Ok(value) } else { Err(malformed(OTHER_KIND)) }
    }

    fn bytes(self) -> Result<&'b [u8], Error> {
        if let Self::Bytes(value) = self { Ok(value) } else { Err(malformed(OTHER_KIND)) }
    }

    fn text(self) -> Result<&'b str, Error> {
        std::str::from_utf8(self.bytes()?).map_err(|_| malformed("text is not UTF-8"))
    }
}

const ENDS: &str = "it ends too early";
const OTHER_KIND: &str = "a field is of another kind";

fn malformed(why: &str) -> Error {
    Error::Malformed { what: "OTLP in protobuf", why: why.into() }
}

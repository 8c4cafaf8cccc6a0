//! Bodies in JSON: names in camel case, 64-bit numbers as text or not, `null` where nothing is; what is not known is
//! stepped over.
//!
//! A type that knows the fields of an object is filled by them; by an array of such objects, by one after the other.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::attributes::{Attributes, Scalar};
use super::events::Record;
use super::sums::{DataPoint, Metric, measure};
use super::{Error, MOST_RECORDS, Signal, Told};

pub(super) fn read(signal: Signal, body: &[u8]) -> Result<Told, Error> {
    let mut told = Told::default();
    let names: &[&str] = match signal {
        Signal::Logs => &["resourceLogs", "scopeLogs", "logRecords"],
        Signal::Metrics => &["resourceMetrics", "scopeMetrics", "metrics"],
    };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let request = Object(&mut Level { names, signal, told: &mut told });
    match request.deserialize(&mut reader).and_then(|()| reader.end()) {
        Ok(()) => Ok(told),
        Err(_) if told.records > MOST_RECORDS => Err(Error::TooMany),
        Err(error) => {
            let why = format!("line {}, column {}", error.line(), error.column());
            Err(Error::Malformed { what: "OTLP in JSON", why })
        }
    }
}

/// What knows the fields of an object.
trait Fill<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error>;

    /// There are no more.
    fn end(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// Request, resource, scope: each has one list that is of use.
struct Level<'t> {
    /// Of its own list, and of those below.
    names: &'t [&'static str],
    signal: Signal,
    told: &'t mut Told,
}

impl<'de> Fill<'de> for Level<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        let (signal, told) = (self.signal, &mut *self.told);
        match self.names {
            [own, ..] if *own != name => skip(fields),
            [_] if signal == Signal::Logs => {
                fields.next_value_seed(Array(&mut LogRecord { told, record: Record::default() }))
            }
            [_] => fields.next_value_seed(Array(&mut OneMetric { told, metric: Metric::default() })),
            [_, names @ ..] => fields.next_value_seed(Array(&mut Level { names, signal, told })),
            [] => skip(fields),
        }
    }
}

struct LogRecord<'t> {
    told: &'t mut Told,
    record: Record,
}

impl<'de> Fill<'de> for LogRecord<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        match name {
            "timeUnixNano" => self.record.time_ns = fields.next_value::<Number>()?.unsigned(),
            "attributes" => attributes(fields, &mut self.record.attributes)?,
            _ => skip(fields)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        self.told.count()?;
        self.told.event(&std::mem::take(&mut self.record));
        Ok(())
    }
}

struct OneMetric<'t> {
    told: &'t mut Told,
    metric: Metric,
}

impl<'de> Fill<'de> for OneMetric<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        match name {
            "name" => self.metric.measure = measure(&fields.next_value::<Text>()?.0),
            "sum" => {
                fields.next_value_seed(Object(&mut Sum { told: self.told, metric: &mut self.metric }))?;
            }
            _ => skip(fields)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        self.told.metric(&std::mem::take(&mut self.metric));
        Ok(())
    }
}

struct Sum<'t> {
    told: &'t mut Told,
    metric: &'t mut Metric,
}

impl<'de> Fill<'de> for Sum<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        match name {
            "aggregationTemporality" => self.metric.temporality = fields.next_value::<Number>()?.unsigned(),
            "isMonotonic" => {
                self.metric.is_monotonic = fields.next_value::<Option<bool>>()?.unwrap_or_default();
            }
            "dataPoints" => {
                let (told, all) = (&mut *self.told, &mut self.metric.points);
                fields.next_value_seed(Array(&mut OnePoint { told, all, own: DataPoint::default() }))?;
            }
            _ => skip(fields)?,
        }
        Ok(())
    }
}

struct OnePoint<'t> {
    told: &'t mut Told,
    all: &'t mut Vec<DataPoint>,
    own: DataPoint,
}

impl<'de> Fill<'de> for OnePoint<'_> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        match name {
            "startTimeUnixNano" => self.own.start_ns = fields.next_value::<Number>()?.unsigned(),
            "timeUnixNano" => self.own.time_ns = fields.next_value::<Number>()?.unsigned(),
            "asDouble" | "asInt" => self.own.value = fields.next_value::<Number>()?.float(),
            "attributes" => attributes(fields, &mut self.own.attributes)?,
            _ => skip(fields)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        self.told.count()?;
        self.all.push(std::mem::take(&mut self.own));
        Ok(())
    }
}

fn attributes<'de, A: MapAccess<'de>>(fields: &mut A, to: &mut Attributes) -> Result<(), A::Error> {
    fields.next_value_seed(Array(&mut KeyValue { attributes: to, key: "".into(), value: AnyValue::Other }))
}

struct KeyValue<'t, 'de> {
    attributes: &'t mut Attributes,
    key: Cow<'de, str>,
    value: AnyValue<'de>,
}

impl<'de> Fill<'de> for KeyValue<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        match name {
            "key" => self.key = fields.next_value::<Text>()?.0,
            "value" => fields.next_value_seed(Object(&mut self.value))?,
            _ => skip(fields)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        let (key, value) =
            (std::mem::take(&mut self.key), std::mem::replace(&mut self.value, AnyValue::Other));
        let scalar = match &value {
            AnyValue::Text(text) => Scalar::Text(text),
            AnyValue::Scalar(scalar) => *scalar,
            AnyValue::Other => return Ok(()),
        };
        self.attributes.add(&key, scalar);
        Ok(())
    }
}

enum AnyValue<'de> {
    Text(Cow<'de, str>),
    Scalar(Scalar<'static>),
    Other,
}

impl<'de> Fill<'de> for AnyValue<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<(), A::Error> {
        *self = match name {
            "stringValue" => Self::Text(fields.next_value::<Text>()?.0),
            "intValue" => match fields.next_value()? {
                Number::Signed(whole) => Self::Scalar(Scalar::Whole(whole)),
                other => Self::Scalar(Scalar::Float(other.float())),
            },
            "doubleValue" => Self::Scalar(Scalar::Float(fields.next_value::<Number>()?.float())),
            "boolValue" => fields
                .next_value::<Option<bool>>()?
                .map_or(Self::Other, |flag| Self::Scalar(Scalar::Flag(flag))),
            _ => return skip(fields),
        };
        Ok(())
    }
}

fn skip<'de, A: MapAccess<'de>>(fields: &mut A) -> Result<(), A::Error> {
    fields.next_value::<IgnoredAny>().map(|_| ())
}

/// Fills with the fields of an object, or with none.
struct Object<'f, F>(&'f mut F);

impl<'de, F: Fill<'de>> DeserializeSeed<'de> for Object<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fill<'de>> Visitor<'de> for Object<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<Text>()? {
            self.0.field(&name.0, &mut fields)?;
        }
        self.0.end().map_err(A::Error::custom)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Fills with all objects of an array, or with none.
struct Array<'f, F>(&'f mut F);

impl<'de, F: Fill<'de>> DeserializeSeed<'de> for Array<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fill<'de>> Visitor<'de> for Array<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Object(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Text, which is not copied if it need not be; empty for `null`.
#[derive(Default)]
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(text.to_owned().into()))
            }

            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

/// A number, also written as text; 0 for `null`.
#[derive(Debug, Clone, Copy)]
enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

impl Number {
    /// 0 where it is none.
    fn unsigned(self) -> u64 {
        match self {
            Self::Signed(signed) => signed.try_into().unwrap_or_default(),
            Self::Unsigned(unsigned) => unsigned,
            Self::Float(_) => 0,
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Signed(signed) => signed as f64,
            Self::Unsigned(unsigned) => unsigned as f64,
            Self::Float(float) => float,
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number::Signed(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(i64::try_from(number).map_or(Number::Unsigned(number), Number::Signed))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number::Float(number))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                let signed = text.parse().map(Number::Signed);
                let number = signed.or_else(|_| text.parse().map(Number::Unsigned));
                number
                    .or_else(|_| text.parse().map(Number::Float))
                    .map_err(|_| E::custom("text is no number"))
            }

            fn visit_unit<E>(self) -> Result<Number, E> {
                Ok(Number::Signed(0))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

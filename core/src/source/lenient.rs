//! JSON values that take what they can: a value of another type, or `null`, is as good as absent, so that one odd
//! field never costs the line it stands in.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value};

/// Text; empty where there is none.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'a> Text<'a> {
    /// Takes `other` where this is empty.
    pub(super) fn or(&mut self, other: Self) {
        if self.0.is_empty() {
            *self = other;
        }
    }

    pub(super) fn word(self) -> Word<'a> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
        let is_word = self.0.len() <= MAX_WORD && self.0.bytes().all(is_fit);
        Word(if is_word { self.0 } else { Cow::Borrowed("") })
    }
}

const MAX_WORD: usize = 128;

/// A name: letters, digits and few signs. Empty where there is none: what may be anybody's words is not kept.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Word<'a>(pub(super) Cow<'a, str>);

/// Text to be compared with what is known; whatever is longer than that counts as absent.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Phrase<'a>(pub(super) Cow<'a, str>);

/// Text of a kind, or an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Or<L, T> {
    pub(super) text: L,
    pub(super) object: Option<T>,
}

impl<L: Default, T> Default for Or<L, T> {
    fn default() -> Self {
        Self { text: L::default(), object: None }
    }
}

/// A whole number, also written as a float or as text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub(super) Option<i64>);

/// Dollars, as picodollars.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dollars(pub(super) Option<i64>);

/// A number, whole or not.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Number(pub(super) Option<f64>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

/// A time, in milliseconds since the epoch: RFC 3339 in any precision or offset, without one (then UTC), or a number
/// of seconds, milliseconds or microseconds since the epoch.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct When(pub(super) Option<i64>);

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loose<T>(pub(super) Option<T>);

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// An array of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

fn when_from_text(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    if let Ok(civil) = text.parse::<jiff::civil::DateTime>() {
        return Some(jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond());
    }
    when_from_number(text.parse().ok()?)
}

/// The present is 1.8e9 in seconds: the three scales cannot be mistaken for one another.
fn when_from_number(number: i64) -> Option<i64> {
    match number {
        100_000_000..100_000_000_000 => Some(number * 1_000),
        100_000_000_000..100_000_000_000_000 => Some(number),
        100_000_000_000_000..100_000_000_000_000_000 => Some(number / 1_000),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

/// Reads any value; each type says which ones it takes.
struct Any<T>(PhantomData<T>);

/// How a type is made from each kind of JSON value; absent unless said otherwise.
trait Take<'de>: Default {
    /// Bytes of the longest text that is not as good as absent.
    const LONGEST: usize = usize::MAX;

    fn text(_: Cow<'de, str>) -> Self {
        Self::default()
    }
    fn integer(_: i64) -> Self {
        Self::default()
    }
    fn float(number: f64) -> Self {
        whole(number).map_or_else(Self::default, Self::integer)
    }
    fn boolean(_: bool) -> Self {
        Self::default()
    }
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl<'de, T: Take<'de>> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(if text.len() <= T::LONGEST { T::text(Cow::Borrowed(text)) } else { T::default() })
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(if text.len() <= T::LONGEST { T::text(Cow::Owned(text.into())) } else { T::default() })
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::integer(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::float(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::boolean(flag))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }
}

impl<'de: 'a, 'a> Take<'de> for Text<'a> {
    fn text(text: Cow<'de, str>) -> Self {
        Self(text)
    }
}

impl<'de: 'a, 'a> Take<'de> for Word<'a> {
    const LONGEST: usize = MAX_WORD;

    fn text(text: Cow<'de, str>) -> Self {
        Text(text).word()
    }
}

impl<'de: 'a, 'a> Take<'de> for Phrase<'a> {
    const LONGEST: usize = 64;

    fn text(text: Cow<'de, str>) -> Self {
        Self(text)
    }
}

impl<'de, L: Take<'de>, T: Deserialize<'de>> Take<'de> for Or<L, T> {
    const LONGEST: usize = L::LONGEST;

    fn text(text: Cow<'de, str>) -> Self {
        Self { text: L::text(text), object: None }
    }
    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let object = T::deserialize(value::MapAccessDeserializer::new(map))?;
        Ok(Self { text: L::default(), object: Some(object) })
    }
}

impl<'de> Take<'de> for Count {
    fn text(text: Cow<'de, str>) -> Self {
        Self(text.trim().parse().ok())
    }
    fn integer(number: i64) -> Self {
        Self(Some(number))
    }
}

impl Take<'_> for Dollars {
    fn integer(number: i64) -> Self {
        Self(number.checked_mul(1_000_000_000_000).filter(|picousd| *picousd >= 0))
    }
    fn float(number: f64) -> Self {
        Self(whole((number * 1e12).round()).filter(|picousd| *picousd >= 0))
    }
}

impl Take<'_> for Number {
    fn integer(number: i64) -> Self {
        Self(Some(number as f64))
    }
    fn float(number: f64) -> Self {
        Self(Some(number))
    }
}

impl Take<'_> for Flag {
    fn boolean(flag: bool) -> Self {
        Self(flag)
    }
}

impl<'de> Take<'de> for When {
    fn text(text: Cow<'de, str>) -> Self {
        Self(when_from_text(&text).filter(|ms| *ms >= 0))
    }
    fn integer(number: i64) -> Self {
        Self(when_from_number(number))
    }
}

impl<'de, T: Deserialize<'de>> Take<'de> for Loose<T> {
    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(value::MapAccessDeserializer::new(map)).map(|value| Self(Some(value)))
    }
}

impl<'de, T: Deserialize<'de>> Take<'de> for List<T> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut items = vec![];
        while let Some(item) = list.next_element::<Loose<T>>()? {
            items.extend(item.0);
        }
        Ok(Self(items))
    }
}

macro_rules! read_any {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(Any(PhantomData))
            }
        }
    )*};
}

read_any! {
    ['de: 'a, 'a] Text<'a>;
    ['de: 'a, 'a] Word<'a>;
    ['de: 'a, 'a] Phrase<'a>;
    ['de, L: Take<'de>, T: Deserialize<'de>] Or<L, T>;
    ['de] Count;
    ['de] Dollars;
    ['de] Number;
    ['de] Flag;
    ['de] When;
    ['de, T: Deserialize<'de>] Loose<T>;
    ['de, T: Deserialize<'de>] List<T>;
}

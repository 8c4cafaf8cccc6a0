//! Numbers that money is made of, exact: decimals are read as text and never pass through a float.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};

/// Parts of a picodollar that sums are kept in until they are settled: a billionth. The factors that a price can meet
/// have nine decimals together at most, so every product with them is a whole number of these.
pub(super) const PARTS: i128 = 1_000_000_000;

/// Millionths of a dollar. As many of them for a million tokens are as many picodollars for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MicroUsd(pub i64);

/// A factor, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multiplier {
    pub numerator: i128,
    /// A power of ten.
    pub denominator: i128,
}

/// Thousandths of a percent, 0 to 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub i64);

impl Multiplier {
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    pub fn is_one(self) -> bool {
        self.numerator == self.denominator
    }

    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self {
            numerator: self.numerator * other.numerator,
            denominator: self.denominator * other.denominator,
        }
    }

    /// In [`PARTS`] of a picodollar; none where it overflows.
    pub(super) fn of(self, picousd: i128) -> Option<i128> {
        picousd.checked_mul(self.numerator)?.checked_mul(PARTS / self.denominator)
    }

    pub(super) fn keeps_whole(self, price: MicroUsd) -> bool {
        i128::from(price.0) * self.numerator % self.denominator == 0
    }

    /// Whether no digit is lost in [`PARTS`].
    pub(super) fn is_fine(self) -> bool {
        PARTS % self.denominator == 0
    }
}

impl MicroUsd {
    /// As it is shown, with all digits of the product.
    pub fn times(self, by: Multiplier) -> String {
        dollars(i128::from(self.0) * by.numerator, 1_000_000 * by.denominator)
    }
}

impl Percent {
    const ALL: i64 = 100_000;

    /// What is left to pay when so much is off.
    pub fn off(self) -> Multiplier {
        Multiplier { numerator: i128::from(Self::ALL - self.0), denominator: Self::ALL.into() }
    }
}

/// As a decimal without the zeros that say nothing, as in `1.1`.
impl fmt::Display for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&plain(self.numerator, self.denominator))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&plain(self.0.into(), 1000))
    }
}

/// In dollars, with cents at least, as in `6.25`, `0.125` and `4.00`.
impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.times(Multiplier::ONE))
    }
}

/// `number / unit` with two decimals or more.
fn dollars(number: i128, unit: i128) -> String {
    let text = plain(number, unit);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}.{fraction:0<2}")
}

/// `number / unit` as a decimal, where `unit` is a power of ten.
fn plain(number: i128, unit: i128) -> String {
    let places = unit.ilog10() as usize;
    let text = format!("{}.{:0places$}", number / unit, number % unit);
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// `number / unit`, half to even.
pub fn half_to_even(number: i128, unit: i128) -> i128 {
    let (whole, rest) = (number.div_euclid(unit), number.rem_euclid(unit));
    let is_up = rest * 2 > unit || rest * 2 == unit && whole % 2 != 0;
    whole + i128::from(is_up)
}

impl<'de> Deserialize<'de> for MicroUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Decimal { places: 6, digits: 12, what: "a price in quotes, as in \"1.50\"" };
        deserializer.deserialize_any(read).map(Self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Decimal { places: 3, digits: 6, what: "a percentage in quotes, as in \"12.5\"" };
        let percent = deserializer.deserialize_any(read)?;
        if percent > Self::ALL {
            return Err(D::Error::custom("more than 100 % cannot be off"));
        }
        Ok(Self(percent))
    }
}

impl<'de> Deserialize<'de> for Multiplier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Few digits, so that products of them stay small.
        let read = Decimal { places: 3, digits: 6, what: "a factor in quotes, as in \"1.1\"" };
        let (mut numerator, mut denominator) = (i128::from(deserializer.deserialize_any(read)?), 1000);
        if numerator == 0 {
            return Err(D::Error::custom("a factor is above zero"));
        }
        while denominator > 1 && numerator % 10 == 0 {
            (numerator, denominator) = (numerator / 10, denominator / 10);
        }
        Ok(Self { numerator, denominator })
    }
}

/// A number of 0 or more as text, or a whole one as it is. A float is refused: it would not be the digits written.
struct Decimal {
    places: usize,
    digits: usize,
    what: &'static str,
}

impl Visitor<'_> for Decimal {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i64, E> {
        decimal(text, self.places, self.digits).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<i64, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<i64, E> {
        self.visit_str(&number.to_string())
    }
}

/// `text` times ten to the `places`, in at most `digits`.
pub fn decimal(text: &str, places: usize, digits: usize) -> Result<i64, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scaled = format!("{whole}{fraction:0<places$}");
    let is_plain =
        !whole.is_empty() && fraction.len() <= places && scaled.bytes().all(|byte| byte.is_ascii_digit());
    let number = scaled.parse().ok().filter(|_| is_plain && scaled.len() <= digits);
    number.ok_or_else(|| format!("{text:?} is not a number with up to {places} decimals"))
}

#[cfg(test)]
mod tests {
    use super::{MicroUsd, Multiplier, PARTS, Percent, decimal, half_to_even};

    #[test]
    fn decimals_are_read_exactly() {
        for (text, want) in [
            ("5", 5_000_000),
            ("0.30", 300_000),
            ("18.750001", 18_750_001),
            ("0.000001", 1),
            ("0", 0),
            ("1.", 1_000_000),
        ] {
            assert_eq!(decimal(text, 6, 12), Ok(want), "{text}");
        }
        for text in ["", ".", ".5", "+1", "-1", "1e3", "1.0000001", "1.2.3", " 1", "9999999999", "１"] {
            assert!(decimal(text, 6, 12).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_from_text_and_integers_and_never_from_floats() {
        for (json, want) in [("\"1.5\"", Some(1_500_000)), ("2", Some(2_000_000)), ("0", Some(0))] {
            assert_eq!(serde_json::from_str::<MicroUsd>(json).ok(), want.map(MicroUsd), "{json}");
        }
        for (json, what) in [
            ("1.5", "invalid type: floating point `1.5`, expected a price in quotes, as in \"1.50\""),
            ("-1", "\"-1\" is not a number with up to 6 decimals"),
            ("null", "expected a price in quotes"),
        ] {
            let error = serde_json::from_str::<MicroUsd>(json).unwrap_err().to_string();
            assert!(error.contains(what), "{json}: {error}");
        }
        assert_eq!(serde_json::from_str::<Percent>("\"100\"").unwrap(), Percent(100_000));
        for json in ["\"100.001\"", "101", "-1", "\"1.0001\"", "12.5"] {
            assert!(serde_json::from_str::<Percent>(json).is_err(), "{json}");
        }
        assert!(serde_json::from_str::<Multiplier>("\"0\"").is_err());
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        let factor = |json| serde_json::from_str::<Multiplier>(json).unwrap();
        for (json, want) in [("\"1.10\"", "1.1"), ("\"0.5\"", "0.5"), ("\"1\"", "1"), ("\"20\"", "20")] {
            assert_eq!(factor(json).to_string(), want);
        }
        assert_eq!(factor("\"1.1\"").times(factor("\"0.5\"")).to_string(), "0.55");
        for (percent, want) in [(15_000, "15"), (12_500, "12.5"), (1, "0.001"), (0, "0"), (100_000, "100")] {
            assert_eq!(Percent(percent).to_string(), want);
        }
        for (price, want) in [(4_000_000, "4.00"), (6_250_000, "6.25"), (125_000, "0.125"), (10_000, "0.01")]
        {
            assert_eq!(MicroUsd(price).to_string(), want);
        }
        assert_eq!(MicroUsd(10_000).times(Percent(12_345).off()), "0.0087655");
        assert_eq!(MicroUsd(4_000_000).times(Percent(50_000).off()), "2.00");
    }

    #[test]
    fn what_is_left_after_a_discount_is_exact() {
        assert_eq!(Percent(12_345).off().of(1_000_000), Some(876_550 * PARTS));
        assert_eq!(Percent(0).off().of(7), Some(7 * PARTS));
        assert_eq!(Percent(100_000).off().of(7), Some(0));
        assert_eq!(Percent(1).off().of(1), Some(PARTS / 100_000 * 99_999));
        assert_eq!(Percent(1).off().of(i128::MAX), None);
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (number, want) in [(4, 0), (5, 0), (6, 1), (14, 1), (15, 2), (25, 2), (26, 3), (-5, 0), (-15, -2)]
        {
            assert_eq!(half_to_even(number, 10), want, "{number}");
        }
    }
}

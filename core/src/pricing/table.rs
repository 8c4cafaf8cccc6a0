//! The price list's data, as `claude-prices.json` has it, checked so that arithmetic with it is exact.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::exact::{MicroUsd, Multiplier};
use super::{Error, model_id};
use crate::model::Tokens;

pub(super) const EMBEDDED: &str = include_str!("claude-prices.json");

/// What a list says it is; another format is for another odin.
const SCHEMA: &str = "odin-claude-prices/1";

#[derive(Debug, Deserialize)]
pub struct Table {
    schema: String,
    /// The day that the list was checked.
    pub as_of: String,
    pub modifiers: Modifiers,
    pub promotions: Vec<Promotion>,
    pub models: Vec<ModelPrices>,
    /// Where prices were found, by the names that entries use.
    pub sources: BTreeMap<String, Source>,
}

#[derive(Debug, Deserialize)]
pub struct Modifiers {
    pub inference_geo_us: GeoUs,
    pub regional_uplift: RegionalUplift,
    pub batch: Batch,
    pub web_search: WebSearch,
    pub refusal_not_billed: RefusalNotBilled,
    cloud_long_context: CloudLongContext,
}

#[derive(Debug, Deserialize)]
pub struct GeoUs {
    pub multiplier: Multiplier,
    pub valid_from: Time,
}

#[derive(Debug, Deserialize)]
pub struct RegionalUplift {
    pub bedrock_geo_prefix: BTreeMap<String, Multiplier>,
    pub valid_from: Time,
}

#[derive(Debug, Deserialize)]
pub struct Batch {
    pub multiplier: Multiplier,
}

#[derive(Debug, Deserialize)]
pub struct WebSearch {
    pub usd_per_request: MicroUsd,
}

#[derive(Debug, Deserialize)]
pub struct RefusalNotBilled {
    pub valid_from: Time,
}

#[derive(Debug, Deserialize)]
struct CloudLongContext {
    models: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Promotion {
    pub id: String,
    models: Vec<String>,
    pub speed: Speed,
    from: Option<Time>,
    until: Option<Time>,
    pub multiplier: Option<Multiplier>,
    apply_by_default: bool,
    pub notes: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct ModelPrices {
    pub id: String,
    /// As its maker writes it.
    pub name: String,
    pub released: Option<Time>,
    /// When the first-party API stopped to serve it.
    pub first_party_retired: Option<Time>,
    #[serde(rename = "inference_geo_us")]
    pub has_geo_us: bool,
    #[serde(rename = "regional_uplift")]
    pub has_regional_uplift: bool,
    pub entries: Vec<Entry>,
}

/// What a model costs at one speed for a while.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    pub speed: Speed,
    /// None: since it was released.
    #[serde(rename = "valid_from")]
    pub from: Option<Time>,
    /// Exclusive; none: until further notice.
    #[serde(rename = "valid_to")]
    pub until: Option<Time>,
    /// By rising threshold, the first at 0.
    pub tiers: Vec<Tier>,
    /// Names of the list's `sources`.
    #[serde(default)]
    pub source: Vec<String>,
    pub confidence: Option<String>,
    pub notes: Option<String>,
}

/// Prices per million tokens; null is not offered, or not known.
#[derive(Debug, Clone, Deserialize)]
pub struct Tier {
    pub prompt_tokens_above: i64,
    pub input: Option<MicroUsd>,
    pub output: Option<MicroUsd>,
    pub cache_read: Option<MicroUsd>,
    pub cache_write_5m: Option<MicroUsd>,
    pub cache_write_1h: Option<MicroUsd>,
}

#[derive(Debug, Deserialize)]
pub struct Source {
    pub what: String,
    pub date_seen: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speed {
    #[default]
    Standard,
    Fast,
}

/// From inclusive, until exclusive; none is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: Option<Time>,
    pub until: Option<Time>,
}

/// A moment, or the start of a day in UTC, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

/// What says which format a list has.
#[derive(Deserialize)]
struct Format {
    schema: String,
}

impl Table {
    /// `list` names it in errors.
    pub(super) fn parse(list: &str, json: &str) -> Result<Self, Error> {
        let other_format = |schema| Error::Format { list: list.into(), schema, known: SCHEMA };
        let table: Self = serde_json::from_str(json).map_err(|source| match serde_json::from_str(json) {
            Ok(Format { schema }) if schema != SCHEMA => other_format(schema),
            _ => Error::List { list: list.into(), source },
        })?;
        if table.schema != SCHEMA {
            return Err(other_format(table.schema));
        }
        for (index, model) in table.models.iter().enumerate() {
            let invalid = |what: String| Error::Rule { list: list.into(), model: model.id.clone(), what };
            if table.model_id(&model.id).name != model.id {
                return Err(invalid("is not what model ids are normalised to".into()));
            }
            if table.models[..index].iter().any(|other| other.id == model.id) {
                return Err(invalid("is listed twice".into()));
            }
            for (index, entry) in model.entries.iter().enumerate() {
                let checked = check_entry(&model.entries, index).map_err(String::from);
                let checked = checked.and_then(|()| table.check(model, entry));
                checked.map_err(|what| invalid(format!("entry {}: {what}", index + 1)))?;
            }
        }
        let promoted = table.promotions.iter().flat_map(|promotion| &promotion.models);
        let mut ruled = promoted.chain(&table.modifiers.cloud_long_context.models);
        match ruled.find(|id| table.model(id).is_none()) {
            Some(id) => {
                let what = "has rules but no prices".into();
                Err(Error::Rule { list: list.into(), model: id.clone(), what })
            }
            None => Ok(table),
        }
    }

    /// By the list's own name.
    pub fn model(&self, id: &str) -> Option<&ModelPrices> {
        self.models.iter().find(|model| model.id == id)
    }

    /// By any spelling of its id.
    pub(super) fn find(&self, text: &str) -> Option<&ModelPrices> {
        self.model(&self.model_id(text).name)
    }

    pub(super) fn model_id(&self, text: &str) -> model_id::ModelId {
        model_id::parse(text, |prefix| self.modifiers.regional_uplift.bedrock_geo_prefix.contains_key(prefix))
    }

    /// The launch discount in force; 1 without one.
    pub(super) fn promotion(&self, model: &str, speed: Speed, at: Time) -> Multiplier {
        let in_force = self.promotions_of(model).filter(|promotion| promotion.speed == speed);
        let in_force = in_force.filter(|promotion| promotion.period().contains(at));
        in_force.filter_map(|promotion| promotion.multiplier).fold(Multiplier::ONE, Multiplier::times)
    }

    /// What a cloud may go on charging for a long prompt, where the first-party API has dropped the surcharge.
    pub(super) fn cloud_long_context<'a>(
        &self,
        model: &'a ModelPrices,
        at: Time,
        prompt: i64,
    ) -> Option<&'a Tier> {
        let last = model.entries.iter().rfind(|entry| entry.tiers.len() > 1)?;
        let tier = last.tier(prompt);
        let is_dropped = last.until.is_some_and(|until| until <= at) && tier.prompt_tokens_above > 0;
        (is_dropped && self.modifiers.cloud_long_context.models.contains(&model.id)).then_some(tier)
    }

    /// The launch discounts that everyone had, of a model by the list's name.
    pub fn promotions_of(&self, model: &str) -> impl Iterator<Item = &Promotion> {
        let applied = self.promotions.iter().filter(|promotion| promotion.apply_by_default);
        applied.filter(move |promotion| promotion.models.iter().any(|id| id == model))
    }

    /// That no cost needs rounding.
    fn check(&self, model: &ModelPrices, entry: &Entry) -> Result<(), String> {
        let multipliers = self.multipliers(model, entry.speed);
        if let Some(by) = multipliers.iter().find(|by| !by.is_fine()) {
            return Err(format!("factors with too many decimals meet: {by}"));
        }
        for (class, price) in entry.tiers.iter().flat_map(Tier::prices) {
            if price.is_some_and(|price| price.0 == 0) {
                return Err(format!("{class}: a price is above zero; what is not offered is null"));
            }
            let is_exact = |by: &Multiplier| price.is_none_or(|price| by.keeps_whole(price));
            if let Some(by) = multipliers.iter().find(|by| !is_exact(by)) {
                return Err(format!("{class}: a price is not exact times {by}"));
            }
        }
        Ok(())
    }

    /// Every product that a price can meet. US-only inference and a cloud's region exclude each other, as do
    /// fast mode and batches.
    fn multipliers(&self, model: &ModelPrices, speed: Speed) -> Vec<Multiplier> {
        let rules = &self.modifiers;
        let geo = model.has_geo_us.then_some(rules.inference_geo_us.multiplier);
        let regions = rules.regional_uplift.bedrock_geo_prefix.values().filter(|_| model.has_regional_uplift);
        let mut products: Vec<_> = regions.copied().chain(geo).chain([Multiplier::ONE]).collect();
        let batch = (speed == Speed::Standard).then_some(rules.batch.multiplier);
        let promotions = self.promotions_of(&model.id).filter(|promotion| promotion.speed == speed);
        for more in promotions.filter_map(|promotion| promotion.multiplier).chain(batch) {
            products.extend(products.clone().into_iter().map(|product| product.times(more)));
        }
        products
    }
}

/// Whether an entry goes together with those before it, and its tiers with each other.
pub(super) fn check_entry(entries: &[Entry], index: usize) -> Result<(), &'static str> {
    let entry = &entries[index];
    if !entry.period().is_forward() {
        return Err("ends before it begins");
    }
    let mut earlier = entries[..index].iter();
    if earlier.any(|other| other.speed == entry.speed && other.period().overlaps(entry.period())) {
        return Err("overlaps with an earlier one");
    }
    if entry.tiers.first().is_none_or(|tier| tier.prompt_tokens_above != 0) {
        return Err("has no prices for short prompts, with `prompt_tokens_above` 0");
    }
    if !entry.tiers.is_sorted_by(|a, b| a.prompt_tokens_above < b.prompt_tokens_above) {
        return Err("the tiers do not rise");
    }
    Ok(())
}

/// The one of a speed that is valid.
pub(super) fn entry(entries: &[Entry], speed: Speed, at: Time) -> Option<&Entry> {
    entries.iter().find(|entry| entry.speed == speed && entry.period().contains(at))
}

impl ModelPrices {
    pub fn entry(&self, speed: Speed, at: Time) -> Option<&Entry> {
        entry(&self.entries, speed, at)
    }
}

impl Promotion {
    pub fn period(&self) -> Period {
        Period { from: self.from, until: self.until }
    }
}

impl Entry {
    pub fn period(&self) -> Period {
        Period { from: self.from, until: self.until }
    }

    /// Strict: a prompt of exactly the threshold stays below it.
    pub(super) fn tier(&self, prompt: i64) -> &Tier {
        self.tiers.iter().rfind(|tier| tier.prompt_tokens_above < prompt).unwrap_or(&self.tiers[0])
    }
}

impl Tier {
    /// Each class of tokens and its price.
    pub fn prices(&self) -> [(&'static str, Option<MicroUsd>); 5] {
        [
            ("input", self.input),
            ("output", self.output),
            ("cache_read", self.cache_read),
            ("cache_write_5m", self.cache_write_5m),
            ("cache_write_1h", self.cache_write_1h),
        ]
    }

    /// In picodollars before any factor; none where there are tokens that have no price.
    pub(super) fn cost(&self, tokens: &Tokens) -> Option<i128> {
        let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = *tokens;
        let counts = [input, output, cache_read, cache_write_5m, cache_write_1h];
        let counted = counts.into_iter().zip(self.prices()).filter(|(count, _)| *count != 0);
        counted.map(|(count, (_, price))| Some(i128::from(count) * i128::from(price?.0))).sum()
    }
}

impl Speed {
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Fast => "fast",
        }
    }
}

impl Period {
    pub const ALWAYS: Self = Self { from: None, until: None };

    pub fn contains(self, at: Time) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        let is_before =
            |a: Self, b: Self| a.until.is_some_and(|until| b.from.is_some_and(|from| until <= from));
        !is_before(self, other) && !is_before(other, self)
    }

    pub(super) fn is_forward(self) -> bool {
        self.from.zip(self.until).is_none_or(|(from, until)| from < until)
    }
}

impl WebSearch {
    pub(super) fn fee_picousd(&self) -> i128 {
        i128::from(self.usd_per_request.0) * 1_000_000
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
        time.map(|time| Self(time.as_millisecond()))
            .map_err(|_| format!("{text:?} is neither a day (2026-11-01) nor a time (2026-11-01T14:30Z)"))
    }
}

impl Time {
    /// The start of its day.
    #[must_use]
    pub fn day(self) -> Self {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        Self(self.0.div_euclid(DAY_MS).saturating_mul(DAY_MS))
    }
}

/// The day where it is the start of one.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(time) if *self == self.day() => write!(f, "{}", TimeZone::UTC.to_datetime(time).date()),
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a day or a time, as in 2026-11-01")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
                text.parse().map_err(E::custom)
            }

            /// A date of TOML, without quotes.
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Time, A::Error> {
                let date = toml::value::Datetime::deserialize(MapAccessDeserializer::new(map))?;
                date.to_string().parse().map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::{EMBEDDED, Error, Speed, Table, Tier, Time};
    use serde_json::{Value, json};

    /// What is said of the embedded list after a change to it.
    fn error_after(change: impl Fn(&mut Value)) -> String {
        let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
        change(&mut list);
        match Table::parse("the list", &serde_json::to_string_pretty(&list).unwrap()).unwrap_err() {
            Error::List { source, .. } => source.to_string(),
            error => error.to_string(),
        }
    }

    #[test]
    fn every_price_stays_whole_under_all_that_it_can_meet() {
        let table = Table::parse("the list", EMBEDDED).unwrap();
        let mut points = 0;
        for model in &table.models {
            for entry in &model.entries {
                let prices = entry.tiers.iter().flat_map(Tier::prices);
                for price in prices.filter_map(|(_, price)| price) {
                    for by in table.multipliers(model, entry.speed) {
                        let amount = i128::from(price.0) * by.numerator;
                        assert_eq!(amount % (250 * by.denominator), 0, "{} {price:?} {by:?}", model.id);
                        points += 1;
                    }
                }
            }
        }
        assert!(points > 1_748, "the list was checked at so many points: {points}");
    }

    #[test]
    fn a_price_that_would_need_rounding_is_refused() {
        let error =
            error_after(|list| list["models"][0]["entries"][0]["tiers"][0]["cache_read"] = json!("0.000001"));
        assert_eq!(error, "the list: claude-3-opus: entry 1: cache_read: a price is not exact times 0.5");
    }

    #[test]
    fn an_unreadable_value_is_named_with_its_line() {
        for (text, what) in [("1,5", "\"1,5\" is not a number with up to 6 decimals"), ("-1", "\"-1\"")] {
            let error =
                error_after(|list| list["models"][0]["entries"][0]["tiers"][0]["input"] = json!(text));
            assert!(error.contains(what) && error.contains(" at line "), "{error}");
        }
        let error = error_after(|list| list["models"][4]["entries"][0]["valid_to"] = json!("2024-13-01"));
        assert!(error.contains("\"2024-13-01\" is neither a day") && error.contains(" at line "), "{error}");
        let error = error_after(|list| list["models"][0]["entries"][0]["speed"] = json!("slow"));
        assert!(error.contains("unknown variant `slow`"), "{error}");
        let error =
            error_after(|list| _ = list["modifiers"]["batch"].as_object_mut().unwrap().remove("multiplier"));
        assert!(error.contains("missing field `multiplier`"), "{error}");
    }

    #[test]
    fn a_price_is_never_zero_nor_a_float() {
        let price = |json: Value| {
            error_after(move |list| list["models"][0]["entries"][0]["tiers"][0]["input"] = json.clone())
        };
        assert_eq!(
            price(json!("0.00")),
            "the list: claude-3-opus: entry 1: input: a price is above zero; what is not offered is null"
        );
        assert!(price(json!(1.5)).contains("expected a price in quotes"));
    }

    #[test]
    fn a_factor_with_too_many_decimals_is_refused() {
        let error = error_after(|list| {
            list["modifiers"]["inference_geo_us"]["multiplier"] = json!("1.001");
            list["promotions"] = json!(["0.501", "0.501", "0.501"].map(|multiplier| json!({
                "id": "p", "models": ["claude-opus-4-6"], "speed": "standard", "from": null, "until": null,
                "multiplier": multiplier, "apply_by_default": true
            })));
        });
        assert!(
            error.starts_with("the list: claude-opus-4-6: entry 1: factors with too many decimals"),
            "{error}"
        );
    }

    #[test]
    fn a_list_of_another_format_is_refused_whatever_else_it_has() {
        let error = error_after(|list| list["schema"] = json!("odin-claude-prices/2"));
        assert!(error.contains("has the format `odin-claude-prices/2`"), "{error}");
        assert_eq!(
            Table::parse("the list", r#"{"schema":"odin-claude-prices/2","models":7}"#)
                .unwrap_err()
                .to_string(),
            "the list has the format `odin-claude-prices/2`, and this odin reads `odin-claude-prices/1`"
        );
    }

    #[test]
    fn times_are_days_and_moments() {
        for (text, want) in [
            ("2026-11-01", "2026-11-01"),
            ("2026-11-01T00:00Z", "2026-11-01"),
            ("2026-02-17T08:00:00Z", "2026-02-17T08:00:00Z"),
            ("2026-11-01T00:00+01:00", "2026-10-31T23:00:00Z"),
        ] {
            assert_eq!(text.parse::<Time>().unwrap().to_string(), want);
        }
        for text in ["", "2026-11", "2026-02-30", "2026-11-01T08:00", "tomorrow"] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }

    #[test]
    fn entries_that_contradict_each_other_are_refused() {
        let error = error_after(|list| list["models"][4]["entries"][1]["valid_from"] = json!("2024-12-02"));
        assert_eq!(error, "the list: claude-3-5-haiku: entry 2: overlaps with an earlier one");
        let error = error_after(|list| list["models"][4]["entries"][0]["valid_to"] = json!(null));
        assert_eq!(error, "the list: claude-3-5-haiku: entry 2: overlaps with an earlier one");
        let error =
            error_after(|list| list["models"][0]["entries"][0]["tiers"][0]["prompt_tokens_above"] = json!(1));
        assert_eq!(
            error,
            "the list: claude-3-opus: entry 1: has no prices for short prompts, with `prompt_tokens_above` 0"
        );
        let error = error_after(|list| {
            let tiers = list["models"][6]["entries"][1]["tiers"].as_array_mut().unwrap();
            tiers[1]["prompt_tokens_above"] = json!(0);
        });
        assert_eq!(error, "the list: claude-sonnet-4: entry 2: the tiers do not rise");
        let error = error_after(|list| list["models"][0]["entries"][0]["tiers"] = json!([]));
        assert_eq!(
            error,
            "the list: claude-3-opus: entry 1: has no prices for short prompts, with `prompt_tokens_above` 0"
        );
        let error = error_after(|list| list["models"][4]["entries"][1]["valid_to"] = json!("2024-12-03"));
        assert_eq!(error, "the list: claude-3-5-haiku: entry 2: ends before it begins");
    }

    #[test]
    fn a_model_that_no_id_leads_to_is_refused() {
        let error = error_after(|list| list["models"][0]["id"] = json!("claude-opus-4-20250514"));
        assert_eq!(error, "the list: claude-opus-4-20250514: is not what model ids are normalised to");
        let error = error_after(|list| list["models"][1]["id"] = json!("claude-3-opus"));
        assert_eq!(error, "the list: claude-3-opus: is listed twice");
        let error = error_after(|list| list["promotions"][0]["models"][0] = json!("claude-opus-46"));
        assert_eq!(error, "the list: claude-opus-46: has rules but no prices");
    }

    #[test]
    fn a_model_costs_nothing_known_outside_its_entries() {
        let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
        list["models"][0]["entries"][0]["valid_from"] = json!("2024-03-04");
        let table = Table::parse("the list", &list.to_string()).unwrap();
        let start: Time = "2024-03-04".parse().unwrap();
        assert!(table.models[0].entry(Speed::Standard, start).is_some());
        assert!(table.models[0].entry(Speed::Standard, Time(start.0 - 1)).is_none());
    }

    #[test]
    fn a_promotion_by_invitation_is_not_applied() {
        let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
        let at: Time = "2026-02-10".parse().unwrap();
        for applies in [true, false] {
            list["promotions"][0]["apply_by_default"] = json!(applies);
            let table = Table::parse("the list", &list.to_string()).unwrap();
            assert_eq!(table.promotion("claude-opus-4-6", Speed::Fast, at).is_one(), !applies);
        }
    }
}

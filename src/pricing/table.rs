//! The price list's data, as `claude-prices.json` has it, checked so that arithmetic with it is exact.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Error, model_id};
use crate::model::Tokens;

pub(super) const EMBEDDED: &str = include_str!("claude-prices.json");

#[derive(Debug, Deserialize)]
pub(super) struct Table {
    /// The day that the list was checked.
    pub(super) as_of: String,
    pub(super) modifiers: Modifiers,
    promotions: Vec<Promotion>,
    pub(super) models: Vec<ModelPrices>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Modifiers {
    pub(super) inference_geo_us: GeoUs,
    pub(super) regional_uplift: RegionalUplift,
    pub(super) batch: Batch,
    pub(super) web_search: WebSearch,
    pub(super) refusal_not_billed: RefusalNotBilled,
    cloud_long_context: CloudLongContext,
}

#[derive(Debug, Deserialize)]
pub(super) struct GeoUs {
    pub(super) multiplier: Multiplier,
    pub(super) valid_from: Time,
}

#[derive(Debug, Deserialize)]
pub(super) struct RegionalUplift {
    pub(super) bedrock_geo_prefix: BTreeMap<String, Multiplier>,
    pub(super) valid_from: Time,
}

#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    pub(super) multiplier: Multiplier,
}

#[derive(Debug, Deserialize)]
pub(super) struct WebSearch {
    usd_per_request: MicroUsd,
}

#[derive(Debug, Deserialize)]
pub(super) struct RefusalNotBilled {
    pub(super) valid_from: Time,
}

#[derive(Debug, Deserialize)]
struct CloudLongContext {
    models: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Promotion {
    models: Vec<String>,
    speed: Speed,
    #[serde(flatten)]
    period: Period,
    multiplier: Option<Multiplier>,
    apply_by_default: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct ModelPrices {
    pub(super) id: String,
    #[serde(rename = "inference_geo_us")]
    pub(super) has_geo_us: bool,
    #[serde(rename = "regional_uplift")]
    pub(super) has_regional_uplift: bool,
    entries: Vec<Entry>,
}

/// What a model costs at one speed for a while.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) speed: Speed,
    #[serde(flatten)]
    period: Period,
    /// By rising threshold, the first at 0.
    tiers: Vec<Tier>,
}

/// Prices per million tokens: as many millionths of a dollar are as many picodollars a token.
/// Null is not offered, or not known.
#[derive(Debug, Deserialize)]
pub(super) struct Tier {
    prompt_tokens_above: i64,
    input: Option<MicroUsd>,
    output: Option<MicroUsd>,
    cache_read: Option<MicroUsd>,
    cache_write_5m: Option<MicroUsd>,
    cache_write_1h: Option<MicroUsd>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Speed {
    Standard,
    Fast,
}

/// From inclusive, until exclusive; null is open.
#[derive(Debug, Deserialize)]
struct Period {
    #[serde(alias = "valid_from")]
    from: Option<Time>,
    #[serde(alias = "valid_to")]
    until: Option<Time>,
}

/// A moment, or the start of a day in UTC, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Time(pub(super) i64);

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct MicroUsd(pub(super) i64);

/// A factor, exact.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Multiplier {
    numerator: i128,
    denominator: i128,
}

impl Table {
    pub(super) fn parse(json: &str) -> Result<Self, Error> {
        let table: Self = serde_json::from_str(json).map_err(|source| Error::Shape { source })?;
        for (index, model) in table.models.iter().enumerate() {
            let invalid = |what: String| Error::Rule { model: model.id.clone(), what };
            if table.model_id(&model.id).name != model.id {
                return Err(invalid("is not what model ids are normalised to".into()));
            }
            if table.models[..index].iter().any(|other| other.id == model.id) {
                return Err(invalid("is listed twice".into()));
            }
            for (index, entry) in model.entries.iter().enumerate() {
                let checked = table.check(model, index, entry);
                checked.map_err(|what| invalid(format!("entry {}: {what}", index + 1)))?;
            }
        }
        let promoted = table.promotions.iter().flat_map(|promotion| &promotion.models);
        let mut ruled = promoted.chain(&table.modifiers.cloud_long_context.models);
        match ruled.find(|id| !table.models.iter().any(|model| model.id == **id)) {
            Some(id) => Err(Error::Rule { model: id.clone(), what: "has rules but no prices".into() }),
            None => Ok(table),
        }
    }

    pub(super) fn model_id(&self, text: &str) -> model_id::ModelId {
        model_id::parse(text, |prefix| self.modifiers.regional_uplift.bedrock_geo_prefix.contains_key(prefix))
    }

    /// The launch discount in force; 1 without one.
    pub(super) fn promotion(&self, model: &ModelPrices, speed: Speed, at: Time) -> Multiplier {
        let in_force = self.promotions_of(model, speed).filter(|promotion| promotion.period.contains(at));
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
        let is_dropped = last.period.until.is_some_and(|until| until <= at) && tier.prompt_tokens_above > 0;
        (is_dropped && self.modifiers.cloud_long_context.models.contains(&model.id)).then_some(tier)
    }

    fn promotions_of(&self, model: &ModelPrices, speed: Speed) -> impl Iterator<Item = &Promotion> {
        let applied =
            self.promotions.iter().filter(move |found| found.apply_by_default && found.speed == speed);
        applied.filter(|promotion| promotion.models.contains(&model.id))
    }

    fn check(&self, model: &ModelPrices, index: usize, entry: &Entry) -> Result<(), String> {
        let mut earlier = model.entries[..index].iter();
        if earlier.any(|other| other.speed == entry.speed && other.period.overlaps(&entry.period)) {
            return Err("overlaps with an earlier one".into());
        }
        let is_rising = entry.tiers.is_sorted_by(|a, b| a.prompt_tokens_above < b.prompt_tokens_above);
        if !is_rising || entry.tiers.first().is_none_or(|tier| tier.prompt_tokens_above != 0) {
            return Err("the tiers do not rise from 0".into());
        }
        let multipliers = self.multipliers(model, entry.speed);
        for (class, _, price) in entry.tiers.iter().flat_map(|tier| tier.classes(&Tokens::default())) {
            let is_exact = |by: &Multiplier| price.is_none_or(|price| by.keeps_whole(price));
            if let Some(Multiplier { numerator, denominator }) = multipliers.iter().find(|by| !is_exact(by)) {
                return Err(format!("{class}: a price is not exact times {numerator}/{denominator}"));
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
        let promotions = self.promotions_of(model, speed).filter_map(|promotion| promotion.multiplier);
        for more in promotions.chain(batch) {
            products.extend(products.clone().into_iter().map(|product| product.times(more)));
        }
        products
    }
}

impl ModelPrices {
    pub(super) fn entry(&self, speed: Speed, at: Time) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.speed == speed && entry.period.contains(at))
    }
}

impl Entry {
    /// Strict: a prompt of exactly the threshold stays below it.
    pub(super) fn tier(&self, prompt: i64) -> &Tier {
        self.tiers.iter().rfind(|tier| tier.prompt_tokens_above < prompt).unwrap_or(&self.tiers[0])
    }
}

impl Tier {
    /// Each class of tokens: its name, how many, the price.
    pub(super) fn classes(&self, tokens: &Tokens) -> [(&'static str, i64, Option<MicroUsd>); 5] {
        [
            ("input", tokens.input, self.input),
            ("output", tokens.output, self.output),
            ("cache_read", tokens.cache_read, self.cache_read),
            ("cache_write_5m", tokens.cache_write_5m, self.cache_write_5m),
            ("cache_write_1h", tokens.cache_write_1h, self.cache_write_1h),
        ]
    }
}

impl Period {
    fn contains(&self, at: Time) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let is_before =
            |a: &Self, b: &Self| a.until.is_some_and(|until| b.from.is_some_and(|from| until <= from));
        !is_before(self, other) && !is_before(other, self)
    }
}

impl WebSearch {
    pub(super) fn fee_picousd(&self) -> i128 {
        i128::from(self.usd_per_request.0) * 1_000_000
    }
}

impl Multiplier {
    pub(super) const ONE: Self = Self { numerator: 1, denominator: 1 };

    pub(super) fn is_one(self) -> bool {
        self.numerator == self.denominator
    }

    pub(super) fn times(self, other: Self) -> Self {
        Self {
            numerator: self.numerator * other.numerator,
            denominator: self.denominator * other.denominator,
        }
    }

    /// Exact for a sum of checked prices; none where it overflows.
    pub(super) fn of(self, amount: i128) -> Option<i128> {
        Some(amount.checked_mul(self.numerator)? / self.denominator)
    }

    fn keeps_whole(self, price: MicroUsd) -> bool {
        i128::from(price.0) * self.numerator % self.denominator == 0
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
        time.map(|time| Self(time.as_millisecond()))
            .map_err(|_| format!("{text:?} is neither a day nor a time"))
    }
}

impl TryFrom<String> for MicroUsd {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        decimal(&text, 6, 12).map(Self)
    }
}

impl TryFrom<String> for Multiplier {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // Few digits, so that products of them stay small.
        Ok(Self { numerator: decimal(&text, 3, 6)?.into(), denominator: 1000 })
    }
}

/// `text` times ten to the `places`, in at most `digits`.
fn decimal(text: &str, places: usize, digits: usize) -> Result<i64, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scaled = format!("{whole}{fraction:0<places$}");
    let is_plain =
        !whole.is_empty() && fraction.len() <= places && scaled.bytes().all(|byte| byte.is_ascii_digit());
    let number = scaled.parse().ok().filter(|&number| is_plain && scaled.len() <= digits && number > 0);
    number.ok_or_else(|| format!("{text:?} is not above zero with up to {places} decimals"))
}

#[cfg(test)]
mod tests {
    use super::{EMBEDDED, Error, Speed, Table, Time, Tokens, decimal};
    use serde_json::{Value, json};

    /// What is said of the embedded list after a change to it.
    fn error_after(change: impl Fn(&mut Value)) -> String {
        let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
        change(&mut list);
        match Table::parse(&serde_json::to_string_pretty(&list).unwrap()).unwrap_err() {
            Error::Shape { source } => source.to_string(),
            error @ Error::Rule { .. } => error.to_string(),
        }
    }

    #[test]
    fn every_price_stays_whole_under_all_that_it_can_meet() {
        let table = Table::parse(EMBEDDED).unwrap();
        let mut points = 0;
        for model in &table.models {
            for entry in &model.entries {
                let classes = entry.tiers.iter().flat_map(|tier| tier.classes(&Tokens::default()));
                for price in classes.filter_map(|(_, _, price)| price) {
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
        assert_eq!(
            error,
            "price list: claude-3-opus: entry 1: cache_read: a price is not exact times 500/1000"
        );
    }

    #[test]
    fn an_unreadable_value_is_named_with_its_line() {
        for (text, what) in [("1,5", "\"1,5\" is not above zero"), ("-1", "\"-1\""), ("0.00", "\"0.00\"")] {
            let error =
                error_after(|list| list["models"][0]["entries"][0]["tiers"][0]["input"] = json!(text));
            assert!(error.contains(what) && error.contains(" at line "), "{error}");
        }
        let error = error_after(|list| list["models"][4]["entries"][0]["valid_to"] = json!("2024-13-01"));
        assert!(error.contains("\"2024-13-01\" is neither a day nor a time"), "{error}");
        let error = error_after(|list| list["models"][0]["entries"][0]["speed"] = json!("slow"));
        assert!(error.contains("unknown variant `slow`"), "{error}");
        let error =
            error_after(|list| _ = list["modifiers"]["batch"].as_object_mut().unwrap().remove("multiplier"));
        assert!(error.contains("missing field `multiplier`"), "{error}");
    }

    #[test]
    fn entries_that_contradict_each_other_are_refused() {
        let error = error_after(|list| list["models"][4]["entries"][1]["valid_from"] = json!("2024-12-02"));
        assert_eq!(error, "price list: claude-3-5-haiku: entry 2: overlaps with an earlier one");
        let error = error_after(|list| list["models"][4]["entries"][0]["valid_to"] = json!(null));
        assert_eq!(error, "price list: claude-3-5-haiku: entry 2: overlaps with an earlier one");
        let error =
            error_after(|list| list["models"][0]["entries"][0]["tiers"][0]["prompt_tokens_above"] = json!(1));
        assert_eq!(error, "price list: claude-3-opus: entry 1: the tiers do not rise from 0");
        let error = error_after(|list| list["models"][0]["entries"][0]["tiers"] = json!([]));
        assert_eq!(error, "price list: claude-3-opus: entry 1: the tiers do not rise from 0");
    }

    #[test]
    fn a_model_that_no_id_leads_to_is_refused() {
        let error = error_after(|list| list["models"][0]["id"] = json!("claude-opus-4-20250514"));
        assert_eq!(error, "price list: claude-opus-4-20250514: is not what model ids are normalised to");
        let error = error_after(|list| list["models"][1]["id"] = json!("claude-3-opus"));
        assert_eq!(error, "price list: claude-3-opus: is listed twice");
        let error = error_after(|list| list["promotions"][0]["models"][0] = json!("claude-opus-46"));
        assert_eq!(error, "price list: claude-opus-46: has rules but no prices");
    }

    #[test]
    fn a_model_costs_nothing_known_outside_its_entries() {
        let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
        list["models"][0]["entries"][0]["valid_from"] = json!("2024-03-04");
        let table = Table::parse(&list.to_string()).unwrap();
        let start: Time = "2024-03-04".to_owned().try_into().unwrap();
        assert!(table.models[0].entry(Speed::Standard, start).is_some());
        assert!(table.models[0].entry(Speed::Standard, Time(start.0 - 1)).is_none());
    }

    #[test]
    fn a_promotion_by_invitation_is_not_applied() {
        let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
        let at: Time = "2026-02-10".to_owned().try_into().unwrap();
        for applies in [true, false] {
            list["promotions"][0]["apply_by_default"] = json!(applies);
            let table = Table::parse(&list.to_string()).unwrap();
            let model = table.models.iter().find(|model| model.id == "claude-opus-4-6").unwrap();
            assert_eq!(table.promotion(model, Speed::Fast, at).is_one(), !applies);
        }
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, want) in [("5", 5_000_000), ("0.30", 300_000), ("18.750001", 18_750_001), ("0.000001", 1)]
        {
            assert_eq!(decimal(text, 6, 12), Ok(want), "{text}");
        }
        for text in ["", ".", ".5", "+1", "1e3", "0", "1.0000001", "1.2.3", " 1", "9999999999", "１"] {
            assert!(decimal(text, 6, 12).is_err(), "{text}");
        }
    }
}

//! What a response costs: list prices, by model and date, and the arithmetic on them.
//!
//! Prices come from one data file, `claude-prices.json`, of which no number is repeated here. Money is whole
//! picodollars (1e-12 USD): every price is a whole number of them under every multiplier that it can meet, so
//! nothing is ever rounded. For use under a subscription the result is what the API would have cost.

mod model_id;
mod table;

use std::sync::LazyLock;

use crate::model::{Attempt, AttemptKind, Tokens};
use table::{ModelPrices, Multiplier, Speed, Table, Time};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or a value is missing or unreadable; the source says which and on what line.
    #[error("cannot read the price list")]
    Shape { source: serde_json::Error },
    /// The values do not go together.
    #[error("price list: {model}: {what}")]
    Rule { model: String, what: String },
}

/// The price list: which model cost what, when.
#[derive(Debug)]
pub struct PriceList {
    /// The day the list was checked and a hash of all of it, as in `2026-11-23/1f2e3d4c`.
    pub version: String,
    table: Table,
}

/// A model id, looked up. Keep one per distinct id: looking up costs more than pricing.
#[derive(Debug, Clone)]
pub struct Model<'p> {
    name: String,
    prices: Option<&'p ModelPrices>,
    region: Option<Multiplier>,
    is_on_cloud: bool,
    is_fast: bool,
    is_synthetic: bool,
}

/// What decides the price of one response.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `message.model`, looked up.
    pub model: &'a Model<'a>,
    /// `usage.speed`, `usage.inference_geo` and `usage.service_tier`, verbatim; empty where absent.
    pub speed: &'a str,
    pub inference_geo: &'a str,
    pub service_tier: &'a str,
    /// `message.id`, which tells clouds.
    pub message_id: &'a str,
    /// When the response came, in milliseconds since the epoch: prices change at midnight UTC.
    pub at_ms: i64,
    pub tokens: Tokens,
    pub web_searches: i64,
    /// The model requests behind the response; none: `tokens` was one request.
    pub attempts: &'a [Attempt],
    /// `stop_reason` was `refusal`.
    pub is_refused: bool,
}

/// What a response costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// Of the response's own tokens and its web searches; none: unpriced, which is not free.
    pub cost_picousd: Option<i64>,
    /// What was billed on top of the response's own tokens.
    pub extras: Vec<Extra>,
    pub flags: Flags,
}

/// An advisor's or a compaction's request, or one that was declined only after some output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// Index into the request's attempts.
    pub attempt: usize,
    pub cost_picousd: Option<i64>,
}

/// What to know about a bill before trusting it. The low 12 bits are left to the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// Refused before any output: the tokens are not charged for.
    pub const NOT_BILLED: Self = Self(1 << 12);
    /// Ran in fast mode when the model had no fast price; taken at the standard price, a lower bound.
    pub const FAST_PRICE_UNKNOWN: Self = Self(1 << 13);
    /// A cloud's region may cost more, and the id does not say where it ran.
    pub const REGION_UNKNOWN: Self = Self(1 << 14);
    /// Priority tier has no public price; taken at list.
    pub const PRIORITY_TIER: Self = Self(1 << 15);
    /// The attempts do not sum to the response; priced as one request.
    pub const ITERATIONS_MISMATCH: Self = Self(1 << 16);
    /// A model declined before any output, for which there is no charge; another one answered.
    pub const DECLINED_NOT_BILLED: Self = Self(1 << 17);
    /// A long prompt on a cloud, assumed to pay the surcharge that the first-party API dropped.
    pub const CLOUD_TIER_ASSUMED: Self = Self(1 << 18);
    /// That a refusal is free is stated for the first-party API only.
    pub const REFUSAL_ON_CLOUD: Self = Self(1 << 19);

    const NAMES: [(Self, &str); 8] = [
        (Self::NOT_BILLED, "refusal_not_billed"),
        (Self::FAST_PRICE_UNKNOWN, "fast_price_unknown"),
        (Self::REGION_UNKNOWN, "region_unknown"),
        (Self::PRIORITY_TIER, "priority_tier"),
        (Self::ITERATIONS_MISMATCH, "iterations_mismatch"),
        (Self::DECLINED_NOT_BILLED, "declined_not_billed"),
        (Self::CLOUD_TIER_ASSUMED, "cloud_tier_assumed"),
        (Self::REFUSAL_ON_CLOUD, "refusal_on_cloud"),
    ];

    pub fn bits(self) -> u32 {
        self.0
    }

    /// Takes the flags out of bits that may hold others' too.
    pub fn from_bits(bits: u32) -> Self {
        Self(Self::NAMES.iter().fold(0, |all, (flag, _)| all | flag.0) & bits)
    }

    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl PriceList {
    /// The list that comes with the program.
    pub fn embedded() -> &'static Self {
        static LIST: LazyLock<PriceList> =
            LazyLock::new(|| PriceList::parse(table::EMBEDDED).expect("a test parses the embedded list"));
        &LIST
    }

    pub fn parse(json: &str) -> Result<Self, Error> {
        let table = Table::parse(json)?;
        Ok(Self { version: format!("{}/{:08x}", table.as_of, fnv1a(json.as_bytes())), table })
    }

    /// Looks up a model id as an answer, a gateway or a cloud writes it.
    pub fn resolve(&self, model: &str) -> Model<'_> {
        let id = self.table.model_id(model);
        let regions = &self.table.modifiers.regional_uplift.bedrock_geo_prefix;
        Model {
            prices: self.table.models.iter().find(|prices| prices.id == id.name),
            region: id.region.and_then(|region| regions.get(&region).copied()),
            is_on_cloud: id.is_on_cloud,
            is_fast: id.is_fast,
            is_synthetic: model.trim() == "<synthetic>",
            name: id.name,
        }
    }

    /// The list's name for a model id; none: unknown, and unpriced.
    pub fn priced_as(&self, model: &str) -> Option<&str> {
        Some(&self.resolve(model).prices?.id)
    }

    /// Prices one response, never a sum of them: the length of each request's prompt decides its prices.
    pub fn bill(&self, request: &Request) -> Bill {
        if request.model.is_synthetic {
            // The client wrote the message itself; there was no request.
            return Bill { cost_picousd: Some(0), ..Bill::default() };
        }
        let mut pricing = Pricing { table: &self.table, request, flags: Flags::default() };
        let has_fallback = request.attempts.iter().any(|attempt| attempt.kind == AttemptKind::Fallback);
        let (mut serving, mut extras) = (vec![], vec![]);
        for (index, attempt) in request.attempts.iter().enumerate() {
            let model = attempt.model.as_deref();
            let model = model.map_or_else(|| request.model.clone(), |model| self.resolve(model));
            let is_message = attempt.kind == AttemptKind::Message;
            let is_declined = has_fallback && is_message && model.name != request.model.name;
            match attempt.kind {
                AttemptKind::Message if is_declined && attempt.tokens.output == 0 => {
                    pricing.flags.insert(Flags::DECLINED_NOT_BILLED);
                }
                AttemptKind::Message | AttemptKind::Fallback if !is_declined => {
                    serving.push((model, attempt.tokens));
                }
                kind => {
                    let is_fast = request.is_fast() && kind != AttemptKind::Advisor;
                    let cost_picousd = pricing.cost(&model, &attempt.tokens, is_fast);
                    extras.push(Extra { attempt: index, cost_picousd });
                }
            }
        }
        Bill { cost_picousd: pricing.own_cost(&serving), extras, flags: pricing.flags }
    }
}

impl Request<'_> {
    fn is_fast(&self) -> bool {
        self.speed == "fast" || self.model.is_fast
    }

    fn is_on_cloud(&self) -> bool {
        let id = self.message_id;
        self.model.is_on_cloud || id.starts_with("msg_bdrk_") || id.starts_with("msg_vrtx_")
    }
}

/// One response while it is priced.
struct Pricing<'a> {
    table: &'a Table,
    request: &'a Request<'a>,
    flags: Flags,
}

impl Pricing<'_> {
    /// Of the response's own counts and its searches; `serving` are the requests that the counts should sum.
    fn own_cost(&mut self, serving: &[(Model, Tokens)]) -> Option<i64> {
        let (request, rules) = (self.request, &self.table.modifiers);
        request.model.prices?;
        let fee = i128::from(request.web_searches) * rules.web_search.fee_picousd();
        let is_unanswered = request.is_refused && request.tokens.output == 0;
        if is_unanswered && rules.refusal_not_billed.valid_from.0 <= request.at_ms {
            self.flags.insert(Flags::NOT_BILLED);
            if request.is_on_cloud() {
                self.flags.insert(Flags::REFUSAL_ON_CLOUD);
            }
            return i64::try_from(fee).ok();
        }
        let is_fast = request.is_fast();
        let sum = serving.iter().fold(Tokens::default(), |sum, (_, tokens)| sum + *tokens);
        let is_split = counts(&sum) == counts(&request.tokens);
        if !is_split && !request.attempts.is_empty() {
            self.flags.insert(Flags::ITERATIONS_MISMATCH);
        }
        let cost = if is_split {
            let costs = serving.iter().map(|(model, tokens)| self.cost(model, tokens, is_fast));
            costs.map(|cost| cost.map(i128::from)).sum::<Option<i128>>()?
        } else {
            self.cost(request.model, &request.tokens, is_fast)?.into()
        };
        i64::try_from(cost + fee).ok()
    }

    /// Of one model request, in picodollars.
    fn cost(&mut self, model: &Model, tokens: &Tokens, is_fast: bool) -> Option<i64> {
        let prices = model.prices?;
        let (at, prompt) = (Time(self.request.at_ms), tokens.prompt());
        let is_fast = is_fast || model.is_fast;
        let fast = prices.entry(Speed::Fast, at).filter(|_| is_fast);
        if is_fast && fast.is_none() {
            self.flags.insert(Flags::FAST_PRICE_UNKNOWN);
        }
        let entry = fast.or_else(|| prices.entry(Speed::Standard, at))?;
        let mut tier = entry.tier(prompt);
        if self.request.is_on_cloud()
            && let Some(assumed) = self.table.cloud_long_context(prices, at, prompt)
        {
            self.flags.insert(Flags::CLOUD_TIER_ASSUMED);
            tier = assumed;
        }
        let counted = tier.classes(tokens).into_iter().filter(|(_, count, _)| *count != 0);
        let costs = counted.map(|(_, count, price)| Some(i128::from(count) * i128::from(price?.0)));
        let multiplier = self.place(model, prices).times(self.service(entry.speed));
        let multiplier = multiplier.times(self.table.promotion(prices, entry.speed, at));
        i64::try_from(multiplier.of(costs.sum::<Option<i128>>()?)?).ok()
    }

    fn place(&mut self, model: &Model, prices: &ModelPrices) -> Multiplier {
        let (rules, at) = (&self.table.modifiers, Time(self.request.at_ms));
        let has_uplift = prices.has_regional_uplift && rules.regional_uplift.valid_from <= at;
        let has_geo = prices.has_geo_us && rules.inference_geo_us.valid_from <= at;
        // All attempts of a response ran in one place, which only the response's own id may tell.
        match model.region.or(self.request.model.region) {
            Some(region) if has_uplift && !region.is_one() => region,
            _ if has_geo && self.request.inference_geo == "us" => rules.inference_geo_us.multiplier,
            region => {
                if region.is_none() && has_uplift && self.request.is_on_cloud() {
                    self.flags.insert(Flags::REGION_UNKNOWN);
                }
                Multiplier::ONE
            }
        }
    }

    fn service(&mut self, speed: Speed) -> Multiplier {
        if self.request.service_tier == "priority" {
            self.flags.insert(Flags::PRIORITY_TIER);
        }
        let is_batch = self.request.service_tier == "batch" && speed == Speed::Standard;
        if is_batch { self.table.modifiers.batch.multiplier } else { Multiplier::ONE }
    }
}

/// What attempts must sum to; how long cache writes live is not always told apart.
fn counts(tokens: &Tokens) -> [i64; 4] {
    [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write_5m + tokens.cache_write_1h]
}

/// FNV-1a, 32 bits.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::{Bill, Extra, Flags, PriceList, Request, table};
    use crate::model::{Attempt, AttemptKind, Tokens};
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::Value;

    /// A request to `model` at a time, of nothing yet.
    fn ask<'a>(model: &'a super::Model, at: &str) -> Request<'a> {
        Request {
            model,
            speed: "standard",
            inference_geo: "",
            service_tier: "standard",
            message_id: "msg_01",
            at_ms: at.parse::<Timestamp>().unwrap().as_millisecond(),
            tokens: Tokens::default(),
            web_searches: 0,
            attempts: &[],
            is_refused: false,
        }
    }

    fn bill(model: &str, at: &str, change: impl Fn(&mut Request)) -> Bill {
        let prices = PriceList::embedded();
        let model = prices.resolve(model);
        let mut request = ask(&model, at);
        change(&mut request);
        prices.bill(&request)
    }

    /// Of a million input tokens, in whole dollars and cents; what a price list says.
    fn price_of_input(model: &str, at: &str, change: impl Fn(&mut Request)) -> Option<i64> {
        let bill = bill(model, at, |request| {
            request.tokens.input = 100;
            change(request);
        });
        bill.cost_picousd.map(|cost| cost / 1_000_000)
    }

    const NOON: &str = "2026-11-20T12:00:00Z";

    fn tokens(input: i64, output: i64) -> Tokens {
        Tokens { input, output, ..Tokens::default() }
    }

    fn attempt(kind: AttemptKind, model: Option<&str>, tokens: Tokens) -> Attempt {
        Attempt { kind, model: model.map(Into::into), tokens }
    }

    fn tokens_of(usage: &Value) -> Tokens {
        let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
        let writes = count("/cache_creation_input_tokens");
        let one_hour = count("/cache_creation/ephemeral_1h_input_tokens");
        Tokens {
            input: count("/input_tokens"),
            output: count("/output_tokens"),
            cache_read: count("/cache_read_input_tokens"),
            cache_write_5m: writes - one_hour,
            cache_write_1h: one_hour,
        }
    }

    fn attempt_of(iteration: &Value) -> Attempt {
        let kind = match iteration["type"].as_str().unwrap() {
            "message" => AttemptKind::Message,
            "fallback_message" => AttemptKind::Fallback,
            "advisor_message" => AttemptKind::Advisor,
            "compaction" => AttemptKind::Compaction,
            other => panic!("{other}"),
        };
        attempt(kind, iteration["model"].as_str(), tokens_of(iteration))
    }

    #[test]
    fn the_worked_examples_come_out() {
        let prices = PriceList::embedded();
        let list: Value = serde_json::from_str(table::EMBEDDED).unwrap();
        let examples = list["worked_examples"].as_array().unwrap();
        assert_eq!(examples.len(), 18);
        for example in examples {
            let (n, usage, want) = (&example["n"], &example["usage"], &example["expect"]);
            let model = prices.resolve(example["model"].as_str().unwrap());
            let iterations = usage["iterations"].as_array().map_or(&[][..], Vec::as_slice);
            let attempts: Vec<_> = iterations.iter().map(attempt_of).collect();
            let mut request = ask(&model, example["at"].as_str().unwrap());
            request.speed = usage["speed"].as_str().unwrap_or_default();
            request.inference_geo = usage["inference_geo"].as_str().unwrap_or_default();
            request.message_id = example["message_id"].as_str().unwrap_or_default();
            request.tokens = tokens_of(usage);
            request.web_searches = usage["server_tool_use"]["web_search_requests"].as_i64().unwrap_or(0);
            request.attempts = &attempts;
            request.is_refused = example["stop_reason"] == "refusal";

            let bill = prices.bill(&request);
            let extras = bill.extras.iter().map(|extra| extra.cost_picousd);
            let total = extras.chain([bill.cost_picousd]).sum::<Option<i64>>();
            assert_eq!(total.map(|cost| cost.to_string()).as_deref(), want["picodollars"].as_str(), "{n}");
            let status = match total {
                None => "unpriced",
                _ if bill.flags.contains(Flags::NOT_BILLED) => "not_billed",
                _ => "priced",
            };
            assert_eq!(want["status"], status, "{n}");
            let flags = want["flags"].as_array().unwrap().iter().filter_map(Value::as_str);
            let flags =
                flags.map(|flag| flag.split(':').next().unwrap()).filter(|flag| *flag != "unknown_model");
            assert_eq!(bill.flags.names().collect::<Vec<_>>(), flags.collect::<Vec<_>>(), "{n}");
        }
    }

    #[test]
    fn every_listed_id_is_priced_as_its_model() {
        let list: Value = serde_json::from_str(table::EMBEDDED).unwrap();
        let mut count = 0;
        for model in list["models"].as_array().unwrap() {
            let ids = &model["ids"];
            for ids in [&ids["first_party"], &ids["bedrock"], &ids["vertex"], &model["aliases"]] {
                for id in ids.as_array().unwrap() {
                    assert_eq!(
                        PriceList::embedded().priced_as(id.as_str().unwrap()),
                        model["id"].as_str(),
                        "{id}"
                    );
                    count += 1;
                }
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn what_is_not_listed_is_unpriced_with_its_searches() {
        let profile = "arn:aws:bedrock:us-east-1:1:application-inference-profile/claude-opus-5";
        for model in ["claude-opus-5-6", "claude-nova-9", "claude-opus", "opus", "gpt-5", profile, ""] {
            assert_eq!(PriceList::embedded().priced_as(model), None, "{model}");
            let answered = bill(model, NOON, |request| {
                (request.tokens, request.web_searches) = (tokens(1, 1), 1);
            });
            let refused = bill(model, NOON, |request| request.is_refused = true);
            assert_eq!((answered, refused), (Bill::default(), Bill::default()));
        }
    }

    #[test]
    fn a_synthetic_message_costs_nothing() {
        assert_eq!(bill("<synthetic>", NOON, |_| ()), Bill { cost_picousd: Some(0), ..Bill::default() });
    }

    #[test]
    fn a_price_changes_at_midnight_utc() {
        let read = |at| bill("claude-sonnet-5-5", at, |request| request.tokens.cache_read = 1).cost_picousd;
        assert_eq!(read("2026-10-06T23:59:59.999Z"), Some(200_000));
        assert_eq!(read("2026-10-07T00:00:00Z"), Some(100_000));
        let fast = |at| price_of_input("claude-opus-4-8", at, |request| request.speed = "fast");
        assert_eq!(fast("2026-11-29T23:59:59.999Z"), Some(1000));
        assert_eq!(fast("2026-11-30T00:00:00Z"), Some(500));
    }

    #[test]
    fn a_prompt_of_exactly_the_threshold_is_below_it() {
        let cost = |write| {
            let prompt = Tokens {
                input: 40_000,
                output: 1,
                cache_read: 50_000,
                cache_write_1h: write,
                ..tokens(0, 0)
            };
            bill("claude-haiku-5-5", NOON, |request| request.tokens = prompt).cost_picousd
        };
        assert_eq!(cost(10_000), Some(40_000 * 100_000 + 500_000 + 50_000 * 10_000 + 10_000 * 200_000));
        assert_eq!(cost(10_001), Some(40_000 * 500_000 + 2_500_000 + 50_000 * 50_000 + 10_001 * 1_000_000));
    }

    #[test]
    fn multipliers_meet_as_stated() {
        type Change = fn(&mut Request);
        let us: Change = |request| request.inference_geo = "us";
        let batch: Change = |request| request.service_tier = "batch";
        let us_batch: Change = |request| (request.inference_geo, request.service_tier) = ("us", "batch");
        let us_fast: Change = |request| (request.inference_geo, request.speed) = ("us", "fast");
        let fast_batch: Change = |request| (request.speed, request.service_tier) = ("fast", "batch");
        let cases: &[(&str, &str, Change, i64)] = &[
            ("claude-opus-5-5", NOON, us, 440),
            ("claude-opus-5-5", NOON, |request| request.inference_geo = "global", 400),
            ("claude-opus-4-5", NOON, us, 500),
            ("claude-opus-4-6", "2026-02-04T23:59:59Z", us, 500),
            ("claude-opus-4-6", "2026-02-05T00:00:00Z", us, 550),
            ("claude-opus-5-5", NOON, batch, 200),
            ("claude-opus-5-5", NOON, us_batch, 220),
            ("claude-opus-5-5", NOON, us_fast, 880),
            ("claude-opus-5-5", NOON, fast_batch, 800),
            ("claude-opus-5-5-fast", NOON, |_| (), 800),
            ("eu.anthropic.claude-opus-5-5", NOON, |_| (), 440),
            ("eu.anthropic.claude-opus-5-5", NOON, us, 440),
            ("global.anthropic.claude-opus-5-5", NOON, |_| (), 400),
            ("global.anthropic.claude-opus-5-5", NOON, us, 440),
            ("us-gov.anthropic.claude-opus-5-5", NOON, batch, 240),
            ("eu.anthropic.claude-opus-4-1", NOON, |_| (), 1500),
            ("eu.anthropic.claude-sonnet-4-5", "2025-09-28T23:59:59Z", |_| (), 300),
            ("eu.anthropic.claude-sonnet-4-5", "2025-09-29T00:00:00Z", |_| (), 330),
            ("claude-opus-4-6-fast", "2026-02-17T07:59:59.999Z", |_| (), 1500),
            ("claude-opus-4-6-fast", "2026-02-17T08:00:00Z", |_| (), 3000),
            ("claude-opus-4-6", "2026-02-10T00:00:00Z", |_| (), 500),
            ("claude-sonnet-4", "2026-02-10T00:00:00Z", |_| (), 300),
        ];
        for (model, at, change, want) in cases {
            assert_eq!(price_of_input(model, at, change), Some(*want), "{model} {at}");
        }
    }

    #[test]
    fn searches_are_never_multiplied() {
        let bill = bill("claude-opus-5-5", NOON, |request| {
            (request.inference_geo, request.service_tier) = ("us", "batch");
            (request.tokens, request.web_searches) = (tokens(10, 0), 3);
        });
        assert_eq!(bill.cost_picousd, Some(22_000_000 + 30_000_000_000));
    }

    #[test]
    fn a_bill_says_what_it_does_not_know() {
        type Change = fn(&mut Request);
        let cases: &[(&str, Change, &[&str])] = &[
            ("claude-opus-5-5", |_| (), &[]),
            ("claude-sonnet-5-5", |request| request.speed = "fast", &["fast_price_unknown"]),
            ("claude-opus-5-5", |request| request.service_tier = "priority", &["priority_tier"]),
            ("anthropic.claude-opus-5-5", |_| (), &["region_unknown"]),
            ("claude-opus-5-5@default", |_| (), &["region_unknown"]),
            ("claude-opus-5-5", |request| request.message_id = "msg_vrtx_1", &["region_unknown"]),
            ("claude-opus-4-1", |request| request.message_id = "msg_vrtx_1", &[]),
            ("eu.anthropic.claude-opus-5-5", |request| request.message_id = "msg_bdrk_1", &[]),
        ];
        for (model, change, want) in cases {
            let bill = bill(model, NOON, |request| {
                request.tokens = tokens(1, 1);
                change(request);
            });
            assert_eq!(bill.flags.names().collect::<Vec<_>>(), *want, "{model}");
        }
    }

    #[test]
    fn a_long_prompt_on_a_cloud_keeps_its_surcharge() {
        let cost = |model, at, input| {
            let bill = bill(model, at, |request| request.tokens.input = input);
            (bill.cost_picousd.unwrap() / input, bill.flags.contains(Flags::CLOUD_TIER_ASSUMED))
        };
        let eu = "eu.anthropic.claude-sonnet-4-5";
        assert_eq!(cost(eu, "2026-04-29T00:00:00Z", 200_001), (6_600_000, false));
        assert_eq!(cost(eu, "2026-04-30T00:00:00Z", 200_001), (6_600_000, true));
        assert_eq!(cost(eu, "2026-04-30T00:00:00Z", 200_000), (3_300_000, false));
        assert_eq!(cost("claude-sonnet-4-5", "2026-04-30T00:00:00Z", 200_001), (3_000_000, false));
        assert_eq!(cost("claude-sonnet-4@20250514", "2025-08-11T00:00:00Z", 200_001), (3_000_000, false));
        assert_eq!(
            cost("eu.anthropic.claude-sonnet-4-6", "2026-04-30T00:00:00Z", 200_001),
            (3_300_000, false)
        );
    }

    #[test]
    fn a_refusal_before_output_costs_its_searches_only() {
        let refused = |at, output, message_id: &'static str| {
            let bill = bill("claude-opus-4-8", at, |request| {
                (request.tokens, request.web_searches) = (tokens(1, output), 1);
                (request.is_refused, request.message_id) = (true, message_id);
            });
            (bill.cost_picousd.unwrap() - 10_000_000_000, bill.flags.names().collect::<Vec<_>>())
        };
        assert_eq!(refused("2026-06-01T23:59:59Z", 0, "msg_01"), (5_000_000, vec![]));
        assert_eq!(refused("2026-06-02T00:00:00Z", 0, "msg_01"), (0, vec!["refusal_not_billed"]));
        assert_eq!(refused("2026-06-02T00:00:00Z", 1, "msg_01"), (30_000_000, vec![]));
        let on_cloud = vec!["refusal_not_billed", "refusal_on_cloud"];
        assert_eq!(refused("2026-06-02T00:00:00Z", 0, "msg_bdrk_1"), (0, on_cloud));
    }

    #[test]
    fn tokens_without_a_price_are_unpriced_not_free() {
        let cost = |tokens| bill("claude-3-sonnet", NOON, |request| request.tokens = tokens).cost_picousd;
        assert_eq!(cost(tokens(1, 1)), Some(18_000_000));
        assert_eq!(cost(Tokens { cache_read: 1, ..tokens(1, 1) }), None);
    }

    #[test]
    fn attempts_that_do_not_sum_up_are_priced_as_one() {
        let parts =
            [tokens(60_000, 1), tokens(60_000, 1)].map(|part| attempt(AttemptKind::Message, None, part));
        let cost = |total, attempts: &[Attempt]| {
            let prices = PriceList::embedded();
            let model = prices.resolve("claude-haiku-5-5");
            let bill = prices.bill(&Request { tokens: total, attempts, ..ask(&model, NOON) });
            (bill.cost_picousd.unwrap(), bill.flags)
        };
        let is_upper = 120_000 * 500_000 + 2 * 2_500_000;
        assert_eq!(cost(tokens(120_000, 2), &parts), (120_000 * 100_000 + 2 * 500_000, Flags::default()));
        assert_eq!(cost(tokens(120_000, 2), &parts[..1]), (is_upper, Flags::ITERATIONS_MISMATCH));
        assert_eq!(cost(tokens(120_000, 3), &parts), (is_upper + 2_500_000, Flags::ITERATIONS_MISMATCH));
    }

    #[test]
    fn only_where_another_model_served_has_one_declined() {
        let attempts = [attempt(AttemptKind::Message, Some("claude-fable-5"), tokens(1, 0))];
        let prices = PriceList::embedded();
        let model = prices.resolve("claude-opus-5-5");
        let bill = prices.bill(&Request { tokens: tokens(1, 0), attempts: &attempts, ..ask(&model, NOON) });
        assert_eq!(bill, Bill { cost_picousd: Some(10_000_000), ..Bill::default() });
    }

    #[test]
    fn cache_writes_sum_up_however_long_they_live() {
        let part = Tokens { cache_write_5m: 8, ..tokens(1, 1) };
        let attempts = [attempt(AttemptKind::Message, None, part)];
        let prices = PriceList::embedded();
        let model = prices.resolve("claude-opus-5-5");
        let total = Tokens { cache_write_1h: 8, ..tokens(1, 1) };
        let bill = prices.bill(&Request { tokens: total, attempts: &attempts, ..ask(&model, NOON) });
        assert_eq!(
            (bill.cost_picousd, bill.flags),
            (Some(4_000_000 + 20_000_000 + 8 * 5_000_000), Flags::default())
        );
    }

    #[test]
    fn what_comes_on_top_is_billed_on_its_own() {
        use AttemptKind::{Advisor, Compaction, Fallback, Message};
        let prices = PriceList::embedded();
        let model = prices.resolve("eu.anthropic.claude-opus-5-5");
        let attempts = [
            attempt(Message, Some("claude-fable-5"), tokens(1, 1)),
            attempt(Message, Some("claude-fable-5-1"), tokens(1, 0)),
            attempt(Fallback, Some("claude-opus-5-5"), tokens(1, 0)),
            attempt(Advisor, Some("claude-fable-5-2"), tokens(1, 0)),
            attempt(Advisor, Some("claude-nova-9"), tokens(1, 0)),
            attempt(Compaction, None, tokens(1, 0)),
            attempt(Message, None, tokens(1, 0)),
        ];
        let tokens = tokens(2, 0);
        let bill = prices.bill(&Request { tokens, attempts: &attempts, speed: "fast", ..ask(&model, NOON) });
        let extra = |attempt, cost_picousd| Extra { attempt, cost_picousd };
        let want = Bill {
            cost_picousd: Some(2 * 8_800_000),
            extras: vec![
                extra(0, Some(66_000_000)),
                extra(3, Some(8_800_000)),
                extra(4, None),
                extra(5, Some(8_800_000)),
            ],
            flags: Flags::from_bits(Flags::DECLINED_NOT_BILLED.bits() | Flags::FAST_PRICE_UNKNOWN.bits()),
        };
        assert_eq!(bill, want);
    }

    #[test]
    fn a_cost_too_large_to_hold_is_unpriced() {
        let cost = |input| bill("claude-opus-5", NOON, |request| request.tokens.input = input).cost_picousd;
        assert_eq!(cost(i64::MAX / 5_000_000), Some(i64::MAX / 5_000_000 * 5_000_000));
        assert_eq!(cost(i64::MAX / 5_000_000 + 1), None);
        assert_eq!(cost(i64::MAX), None);
    }

    #[test]
    fn flags_survive_the_ledger_and_leave_its_bits_alone() {
        let all = Flags::from_bits(u32::MAX);
        assert_eq!(all.names().count(), Flags::NAMES.len());
        assert_eq!(all.bits() & 0xfff, 0);
        assert_eq!(Flags::from_bits(all.bits() | 1), all);
        assert!(all.contains(Flags::PRIORITY_TIER) && !Flags::default().contains(Flags::PRIORITY_TIER));
    }

    #[test]
    fn the_version_changes_with_any_byte() {
        let version = &PriceList::embedded().version;
        assert!(
            version.starts_with("2026-11-23/") && version.len() == "2026-11-23/1f2e3d4c".len(),
            "{version}"
        );
        let longer = PriceList::parse(&format!("{} ", table::EMBEDDED)).unwrap();
        assert_ne!(&longer.version, version);
        assert_eq!(super::fnv1a(b"foobar"), 0xbf9c_f968);
    }

    fn any_tokens() -> impl Strategy<Value = Tokens> {
        let count = || 0..1_000_000_000_i64;
        (count(), count(), count(), count(), count()).prop_map(
            |(input, output, cache_read, cache_write_5m, cache_write_1h)| Tokens {
                input,
                output,
                cache_read,
                cache_write_5m,
                cache_write_1h,
            },
        )
    }

    proptest! {
        #[test]
        fn equal_attempts_cost_as_often(part in any_tokens(), times in 1..9_usize, geo in "us|", fast in "fast|") {
            let prices = PriceList::embedded();
            let model = prices.resolve("claude-opus-5-5");
            let one = Request { tokens: part, inference_geo: &geo, speed: &fast, ..ask(&model, NOON) };
            let attempts = vec![attempt(AttemptKind::Message, None, part); times];
            let tokens = attempts.iter().fold(Tokens::default(), |sum, attempt| sum + attempt.tokens);
            let all = prices.bill(&Request { tokens, attempts: &attempts, ..one });
            let one = prices.bill(&one).cost_picousd.and_then(|cost| cost.checked_mul(i64::try_from(times).ok()?));
            prop_assert_eq!((all.cost_picousd, all.flags), (one, Flags::default()));
        }

        #[test]
        fn anything_can_be_billed(
            model in "((eu[.]|)anthropic[.]|)claude-(opus|sonnet|haiku|fable)-[3-6](-[0-9])?(-fast|)|.*",
            id in "msg_(bdrk_|vrtx_|)1",
            tier in "standard|batch|priority",
            at_ms in prop_oneof![any::<i64>(), 1_700_000_000_000..1_800_000_000_000_i64],
            (tokens, attempts) in (any_tokens(), prop::collection::vec((0..4_usize, ".*", any_tokens()), 0..4)),
            (web_searches, is_refused) in any::<(i64, bool)>(),
        ) {
            use AttemptKind::{Advisor, Compaction, Fallback, Message};
            let prices = PriceList::embedded();
            let kinds = [Message, Fallback, Advisor, Compaction];
            let attempts = attempts.into_iter();
            let attempts: Vec<_> = attempts.map(|(kind, model, part)| attempt(kinds[kind], Some(&model), part)).collect();
            let resolved = prices.resolve(&model);
            let bill = prices.bill(&Request {
                message_id: &id,
                service_tier: &tier,
                at_ms,
                tokens,
                attempts: &attempts,
                web_searches,
                is_refused,
                ..ask(&resolved, NOON)
            });
            prop_assert!(bill.extras.len() <= attempts.len());
            prop_assert!(bill.cost_picousd.is_none() || prices.priced_as(&model).is_some() || model == "<synthetic>");
        }
    }
}

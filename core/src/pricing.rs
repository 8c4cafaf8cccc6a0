//! What a response costs: list prices, by model and date, the user's own beside them, and the arithmetic on them.
//!
//! List prices come from one data file, `claude-prices.json`, of which no number is repeated here; `overlay` is what
//! the user adds. Money is whole picodollars (1e-12 USD): every list price is a whole number of them under every
//! multiplier that it can meet, so list cost is never rounded. The user's prices and discounts may leave a fraction:
//! it is kept to the end, and what a response costs, or an extra attempt, is rounded once, half to even.
//! For use under a subscription the result is what the API would have cost.

mod exact;
mod flags;
mod model_id;
pub mod overlay;
pub mod saving;
pub mod table;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::model::{Attempt, AttemptKind, Tokens, fnv1a};
use exact::PARTS;
pub use exact::{decimal, half_to_even};
use overlay::{Contract, Deal, Overlay, Rules};
use table::{Entry, ModelPrices, Speed, Table, Time};

pub use exact::{MicroUsd, Multiplier, Percent};
pub use flags::{Flags, Remark};

/// Raised with every change of the arithmetic that makes another bill of the same prices, so that what was billed
/// before is billed again.
const RULES: u32 = 1;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the price list {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// Not JSON, or a value is missing or unreadable; the source says which and on what line.
    #[error("{list} cannot be understood")]
    List { list: String, source: serde_json::Error },
    #[error("{list} has the format `{schema}`, and this odin reads `{known}`")]
    Format { list: String, schema: String, known: &'static str },
    /// The values do not go together.
    #[error("{list}: {model}: {what}")]
    Rule { list: String, model: String, what: String },
    /// The same in the user's configuration.
    #[error("{}, line {line}: {what}", path.display())]
    Overlay { path: PathBuf, line: usize, what: String },
    /// The configuration names a model that has no prices.
    #[error("{}, line {line}: no model `{wanted}` has prices", path.display())]
    NoModel { path: PathBuf, line: usize, wanted: String, known: Vec<String> },
}

/// Which model cost what, when: a price list, and what the user says beside it.
#[derive(Debug)]
pub struct Prices {
    /// The day the list was checked and a hash of all of it, as in `2026-11-23/1f2e3d4c`; then, with prices of the
    /// user, a hash of those. Bills of one version are the same.
    pub version: String,
    /// Where the list was read from; none: it came with the program.
    pub file: Option<PathBuf>,
    pub table: Table,
    pub rules: Rules,
}

/// A model id, looked up. Keep one per distinct id: looking up costs more than pricing.
#[derive(Debug, Clone)]
pub struct Model<'p> {
    /// The price list's name, or what is left of the id without its decorations.
    pub name: String,
    pub prices: Option<&'p ModelPrices>,
    pub contract: Option<&'p Contract>,
    /// What the id is an alias of, as the configuration has it.
    pub alias_of: Option<&'p str>,
    /// Where a cloud ran it, as the id says: the region, and what that multiplies prices by where it counts.
    pub region: Option<(String, Multiplier)>,
    pub is_on_cloud: bool,
    pub is_fast: bool,
    /// The prices are the user's: no list has the model.
    pub is_own: bool,
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
    /// At list price, of the response's own tokens and its web searches; none: unpriced, which is not free.
    pub cost_picousd: Option<i64>,
    /// The same under the user's contract; none: the contract says nothing of it, and what is paid is list cost.
    pub contract_picousd: Option<i64>,
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
    pub contract_picousd: Option<i64>,
}

impl Prices {
    /// The list that comes with the program, and nothing of the user.
    pub fn embedded() -> &'static Self {
        static LIST: LazyLock<Prices> = LazyLock::new(|| {
            Prices::parse("the embedded price list", table::EMBEDDED)
                .expect("a test parses the embedded list")
        });
        &LIST
    }

    /// The list that the overlay names, else the embedded one, and what the overlay adds to it.
    pub fn load(overlay: &Overlay) -> Result<Self, Error> {
        let list = match &overlay.file {
            Some(path) => Self::read(path)?,
            None => Self::parse("the embedded price list", table::EMBEDDED)?,
        };
        list.with(overlay)
    }

    /// A list in a file of the embedded one's format.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Read { path: path.into(), source };
        let json = std::fs::read_to_string(path).map_err(unreadable)?;
        let list = Self::parse(&format!("the price list {}", path.display()), &json)?;
        Ok(Self { file: Some(path.into()), ..list })
    }

    /// `list` names it in errors.
    fn parse(list: &str, json: &str) -> Result<Self, Error> {
        let table = Table::parse(list, json)?;
        let version = format!("{}/{}", table.as_of, digest(&format!("{RULES}\n{json}")));
        Ok(Self { version, file: None, table, rules: Rules::default() })
    }

    fn with(mut self, overlay: &Overlay) -> Result<Self, Error> {
        self.rules = overlay.rules(&self.table)?;
        if !self.rules.is_empty() {
            // Their debug text has all that a bill may depend on, and not how the file is laid out.
            self.version = format!("{}+{}", self.version, digest(&format!("{:?}", self.rules)));
        }
        Ok(self)
    }

    /// Looks up a model id as an answer, a gateway or a cloud writes it.
    pub fn resolve(&self, model: &str) -> Model<'_> {
        let found = self.look_up(model);
        if found.prices.is_some() {
            return found;
        }
        let aliases = &self.rules.aliases;
        let Some(target) = aliases.get(&overlay::key(model)).or_else(|| aliases.get(&found.name)) else {
            return found;
        };
        let meant = self.look_up(target);
        Model {
            alias_of: Some(target),
            region: meant.region.clone().or(found.region),
            is_on_cloud: meant.is_on_cloud || found.is_on_cloud,
            is_fast: meant.is_fast || found.is_fast,
            ..meant
        }
    }

    /// Without regard to aliases.
    fn look_up(&self, model: &str) -> Model<'_> {
        let id = self.table.model_id(model);
        let listed = self.table.model(&id.name);
        let own = || self.rules.own(&overlay::key(model)).or_else(|| self.rules.own(&id.name));
        let prices = listed.or_else(own);
        let regions = &self.table.modifiers.regional_uplift.bedrock_geo_prefix;
        Model {
            prices,
            contract: self.rules.contracts.get(&id.name),
            alias_of: None,
            region: id.region.and_then(|region| Some((region.clone(), *regions.get(&region)?))),
            is_on_cloud: id.is_on_cloud,
            is_fast: id.is_fast,
            is_own: listed.is_none() && prices.is_some(),
            name: prices.map_or(id.name, |prices| prices.id.clone()),
        }
    }

    /// The name that a model id has prices under; none: unknown, and unpriced.
    pub fn priced_as(&self, model: &str) -> Option<&str> {
        Some(&self.resolve(model).prices?.id)
    }

    /// Prices one response, never a sum of them: the length of each request's prompt decides its prices.
    pub fn bill(&self, request: &Request) -> Bill {
        if request.model.name == "<synthetic>" {
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
                    let (cost_picousd, contract_picousd) =
                        pricing.cost(&model, &attempt.tokens, is_fast).settled();
                    extras.push(Extra { attempt: index, cost_picousd, contract_picousd });
                }
            }
        }
        let (cost_picousd, contract_picousd) = pricing.own_cost(&serving).settled();
        Bill { cost_picousd, contract_picousd, extras, flags: pricing.flags }
    }
}

impl<'p> Model<'p> {
    /// What the list, or else the user, says of the model at a time: its fast prices where it ran fast and has them.
    fn entry(&self, is_fast: bool, at: Time) -> Option<&'p Entry> {
        let prices = self.prices?;
        let fast = prices.entry(Speed::Fast, at).filter(|_| is_fast || self.is_fast);
        fast.or_else(|| prices.entry(Speed::Standard, at))
    }

    /// What the user's contract puts in the place of that.
    pub fn deal(&self, is_fast: bool, at: Time) -> Option<Deal<'p>> {
        let listed = self.entry(is_fast, at).map_or(Speed::Standard, |entry| entry.speed);
        self.contract?.deal(is_fast || self.is_fast, listed, at)
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

/// What something costs, in [`PARTS`] of a picodollar; none: no price, or too much to count.
#[derive(Debug, Clone, Copy)]
struct Cost {
    list: Option<i128>,
    /// The same as `list` but for what a contract changes.
    paid: Option<i128>,
    has_contract: bool,
}

impl Cost {
    const UNPRICED: Self = Self { list: None, paid: None, has_contract: false };

    /// `priced` is what comes out at prices of the contract.
    fn under(deal: Option<Deal>, list: Option<i128>, priced: impl FnOnce(&Entry) -> Option<i128>) -> Self {
        let paid = match deal {
            None => list,
            // List cost is whole picodollars.
            Some(Deal::Discount(discount)) => list.and_then(|list| discount.percent.off().of(list / PARTS)),
            Some(Deal::Prices(entry)) => priced(entry),
        };
        Self { list, paid, has_contract: deal.is_some() }
    }

    fn plus(self, other: Self) -> Self {
        let sum = |a: Option<i128>, b: Option<i128>| a?.checked_add(b?);
        Self {
            list: sum(self.list, other.list),
            paid: sum(self.paid, other.paid),
            has_contract: self.has_contract || other.has_contract,
        }
    }

    /// List cost and contract cost in picodollars.
    fn settled(self) -> (Option<i64>, Option<i64>) {
        let settle = |cost: i128| i64::try_from(half_to_even(cost, PARTS)).ok();
        let (list, paid) = (self.list.and_then(settle), self.paid.and_then(settle));
        match paid {
            // Only by its size: nothing is better than a contract cost that looks like list cost.
            None if self.has_contract => (None, None),
            _ => (list, paid.filter(|_| self.has_contract)),
        }
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
    fn own_cost(&mut self, serving: &[(Model, Tokens)]) -> Cost {
        let (request, rules) = (self.request, &self.table.modifiers);
        if request.model.prices.is_none() {
            return Cost::UNPRICED;
        }
        let is_fast = request.is_fast();
        let fee = self.fee();
        let is_unanswered = request.is_refused && request.tokens.output == 0;
        if is_unanswered && rules.refusal_not_billed.valid_from.0 <= request.at_ms {
            self.flags.insert(Flags::NOT_BILLED);
            if request.is_on_cloud() {
                self.flags.insert(Flags::REFUSAL_ON_CLOUD);
            }
            return fee;
        }
        let sum = serving.iter().fold(Tokens::default(), |sum, (_, tokens)| sum + *tokens);
        let is_split = counts(&sum) == counts(&request.tokens);
        if !is_split && !request.attempts.is_empty() {
            self.flags.insert(Flags::ITERATIONS_MISMATCH);
        }
        if !is_split {
            return self.cost(request.model, &request.tokens, is_fast).plus(fee);
        }
        serving.iter().fold(fee, |sum, (model, tokens)| sum.plus(self.cost(model, tokens, is_fast)))
    }

    /// Of the searches, on which nothing is put.
    fn fee(&self) -> Cost {
        let request = self.request;
        let each = self.table.modifiers.web_search.fee_picousd();
        let fee = each.checked_mul(request.web_searches.into()).and_then(|fee| Multiplier::ONE.of(fee));
        Cost::under(request.model.deal(request.is_fast(), Time(request.at_ms)), fee, |_| fee)
    }

    /// Of one model request.
    fn cost(&mut self, model: &Model, tokens: &Tokens, is_fast: bool) -> Cost {
        let Some(prices) = model.prices else { return Cost::UNPRICED };
        let (at, prompt) = (Time(self.request.at_ms), tokens.prompt());
        if model.is_own {
            self.flags.insert(Flags::OWN_PRICE);
        }
        let entry = model.entry(is_fast, at);
        if (is_fast || model.is_fast) && entry.is_none_or(|entry| entry.speed == Speed::Standard) {
            self.flags.insert(Flags::FAST_PRICE_UNKNOWN);
        }
        let list = entry.and_then(|entry| {
            let mut tier = entry.tier(prompt);
            if self.request.is_on_cloud()
                && let Some(assumed) = self.table.cloud_long_context(prices, at, prompt)
            {
                self.flags.insert(Flags::CLOUD_TIER_ASSUMED);
                tier = assumed;
            }
            self.factors(model, prices, entry.speed).of(tier.cost(tokens)?)
        });
        Cost::under(model.deal(is_fast, at), list, |entry| {
            self.factors(model, prices, entry.speed).of(entry.tier(prompt).cost(tokens)?)
        })
    }

    /// All that multiplies a price.
    fn factors(&mut self, model: &Model, prices: &ModelPrices, speed: Speed) -> Multiplier {
        let promotion = self.table.promotion(&prices.id, speed, Time(self.request.at_ms));
        if !promotion.is_one() {
            self.flags.insert(Flags::PROMOTION);
        }
        self.place(model, prices).times(self.service(speed)).times(promotion)
    }

    fn place(&mut self, model: &Model, prices: &ModelPrices) -> Multiplier {
        let (rules, at) = (&self.table.modifiers, Time(self.request.at_ms));
        let has_uplift = prices.has_regional_uplift && rules.regional_uplift.valid_from <= at;
        let has_geo = prices.has_geo_us && rules.inference_geo_us.valid_from <= at;
        // All attempts of a response ran in one place, which only the response's own id may tell.
        match model.region.as_ref().or(self.request.model.region.as_ref()) {
            Some((_, uplift)) if has_uplift && !uplift.is_one() => *uplift,
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

/// Eight digits that change with any byte.
fn digest(text: &str) -> String {
    format!("{:08x}", fnv1a(text.as_bytes()) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::overlay::Overlay;
    use super::{Bill, Extra, Flags, Prices, Request, table};
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
        let prices = Prices::embedded();
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
        let prices = Prices::embedded();
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
            let promotion = (n == "5").then_some("promotion");
            assert_eq!(
                bill.flags.names().collect::<Vec<_>>(),
                flags.chain(promotion).collect::<Vec<_>>(),
                "{n}"
            );
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
                        Prices::embedded().priced_as(id.as_str().unwrap()),
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
            assert_eq!(Prices::embedded().priced_as(model), None, "{model}");
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
            let prices = Prices::embedded();
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
        let prices = Prices::embedded();
        let model = prices.resolve("claude-opus-5-5");
        let bill = prices.bill(&Request { tokens: tokens(1, 0), attempts: &attempts, ..ask(&model, NOON) });
        assert_eq!(bill, Bill { cost_picousd: Some(10_000_000), ..Bill::default() });
    }

    #[test]
    fn cache_writes_sum_up_however_long_they_live() {
        let part = Tokens { cache_write_5m: 8, ..tokens(1, 1) };
        let attempts = [attempt(AttemptKind::Message, None, part)];
        let prices = Prices::embedded();
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
        let prices = Prices::embedded();
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
        let extra = |attempt, cost_picousd| Extra { attempt, cost_picousd, contract_picousd: None };
        let want = Bill {
            cost_picousd: Some(2 * 8_800_000),
            extras: vec![
                extra(0, Some(66_000_000)),
                extra(3, Some(8_800_000)),
                extra(4, None),
                extra(5, Some(8_800_000)),
            ],
            flags: Flags::from_bits(Flags::DECLINED_NOT_BILLED.bits() | Flags::FAST_PRICE_UNKNOWN.bits()),
            ..Bill::default()
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
    fn the_version_changes_with_any_byte() {
        let version = &Prices::embedded().version;
        assert!(
            version.starts_with("2026-11-23/") && version.len() == "2026-11-23/1f2e3d4c".len(),
            "{version}"
        );
        let longer = Prices::parse("the list", &format!("{} ", table::EMBEDDED)).unwrap();
        assert_ne!(&longer.version, version);
    }

    /// Bills of three models of a list that never changes, under an overlay that never does, over all that matters.
    fn bills_of_fixed_prices() -> String {
        let list =
            Prices::parse("the list", include_str!("../../tests/fixtures/prices/three-models.json")).unwrap();
        let overlay = toml::from_str::<Overlay>(
            "[[discount]]
            percent = '33.333'
            models = ['claude-haiku-5-5']
            [[model]]
            id = 'claude-sonnet-4-5'
            input = '2.000001'
            output = '9'
            cache_read = '0.000007'
            cache_write_5m = '2.5'
            cache_write_1h = '4'
            [[model]]
            id = 'own'
            input = '0.000001'
            output = '3'",
        );
        let prices = list.with(&overlay.unwrap()).unwrap();
        let write = Tokens { cache_read: 7, cache_write_5m: 3, cache_write_1h: 250_000, ..tokens(11, 0) };
        let usages = [tokens(1, 1), Tokens { cache_read: 100_001, ..tokens(0, 13) }, write];
        let part = attempt(AttemptKind::Message, Some("claude-haiku-5-5"), tokens(1, 1));
        let advisor = attempt(AttemptKind::Advisor, Some("claude-sonnet-4-5"), tokens(5, 5));
        let fallback = attempt(AttemptKind::Fallback, None, tokens(1, 1));
        let behind = [&[][..], &[part, fallback, advisor]];
        let mut bills = vec![];
        for model in [
            "claude-opus-4-6",
            "us-gov.anthropic.claude-opus-4.6-fast",
            "claude-haiku-5-5",
            "own",
            "claude-sonnet-4-5",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-opus-9",
        ] {
            for at in [
                "2026-02-10T00:00:00Z",
                "2026-02-17T08:00:00Z",
                "2026-03-12T12:00:00Z",
                "2026-11-20T12:00:00Z",
            ] {
                for (usage, attempts) in
                    usages.into_iter().flat_map(|usage| behind.map(|attempts| (usage, attempts)))
                {
                    for terms in
                        ["standard  ", "fast us ", "standard us batch", "fast  batch", "standard  priority"]
                    {
                        let resolved = prices.resolve(model);
                        let mut terms = terms.split(' ');
                        let mut request = ask(&resolved, at);
                        request.speed = terms.next().unwrap();
                        request.inference_geo = terms.next().unwrap();
                        request.service_tier = terms.next().unwrap();
                        (request.tokens, request.attempts) = (usage, attempts);
                        (request.web_searches, request.is_refused) = (usage.output, usage.output == 0);
                        let Bill { cost_picousd, contract_picousd, extras, flags } = prices.bill(&request);
                        let extras: Vec<_> =
                            extras.iter().map(|extra| (extra.cost_picousd, extra.contract_picousd)).collect();
                        bills.push(format!(
                            "{cost_picousd:?} {contract_picousd:?} {extras:?} {}",
                            flags.bits()
                        ));
                    }
                }
            }
        }
        assert_eq!(bills.len(), 7 * 4 * 6 * 5);
        bills.join("\n")
    }

    #[test]
    fn the_same_prices_make_the_same_bills_as_long_as_the_rules_have_the_same_number() {
        assert_eq!(
            (super::RULES, super::digest(&bills_of_fixed_prices())),
            (1, "647c206d".into()),
            "raise RULES if bills changed, and write the new digest here"
        );
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
            let prices = Prices::embedded();
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
            let prices = Prices::embedded();
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

//! What the user knows better than the price list: `[prices]` of the config file.
//!
//! ```toml
//! [prices]
//! file = "~/prices.json"                  # a price list to use instead of the one that comes with odin
//!
//! [prices.alias]                          # what a cloud or a gateway calls a model
//! "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc" = "eu.anthropic.claude-opus-5-5"
//!
//! [[prices.discount]]                     # off list cost; of several that apply, the first counts
//! percent = "15"
//! models = ["claude-opus-*"]              # left out: all of the list
//! from = "2026-01-01"                     # inclusive, UTC; left out: always
//! until = "2027-01-01"                    # exclusive
//!
//! [[prices.model]]                        # USD per million tokens, under a contract or of a model of one's own
//! id = "acme-coder-1"
//! input = "1.5"
//! output = "6"
//! cache_read = "0.15"                     # these three: left out, such tokens have no price
//! cache_write_5m = "1.8"
//! cache_write_1h = "3"
//! speed = "fast"                          # left out: standard
//! prompt_tokens_above = 200000            # left out: 0; longer prompts may cost more
//! from = "2026-01-01"
//! until = "2027-01-01"
//! ```
//!
//! * An alias is the model it stands for, and costs what that does. An id that the list knows by itself stays what it is.
//! * Discounts and prices of models that the list has make the contract cost, which stands beside list cost. A model
//!   that is priced is not discounted as well. What the list puts on top (US-only inference, regions, batches,
//!   promotions) is put on contract prices too; web searches cost what the list says, less a discount.
//! * Prices of a model that the list does not have are the only ones there are, so they are its list cost.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::Error;
use super::exact::{MicroUsd, Percent};
use super::table::{self, Entry, ModelPrices, Period, Speed, Table, Tier, Time};

/// The table of the config file. Nothing is checked against a price list yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overlay {
    pub file: Option<PathBuf>,
    alias: BTreeMap<String, Spanned<String>>,
    discount: Vec<DiscountRule>,
    model: Vec<PriceRule>,
    /// The config file, to tell places in it.
    #[serde(skip)]
    pub origin: Origin,
}

/// A file and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub path: PathBuf,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscountRule {
    percent: Spanned<Percent>,
    models: Option<Vec<Spanned<String>>>,
    from: Option<Time>,
    until: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceRule {
    id: Spanned<String>,
    #[serde(default)]
    speed: Speed,
    #[serde(default)]
    prompt_tokens_above: u32,
    input: MicroUsd,
    output: MicroUsd,
    cache_read: Option<MicroUsd>,
    cache_write_5m: Option<MicroUsd>,
    cache_write_1h: Option<MicroUsd>,
    from: Option<Time>,
    until: Option<Time>,
}

/// An overlay, checked against a price list.
#[derive(Debug, Default)]
pub struct Rules {
    /// What ids stand for; keys in lower case.
    pub aliases: BTreeMap<String, String>,
    /// Models that the list does not have.
    pub models: Vec<ModelPrices>,
    /// By the list's name of the model.
    pub contracts: BTreeMap<String, Contract>,
}

/// What holds for a model of the list.
#[derive(Debug, Default)]
pub struct Contract {
    pub prices: Vec<Entry>,
    pub discounts: Vec<Discount>,
}

#[derive(Debug, Clone, Copy)]
pub struct Discount {
    pub percent: Percent,
    pub period: Period,
}

/// What a contract puts in the place of a list price.
#[derive(Debug, Clone, Copy)]
pub enum Deal<'c> {
    Prices(&'c Entry),
    Discount(&'c Discount),
}

impl Contract {
    /// `listed` is the speed that the list has a price for, which is not fast for all that ran fast.
    pub fn deal(&self, is_fast: bool, listed: Speed, at: Time) -> Option<Deal<'_>> {
        let fast = table::entry(&self.prices, Speed::Fast, at).filter(|_| is_fast);
        let prices = fast.or_else(|| table::entry(&self.prices, listed, at));
        let discount = || self.discounts.iter().find(|discount| discount.period.contains(at));
        prices.map(Deal::Prices).or_else(|| discount().map(Deal::Discount))
    }
}

impl Overlay {
    /// Checks it against a list.
    pub(super) fn rules(&self, table: &Table) -> Result<Rules, Error> {
        let mut rules = Rules::default();
        self.add_prices(table, &mut rules)?;
        self.add_aliases(table, &mut rules)?;
        self.add_discounts(table, &mut rules)?;
        Ok(rules)
    }

    fn add_prices(&self, table: &Table, rules: &mut Rules) -> Result<(), Error> {
        for rule in &self.model {
            if let Some(listed) = table.find(rule.id.get_ref()) {
                self.check_classes(rule, listed)?;
            }
            let entries = rules.entries(table, rule.id.get_ref());
            let at = entries.iter().position(|entry| rule.belongs_to(entry)).unwrap_or_else(|| {
                entries.push(rule.entry());
                entries.len() - 1
            });
            let (tier, tiers) = (rule.tier(), &mut entries[at].tiers);
            if tiers.iter().any(|other| other.prompt_tokens_above == tier.prompt_tokens_above) {
                return Err(
                    self.wrong(&rule.id, "is there twice; prices that follow on each other have dates")
                );
            }
            tiers.push(tier);
            tiers.sort_by_key(|tier| tier.prompt_tokens_above);
        }
        // Not before all are there: prices for longer prompts may stand above those for short ones.
        for rule in &self.model {
            let entries = rules.entries(table, rule.id.get_ref());
            let own = entries.iter().position(|entry| rule.belongs_to(entry));
            let checked = own.map_or(Ok(()), |at| table::check_entry(entries, at));
            checked.map_err(|what| self.wrong(&rule.id, what))?;
        }
        Ok(())
    }

    /// A contract that leaves out what the list has would make a cost that nobody can tell.
    fn check_classes(&self, rule: &PriceRule, listed: &ModelPrices) -> Result<(), Error> {
        let period = Period { from: rule.from, until: rule.until };
        let entries = listed.entries.iter().filter(|entry| entry.period().overlaps(period));
        let tiers = entries.flat_map(|entry| &entry.tiers);
        let missing = tiers.flat_map(Tier::prices).find(|(class, price)| {
            let given = rule.tier().prices().into_iter().find(|(given, _)| given == class);
            price.is_some() && given.is_none_or(|(_, price)| price.is_none())
        });
        missing.map_or(Ok(()), |(class, _)| {
            Err(self.wrong(&rule.id, &format!("`{class}` is missing, for which the list has a price")))
        })
    }

    fn add_aliases(&self, table: &Table, rules: &mut Rules) -> Result<(), Error> {
        for (id, target) in &self.alias {
            let id = key(id);
            if rules.own(&id).is_some() {
                return Err(self.wrong(target, &format!("`{id}` has prices of its own, in [[prices.model]]")));
            }
            if table.find(target.get_ref()).is_none() && rules.own(&key(target.get_ref())).is_none() {
                return Err(self.unknown(target, table, rules));
            }
            if rules.aliases.insert(id.clone(), target.get_ref().clone()).is_some() {
                return Err(self.wrong(target, &format!("`{id}` is there twice")));
            }
        }
        Ok(())
    }

    fn add_discounts(&self, table: &Table, rules: &mut Rules) -> Result<(), Error> {
        for rule in &self.discount {
            let discount = Discount {
                percent: *rule.percent.get_ref(),
                period: Period { from: rule.from, until: rule.until },
            };
            if !discount.period.is_forward() {
                return Err(self.wrong(&rule.percent, "ends before it begins"));
            }
            if rule.models.as_ref().is_some_and(Vec::is_empty) {
                return Err(self.wrong(&rule.percent, "`models` is empty; left out, it is all models"));
            }
            for pattern in rule.models.iter().flatten() {
                if !table.models.iter().any(|model| is_match(table, pattern.get_ref(), &model.id)) {
                    return Err(self.unknown(pattern, table, rules));
                }
            }
            for model in &table.models {
                let mut patterns = rule.models.iter().flatten();
                if rule.models.is_none()
                    || patterns.any(|pattern| is_match(table, pattern.get_ref(), &model.id))
                {
                    rules.contracts.entry(model.id.clone()).or_default().discounts.push(discount);
                }
            }
        }
        Ok(())
    }

    fn wrong<T>(&self, place: &Spanned<T>, what: &str) -> Error {
        Error::Overlay { path: self.origin.path.clone(), line: self.line(place.span()), what: what.into() }
    }

    fn unknown(&self, id: &Spanned<String>, table: &Table, rules: &Rules) -> Error {
        let models = table.models.iter().chain(&rules.models);
        Error::NoModel {
            path: self.origin.path.clone(),
            line: self.line(id.span()),
            wanted: id.get_ref().clone(),
            known: models.map(|model| model.id.clone()).collect(),
        }
    }

    fn line(&self, place: Range<usize>) -> usize {
        let before = self.origin.text.bytes().take(place.start);
        1 + before.filter(|byte| *byte == b'\n').count()
    }
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        self.aliases.is_empty() && self.models.is_empty() && self.contracts.is_empty()
    }

    /// A model that the list does not have, by its whole id in lower case.
    pub(super) fn own(&self, id: &str) -> Option<&ModelPrices> {
        self.models.iter().find(|model| model.id == id)
    }

    /// The prices that the user gives for a model: under a contract where the list has it, else its own.
    fn entries(&mut self, table: &Table, id: &str) -> &mut Vec<Entry> {
        if let Some(listed) = table.find(id) {
            return &mut self.contracts.entry(listed.id.clone()).or_default().prices;
        }
        let id = key(id);
        let at = self.models.iter().position(|model| model.id == id).unwrap_or_else(|| {
            self.models.push(ModelPrices {
                name: id.clone(),
                id,
                released: None,
                first_party_retired: None,
                has_geo_us: false,
                has_regional_uplift: false,
                entries: vec![],
            });
            self.models.len() - 1
        });
        &mut self.models[at].entries
    }
}

impl PriceRule {
    fn belongs_to(&self, entry: &Entry) -> bool {
        (entry.speed, entry.from, entry.until) == (self.speed, self.from, self.until)
    }

    /// Without its tier.
    fn entry(&self) -> Entry {
        Entry {
            speed: self.speed,
            from: self.from,
            until: self.until,
            tiers: vec![],
            source: vec![],
            confidence: None,
            notes: None,
        }
    }

    fn tier(&self) -> Tier {
        Tier {
            prompt_tokens_above: self.prompt_tokens_above.into(),
            input: Some(self.input),
            output: Some(self.output),
            cache_read: self.cache_read,
            cache_write_5m: self.cache_write_5m,
            cache_write_1h: self.cache_write_1h,
        }
    }
}

/// How ids are compared that no rule takes apart.
pub(super) fn key(id: &str) -> String {
    id.trim().to_ascii_lowercase()
}

/// Whether a model of the list is meant: by any spelling of its id, or by a pattern with `*`.
fn is_match(table: &Table, pattern: &str, id: &str) -> bool {
    if pattern.contains('*') { is_like(&key(pattern), id) } else { table.model_id(pattern).name == id }
}

fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| is_like(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, Overlay, is_like};
    use crate::model::{Attempt, AttemptKind, Tokens};
    use crate::pricing::table::EMBEDDED;
    use crate::pricing::{Bill, Error, Flags, Model, Prices, Request};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const PROFILE: &str = "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc";
    const NOON_MS: i64 = 1_795_176_000_000; // 2026-11-20T12:00Z
    /// From before the first price to behind the last change.
    const TIMES_MS: std::ops::Range<i64> = 1_700_000_000_000..1_800_000_000_000;

    fn overlay(text: &str) -> Overlay {
        #[derive(serde::Deserialize)]
        struct File {
            prices: Overlay,
        }
        let File { prices } = toml::from_str(text).unwrap();
        Overlay { origin: Origin { path: "/c.toml".into(), text: text.into() }, ..prices }
    }

    fn prices(text: &str) -> Prices {
        Prices::load(&overlay(text)).unwrap()
    }

    fn error(text: &str) -> Error {
        Prices::load(&overlay(text)).unwrap_err()
    }

    /// A request to a model, of nothing yet.
    fn ask<'a>(model: &'a Model) -> Request<'a> {
        Request {
            model,
            speed: "",
            inference_geo: "",
            service_tier: "",
            message_id: "msg_01",
            at_ms: NOON_MS,
            tokens: Tokens::default(),
            web_searches: 0,
            attempts: &[],
            is_refused: false,
        }
    }

    /// List cost and contract cost.
    fn costs(prices: &Prices, model: &str, change: impl Fn(&mut Request)) -> (Option<i64>, Option<i64>) {
        let model = prices.resolve(model);
        let mut request = ask(&model);
        change(&mut request);
        let bill = prices.bill(&request);
        (bill.cost_picousd, bill.contract_picousd)
    }

    fn tokens(input: i64, output: i64) -> Tokens {
        Tokens { input, output, ..Tokens::default() }
    }

    fn ms(time: &str) -> i64 {
        time.parse::<super::Time>().unwrap().0
    }

    fn any_tokens() -> impl Strategy<Value = Tokens> {
        let count = || prop_oneof![Just(0), 0..200_000_i64];
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

    /// What a response may be, but for its model.
    #[derive(Debug)]
    struct Terms {
        speed: String,
        inference_geo: String,
        service_tier: String,
        at_ms: i64,
        tokens: Tokens,
        web_searches: i64,
        attempts: Vec<Attempt>,
        is_refused: bool,
    }

    impl Terms {
        fn of<'a>(&'a self, model: &'a Model) -> Request<'a> {
            Request {
                speed: &self.speed,
                inference_geo: &self.inference_geo,
                service_tier: &self.service_tier,
                at_ms: self.at_ms,
                tokens: self.tokens,
                web_searches: self.web_searches,
                attempts: &self.attempts,
                is_refused: self.is_refused,
                ..ask(model)
            }
        }

        fn bill(&self, prices: &Prices, model: &str) -> Bill {
            prices.bill(&self.of(&prices.resolve(model)))
        }
    }

    fn any_terms() -> impl Strategy<Value = Terms> {
        let advisor = any_tokens().prop_map(|tokens| Attempt {
            kind: AttemptKind::Advisor,
            model: Some("claude-sonnet-4-5".into()),
            tokens,
        });
        let terms = ("fast|", "us|", "batch|priority|", TIMES_MS, any_tokens(), 0..3_i64);
        (terms, prop::collection::vec(advisor, 0..2), any::<bool>()).prop_map(
            |((speed, inference_geo, service_tier, at_ms, tokens, web_searches), attempts, is_refused)| {
                Terms {
                    speed,
                    inference_geo,
                    service_tier,
                    at_ms,
                    tokens,
                    web_searches,
                    attempts,
                    is_refused,
                }
            },
        )
    }

    fn any_model() -> impl Strategy<Value = &'static str> {
        let ids = Prices::embedded().table.models.iter().map(|model| model.id.as_str());
        prop::sample::select(ids.collect::<Vec<_>>())
    }

    /// A line of an overlay, likely a sound one where it stands.
    fn any_line() -> impl Strategy<Value = String> {
        let id = prop::sample::select(vec![
            "own",
            "acme/own",
            "claude-opus-5-5",
            "claude-haiku-5.5[1m]",
            "a*",
            "",
        ]);
        let date = prop::sample::select(vec!["2026-01-01", "2026-06-01", "'2026-10-01T08:00Z'"]);
        let number =
            prop::sample::select(vec!["0", "'0.000001'", "'99.999'", "'999999.999999'", "3", "-1", "1.5"]);
        let all = (id.clone(), id, date, number);
        let class = prop::sample::select(vec!["output", "cache_read", "cache_write_5m", "cache_write_1h"]);
        (0..7, class, all).prop_map(|(kind, class, (id, other, date, number))| match kind {
            0 => format!("[[model]]\nid = '{id}'\ninput = {number}\noutput = 1"),
            1 => format!("[[discount]]\npercent = {number}\nmodels = ['{id}', 'claude-*']"),
            2 => format!("[alias]\n'{id}' = '{other}'\ngateway = '{other}'"),
            3 => format!("from = {date}"),
            4 => format!("until = {date}"),
            5 => format!("{class} = {number}"),
            _ => "[[model]]\nid = 'own'\nprompt_tokens_above = 9\ninput = 1\noutput = 2".into(),
        })
    }

    #[test]
    fn the_readme_shows_an_overlay_that_is_understood() {
        let readme = include_str!("../../../README.md");
        let blocks = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let shown = blocks.filter(|block| block.contains("[prices")).collect::<String>();
        let overlay = Overlay { file: None, ..overlay(&shown) };
        let rules = Prices::load(&overlay).unwrap().rules;
        assert_eq!((rules.aliases.len(), rules.models.len(), rules.contracts.is_empty()), (1, 1, false));
    }

    #[test]
    fn without_rules_the_prices_are_the_lists() {
        let prices = Prices::load(&Overlay::default()).unwrap();
        assert_eq!(prices.version, Prices::embedded().version);
        assert_eq!(
            costs(&prices, "claude-opus-5-5", |ask| ask.tokens = tokens(1, 0)),
            (Some(4_000_000), None)
        );
    }

    #[test]
    fn an_alias_costs_what_its_model_costs_and_where_it_ran() {
        let cost = |target: &str, id: &str| {
            let prices =
                prices(&format!("[prices.alias]\n\"{PROFILE}\" = \"{target}\"\ngateway-opus = \"{target}\""));
            costs(&prices, id, |ask| ask.tokens = tokens(1, 0)).0
        };
        for (target, id, want) in [
            ("claude-opus-5-5", PROFILE, Some(4_000_000)),
            ("eu.anthropic.claude-opus-5-5", PROFILE, Some(4_400_000)),
            ("Claude-Opus-5.5-fast", " GATEWAY-opus ", Some(8_000_000)),
            ("claude-opus-5-5", "eu.anthropic.gateway-opus", Some(4_400_000)),
            ("claude-opus-5-5", "openrouter/gateway-opus-fast", Some(8_000_000)),
            ("claude-opus-5-5", "gateway-opus-2", None),
            ("claude-opus-5-5", "arn:aws:bedrock:eu-west-1:1:application-inference-profile/abd", None),
        ] {
            assert_eq!(cost(target, id), want, "{target} {id}");
        }
    }

    #[test]
    fn an_alias_tells_what_is_missing() {
        let prices = prices(&format!("[prices.alias]\n\"{PROFILE}\" = \"claude-opus-5-5\""));
        let model = prices.resolve(PROFILE);
        assert_eq!((model.name.as_str(), model.alias_of), ("claude-opus-5-5", Some("claude-opus-5-5")));
        assert_eq!(prices.priced_as(PROFILE), Some("claude-opus-5-5"));
        let bill = prices.bill(&Request { tokens: tokens(1, 0), ..ask(&model) });
        assert_eq!(bill.flags, Flags::REGION_UNKNOWN, "a profile runs on a cloud");
    }

    #[test]
    fn an_alias_never_changes_what_the_list_knows() {
        let prices = prices("[prices.alias]\n\"claude-opus-5\" = \"claude-haiku-5-5\"");
        assert_eq!(prices.priced_as("claude-opus-5"), Some("claude-opus-5"));
    }

    #[test]
    fn models_behind_attempts_are_looked_up_alike() {
        let prices =
            prices("[prices.alias]\nadvisor = \"claude-opus-5-5\"\n[[prices.discount]]\npercent = 50");
        let model = prices.resolve("claude-haiku-5-5");
        let attempt =
            Attempt { kind: AttemptKind::Advisor, model: Some("advisor".into()), tokens: tokens(1, 0) };
        let bill = prices.bill(&Request { attempts: &[attempt], ..ask(&model) });
        assert_eq!(
            (bill.extras[0].cost_picousd, bill.extras[0].contract_picousd),
            (Some(4_000_000), Some(2_000_000))
        );
    }

    #[test]
    fn a_discount_is_off_all_of_list_cost_while_it_lasts() {
        let prices = prices(
            "[[prices.discount]]\npercent = '12.5'\nmodels = ['claude-opus-*']\nfrom = 2026-01-01\nuntil = '2026-11-21'",
        );
        let cost = |model, at_ms| {
            costs(&prices, model, |ask| {
                (ask.tokens, ask.web_searches, ask.at_ms) = (tokens(1000, 0), 1, at_ms);
            })
        };
        assert_eq!(cost("claude-opus-5-5", NOON_MS), (Some(14_000_000_000), Some(12_250_000_000)));
        assert_eq!(cost("claude-haiku-5-5", NOON_MS), (Some(10_100_000_000), None));
        let (from, until) = (ms("2026-01-01"), ms("2026-11-21"));
        let is_off = |at_ms| cost("claude-opus-4-5", at_ms).1.is_some();
        assert_eq!([from - 1, from, until - 1, until].map(is_off), [false, true, true, false]);
    }

    #[test]
    fn of_several_discounts_the_first_that_applies_counts() {
        let rules = [
            "[[prices.discount]]\npercent = 5\nmodels = ['claude-haiku-5.5']\n",
            "[[prices.discount]]\npercent = 10\nuntil = '2026-11-01'\n",
            "[[prices.discount]]\npercent = 20\n",
        ];
        let prices = prices(&rules.concat());
        let paid = |model, at| {
            let change = |ask: &mut Request| (ask.tokens, ask.at_ms) = (tokens(1, 0), ms(at));
            let (list, contract) = costs(&prices, model, change);
            contract.unwrap() * 100 / list.unwrap()
        };
        assert_eq!(paid("claude-haiku-5-5", "2026-11-20"), 95);
        assert_eq!(paid("claude-opus-5-5", "2026-10-31"), 90);
        assert_eq!(paid("claude-opus-5-5", "2026-11-01"), 80);
    }

    #[test]
    fn a_fraction_is_kept_to_the_end_and_then_rounded_half_to_even() {
        // A cache read of Haiku 5.5 is 10,000 picodollars.
        let read = Tokens { cache_read: 1, ..Tokens::default() };
        let part = Attempt { kind: AttemptKind::Message, model: None, tokens: read };
        for (percent, reads, want) in [
            ("99.995", 1, 0), // 0.5
            ("99.985", 1, 2), // 1.5
            ("99.975", 1, 2), // 2.5
            ("99.974", 1, 3), // 2.6
            ("99.995", 2, 1), // twice 0.5
            ("99.995", 3, 2),
        ] {
            let prices = prices(&format!("[[prices.discount]]\npercent = '{percent}'"));
            let attempts = vec![part.clone(); reads];
            let total = attempts.iter().fold(Tokens::default(), |sum, part| sum + part.tokens);
            let model = prices.resolve("claude-haiku-5-5");
            let bill = prices.bill(&Request { tokens: total, attempts: &attempts, ..ask(&model) });
            assert_eq!(bill.contract_picousd, Some(want), "{percent} {reads}");
        }
    }

    const CONTRACT: &str = "[[prices.model]]
id = 'claude-opus-4.8'
input = '4'
output = '20'
cache_read = '0.4'
cache_write_5m = '5'
cache_write_1h = '8'
";

    #[test]
    fn a_contract_price_stands_beside_list_cost_and_beats_a_discount() {
        let prices = prices(&format!("{CONTRACT}[[prices.discount]]\npercent = 50"));
        let cost = |change: fn(&mut Request)| {
            costs(&prices, "us.anthropic.claude-opus-4-8", |ask| {
                ask.tokens = tokens(100, 0);
                change(ask);
            })
        };
        assert_eq!(cost(|_| ()), (Some(550_000_000), Some(440_000_000)), "the region is put on top");
        assert_eq!(
            cost(|ask| ask.web_searches = 1),
            (Some(10_550_000_000), Some(10_440_000_000)),
            "searches cost what the list says"
        );
        assert_eq!(cost(|ask| ask.service_tier = "batch"), (Some(275_000_000), Some(220_000_000)));
        assert_eq!(
            cost(|ask| ask.speed = "fast"),
            (Some(1_100_000_000), Some(550_000_000)),
            "the list has a fast price, the contract none: the discount holds"
        );
        let refused = cost(|ask| (ask.is_refused, ask.web_searches) = (true, 1));
        assert_eq!(refused, (Some(10_000_000_000), Some(10_000_000_000)));
    }

    #[test]
    fn a_contract_may_know_a_fast_price_that_the_list_does_not() {
        let fast = CONTRACT.replace("4.8'", "4.5'\nspeed = 'fast'");
        let prices = prices(&(fast.replace("'4'", "'9'") + &CONTRACT.replace("4.8", "4.5")));
        let cost =
            |speed| costs(&prices, "claude-opus-4-5", |ask| (ask.tokens, ask.speed) = (tokens(1, 0), speed));
        assert_eq!(cost("fast"), (Some(5_000_000), Some(9_000_000)));
        assert_eq!(cost("standard"), (Some(5_000_000), Some(4_000_000)));
    }

    #[test]
    fn a_contract_may_have_tiers_in_any_order() {
        let above = CONTRACT.replace("input = '4'", "prompt_tokens_above = 1000\ninput = '6'");
        for rules in [above.clone() + CONTRACT, CONTRACT.to_owned() + &above] {
            let prices = prices(&rules);
            let paid = |input| costs(&prices, "claude-opus-4-8", |ask| ask.tokens = tokens(input, 0)).1;
            assert_eq!((paid(1000), paid(1001)), (Some(4_000_000_000), Some(6_006_000_000)));
        }
    }

    const OWN: &str = "[[prices.model]]\nid = 'Acme/Coder-v2'\ninput = '1.000001'\noutput = 6\n";

    #[test]
    fn a_model_of_ones_own_costs_what_its_owner_says() {
        let prices = prices(&format!("{OWN}[[prices.discount]]\npercent = 50"));
        let model = prices.resolve("acme/coder-v2");
        let bill = |tokens, tier| {
            let request = Request {
                tokens,
                service_tier: tier,
                inference_geo: "us",
                message_id: "msg_vrtx_1",
                ..ask(&model)
            };
            prices.bill(&request)
        };
        let want = Bill { cost_picousd: Some(7_000_001), flags: Flags::OWN_PRICE, ..Bill::default() };
        assert_eq!(bill(tokens(1, 1), ""), want);
        assert_eq!(bill(tokens(1, 0), "batch").cost_picousd, Some(500_000), "half of 1,000,001, to even");
        let read = Tokens { cache_read: 1, ..tokens(1, 1) };
        assert_eq!(bill(read, "").cost_picousd, None, "a price left out is unpriced, not free");
        assert_eq!(prices.priced_as(" ACME/coder-v2"), Some("acme/coder-v2"));
        for id in ["acme/coder-v3", "coder", "coder-v2", "x/acme/coder-v2"] {
            assert_eq!(prices.priced_as(id), None, "{id}: only the whole id is the model");
        }
    }

    #[test]
    fn a_plain_id_is_found_under_decorations() {
        let prices = prices(&OWN.replace("Acme/Coder-v2", "claude-opus-9"));
        for id in ["claude-opus-9", "claude-opus-9-20280101", "us.anthropic.claude-opus-9-v1:0"] {
            assert_eq!(prices.priced_as(id), Some("claude-opus-9"), "{id}");
        }
    }

    #[test]
    fn a_model_that_the_list_learns_of_keeps_its_price_as_a_contract() {
        let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
        let mut learned = list["models"][0].clone();
        learned["id"] = json!("claude-opus-9");
        list["models"].as_array_mut().unwrap().push(learned);
        let rule = CONTRACT.replace("claude-opus-4.8", "claude-opus-9");
        let cost = |list: &str| {
            let prices = Prices::parse("the list", list).unwrap().with(&overlay(&rule)).unwrap();
            costs(&prices, "claude-opus-9", |ask| ask.tokens = tokens(1, 0))
        };
        assert_eq!(cost(EMBEDDED), (Some(4_000_000), None));
        assert_eq!(cost(&list.to_string()), (Some(15_000_000), Some(4_000_000)));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_line() {
        let missing = CONTRACT.replace("cache_read = '0.4'\n", "");
        let own = OWN.to_owned();
        for (text, want) in [
            (
                "[[prices.discount]]\npercent = 1\nfrom = '2026-02-01'\nuntil = '2026-02-01'",
                "/c.toml, line 2: ends before it begins",
            ),
            (
                "[[prices.discount]]\nmodels = []\npercent = 1",
                "/c.toml, line 3: `models` is empty; left out, it is all models",
            ),
            (
                "[[prices.discount]]\npercent = 1\nmodels = [\n'claude-opus-5-5',\n'claude-opsu-*']",
                "/c.toml, line 5: no model `claude-opsu-*` has prices",
            ),
            (
                "[prices.alias]\na = 'claude-opus-5-6'",
                "/c.toml, line 2: no model `claude-opus-5-6` has prices",
            ),
            ("[prices.alias]\na = 'claude-opus-5-5'\nb = 'a'", "/c.toml, line 3: no model `a` has prices"),
            (
                "[prices.alias]\nb = 'claude-opus-5'\nB = 'claude-opus-5-5'",
                "/c.toml, line 2: `b` is there twice",
            ),
            (
                &format!("{own}[prices.alias]\n'acme/coder-v2' = 'claude-opus-5'"),
                "/c.toml, line 6: `acme/coder-v2` has prices of its own, in [[prices.model]]",
            ),
            (&missing, "/c.toml, line 2: `cache_read` is missing, for which the list has a price"),
            (&own.repeat(2), "/c.toml, line 6: is there twice; prices that follow on each other have dates"),
            (
                &format!("{own}prompt_tokens_above = 5"),
                "/c.toml, line 2: has no prices for short prompts, with `prompt_tokens_above` 0",
            ),
            (
                &format!("{own}until = '2026-02-01'\n{own}from = '2026-01-01'"),
                "/c.toml, line 7: overlaps with an earlier one",
            ),
            (
                &format!("{own}until = '2026-02-01'\nfrom = '2026-03-01'"),
                "/c.toml, line 2: ends before it begins",
            ),
        ] {
            assert_eq!(error(text).to_string(), want, "{text}");
        }
    }

    #[test]
    fn an_unknown_target_comes_with_all_that_are_known() {
        let Error::NoModel { wanted, known, .. } = error(&format!("{OWN}[prices.alias]\na = 'opus'")) else {
            panic!()
        };
        assert_eq!(wanted, "opus");
        assert!(known.contains(&"claude-opus-5-5".into()) && known.contains(&"acme/coder-v2".into()));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, want) in [
            ("file = 1", "expected path string"),
            ("[[discount]]\npercent = 12.5", "expected a percentage in quotes, as in \"12.5\""),
            ("[[discount]]\npercent = '101'", "more than 100 % cannot be off"),
            ("[[discount]]\npercent = 1\nfrom = 2026", "expected a day or a time, as in 2026-11-01"),
            ("[[discount]]\npercent = 1\nfrom = 2026-01-01T00:00:00", "is neither a day"),
            ("[[discount]]\nmodels = 'claude-*'\npercent = 1", "expected a sequence"),
            ("[[model]]\nid = 'a'\ninput = 1.5\noutput = 1", "expected a price in quotes, as in \"1.50\""),
            ("[[model]]\nid = 'a'\ninput = '-1'\noutput = 1", "\"-1\" is not a number with up to 6 decimals"),
            ("[[model]]\nid = 'a'\ninput = 1", "missing field `output`"),
            ("[[model]]\nid = 'a'\nspeed = 'slow'\ninput = 1\noutput = 1", "unknown variant `slow`"),
            ("[[model]]\nid = 'a'\ncache = 1\ninput = 1\noutput = 1", "unknown field `cache`"),
            ("[[model]]\nid = 'a'\nprompt_tokens_above = -1\ninput = 1\noutput = 1", "invalid value"),
            ("[alias]\na = 1", "expected a string"),
            ("discounts = []", "unknown field `discounts`"),
        ] {
            let error = toml::from_str::<Overlay>(text).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains("at line"), "{text}: {error}");
        }
    }

    #[test]
    fn the_version_changes_with_what_may_change_a_bill_and_with_nothing_else() {
        let version = |text: &str| prices(text).version;
        let all =
            format!("{CONTRACT}{OWN}[[prices.discount]]\npercent = 5\n[prices.alias]\na = 'claude-opus-5'\n");
        let changes = [
            ("percent = 5", "percent = 6"),
            ("a = ", "b = "),
            ("'claude-opus-5'", "'claude-opus-4'"),
            ("'0.4'", "'0.5'"),
            ("output = 6", "output = 6\nfrom = 2026-01-01"),
            ("percent = 5", "percent = 5\nmodels = ['claude-opus-*']"),
        ];
        let mut versions: Vec<String> = changes.map(|(from, to)| version(&all.replacen(from, to, 1))).into();
        versions.extend([version(&all), Prices::embedded().version.clone(), version(CONTRACT), version(OWN)]);
        let count = versions.len();
        versions.sort();
        versions.dedup();
        assert_eq!(versions.len(), count);
        assert_eq!(
            version(&all),
            version(&format!("# mine\n\n{all}").replace("percent = 5", "percent = '5.0'"))
        );
    }

    #[test]
    fn a_list_of_ones_own_is_read_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.json");
        let load = || Prices::load(&Overlay { file: Some(path.clone()), ..Overlay::default() });
        assert!(matches!(load(), Err(Error::Read { .. })));
        std::fs::write(&path, EMBEDDED).unwrap();
        let read = load().unwrap();
        assert_eq!((read.version, read.file.as_deref()), (Prices::embedded().version.clone(), Some(&*path)));

        std::fs::write(&path, EMBEDDED.replace("\"as_of\"", "\"of\"")).unwrap();
        let error = load().unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(error.to_string(), format!("the price list {} cannot be understood", path.display()));
        assert!(source.contains("missing field `as_of` at line "), "{source}");
        std::fs::write(&path, EMBEDDED.replacen("\"0.50\"", "\"0.50.\"", 1)).unwrap();
        let source = std::error::Error::source(&load().unwrap_err()).unwrap().to_string();
        assert!(source.contains("\"0.50.\" is not a number with up to 6 decimals at line "), "{source}");
    }

    #[test]
    fn patterns_have_stars() {
        for (pattern, text, want) in [
            ("claude-opus-*", "claude-opus-5-5", true),
            ("*", "", true),
            ("*opus*5", "claude-opus-5-5", true),
            ("*opus*4", "claude-opus-5-5", false),
            ("claude-opus", "claude-opus-5", false),
            ("opus-*", "claude-opus-5", false),
            ("é*é", "éaé", true),
        ] {
            assert_eq!(is_like(pattern, text), want, "{pattern} {text}");
        }
    }

    /// `[[prices.model]]` of these keys and values; those that are null are left out.
    fn price_rule<'v>(fields: impl IntoIterator<Item = (&'v str, &'v Value)>) -> String {
        let given = fields.into_iter().filter(|(_, value)| !value.is_null());
        let lines: Vec<String> = given.map(|(key, value)| format!("{key} = {value}")).collect();
        format!("[[prices.model]]\n{}\n", lines.join("\n"))
    }

    /// Every price of the list, as a contract.
    fn list_as_contract() -> String {
        let list: Value = serde_json::from_str(EMBEDDED).unwrap();
        let mut rules = vec![];
        for model in list["models"].as_array().unwrap() {
            for entry in model["entries"].as_array().unwrap() {
                let fields = [
                    ("id", &model["id"]),
                    ("speed", &entry["speed"]),
                    ("from", &entry["valid_from"]),
                    ("until", &entry["valid_to"]),
                ];
                for tier in entry["tiers"].as_array().unwrap() {
                    let prices = tier.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value));
                    rules.push(price_rule(fields.into_iter().chain(prices)));
                }
            }
        }
        rules.concat()
    }

    proptest! {
        #[test]
        fn any_overlay_is_taken_or_refused(lines in prop::collection::vec(any_line(), 0..12), terms in any_terms()) {
            if let Ok(overlay) = toml::from_str::<Overlay>(&lines.join("\n"))
                && let Ok(prices) = Prices::load(&overlay)
            {
                for model in ["own", "claude-opus-5-5", "eu.anthropic.claude-haiku-5-5", "acme/gateway"] {
                    let bill = terms.bill(&prices, model);
                    prop_assert!(bill.cost_picousd.is_none_or(|cost| cost >= 0));
                    prop_assert!(bill.contract_picousd.is_none_or(|cost| cost >= 0));
                }
            }
        }

        #[test]
        fn an_alias_is_billed_as_its_target(target in any_model(), terms in any_terms()) {
            let prices = prices(&format!("[prices.alias]\nalias = '{target}'"));
            prop_assert_eq!(terms.bill(&prices, "alias"), terms.bill(Prices::embedded(), target));
        }

        #[test]
        fn an_overlay_never_changes_list_cost(model in any_model(), terms in any_terms(), percent in 0..=100) {
            let prices = prices(&format!("{CONTRACT}{OWN}[[prices.discount]]\npercent = {percent}"));
            let (bill, listed) = (terms.bill(&prices, model), terms.bill(Prices::embedded(), model));
            prop_assert_eq!(bill.cost_picousd, listed.cost_picousd);
            prop_assert_eq!(bill.flags, listed.flags);
            for (extra, listed) in bill.extras.iter().zip(&listed.extras) {
                prop_assert_eq!(extra.cost_picousd, listed.cost_picousd);
            }
        }

        #[test]
        fn a_discount_of_nothing_is_list_cost_and_of_all_is_nothing(model in any_model(), terms in any_terms()) {
            let paid = |percent: &str| {
                let bill = terms.bill(&prices(&format!("[[prices.discount]]\npercent = {percent}")), model);
                let extras: Vec<_> = bill.extras.iter().map(|extra| extra.contract_picousd).collect();
                (bill.contract_picousd, extras)
            };
            let listed = terms.bill(Prices::embedded(), model);
            let extras: Vec<_> = listed.extras.iter().map(|extra| extra.cost_picousd).collect();
            let nothing = |cost: &Option<i64>| cost.map(|_| 0);
            prop_assert_eq!(paid("100"), (nothing(&listed.cost_picousd), extras.iter().map(nothing).collect()));
            prop_assert_eq!(paid("0"), (listed.cost_picousd, extras));
        }

        #[test]
        fn a_discount_takes_off_its_share(model in any_model(), terms in any_terms(), percent in 0..=100_000_i64) {
            let written = format!("{}.{:03}", percent / 1000, percent % 1000);
            let bill = terms.bill(&prices(&format!("[[prices.discount]]\npercent = '{written}'")), model);
            let (list, paid) = (bill.cost_picousd.map(i128::from), bill.contract_picousd.map(i128::from));
            prop_assert_eq!(list.is_some(), paid.is_some());
            if let (Some(list), Some(paid)) = (list, paid) {
                let off = list * i128::from(percent);
                prop_assert!(((list - paid) * 100_000 - off).abs() <= 50_000, "{} {} {}", list, paid, written);
            }
        }

        #[test]
        fn a_contract_at_list_prices_costs_what_the_list_says(model in any_model(), terms in any_terms()) {
            static CONTRACT: std::sync::LazyLock<Prices> =
                std::sync::LazyLock::new(|| prices(&list_as_contract()));
            let bill = terms.bill(&CONTRACT, model);
            prop_assert_eq!(bill.contract_picousd, bill.cost_picousd);
            for extra in bill.extras {
                prop_assert_eq!(extra.contract_picousd, extra.cost_picousd);
            }
        }

        #[test]
        fn a_contract_costs_what_a_list_with_its_prices_would(
            terms in any_terms(),
            [input, output, read, short, long] in prop::array::uniform5(1..2000_i64),
        ) {
            // Quarters of a cent, so that a list would not need rounding either.
            let price = |quarters: i64| json!(format!("{}.{:04}", quarters / 400, quarters % 400 * 25));
            let prices_of = json!({
                "prompt_tokens_above": 0, "input": price(input), "output": price(output),
                "cache_read": price(read), "cache_write_5m": price(short), "cache_write_1h": price(long),
            });
            let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
            let models = list["models"].as_array_mut().unwrap();
            let model = models.iter_mut().find(|model| model["id"] == "claude-opus-4-7").unwrap();
            let id = model["id"].clone();
            let mut rules = vec![];
            for entry in model["entries"].as_array_mut().unwrap() {
                entry["tiers"] = json!([prices_of]);
                let terms = [
                    ("id", &id),
                    ("speed", &entry["speed"]),
                    ("from", &entry["valid_from"]),
                    ("until", &entry["valid_to"]),
                ];
                let prices = prices_of.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value));
                rules.push(price_rule(terms.into_iter().chain(prices)));
            }
            let rules = rules.concat();
            let as_list = Prices::parse("the list", &list.to_string()).unwrap();
            let bill = terms.bill(&prices(&rules), "claude-opus-4-7");
            prop_assert_eq!(bill.contract_picousd, terms.bill(&as_list, "claude-opus-4-7").cost_picousd);
        }

        #[test]
        fn prices_may_stand_in_any_order(
            order in Just([0_usize, 1, 2, 3]).prop_shuffle(),
            terms in any_terms(),
        ) {
            let rules = [
                CONTRACT.to_owned() + "until = '2026-06-01'\n",
                CONTRACT.replace("'4'", "'3'") + "from = '2026-06-01'\n",
                CONTRACT.replace("'4'", "'6'") + "from = '2026-06-01'\nprompt_tokens_above = 1000\n",
                CONTRACT.replace("'4'", "'9'") + "speed = 'fast'\n",
            ];
            let shuffled: String = order.iter().map(|at| rules[*at].as_str()).collect();
            prop_assert_eq!(
                terms.bill(&prices(&shuffled), "claude-opus-4-8"),
                terms.bill(&prices(&rules.concat()), "claude-opus-4-8")
            );
        }

        #[test]
        fn a_newer_list_changes_the_bills_of_its_model_and_dates_alone(
            model in any_model(),
            terms in any_terms(),
            near_ms in -3_600_000..3_600_000_i64,
        ) {
            // Opus 5 becomes dearer on a day.
            static NEWER: std::sync::LazyLock<Prices> = std::sync::LazyLock::new(|| {
                let mut list: Value = serde_json::from_str(EMBEDDED).unwrap();
                let models = list["models"].as_array_mut().unwrap();
                let model = models.iter_mut().find(|model| model["id"] == "claude-opus-5").unwrap();
                let entries = model["entries"].as_array_mut().unwrap();
                let mut dearer = entries[0].clone();
                entries[0]["valid_to"] = json!("2026-11-01");
                dearer["valid_from"] = json!("2026-11-01");
                for class in ["input", "output", "cache_read", "cache_write_5m", "cache_write_1h"] {
                    dearer["tiers"][0][class] = json!("60");
                }
                entries.push(dearer);
                Prices::parse("the list", &list.to_string()).unwrap()
            });
            assert_ne!(NEWER.version, Prices::embedded().version);
            let change_ms = ms("2026-11-01");
            for at_ms in [terms.at_ms, change_ms + near_ms] {
                for model in [model, "claude-opus-5"] {
                    let bill = |prices: &Prices| prices.bill(&Request { at_ms, ..terms.of(&prices.resolve(model)) });
                    let (new, old) = (bill(&NEWER), bill(Prices::embedded()));
                    let is_billed = !terms.is_refused || terms.tokens.output > 0;
                    let is_dearer = model == "claude-opus-5"
                        && at_ms >= change_ms
                        && terms.speed != "fast"
                        && terms.tokens.total() > 0
                        && is_billed;
                    prop_assert_eq!(new != old, is_dearer, "{} {}", model, at_ms);
                }
            }
        }
    }
}
